// SPDX-License-Identifier: Apache-2.0
#pragma once

// The reports of one command's executions, in bounded memory: a canister can set off a million of
// them. The first and the last are kept as they are, and so are some that were stopped; the others
// become one report of their sums, which stands between the first and the last.

#include <deque>
#include <vector>

#include "executor/report.h"

namespace canrec::executor {

/// How many of the first, and of the last, are kept; and of those between that were stopped.
inline constexpr size_t kKeptRuns = 500;
inline constexpr size_t kKeptStoppedRuns = 20;

class RunLog {
 public:
  void add(RunReport run);
  /// All of them in their order, and the log is empty again.
  std::vector<RunReport> take();

 private:
  void set_aside(RunReport run);

  std::vector<RunReport> first_;
  std::vector<RunReport> stopped_;
  RunReport between_;
  uint64_t between_count_ = 0;
  std::deque<RunReport> last_;
};

}  // namespace canrec::executor
