// SPDX-License-Identifier: Apache-2.0
#pragma once

// A file opened read-only and mapped. Pages come from disk when they are touched, so a 6 GiB heap
// image costs nothing to open.

#include <cstdint>
#include <filesystem>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/regular_file.h"

namespace canrec {

/// Owns the mapping; the views it hands out die with it.
class InputFile {
 public:
  /// Opens and maps a regular file.
  /// Errors: kNotFound, kPermission, kIo (also for directories, pipes and devices).
  static Result<InputFile> open(const std::filesystem::path& path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  ByteView bytes() const {
    return {static_cast<const uint8_t*>(data_), data_ != nullptr ? size() : 0};
  }
  uint64_t size() const { return file_.size(); }
  const std::filesystem::path& path() const { return file_.path(); }
  /// The open descriptor, for private mappings of the same file; owned by this object.
  int descriptor() const { return file_.descriptor(); }
  /// RegularFile::read_ahead().
  void read_ahead(uint64_t offset, uint64_t length) const { file_.read_ahead(offset, length); }
  /// Reads and maps a range now, so that another thread finds it there; a hint, which may be
  /// ignored. Shape: `offset` a multiple of the page size, in the file.
  void fetch(uint64_t offset, uint64_t length) const;

 private:
  explicit InputFile(RegularFile file) : file_(std::move(file)) {}

  RegularFile file_;
  void* data_ = nullptr;
};

}  // namespace canrec
