// SPDX-License-Identifier: Apache-2.0
#pragma once

// Principals: the names of canisters and users, 0 to 29 bytes, and their text form.
// Source: https://docs.internetcomputer.org/references/ic-interface-spec#principal

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace canrec::ic {

/// What the bytes of a principal say about its owner.
enum class PrincipalClass : uint8_t {
  kManagement,          ///< no bytes
  kAnonymous,           ///< the byte 04
  kOpaque,              ///< last byte 01: canisters and subnets-made ids
  kSelfAuthenticating,  ///< 28 bytes of SHA-224, then 02
  kDerived,             ///< last byte 03
  kReserved,            ///< last byte 7f
  kUnknown,
};

/// A principal by value; the default one is the management canister.
class Principal {
 public:
  static constexpr size_t kMaxBytes = 29;

  Principal() = default;
  /// Errors: kBadArgument when there are more than 29 bytes.
  static Result<Principal> from_bytes(ByteView bytes);
  /// Reads the text form; upper case is accepted, dashes must stand where text() puts them.
  /// Errors: kBadArgument with the reason.
  static Result<Principal> parse(std::string_view text);
  static Principal anonymous();
  /// The canister with this number on the network: eight bytes big-endian, then 01 01.
  static Principal canister(uint64_t number);
  /// The principal of a public key in DER form.
  static Principal self_authenticating(ByteView der_key);

  ByteView bytes() const { return {bytes_.data(), size_}; }
  size_t size() const { return size_; }
  /// Groups of five base32 characters with dashes: "rrkah-fqaaa-aaaaa-aaaaq-cai".
  std::string text() const;
  PrincipalClass classify() const;

  /// Lexicographic by bytes, a prefix first.
  std::strong_ordering operator<=>(const Principal& other) const;
  bool operator==(const Principal& other) const;

 private:
  std::array<uint8_t, kMaxBytes> bytes_{};
  uint8_t size_ = 0;
};

/// "canister or other opaque id", for reports.
std::string_view principal_class_words(PrincipalClass value);

}  // namespace canrec::ic
