// SPDX-License-Identifier: Apache-2.0
#pragma once

// Asking another implementation: questions go to a script as lines of JSON, answers come back.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/temporary_directory.h"

namespace canrec::candid::test {

inline bool has_node() { return std::system("node --version > /dev/null 2>&1") == 0; }

/// Runs `node tests/real/candid/<script> <library>`; one answer for each question.
inline std::vector<nlohmann::json> ask(const std::string& script, const std::string& library,
                                       const std::vector<nlohmann::json>& questions) {
  const canrec::test::TemporaryDirectory directory;
  const std::filesystem::path in = directory.path() / "questions";
  const std::filesystem::path out = directory.path() / "answers";
  std::ofstream file(in);
  for (const nlohmann::json& question : questions) file << question.dump() << '\n';
  file.close();
  const std::string command =
      fmt::format("node '{}/tests/real/candid/{}' '{}' < '{}' > '{}'", CANREC_SOURCE_DIR, script,
                  library, in.string(), out.string());
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::vector<nlohmann::json> answers;
  std::ifstream result(out);
  for (std::string line; std::getline(result, line);) {
    answers.push_back(nlohmann::json::parse(line));
  }
  EXPECT_EQ(answers.size(), questions.size());
  return answers;
}

}  // namespace canrec::candid::test
