// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bytes for tests that must not be zero, repeat or compress.

#include <cstdint>

#include "base/bytes.h"

namespace canrec::test {

/// Bytes that look random and are the same in every run.
inline Bytes noise(size_t size, uint64_t seed = 1) {
  Bytes out(size);
  uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
  for (uint8_t& byte : out) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<uint8_t>(state >> 24);
  }
  return out;
}

}  // namespace canrec::test
