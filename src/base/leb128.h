// SPDX-License-Identifier: Apache-2.0
#pragma once

// LEB128 with the width it was written in, because a patched module must keep padded fields.
// Source: https://webassembly.github.io/spec/core/binary/values.html#integers

#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"

namespace canrec {

/// A decoded integer and how many bytes it took.
template <typename T>
struct Leb {
  T value;
  uint8_t width;
};

/// Decodes the integer at `pos`.
///
/// Shape:  pos <= bytes.size(); kBits is 7, 32, 33 or 64.
/// Errors: kUnexpectedEof, kLebTooLong, kLebUnusedBits; offset = base + first offending byte.
Result<Leb<uint32_t>> read_leb_u32(ByteView bytes, size_t pos, uint64_t base);
Result<Leb<uint64_t>> read_leb_u64(ByteView bytes, size_t pos, uint64_t base);
Result<Leb<int32_t>> read_leb_s32(ByteView bytes, size_t pos, uint64_t base);
Result<Leb<int64_t>> read_leb_s33(ByteView bytes, size_t pos, uint64_t base);
Result<Leb<int64_t>> read_leb_s64(ByteView bytes, size_t pos, uint64_t base);

/// Appends the shortest encoding.
void append_leb_u64(Bytes& out, uint64_t value);
void append_leb_s64(Bytes& out, int64_t value);

/// Appends `value` in exactly `width` bytes, or returns false when it does not fit in 7 * width
/// bits.
bool append_leb_u64_padded(Bytes& out, uint64_t value, unsigned width);
/// Bytes of the shortest encoding.
unsigned leb_u64_width(uint64_t value);

}  // namespace canrec
