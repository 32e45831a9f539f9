// SPDX-License-Identifier: Apache-2.0
#pragma once

// Snapshot directories and stores for tests that run the program.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "snapshot/writer.h"
#include "support/faulty_file_system.h"
#include "support/temporary_directory.h"

namespace canrec::snapshot {

namespace fs = std::filesystem;

/// `canrec backup ...` running.
class Running {
 public:
  /// Output of both kinds goes to a file.
  Running(const std::vector<std::string>& arguments, const fs::path& output) : output_(output) {
    std::vector<std::string> words = {CANREC_PROGRAM, "backup"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    pid_ = ::fork();
    EXPECT_GE(pid_, 0);
    if (pid_ != 0) return;
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ::dup2(file, 1);
    ::dup2(file, 2);
    ::execv(CANREC_PROGRAM, pointers.data());
    ::_exit(127);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (pid_ > 0) kill();
  }

  /// The exit status; -1 when a signal ended it.
  int wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// Ends it without warning; the exit status if it was faster.
  int kill() {
    ::kill(pid_, SIGKILL);
    return wait();
  }
  /// What it has said.
  std::string said() const { return test::read_text(output_); }

 private:
  fs::path output_;
  pid_t pid_ = 0;
};

/// A snapshot directory of a real module with that heap, which is made of whole pages.
inline void write_snapshot(const fs::path& directory, const Bytes& heap) {
  const auto module = InputFile::open(CANREC_FIXTURES "/canisters/notes.wasm");
  ASSERT_TRUE(module);
  NewSnapshot snapshot;
  snapshot.module = Image::of(module->bytes());
  snapshot.heap = Image::of(heap);
  snapshot.metadata.globals = {{GlobalType::kI32, 1048576, 0}};
  const Interrupt interrupt;
  ASSERT_TRUE(
      write_directory(test::quick_file_system(), directory, snapshot, Overwrite::kNo, interrupt));
}

}  // namespace canrec::snapshot
