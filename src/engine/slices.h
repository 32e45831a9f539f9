// SPDX-License-Identifier: Apache-2.0
#pragma once

// The budget of one execution, cut into slices. The network runs a long message slice by slice; the
// canister sees nothing of it but this: what one slice takes beyond its limit is taken off the
// next, and when nothing is left for the next, the execution ends.
//
// Source: dfinity/ic rs/embedders (deterministic time slicing): try_pause, State::update.

#include <algorithm>
#include <cstdint>

namespace canrec::engine {

/// What a test of the instruction counter finds.
enum class BudgetState : uint8_t { kLeft, kSpent, kSliceOverrun };

/// Counters here are what is left of the whole budget: they go down, below zero when overdrawn.
class Slices {
 public:
  /// Shape:  `most` >= the budget means one slice: the budget alone decides.
  Slices(int64_t budget, int64_t most)
      : most_(std::clamp<int64_t>(most, 0, std::max<int64_t>(budget, 0))),
        begin_(budget),
        limit_(most_) {}

  /// The slice is over when the counter is found below this.
  int64_t end() const { return begin_ - limit_; }

  /// Looks at the counter at a test point and begins the next slice where one is due.
  BudgetState look(int64_t counter) {
    if (counter >= end()) return BudgetState::kLeft;
    if (limit_ >= begin_) return BudgetState::kSpent;  // it was the last one
    const auto executed = static_cast<uint64_t>(begin_) - static_cast<uint64_t>(counter);
    const uint64_t beyond = executed - static_cast<uint64_t>(limit_);
    const int64_t next =
        beyond >= static_cast<uint64_t>(most_) ? 0 : most_ - static_cast<int64_t>(beyond);
    if (next == 0) {
      overrun_ = executed;
      return BudgetState::kSliceOverrun;
    }
    begin_ = counter;
    limit_ = std::clamp<int64_t>(next, 0, std::max<int64_t>(counter, 0));
    return BudgetState::kLeft;
  }

  /// After kSliceOverrun: what the slice took.
  uint64_t overrun() const { return overrun_; }

 private:
  int64_t most_;
  int64_t begin_;  // the counter when the slice began
  int64_t limit_;  // of the slice
  uint64_t overrun_ = 0;
};

}  // namespace canrec::engine
