// SPDX-License-Identifier: Apache-2.0
// Counted and charged access to a memory.
#include "executor/memory_access.h"

#include "base/error.h"
#include "ic/limits.h"

namespace canrec::executor {

ByteView MeteredMemory::read(uint64_t offset, uint64_t length) {
  if (length == 0) return {};
  const engine::PageCounts before = memory_.counts();
  const auto view = memory_.read(offset, length);
  CANREC_ASSERT(view.has_value());
  charge(before);
  return *view;
}

std::span<uint8_t> MeteredMemory::write(uint64_t offset, uint64_t length) {
  if (length == 0) return {};
  const engine::PageCounts before = memory_.counts();
  const auto view = memory_.write(offset, length);
  CANREC_ASSERT(view.has_value());
  charge(before);
  return *view;
}

void MeteredMemory::charge(const engine::PageCounts& before) {
  const engine::PageCounts& after = memory_.counts();
  meter_.take(static_cast<uint64_t>(engine::page_charge(model_, before, after)));
  // The heap's part of the 2025 model is charged by the engine when the call ends.
  if (model_ == engine::PageModel::k2025 && kind_ == MemoryKind::kStable) {
    meter_.take((after.os_written - before.os_written) *
                ic::limits::kStablePageDirtyInstructions2025);
  }
}

uint64_t MeteredMemory::without_bit(uint64_t offset, uint64_t length, uint8_t bit,
                                    uint64_t enough) const {
  if (length == 0) return 0;
  const uint64_t first = offset / engine::kOsPage;
  const uint64_t last = (offset + length - 1) / engine::kOsPage;
  const uint8_t* states = memory_.page_states();
  uint64_t count = 0;
  for (uint64_t page = first; page <= last && count < enough; ++page) {
    count += (states[page] & bit) == 0 ? 1 : 0;
  }
  return count;
}

}  // namespace canrec::executor
