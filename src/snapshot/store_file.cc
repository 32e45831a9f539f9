// SPDX-License-Identifier: Apache-2.0
// pread.
#include "snapshot/store_file.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace canrec::snapshot {

Result<StoreFile> StoreFile::open(const std::filesystem::path& path) {
  CANREC_TRY(RegularFile file, RegularFile::open(path));
  return StoreFile(std::move(file));
}

namespace {

Status read_at(int descriptor, const std::filesystem::path& path, uint64_t offset,
               std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t n = ::pread(descriptor, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const Error error = errno_error(errno, "read", path);
      return fail(Error(error.code(), offset, error.message()));
    }
    if (n == 0) return fail(Errc::kUnexpectedEof, offset, "file ends before its content");
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return Ok{};
}

}  // namespace

Status StoreFile::read(uint64_t offset, std::span<uint8_t> out) const {
  return read_at(file_.descriptor(), file_.path(), offset, out);
}

Status read_range(const InputFile& file, uint64_t offset, std::span<uint8_t> out) {
  return read_at(file.descriptor(), file.path(), offset, out);
}

Status StoreFile::check_magic(std::string_view magic) const {
  Bytes head(static_cast<size_t>(std::min<uint64_t>(size(), magic.size())));
  CANREC_CHECK(read(0, head));
  if (as_text(head) == magic) return Ok{};
  return fail(Errc::kStoreMalformed, 0,
              fmt::format("does not begin with {}", printable(as_bytes(magic))));
}

Result<Bytes> StoreFile::content(uint64_t limit) const {
  if (size() > limit) {
    return fail(Errc::kLimit, limit,
                fmt::format("file of {} bytes; at most {} wanted", size(), limit));
  }
  Bytes out(static_cast<size_t>(size()));
  CANREC_CHECK(read(0, out));
  return out;
}

}  // namespace canrec::snapshot
