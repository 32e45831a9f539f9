// SPDX-License-Identifier: Apache-2.0
#pragma once

// A file that is read through its descriptor and never mapped: a mapped file that shrinks, or a
// disk that fails, kills the process; mapped pages count as its memory; and some network file
// systems cannot map at all.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/input_file.h"
#include "base/regular_file.h"

namespace canrec::snapshot {

class StoreFile {
 public:
  /// Opens a regular file.
  /// Errors: kNotFound, kPermission, kIo (also for directories, pipes and devices).
  static Result<StoreFile> open(const std::filesystem::path& path);

  /// Bytes when it was opened.
  uint64_t size() const { return file_.size(); }

  /// Fills `out` from a place in the file; short reads are continued. Several threads may read.
  /// Errors: kUnexpectedEof when the file ends before, kIo.
  Status read(uint64_t offset, std::span<uint8_t> out) const;

  /// Whether it begins with these bytes, before more of it is read.
  /// Errors: kStoreMalformed at 0, kIo.
  Status check_magic(std::string_view magic) const;

  /// The whole content. Errors: kLimit when it is larger than `limit`; those of read().
  Result<Bytes> content(uint64_t limit) const;

 private:
  explicit StoreFile(RegularFile file) : file_(std::move(file)) {}

  RegularFile file_;
};

/// StoreFile::read() of a file that was opened, and mapped, by others.
Status read_range(const InputFile& file, uint64_t offset, std::span<uint8_t> out);

}  // namespace canrec::snapshot
