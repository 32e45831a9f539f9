// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a snapshot of the canister says about a comparison. The heap image is looked at only where a
// finding or the old module's data lies, unless a scan of all of it is asked for, so an image of
// several GiB that is mapped costs little.

#include <cstdint>
#include <span>
#include <vector>

#include "base/interrupt.h"
#include "snapshot/metadata.h"
#include "wasmdiff/compare.h"

namespace canrec::wasmdiff {

/// The parts of a snapshot that matter here.
struct State {
  ByteView module;  ///< unpacked bytes of the module that the snapshot holds
  ByteView heap;
  std::span<const snapshot::GlobalValue> globals;
};

/// A stretch of the old module's data and what the canister did to it.
struct StaticStretch {
  uint64_t address;
  uint64_t length;
  uint32_t segment;        ///< of the old module
  uint64_t changed;        ///< bytes that the heap has otherwise
  uint64_t first_changed;  ///< address; meaningless when nothing changed
};

/// A range in which the two modules' data differ, and what the heap has there.
struct RangeInHeap {
  ChangedRange range;
  bool as_old;
  bool as_new;
};

/// Words of the heap that have a value that means something else in the new module. Small numbers
/// are often just numbers, so these are upper bounds.
struct Scan {
  uint64_t words = 0;
  uint64_t addresses = 0;      ///< words that point into changed data
  uint64_t first_address = 0;  ///< where the first such word stands
  uint64_t slots = 0;          ///< words that are numbers of changed table slots
  uint64_t first_slot = 0;
};

struct Evidence {
  bool same_module = false;  ///< the snapshot holds the old module
  uint64_t heap_bytes = 0;
  std::vector<StaticStretch> statics;
  std::vector<RangeInHeap> ranges;
  std::optional<Scan> scan;
};

/// Looks at the state and adds what it says to the comparison: findings of the area "state", and
/// milder or harder words where a size was unknown before.
///
/// Errors: kInterrupted.
Result<Evidence> examine(Comparison& comparison, const State& state, bool scan_heap,
                         const Interrupt& interrupt);

}  // namespace canrec::wasmdiff
