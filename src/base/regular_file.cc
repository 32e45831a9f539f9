// SPDX-License-Identifier: Apache-2.0
// Opening files for reading.
#include "base/regular_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace canrec {

Error errno_error(int number, std::string_view what, const std::filesystem::path& path) {
  Errc code = Errc::kIo;
  if (number == ENOENT || number == ENOTDIR) code = Errc::kNotFound;
  if (number == EACCES || number == EPERM || number == EROFS) code = Errc::kPermission;
  if (number == EEXIST || number == ENOTEMPTY) code = Errc::kExists;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = Errc::kNoSpace;
  return {code, std::nullopt, fmt::format("{} {}: {}", what, path.string(), std::strerror(number))};
}

Result<RegularFile> RegularFile::open(const std::filesystem::path& path) {
  RegularFile file;
  file.path_ = path;
  // O_NONBLOCK: opening a pipe must fail below, not wait for a writer.
  file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.descriptor_ < 0) return fail(errno_error(errno, "open", path));
  struct stat status {};
  if (::fstat(file.descriptor_, &status) != 0) return fail(errno_error(errno, "stat", path));
  if (!S_ISREG(status.st_mode)) {
    return fail(Errc::kIo, fmt::format("{} is not a regular file", path.string()));
  }
  file.size_ = static_cast<uint64_t>(status.st_size);
  return file;
}

RegularFile::RegularFile(RegularFile&& other) noexcept { *this = std::move(other); }

RegularFile& RegularFile::operator=(RegularFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

RegularFile::~RegularFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RegularFile::read_ahead(uint64_t offset, uint64_t length) const {
  (void)::posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(length),
                        POSIX_FADV_WILLNEED);
}

}  // namespace canrec
