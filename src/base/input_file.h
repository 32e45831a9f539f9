// SPDX-License-Identifier: Apache-2.0
#pragma once

// A file opened read-only and mapped. Pages come from disk when they are touched, so a 6 GiB heap
// image costs nothing to open.

#include <cstdint>
#include <filesystem>

#include "base/bytes.h"
#include "base/error.h"

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

  ByteView bytes() const { return {static_cast<const uint8_t*>(data_), size_}; }
  uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  /// The open descriptor, for private mappings of the same file; owned by this object.
  int descriptor() const { return descriptor_; }

 private:
  InputFile() = default;
  void reset();

  std::filesystem::path path_;
  int descriptor_ = -1;
  void* data_ = nullptr;
  size_t size_ = 0;
};

/// Turns an errno value into an Error that names what was tried, for example "open".
Error errno_error(int number, std::string_view what, const std::filesystem::path& path);

}  // namespace canrec
