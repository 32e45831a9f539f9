// SPDX-License-Identifier: Apache-2.0
// LEB128 decoding and encoding.
#include "base/leb128.h"

#include <type_traits>

namespace canrec {
namespace {

// One decoder for every width: kBits is the width of the value on the wire.
template <typename T, unsigned kBits>
Result<Leb<T>> read_leb(ByteView bytes, size_t pos, uint64_t base) {
  constexpr unsigned kMaxBytes = (kBits + 6) / 7;
  constexpr unsigned kLastBits = kBits - 7 * (kMaxBytes - 1);
  uint64_t value = 0;
  for (unsigned i = 0; i < kMaxBytes; ++i) {
    if (pos + i >= bytes.size()) {
      return fail(Errc::kUnexpectedEof, base + bytes.size(), "unexpected end inside a LEB128");
    }
    const uint8_t byte = bytes[pos + i];
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (i + 1 == kMaxBytes) {
      if ((byte & 0x80) != 0) {
        return fail(Errc::kLebTooLong, base + pos + i, "LEB128 is too long");
      }
      if constexpr (std::is_unsigned_v<T>) {
        if ((byte >> kLastBits) != 0) {
          return fail(Errc::kLebUnusedBits, base + pos + i, "unused LEB128 bits set");
        }
      } else {
        // Every bit above the value must repeat its sign bit.
        const uint8_t top = static_cast<uint8_t>(byte & 0x7f) >> (kLastBits - 1);
        if (top != 0 && top != (0x7f >> (kLastBits - 1))) {
          return fail(Errc::kLebUnusedBits, base + pos + i, "unused LEB128 bits set");
        }
      }
    }
    if ((byte & 0x80) == 0) {
      if constexpr (std::is_signed_v<T>) {
        const unsigned used = 7 * (i + 1);
        if (used < 64 && (byte & 0x40) != 0) value |= ~uint64_t{0} << used;
      }
      return Leb<T>{static_cast<T>(value), static_cast<uint8_t>(i + 1)};
    }
  }
  return fail(Errc::kLebTooLong, base + pos + kMaxBytes - 1, "LEB128 is too long");
}

}  // namespace

Result<Leb<uint32_t>> read_leb_u32(ByteView bytes, size_t pos, uint64_t base) {
  return read_leb<uint32_t, 32>(bytes, pos, base);
}
Result<Leb<uint64_t>> read_leb_u64(ByteView bytes, size_t pos, uint64_t base) {
  return read_leb<uint64_t, 64>(bytes, pos, base);
}
Result<Leb<int32_t>> read_leb_s32(ByteView bytes, size_t pos, uint64_t base) {
  return read_leb<int32_t, 32>(bytes, pos, base);
}
Result<Leb<int64_t>> read_leb_s33(ByteView bytes, size_t pos, uint64_t base) {
  return read_leb<int64_t, 33>(bytes, pos, base);
}
Result<Leb<int64_t>> read_leb_s64(ByteView bytes, size_t pos, uint64_t base) {
  return read_leb<int64_t, 64>(bytes, pos, base);
}

void append_leb_u64(Bytes& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<uint8_t>(value));
}

void append_leb_s64(Bytes& out, int64_t value) {
  while (true) {
    const uint8_t byte = static_cast<uint8_t>(value & 0x7f);
    value >>= 7;
    if ((value == 0 && (byte & 0x40) == 0) || (value == -1 && (byte & 0x40) != 0)) {
      out.push_back(byte);
      return;
    }
    out.push_back(byte | 0x80);
  }
}

bool append_leb_u64_padded(Bytes& out, uint64_t value, unsigned width) {
  if (width < 10 && (value >> (7 * width)) != 0) return false;
  for (unsigned i = 0; i + 1 < width; ++i) {
    out.push_back(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<uint8_t>(value & 0x7f));
  return true;
}

unsigned leb_u64_width(uint64_t value) {
  unsigned width = 1;
  while ((value >>= 7) != 0) ++width;
  return width;
}

}  // namespace canrec
