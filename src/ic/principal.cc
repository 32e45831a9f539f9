// SPDX-License-Identifier: Apache-2.0
// The text form of principals: base 32 of CRC-32 and bytes, a dash after every five characters.
#include "ic/principal.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/hash.h"

namespace canrec::ic {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr size_t kChecksumBytes = 4;

int digit_of(char c) {
  if (c >= 'a' && c <= 'z') return c - 'a';
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= '2' && c <= '7') return c - '2' + 26;
  return -1;
}

}  // namespace

Result<Principal> Principal::from_bytes(ByteView bytes) {
  if (bytes.size() > kMaxBytes) {
    return fail(Errc::kBadArgument,
                fmt::format("a principal has at most 29 bytes, not {}", bytes.size()));
  }
  Principal result;
  std::copy(bytes.begin(), bytes.end(), result.bytes_.begin());
  result.size_ = static_cast<uint8_t>(bytes.size());
  return result;
}

Result<Principal> Principal::parse(std::string_view text) {
  // 33 bytes make 53 characters and 10 dashes; nothing longer is looked at.
  constexpr size_t kMaxText = 63;
  if (text.size() > kMaxText) return fail(Errc::kBadArgument, "principal text is too long");
  Bytes decoded;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    if (c == '-') continue;
    const int digit = digit_of(c);
    if (digit < 0) {
      return fail(Errc::kBadArgument, fmt::format("principal has a character that is no base32 "
                                                  "digit: {}",
                                                  printable(as_bytes({&c, 1}))));
    }
    bits = (bits << 5) | static_cast<uint32_t>(digit);
    count += 5;
    if (count >= 8) {
      count -= 8;
      decoded.push_back(static_cast<uint8_t>(bits >> count));
      bits &= (1U << count) - 1;
    }
  }
  if (count >= 5 || bits != 0) return fail(Errc::kBadArgument, "principal has spare base32 bits");
  if (decoded.size() < kChecksumBytes) {
    return fail(Errc::kBadArgument, "principal is too short for its checksum");
  }
  const ByteView payload = ByteView(decoded).subspan(kChecksumBytes);
  uint32_t wanted = 0;
  for (size_t i = 0; i < kChecksumBytes; ++i) wanted = (wanted << 8) | decoded[i];
  if (crc32(payload) != wanted) return fail(Errc::kBadArgument, "principal checksum is wrong");
  CANREC_TRY(const Principal result, from_bytes(payload));
  const std::string canonical = result.text();
  const bool same = std::equal(
      text.begin(), text.end(), canonical.begin(), canonical.end(),
      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b; });
  if (!same) {
    return fail(Errc::kBadArgument,
                fmt::format("principal has its dashes in the wrong places; it is {}", canonical));
  }
  return result;
}

Principal Principal::anonymous() {
  Principal result;
  result.bytes_[0] = 4;
  result.size_ = 1;
  return result;
}

Principal Principal::canister(uint64_t number) {
  Principal result;
  for (size_t i = 0; i < 8; ++i) {
    result.bytes_[i] = static_cast<uint8_t>(number >> (56 - 8 * i));
  }
  result.bytes_[8] = 1;
  result.bytes_[9] = 1;
  result.size_ = 10;
  return result;
}

Principal Principal::self_authenticating(ByteView der_key) {
  const auto hash = sha224(der_key);
  Principal result;
  std::copy(hash.begin(), hash.end(), result.bytes_.begin());
  result.bytes_[hash.size()] = 2;
  result.size_ = kMaxBytes;
  return result;
}

std::string Principal::text() const {
  const uint32_t checksum = crc32(bytes());
  std::array<uint8_t, kChecksumBytes + kMaxBytes> all{};
  for (size_t i = 0; i < kChecksumBytes; ++i) {
    all[i] = static_cast<uint8_t>(checksum >> (24 - 8 * i));
  }
  std::copy_n(bytes_.begin(), size_, all.begin() + kChecksumBytes);
  std::string out;
  uint32_t bits = 0;
  unsigned count = 0;
  size_t digits = 0;
  const auto put = [&](uint32_t digit) {
    if (digits != 0 && digits % 5 == 0) out += '-';
    out += kAlphabet[digit & 31];
    ++digits;
  };
  for (size_t i = 0; i < kChecksumBytes + size_; ++i) {
    bits = (bits << 8) | all[i];
    count += 8;
    while (count >= 5) {
      count -= 5;
      put(bits >> count);
    }
    bits &= (1U << count) - 1;
  }
  if (count > 0) put(bits << (5 - count));
  return out;
}

PrincipalClass Principal::classify() const {
  if (size_ == 0) return PrincipalClass::kManagement;
  const uint8_t last = bytes_[size_ - 1U];
  if (size_ == 1 && last == 4) return PrincipalClass::kAnonymous;
  if (size_ == kMaxBytes && last == 2) return PrincipalClass::kSelfAuthenticating;
  if (last == 1) return PrincipalClass::kOpaque;
  if (last == 3) return PrincipalClass::kDerived;
  if (last == 0x7f) return PrincipalClass::kReserved;
  return PrincipalClass::kUnknown;
}

std::strong_ordering Principal::operator<=>(const Principal& other) const {
  return std::lexicographical_compare_three_way(bytes().begin(), bytes().end(),
                                                other.bytes().begin(), other.bytes().end());
}

bool Principal::operator==(const Principal& other) const {
  return std::ranges::equal(bytes(), other.bytes());
}

std::string_view principal_class_words(PrincipalClass value) {
  switch (value) {
    case PrincipalClass::kManagement:
      return "management canister";
    case PrincipalClass::kAnonymous:
      return "anonymous";
    case PrincipalClass::kOpaque:
      return "canister or other opaque id";
    case PrincipalClass::kSelfAuthenticating:
      return "self-authenticating (a public key)";
    case PrincipalClass::kDerived:
      return "derived";
    case PrincipalClass::kReserved:
      return "reserved";
    case PrincipalClass::kUnknown:
      return "unknown";
  }
  CANREC_ASSERT(false);
}

}  // namespace canrec::ic
