// SPDX-License-Identifier: Apache-2.0
#pragma once

// Integers of any size, as far as Candid needs them: LEB128 in and out, decimal and hexadecimal
// text in and out, and nothing else. There is no arithmetic to offer, so 150 lines of our own take
// the place of a multiprecision library.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace canrec::candid {

/// A signed integer: sign and magnitude, 32 bits a limb, lowest first, no leading zero limbs.
class BigInt {
 public:
  /// Decimal digits a text may have. Reason: conversion takes time in the square of them;
  /// hexadecimal text, which does not, has no limit.
  static constexpr size_t kMaxDecimalDigits = 100'000;
  /// Limbs up to which text() writes decimal. Source: about 20,000 digits, a tenth of a second.
  static constexpr size_t kMaxDecimalLimbs = 2048;

  BigInt() = default;
  static BigInt from_u64(uint64_t value);
  static BigInt from_s64(int64_t value);
  /// Reads the seven-bit groups of a whole LEB128; overlong forms are fine.
  static BigInt from_unsigned_leb(ByteView leb);
  static BigInt from_signed_leb(ByteView leb);
  /// Reads digits, "0x" and underscores, without a sign.
  /// Errors: kCandidSyntax when something else is there; kLimit.
  static Result<BigInt> parse(std::string_view digits, bool negative);

  bool negative() const { return negative_; }
  bool fits_u64() const { return !negative_ && limbs_.size() <= 2; }
  bool fits_s64() const;
  /// The low 64 bits of the magnitude.
  uint64_t magnitude64() const;
  int64_t to_s64() const;

  /// The shortest LEB128; the value is not negative.
  void append_unsigned_leb(Bytes& out) const;
  void append_signed_leb(Bytes& out) const;
  /// Decimal digits, with `_` before every three when `grouped`; "0x..." beyond kMaxDecimalLimbs.
  std::string text(bool grouped) const;

  bool operator==(const BigInt&) const = default;

 private:
  void trim();
  void multiply_add(uint32_t factor, uint32_t addend);
  bool bit_at(size_t index) const;
  size_t bit_length() const;

  std::vector<uint32_t> limbs_;
  bool negative_ = false;
};

/// Digits with `_` before every three from the right, a leading '-' kept.
std::string group_digits(std::string_view digits);

}  // namespace canrec::candid
