// SPDX-License-Identifier: Apache-2.0
#pragma once

// Fixed places of a Motoko program's heap.
//
//   enhanced persistence, 64-bit     0x000000  stack, down from 0x400000
//                                    0x400000  u64 lifecycle, the runtime's statics
//                                    0x480000  persistent metadata: 32 code points (u32), version
//                                    0x480088  root of the stable variables
//                                    0x500000  heap
//   classical, 32-bit                stack from 0 to a page border (2 MiB; 64 KiB in old versions),
//                                    there u32 lifecycle, then the data segments
//
// Source: https://github.com/dfinity/motoko (rts, persistence.rs; codegen, compile_enhanced.ml)

#include <cstdint>
#include <string_view>

namespace canrec::recover::motoko {

inline constexpr uint64_t kStackEnd = 0x400000;
inline constexpr uint64_t kMetadata = 0x480000;
inline constexpr uint64_t kRoot = kMetadata + 136;
inline constexpr uint64_t kHeap = 0x500000;
/// The metadata begins with these characters, each a u32.
inline constexpr std::string_view kFingerprint = "MOTOKO ORTHOGONAL PERSISTENCE 64";

/// Lifecycle between messages, and after pre-upgrade ran.
inline constexpr uint64_t kIdle = 4;
inline constexpr uint64_t kAfterPreUpgrade = 9;

}  // namespace canrec::recover::motoko
