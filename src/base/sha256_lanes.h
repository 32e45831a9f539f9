// SPDX-License-Identifier: Apache-2.0
#pragma once

// SHA-256 of one message cannot be computed in parallel: every block needs the state that the block
// before it left. Who knows the states at some places of a message can check the stretches between
// them side by side. If each stretch leads from its state to the next, the last one to the digest,
// the digest was computed from every byte, only not in their order.
//
// Side by side means in the lanes of a vector: word i of all lanes' states stands in one vector,
// and what the specification says of a word is done to all lanes at once. Source:
// https://csrc.nist.gov/pubs/fips/180-4/upd1/final, section 6.2.2

#include <memory>
#include <span>

#include "base/hash.h"

namespace canrec {

/// What SHA-256 carries from one block of 64 bytes to the next: H0 to H7.
using Sha256State = std::array<uint32_t, 8>;

/// The eight words as 32 bytes, the way a digest has them, and back.
Sha256 to_bytes(const Sha256State& state);
Sha256State to_state(const Sha256& bytes);

/// SHA-256 of data that arrives in pieces, whose state can be seen and begun with.
class Sha256Chain {
 public:
  /// In front of the first byte.
  Sha256Chain();
  /// After `length` bytes, a multiple of 64, that led to this state.
  Sha256Chain(const Sha256State& state, uint64_t length);
  ~Sha256Chain();
  Sha256Chain(const Sha256Chain&) = delete;
  Sha256Chain& operator=(const Sha256Chain&) = delete;
  void update(ByteView bytes);
  /// What the next block begins with. Shape: a whole number of blocks has arrived.
  Sha256State state() const;
  /// The hash of everything; the chain is finished afterwards.
  Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A stretch of a message, and the state in front of it; after the work, the state behind it.
struct Sha256Piece {
  Sha256State state{};
  ByteView bytes;       ///< whole blocks; none for zeros
  uint64_t blocks = 0;  ///< of 64 bytes
};

enum class Sha256Lanes : uint8_t { kOne, kEight, kSixteen };

/// What is fastest on this processor for many pieces: 16 lanes with AVX-512; otherwise one at a
/// time where it has instructions for SHA-256; otherwise 8 lanes with AVX2.
Sha256Lanes best_sha256_lanes();

/// Takes the state of each piece over its blocks. The result is the same with any number of lanes
/// and on any processor: one without the vectors does their work in smaller ones.
void sha256_advance(std::span<Sha256Piece> pieces, Sha256Lanes lanes = best_sha256_lanes());

}  // namespace canrec
