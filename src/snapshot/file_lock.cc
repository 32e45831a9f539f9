// SPDX-License-Identifier: Apache-2.0
// flock.
#include "snapshot/file_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/input_file.h"

namespace canrec::snapshot {

Result<FileLock> FileLock::take(const std::filesystem::path& path, LockMode mode) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return fail(errno_error(errno, "open", path));
  FileLock lock(descriptor);
  const int operation = (mode == LockMode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  int result = ::flock(descriptor, operation);
  if (result != 0 && errno == EBADF) {
    // NFS wants a file that may be written for an exclusive lock.
    lock = FileLock(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (lock.descriptor_ < 0) return fail(errno_error(errno, "open", path));
    result = ::flock(lock.descriptor_, operation);
  }
  if (result != 0) {
    if (errno == EWOULDBLOCK) {
      return fail(Errc::kLocked, fmt::format("another process is using {}", path.string()));
    }
    return fail(errno_error(errno, "lock", path));
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace canrec::snapshot
