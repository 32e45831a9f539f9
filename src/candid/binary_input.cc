// SPDX-License-Identifier: Apache-2.0
// The reads that are not inlined.
#include "candid/binary_input.h"

#include <fmt/core.h>

namespace canrec::candid {

bool BinaryInput::slow_u64(uint64_t& out) {
  const size_t start = at_;
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    uint8_t byte = 0;
    if (!u8(byte)) return false;
    if (shift == 63 && (byte & 0x7f) > 1) {
      return fail_at(Errc::kCandidMalformed, start, "number does not fit 64 bits");
    }
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      out = value;
      return true;
    }
  }
  return fail_at(Errc::kLebTooLong, start, "LEB128 is longer than ten bytes");
}

bool BinaryInput::u32(uint32_t& out) {
  const size_t start = at_;
  uint64_t value = 0;
  if (!u64(value)) return false;
  if (value > UINT32_MAX) {
    return fail_at(Errc::kCandidMalformed, start, fmt::format("{} does not fit 32 bits", value));
  }
  out = static_cast<uint32_t>(value);
  return true;
}

bool BinaryInput::s64(int64_t& out) {
  const size_t start = at_;
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    uint8_t byte = 0;
    if (!u8(byte)) return false;
    const unsigned bits = byte & 0x7f;
    if (shift == 63 && bits != 0 && bits != 0x7f) {
      return fail_at(Errc::kCandidMalformed, start, "number does not fit 64 bits");
    }
    value |= static_cast<uint64_t>(bits) << shift;
    if ((byte & 0x80) == 0) {
      const unsigned used = shift + 7;
      if (used < 64 && (byte & 0x40) != 0) value |= ~uint64_t{0} << used;
      out = static_cast<int64_t>(value);
      return true;
    }
  }
  return fail_at(Errc::kLebTooLong, start, "LEB128 is longer than ten bytes");
}

bool BinaryInput::count(uint64_t min_size, const char* what, uint64_t& out) {
  const size_t start = at_;
  if (!u64(out)) return false;
  if (min_size != 0 && out > left() / min_size) {
    return fail_at(
        Errc::kCandidMalformed, start,
        fmt::format("{} {} cannot fit in the {} bytes that are left", out, what, left()));
  }
  return true;
}

bool BinaryInput::leb(ByteView& out) {
  size_t end = at_;
  while (end < bytes_.size() && (bytes_[end] & 0x80) != 0) ++end;
  if (end == bytes_.size()) return eof();
  return view(end + 1 - at_, out);
}

bool BinaryInput::text(ByteView& out) {
  uint64_t size = 0;
  if (!count(1, "bytes of text", size)) return false;
  const size_t start = at_;
  if (!view(size, out)) return false;
  if (!is_utf8(out)) return fail_at(Errc::kUtf8, start, "text is not UTF-8");
  return true;
}

}  // namespace canrec::candid
