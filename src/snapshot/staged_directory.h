// SPDX-License-Identifier: Apache-2.0
#pragma once

// A snapshot directory that appears under its name only when everything in it is on disk: it grows
// as NAME.canrec-tmp-PID beside the name and is renamed, or exchanged with the old one.

#include <filesystem>
#include <optional>

#include "base/output_file.h"
#include "snapshot/temporary.h"

namespace canrec::snapshot {

/// "out/" and "out" are the same directory; what stands beside it needs the name without the slash.
std::filesystem::path without_slash(const std::filesystem::path& directory);

class StagedDirectory {
 public:
  /// Makes the temporary directory; removes those that dead processes left. An old directory is
  /// only ever replaced when it holds nothing but the files of a snapshot.
  /// Errors: kExists, kLocked (another process is replacing it), those of the file system.
  static Result<StagedDirectory> create(FileSystem& system, const std::filesystem::path& target,
                                        Overwrite overwrite);

  /// Whether create() would begin now: for those who compute long before they write.
  static Status check(FileSystem& system, const std::filesystem::path& target, Overwrite overwrite);

  /// The same for a directory that was made elsewhere on the same file system; commit() moves it.
  static Result<StagedDirectory> adopt(FileSystem& system, const std::filesystem::path& made,
                                       const std::filesystem::path& target, Overwrite overwrite);

  StagedDirectory(StagedDirectory&& other) noexcept;
  StagedDirectory& operator=(StagedDirectory&&) = delete;
  /// Removes the temporary directory, or after an exchange the old one.
  ~StagedDirectory();

  /// Where the files are put; the caller syncs them and this directory.
  const std::filesystem::path& path() const { return temporary_.path; }
  /// Makes the directory appear.
  Status commit();

 private:
  explicit StagedDirectory(FileSystem& system) : system_(&system) {}
  Status aim_at(const std::filesystem::path& target, Overwrite overwrite);

  FileSystem* system_;
  std::filesystem::path target_;
  Temporary temporary_;           ///< no path when there is nothing to remove
  std::optional<FileLock> lock_;  ///< on the directory that is replaced
};

}  // namespace canrec::snapshot
