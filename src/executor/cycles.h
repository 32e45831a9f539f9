// SPDX-License-Identifier: Apache-2.0
#pragma once

// Amounts of cycles: unsigned 128-bit numbers, as the System API counts them.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace canrec::executor {

__extension__ typedef unsigned __int128 Cycles;

inline constexpr Cycles kMaxCycles = ~Cycles{0};

/// The amount that two 64-bit arguments stand for.
constexpr Cycles cycles_from(uint64_t high, uint64_t low) { return (Cycles{high} << 64) | low; }
/// a + b, at most the largest amount.
constexpr Cycles saturating_add(Cycles a, Cycles b) {
  return b > kMaxCycles - a ? kMaxCycles : a + b;
}
/// a - b, at least nothing.
constexpr Cycles saturating_sub(Cycles a, Cycles b) { return b > a ? Cycles{0} : a - b; }
constexpr bool fits_64_bits(Cycles amount) { return (amount >> 64) == 0; }

/// The 16 bytes, little-endian, that 128-bit results are written as.
inline std::array<uint8_t, 16> cycles_bytes(Cycles amount) {
  std::array<uint8_t, 16> bytes{};
  store_le(bytes.data(), static_cast<uint64_t>(amount));
  store_le(bytes.data() + 8, static_cast<uint64_t>(amount >> 64));
  return bytes;
}

/// Decimal digits without separators.
inline std::string cycles_text(Cycles amount) {
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(amount % 10)));
    amount /= 10;
  } while (amount != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace canrec::executor
