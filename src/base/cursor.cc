// SPDX-License-Identifier: Apache-2.0
// The parts of Cursor that are not hot.
#include "base/cursor.h"

#include <fmt/core.h>

namespace canrec {

std::unexpected<Error> Cursor::eof(std::string_view what) const {
  return fail(Errc::kUnexpectedEof, base_ + bytes_.size(),
              fmt::format("unexpected end, {} wanted", what));
}

Result<uint32_t> Cursor::count(uint64_t min_size, std::string_view what) {
  const uint64_t start = pos();
  CANREC_TRY(const uint32_t n, u32());
  if (n * min_size > left()) {
    return fail(Errc::kUnexpectedEof, start,
                fmt::format("{} {} cannot fit in the {} bytes that are left", n, what, left()));
  }
  return n;
}

Result<std::string_view> Cursor::name() {
  CANREC_TRY(const uint32_t n, u32());
  const uint64_t start = pos();
  CANREC_TRY(const ByteView view, bytes(n));
  if (!is_utf8(view)) return fail(Errc::kUtf8, start, "name is not UTF-8");
  return as_text(view);
}

}  // namespace canrec
