// SPDX-License-Identifier: Apache-2.0
#pragma once

// Arithmetic on values that come from input.

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"

namespace canrec {

/// a + b, or nothing when it does not fit.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_add(T a, T b) {
  if (b > std::numeric_limits<T>::max() - a) return std::nullopt;
  return static_cast<T>(a + b);
}

/// a * b, or nothing when it does not fit.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_mul(T a, T b) {
  if (a != 0 && b > std::numeric_limits<T>::max() / a) return std::nullopt;
  return static_cast<T>(a * b);
}

/// Whether [offset, offset + length) lies in [0, size).
constexpr bool in_bounds(uint64_t offset, uint64_t length, uint64_t size) {
  return offset <= size && length <= size - offset;
}

/// Narrows a value that the caller knows to fit; our own bug if it does not.
template <std::integral To, std::integral From>
constexpr To narrow(From value) {
  CANREC_ASSERT(std::in_range<To>(value));
  return static_cast<To>(value);
}

/// The smallest multiple of `unit` (a power of two) that is >= value; `value` is far from 2^64.
constexpr uint64_t round_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) & ~(unit - 1);
}

}  // namespace canrec
