// SPDX-License-Identifier: Apache-2.0
#pragma once

// A Wasm value as the engine passes it: 128 bits whose meaning the signature gives. Integers and
// floats stand in the low bits, the rest is zero; a reference is 0 for null, else its number + 1.

#include <bit>
#include <cstdint>

namespace canrec::engine {

struct Value {
  uint64_t lo = 0;
  uint64_t hi = 0;

  static constexpr Value i32(uint32_t value) { return {value, 0}; }
  static constexpr Value i64(uint64_t value) { return {value, 0}; }
  static constexpr Value f32(float value) { return {std::bit_cast<uint32_t>(value), 0}; }
  static constexpr Value f64(double value) { return {std::bit_cast<uint64_t>(value), 0}; }
  static constexpr Value v128(uint64_t low, uint64_t high) { return {low, high}; }
  static constexpr Value null() { return {}; }
  /// A reference to function `index`.
  static constexpr Value function(uint32_t index) { return {uint64_t{index} + 1, 0}; }

  constexpr uint32_t as_i32() const { return static_cast<uint32_t>(lo); }
  constexpr uint64_t as_i64() const { return lo; }
  constexpr float as_f32() const { return std::bit_cast<float>(static_cast<uint32_t>(lo)); }
  constexpr double as_f64() const { return std::bit_cast<double>(lo); }
  constexpr bool is_null() const { return lo == 0; }

  bool operator==(const Value&) const = default;
};

}  // namespace canrec::engine
