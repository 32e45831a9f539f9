// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the numeric instructions compute, as plain functions of C++ values. NaN results are the
// positive quiet NaN, whatever the processor makes.
// Source: https://webassembly.github.io/spec/core/exec/numerics.html

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace canrec::engine::num {

/// `value`, with any NaN replaced by the canonical one.
template <std::floating_point T>
inline T canonical(T value) {
  if (value != value) [[unlikely]] {
    if constexpr (sizeof(T) == 4) {
      return std::bit_cast<float>(uint32_t{0x7fc00000});
    } else {
      return std::bit_cast<double>(uint64_t{0x7ff8000000000000});
    }
  }
  return value;
}

template <std::floating_point T>
inline T min(T a, T b) {
  if (a != a || b != b) return canonical(a + b);
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
template <std::floating_point T>
inline T max(T a, T b) {
  if (a != a || b != b) return canonical(a + b);
  if (a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}
template <std::floating_point T>
inline T pmin(T a, T b) {
  return b < a ? b : a;
}
template <std::floating_point T>
inline T pmax(T a, T b) {
  return a < b ? b : a;
}
/// To the nearest integer, ties to even: the rounding mode every process starts with.
template <std::floating_point T>
inline T nearest(T a) {
  return canonical(std::nearbyint(a));
}

/// Whether `value` truncated fits `To`; false for a NaN.
template <std::integral To, std::floating_point From>
inline bool truncates(From value) {
  // Both bounds are powers of two (or -1), exact in either format; for a signed type of fewer bits
  // than the mantissa holds, values between MIN - 1 and MIN truncate to MIN too.
  constexpr int kBits = std::numeric_limits<To>::digits;
  constexpr From above = static_cast<From>(uint64_t{1} << (kBits - 1)) * From{2};
  if constexpr (std::is_unsigned_v<To>) {
    return value > From{-1} && value < above;
  } else if constexpr (kBits < std::numeric_limits<From>::digits) {
    return value > -above - From{1} && value < above;
  } else {
    return value >= -above && value < above;
  }
}

/// Truncation that saturates; 0 for a NaN.
template <std::integral To, std::floating_point From>
inline To truncate_saturating(From value) {
  if (value != value) return 0;
  if (truncates<To>(value)) return static_cast<To>(value);
  return value < From{0} ? std::numeric_limits<To>::min() : std::numeric_limits<To>::max();
}

template <std::unsigned_integral T>
constexpr T shift_count(T count) {
  return count & T{std::numeric_limits<T>::digits - 1};
}
template <std::unsigned_integral T>
constexpr T shift_right_signed(T value, T count) {
  return static_cast<T>(static_cast<std::make_signed_t<T>>(value) >> shift_count(count));
}
template <std::unsigned_integral T>
constexpr T rotate_left(T value, T count) {
  return std::rotl(value, static_cast<int>(shift_count(count)));
}
template <std::unsigned_integral T>
constexpr T rotate_right(T value, T count) {
  return std::rotr(value, static_cast<int>(shift_count(count)));
}

}  // namespace canrec::engine::num
