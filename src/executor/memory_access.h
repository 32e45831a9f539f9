// SPDX-License-Identifier: Apache-2.0
#pragma once

// A memory as System API functions touch it: counted and charged as the network does, on the
// instruction counter of the running execution.

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "engine/engine.h"
#include "engine/memory.h"

namespace canrec::executor {

/// The instruction counter of one execution: signed, it may be overdrawn until somebody looks.
class Meter {
 public:
  virtual ~Meter() = default;
  virtual int64_t remaining() const = 0;
  virtual void set_remaining(int64_t value) = 0;
  /// Looks for the end of the budget, or of a slice that left nothing for the next.
  virtual engine::BudgetState look() = 0;
  /// After kSliceOverrun: what the slice took.
  virtual uint64_t slice_overrun() const = 0;

  /// Takes instructions off, at most down to the smallest number.
  void take(uint64_t instructions) {
    const int64_t left = remaining();
    const uint64_t room = static_cast<uint64_t>(left) - static_cast<uint64_t>(INT64_MIN);
    set_remaining(instructions > room ? INT64_MIN : left - static_cast<int64_t>(instructions));
  }
};

enum class MemoryKind : uint8_t { kHeap, kStable };

/// A memory and the counter that touching it is charged to. Neither is owned.
class MeteredMemory {
 public:
  MeteredMemory(engine::Memory& memory, MemoryKind kind, engine::PageModel model, Meter& meter)
      : memory_(memory), kind_(kind), model_(model), meter_(meter) {}

  uint64_t pages() const { return memory_.pages(); }
  uint64_t size() const { return memory_.size(); }
  /// Counts and charges the pages of a range, which lies in the memory, and gives its bytes.
  ByteView read(uint64_t offset, uint64_t length);
  std::span<uint8_t> write(uint64_t offset, uint64_t length);
  /// Adds zero pages; false beyond the capacity.
  bool grow(uint64_t pages) { return memory_.grow(pages); }
  const engine::PageCounts& counts() const { return memory_.counts(); }

  /// OS pages of a range that this execution has not read yet, or not written yet; at most `enough`
  /// are counted.
  uint64_t not_yet_accessed(uint64_t offset, uint64_t length, uint64_t enough) const {
    return without_bit(offset, length, engine::Memory::kAccessed, enough);
  }
  uint64_t not_yet_written(uint64_t offset, uint64_t length, uint64_t enough) const {
    return without_bit(offset, length, engine::Memory::kWritten, enough);
  }

 private:
  void charge(const engine::PageCounts& before);
  uint64_t without_bit(uint64_t offset, uint64_t length, uint8_t bit, uint64_t enough) const;

  engine::Memory& memory_;
  MemoryKind kind_;
  engine::PageModel model_;
  Meter& meter_;
};

}  // namespace canrec::executor
