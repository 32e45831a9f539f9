// SPDX-License-Identifier: Apache-2.0
#pragma once

// The directory beside an output in which a transfer keeps what it has so far, so that it goes on
// after being killed at any moment. It says of which state it is, and nothing of another state is
// ever put in:
//
//   OUTPUT.canrec-pull/state.json   what the transfer was begun for; written first
//                     /...          whatever the transfer keeps

#include <filesystem>
#include <string>

#include "base/file_system.h"
#include "base/output_file.h"
#include "snapshot/file_lock.h"

namespace canrec::recover {

class WorkDirectory {
 public:
  /// Makes the directory, or opens one that was begun for the same state, and locks it.
  ///
  /// Shape:   `state` is a JSON text; it must be equal to go on.
  /// Errors:  kSnapshotMixed when the directory was begun for another state; kExists when it was
  ///          not made by a transfer; kLocked (another transfer is at work); file errors.
  static Result<WorkDirectory> open(FileSystem& system, const std::filesystem::path& path,
                                    const std::string& state);

  const std::filesystem::path& path() const { return path_; }
  /// Whether an earlier transfer began it.
  bool resumed() const { return resumed_; }
  /// Moves a directory that was made in it to its place. Errors: as StagedDirectory::create.
  Status publish(const std::filesystem::path& made, const std::filesystem::path& output,
                 Overwrite overwrite);
  /// Removes all of it.
  Status remove();

 private:
  WorkDirectory(FileSystem& system, std::filesystem::path path, snapshot::FileLock lock)
      : system_(&system), path_(std::move(path)), lock_(std::move(lock)) {}

  FileSystem* system_;
  std::filesystem::path path_;
  snapshot::FileLock lock_;
  bool resumed_ = false;
};

}  // namespace canrec::recover
