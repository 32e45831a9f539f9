// SPDX-License-Identifier: Apache-2.0
// Big integers: conversions between LEB128, limbs and text.
#include "candid/bigint.h"

#include <algorithm>
#include <bit>

#include <fmt/core.h>

namespace canrec::candid {
namespace {

constexpr uint32_t kChunk = 1'000'000'000;  // the largest power of ten in a limb
constexpr size_t kChunkDigits = 9;

// Appends the low seven bits of every byte to limbs.
std::vector<uint32_t> gather(ByteView leb) {
  std::vector<uint32_t> limbs;
  limbs.reserve(leb.size() * 7 / 32 + 1);
  uint64_t bits = 0;
  unsigned count = 0;
  for (const uint8_t byte : leb) {
    bits |= static_cast<uint64_t>(byte & 0x7f) << count;
    count += 7;
    if (count >= 32) {
      limbs.push_back(static_cast<uint32_t>(bits));
      bits >>= 32;
      count -= 32;
    }
  }
  limbs.push_back(static_cast<uint32_t>(bits));
  return limbs;
}

// The two's complement negation in place.
void negate(std::vector<uint32_t>& limbs) {
  bool carry = true;
  for (uint32_t& limb : limbs) {
    limb = ~limb + (carry ? 1 : 0);
    carry = carry && limb == 0;
  }
}

}  // namespace

void BigInt::trim() {
  while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
  if (limbs_.empty()) negative_ = false;
}

BigInt BigInt::from_u64(uint64_t value) {
  BigInt result;
  result.limbs_ = {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
  result.trim();
  return result;
}

BigInt BigInt::from_s64(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  BigInt result = from_u64(value < 0 ? ~bits + 1 : bits);
  result.negative_ = value < 0;
  return result;
}

BigInt BigInt::from_unsigned_leb(ByteView leb) {
  BigInt result;
  result.limbs_ = gather(leb);
  result.trim();
  return result;
}

BigInt BigInt::from_signed_leb(ByteView leb) {
  BigInt result;
  result.limbs_ = gather(leb);
  if (!leb.empty() && (leb.back() & 0x40) != 0) {
    // Fill with ones from the sign bit to the end of the limbs, then negate.
    const size_t used = leb.size() * 7;
    const size_t limb = used / 32;
    if (limb < result.limbs_.size()) result.limbs_[limb] |= ~uint32_t{0} << (used % 32);
    negate(result.limbs_);
    result.negative_ = true;
  }
  result.trim();
  return result;
}

void BigInt::multiply_add(uint32_t factor, uint32_t addend) {
  uint64_t carry = addend;
  for (uint32_t& limb : limbs_) {
    carry += uint64_t{limb} * factor;
    limb = static_cast<uint32_t>(carry);
    carry >>= 32;
  }
  if (carry != 0) limbs_.push_back(static_cast<uint32_t>(carry));
}

Result<BigInt> BigInt::parse(std::string_view digits, bool negative) {
  std::string plain;
  plain.reserve(digits.size());
  std::ranges::copy_if(digits, std::back_inserter(plain), [](char c) { return c != '_'; });
  const bool hex = plain.starts_with("0x");
  const std::string_view body = std::string_view(plain).substr(hex ? 2 : 0);
  const std::string_view allowed = hex ? "0123456789abcdefABCDEF" : "0123456789";
  if (body.empty() || body.find_first_not_of(allowed) != std::string_view::npos) {
    return fail(Errc::kCandidSyntax, "an integer wanted");
  }
  BigInt result;
  if (hex) {
    result.limbs_.assign(body.size() / 8 + 1, 0);
    for (size_t i = 0; i < body.size(); ++i) {
      const char c = body[body.size() - 1 - i];
      const auto digit = static_cast<uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
      result.limbs_[i / 8] |= digit << (4 * (i % 8));
    }
  } else {
    if (body.size() > kMaxDecimalDigits) {
      return fail(Errc::kLimit,
                  fmt::format("an integer of more than {} digits must be written in hexadecimal",
                              kMaxDecimalDigits));
    }
    uint32_t chunk = 0;
    uint32_t scale = 1;
    for (const char c : body) {
      chunk = chunk * 10 + static_cast<uint32_t>(c - '0');
      scale *= 10;
      if (scale == kChunk) {
        result.multiply_add(scale, chunk);
        chunk = 0;
        scale = 1;
      }
    }
    if (scale != 1) result.multiply_add(scale, chunk);
  }
  result.negative_ = negative;
  result.trim();
  return result;
}

uint64_t BigInt::magnitude64() const {
  uint64_t value = 0;
  if (!limbs_.empty()) value = limbs_[0];
  if (limbs_.size() > 1) value |= uint64_t{limbs_[1]} << 32;
  return value;
}

bool BigInt::fits_s64() const {
  if (limbs_.size() > 2) return false;
  const uint64_t magnitude = magnitude64();
  return magnitude <= static_cast<uint64_t>(INT64_MAX) + (negative_ ? 1 : 0);
}

int64_t BigInt::to_s64() const {
  const uint64_t magnitude = magnitude64();
  return static_cast<int64_t>(negative_ ? ~magnitude + 1 : magnitude);
}

size_t BigInt::bit_length() const {
  if (limbs_.empty()) return 0;
  return limbs_.size() * 32 - static_cast<size_t>(std::countl_zero(limbs_.back()));
}

bool BigInt::bit_at(size_t index) const {
  return index / 32 < limbs_.size() && (limbs_[index / 32] >> (index % 32) & 1) != 0;
}

void BigInt::append_unsigned_leb(Bytes& out) const {
  CANREC_ASSERT(!negative_);
  const size_t groups = std::max<size_t>(1, (bit_length() + 6) / 7);
  for (size_t i = 0; i < groups; ++i) {
    uint8_t byte = i + 1 < groups ? 0x80 : 0;
    for (size_t bit = 0; bit < 7; ++bit) {
      if (bit_at(i * 7 + bit)) byte = static_cast<uint8_t>(byte | 1U << bit);
    }
    out.push_back(byte);
  }
}

void BigInt::append_signed_leb(Bytes& out) const {
  BigInt twos = *this;
  if (negative_) {
    twos.limbs_.push_back(0);
    negate(twos.limbs_);
  }
  // Enough groups for the magnitude and a sign bit; then drop what only repeats the sign.
  const size_t groups = (bit_length() + 1 + 6) / 7;
  const size_t start = out.size();
  for (size_t i = 0; i < groups; ++i) {
    uint8_t byte = 0;
    for (size_t bit = 0; bit < 7; ++bit) {
      const size_t index = i * 7 + bit;
      const bool set = index / 32 < twos.limbs_.size() ? twos.bit_at(index) : negative_;
      if (set) byte = static_cast<uint8_t>(byte | 1U << bit);
    }
    out.push_back(byte);
  }
  while (out.size() - start > 1) {
    const uint8_t last = out.back();
    const bool previous_sign = (out[out.size() - 2] & 0x40) != 0;
    if (!((last == 0 && !previous_sign) || (last == 0x7f && previous_sign))) break;
    out.pop_back();
  }
  for (size_t i = start; i + 1 < out.size(); ++i) out[i] |= 0x80;
}

std::string group_digits(std::string_view digits) {
  std::string out;
  if (digits.starts_with('-')) {
    out += '-';
    digits.remove_prefix(1);
  }
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) out += '_';
    out += digits[i];
  }
  return out;
}

std::string BigInt::text(bool grouped) const {
  std::string digits;
  if (limbs_.size() > kMaxDecimalLimbs) {
    digits = fmt::format("{}0x{:x}", negative_ ? "-" : "", limbs_.back());
    for (size_t i = limbs_.size() - 1; i-- > 0;) digits += fmt::format("{:08x}", limbs_[i]);
    return digits;
  }
  std::vector<uint32_t> rest = limbs_;
  std::vector<uint32_t> chunks;
  while (!rest.empty()) {
    uint64_t remainder = 0;
    for (size_t i = rest.size(); i-- > 0;) {
      remainder = remainder << 32 | rest[i];
      rest[i] = static_cast<uint32_t>(remainder / kChunk);
      remainder %= kChunk;
    }
    chunks.push_back(static_cast<uint32_t>(remainder));
    while (!rest.empty() && rest.back() == 0) rest.pop_back();
  }
  if (negative_) digits += '-';
  if (chunks.empty()) return "0";
  digits += fmt::format("{}", chunks.back());
  for (size_t i = chunks.size() - 1; i-- > 0;) {
    digits += fmt::format("{:0{}}", chunks[i], kChunkDigits);
  }
  return grouped ? group_digits(digits) : digits;
}

}  // namespace canrec::candid
