// SPDX-License-Identifier: Apache-2.0
#pragma once

// Output that is whole or not there: a temporary file beside the target, synced, then renamed.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/file_system.h"

namespace canrec {

enum class Overwrite : bool { kNo, kYes };

/// A file that appears under its name only when commit() succeeds.
class OutputFile {
 public:
  /// Makes the temporary file `<path>.canrec-tmp-<pid>` in the target's directory.
  /// Errors: kExists when the target exists and overwriting was not asked for, or is no regular
  /// file; kNotFound, kPermission, ...
  static Result<OutputFile> create(FileSystem& fs, std::filesystem::path path, Overwrite overwrite);

  OutputFile(OutputFile&&) noexcept = default;
  OutputFile& operator=(OutputFile&&) = delete;
  /// Removes the temporary file unless commit() succeeded.
  ~OutputFile();

  Status append(ByteView bytes);
  /// Bytes appended so far.
  uint64_t size() const { return size_; }
  /// Syncs, renames, syncs the directory. Without overwriting a target that appeared meanwhile is
  /// kept and kExists is the answer.
  Status commit();
  /// The same under another name in the same directory, for names that depend on the content.
  Status commit_as(std::filesystem::path path);

 private:
  OutputFile() = default;
  Status give_new_name();

  FileSystem* fs_ = nullptr;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::unique_ptr<WritableFile> file_;
  Overwrite overwrite_ = Overwrite::kNo;
  uint64_t size_ = 0;
};

/// Writes one whole file that way.
Status write_file(FileSystem& fs, const std::filesystem::path& path, ByteView bytes,
                  Overwrite overwrite);

}  // namespace canrec
