// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ctrl-C as a flag. cli sets it from a signal handler; long loops below look at it and answer
// kInterrupted, so that temporary files are removed on the way out.

#include <atomic>

#include "base/error.h"

namespace canrec {

/// A request to stop, shared by a whole run. Lock-free, so a signal handler may set it.
class Interrupt {
 public:
  void request() { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const { return requested_.load(std::memory_order_relaxed); }
  /// kInterrupted once requested.
  Status check() const {
    if (requested()) [[unlikely]]
      return fail(Errc::kInterrupted, "interrupted");
    return Ok{};
  }

 private:
  std::atomic<bool> requested_{false};
  static_assert(std::atomic<bool>::is_always_lock_free);
};

}  // namespace canrec
