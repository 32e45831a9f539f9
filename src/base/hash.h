// SPDX-License-Identifier: Apache-2.0
#pragma once

// The hashes in use: SHA-256 to name evidence, XXH3-128 to compare and address, XXH64 as the
// generated canisters compute it.

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace canrec {

using Sha256 = std::array<uint8_t, 32>;

/// SHA-256 of one buffer.
Sha256 sha256(ByteView bytes);

/// SHA-256 of data that arrives in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void update(ByteView bytes);
  /// The hash of everything so far; the stream is finished afterwards.
  Sha256 finish();
  /// The hash of everything so far; the stream goes on.
  Sha256 peek() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// SHA-224, which principals are derived with.
std::array<uint8_t, 28> sha224(ByteView bytes);

/// A 128-bit XXH3 value; `high` first in canonical form.
struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
};

Hash128 xxh3_128(ByteView bytes);
uint64_t xxh3_64(ByteView bytes);
uint64_t xxh64(ByteView bytes, uint64_t seed = 0);
/// CRC-32 (IEEE), the checksum in the text form of principals.
uint32_t crc32(ByteView bytes);

std::string to_hex(const Hash128& hash);
std::string to_hex(const Sha256& hash);

}  // namespace canrec
