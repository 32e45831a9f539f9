// SPDX-License-Identifier: Apache-2.0
#pragma once

// What one more or one less System API call can do to a kept heap. The functions themselves are
// ic/system_api.def; only what a comparison must know of them is here.

#include <cstdint>

#include "ic/system_api.h"

namespace canrec::wasmdiff {

enum class ApiEffect : uint8_t {
  kNone,          ///< answers, replies, counts, sizes, logs: the heap is as before
  kTraps,         ///< ends the message; without the call, code behind it runs that never ran
  kWritesHeap,    ///< the network writes its answer into the heap
  kWritesStable,  ///< writes stable memory
  kCallsBack,     ///< part of a call to a canister: functions of the table run later
};

/// The effect of a System API function. What is not in the list of harmless functions counts as
/// writing the heap.
ApiEffect effect_of(ic::SystemApi function);

}  // namespace canrec::wasmdiff
