// SPDX-License-Identifier: Apache-2.0
#pragma once

// The hashes of a snapshot directory's blobs, made by two threads at the rate of reading the files.

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "base/input_file.h"
#include "recover/verify.h"
#include "snapshot/directory.h"

namespace canrec::recover {

/// The blobs of a directory and their hashes, made by any number of threads.
class FileHashes {
 public:
  /// Owns: `directory` and `options` outlive this.
  FileHashes(const snapshot::Directory& directory, const VerifyOptions& options);

  /// Takes files, the largest first, until there is none left or the user interrupts.
  /// Then fetches what the other threads will come to, so that they only hash.
  void work();
  /// In the order of the directory; after every thread has returned from work().
  std::vector<VerifiedFile> take() { return std::move(done_); }

 private:
  static constexpr uint64_t kOver = ~uint64_t{0};

  struct Job {
    std::string name;
    const InputFile* file;  // null when it is missing, and so empty
    ByteView bytes() const { return file != nullptr ? file->bytes() : ByteView{}; }
  };

  void hash(size_t index, std::atomic<uint64_t>& position);
  // Stays some pieces in front of the thread that hashes the file, until that is done.
  void fetch(size_t index);

  const VerifyOptions& options_;
  const std::vector<Job> jobs_;
  std::array<size_t, 3> order_ = {0, 1, 2};
  std::vector<VerifiedFile> done_;
  std::array<std::atomic<uint64_t>, 3> positions_{};  // bytes hashed, or kOver
  std::atomic<size_t> next_{0};
  std::atomic<uint64_t> read_{0};
  std::mutex reporting_;
};

}  // namespace canrec::recover
