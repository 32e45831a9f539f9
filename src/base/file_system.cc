// SPDX-License-Identifier: Apache-2.0
// The real file system.
#include "base/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/input_file.h"

namespace canrec {
namespace {

namespace fs = std::filesystem;

class PosixFile final : public WritableFile {
 public:
  PosixFile(int descriptor, fs::path path) : descriptor_(descriptor), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { ::close(descriptor_); }

  Status write_at(ByteView bytes, uint64_t offset) override {
    while (!bytes.empty()) {
      const ssize_t n =
          ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0) {
        if (errno == EINTR) continue;
        return fail(errno_error(errno, "write", path_));
      }
      bytes = bytes.subspan(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
      start_writing_out(static_cast<uint64_t>(n));
    }
    return Ok{};
  }
  Status copy_from(int descriptor, uint64_t from, uint64_t length, uint64_t to) override {
    while (length > 0) {
      off_t in = static_cast<off_t>(from);
      off_t out = static_cast<off_t>(to);
      const ssize_t n = ::copy_file_range(descriptor, &in, descriptor_, &out, length, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EXDEV || errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL)) {
        return copy_by_reading(descriptor, from, length, to);
      }
      if (n < 0) return fail(errno_error(errno, "copy to", path_));
      if (n == 0) return fail(errno_error(EIO, "copy (the source is too short) to", path_));
      from += static_cast<uint64_t>(n);
      to += static_cast<uint64_t>(n);
      length -= static_cast<uint64_t>(n);
    }
    return Ok{};
  }
  Status resize(uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
      return fail(errno_error(errno, "set the length of", path_));
    }
    return Ok{};
  }
  Status sync() override {
    if (::fsync(descriptor_) != 0) return fail(errno_error(errno, "sync", path_));
    return Ok{};
  }

 private:
  // For pairs of file systems that cannot copy in the kernel.
  Status copy_by_reading(int descriptor, uint64_t from, uint64_t length, uint64_t to) {
    Bytes buffer(std::min<uint64_t>(length, uint64_t{1} << 20));
    while (length > 0) {
      const size_t wanted = static_cast<size_t>(std::min<uint64_t>(length, buffer.size()));
      const ssize_t n = ::pread(descriptor, buffer.data(), wanted, static_cast<off_t>(from));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail(errno_error(errno, "read to copy to", path_));
      if (n == 0) return fail(errno_error(EIO, "copy (the source is too short) to", path_));
      CANREC_CHECK(write_at(ByteView(buffer).first(static_cast<size_t>(n)), to));
      from += static_cast<uint64_t>(n);
      to += static_cast<uint64_t>(n);
      length -= static_cast<uint64_t>(n);
    }
    return Ok{};
  }

  // All that is written is synced in the end. A disk that begins early is done sooner; whether it
  // did, only sync() says.
  void start_writing_out(uint64_t written) {
    constexpr uint64_t kPiece = uint64_t{16} << 20;
    if (written_.fetch_add(written) % kPiece + written < kPiece) return;
    (void)::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE);
  }

  int descriptor_;
  fs::path path_;
  std::atomic<uint64_t> written_ = 0;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> create(const fs::path& path) override {
    return open_with(path, O_CREAT | O_EXCL, "create");
  }
  Result<std::unique_ptr<WritableFile>> open(const fs::path& path) override {
    return open_with(path, 0, "open");
  }
  Status make_directory(const fs::path& path) override {
    if (::mkdir(path.c_str(), 0777) != 0) {
      return fail(errno_error(errno, "make directory", path));
    }
    return Ok{};
  }
  Status rename(const fs::path& from, const fs::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return fail(errno_error(errno, "rename to", to));
    return Ok{};
  }
  Status exchange(const fs::path& a, const fs::path& b) override {
    if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) != 0) {
      return fail(errno_error(errno, "exchange", b));
    }
    return Ok{};
  }
  Status hard_link(const fs::path& from, const fs::path& to) override {
    if (::link(from.c_str(), to.c_str()) != 0) return fail(errno_error(errno, "link", to));
    return Ok{};
  }
  Status remove(const fs::path& path) override {
    if (::unlink(path.c_str()) != 0) return fail(errno_error(errno, "remove", path));
    return Ok{};
  }
  Status remove_all(const fs::path& path) override {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) return fail(errno_error(error.value(), "remove", path));
    return Ok{};
  }
  Status sync_directory(const fs::path& path) override {
    const fs::path target = path.empty() ? fs::path(".") : path;
    const int descriptor = ::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return fail(errno_error(errno, "open directory", target));
    const int result = ::fsync(descriptor);
    const int number = errno;
    ::close(descriptor);
    // Some file systems cannot sync a directory; the rename itself was done.
    if (result != 0 && number != EINVAL && number != ENOTSUP) {
      return fail(errno_error(number, "sync directory", target));
    }
    return Ok{};
  }

 private:
  static Result<std::unique_ptr<WritableFile>> open_with(const fs::path& path, int flags,
                                                         std::string_view what) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
    if (descriptor < 0) return fail(errno_error(errno, what, path));
    return std::unique_ptr<WritableFile>(std::make_unique<PosixFile>(descriptor, path));
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem system;
  return system;
}

}  // namespace canrec
