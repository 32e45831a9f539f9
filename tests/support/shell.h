// SPDX-License-Identifier: Apache-2.0
#pragma once

// Programs as a user runs them.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace canrec::test {

/// What a command said, and its exit status.
struct Answer {
  int status = -1;
  std::string out;
};

/// Runs a command in a shell and reads its standard output.
inline Answer standard_output(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  if (pipe == nullptr) return {};
  Answer answer;
  std::array<char, 65536> buffer{};
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    answer.out.append(buffer.data(), got);
  }
  answer.status = WEXITSTATUS(::pclose(pipe));
  return answer;
}

/// Runs a command in a shell and reads both streams. It must be fit to stand between braces.
inline Answer shell(const std::string& command) {
  return standard_output("{ " + command + "; } 2>&1");
}

/// What a command writes to standard output. One that fails fails the test.
inline std::string output_of(const std::string& command) {
  const Answer answer = standard_output(command);
  EXPECT_EQ(answer.status, 0) << command << "\n" << answer.out;
  return answer.out;
}

/// Runs the program that was built.
inline Answer canrec_with(const std::string& arguments) {
  return shell(std::string(CANREC_PROGRAM) + " " + arguments);
}

}  // namespace canrec::test
