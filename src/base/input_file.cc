// SPDX-License-Identifier: Apache-2.0
// Mapping input files.
#include "base/input_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
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

Result<InputFile> InputFile::open(const std::filesystem::path& path) {
  InputFile file;
  file.path_ = path;
  // O_NONBLOCK: opening a pipe must fail below, not wait for a writer.
  file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file.descriptor_ < 0) return fail(errno_error(errno, "open", path));
  struct stat status {};
  if (::fstat(file.descriptor_, &status) != 0) return fail(errno_error(errno, "stat", path));
  if (!S_ISREG(status.st_mode)) {
    return fail(Errc::kIo, fmt::format("{} is not a regular file", path.string()));
  }
  file.size_ = static_cast<size_t>(status.st_size);
  if (file.size_ > 0) {
    void* data = ::mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, file.descriptor_, 0);
    if (data == MAP_FAILED) {
      const int number = errno;
      file.size_ = 0;
      return fail(errno_error(number, "map", path));
    }
    file.data_ = data;
  }
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept { *this = std::move(other); }

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  if (this != &other) {
    reset();
    path_ = std::move(other.path_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

InputFile::~InputFile() { reset(); }

void InputFile::reset() {
  if (data_ != nullptr) ::munmap(data_, size_);
  if (descriptor_ >= 0) ::close(descriptor_);
  data_ = nullptr;
  descriptor_ = -1;
  size_ = 0;
}

}  // namespace canrec
