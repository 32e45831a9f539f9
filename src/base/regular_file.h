// SPDX-License-Identifier: Apache-2.0
#pragma once

// A regular file that is open for reading. What maps files and what reads them piece by piece both
// begin here.

#include <cstdint>
#include <filesystem>

#include "base/error.h"

namespace canrec {

/// Owns the descriptor.
class RegularFile {
 public:
  /// Errors: kNotFound, kPermission, kIo (also for directories, pipes and devices).
  static Result<RegularFile> open(const std::filesystem::path& path);

  RegularFile(RegularFile&& other) noexcept;
  RegularFile& operator=(RegularFile&& other) noexcept;
  ~RegularFile();

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  /// Bytes when it was opened.
  uint64_t size() const { return size_; }

  /// Has the system read a range while other work goes on; a hint, which may be ignored.
  void read_ahead(uint64_t offset, uint64_t length) const;

 private:
  RegularFile() = default;

  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

/// Turns an errno value into an Error that names what was tried, for example "open".
Error errno_error(int number, std::string_view what, const std::filesystem::path& path);

}  // namespace canrec
