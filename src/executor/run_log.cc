// SPDX-License-Identifier: Apache-2.0
// Many reports in bounded memory.
#include "executor/run_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "base/bytes.h"

namespace canrec::executor {

void RunLog::add(RunReport run) {
  if (first_.size() < kKeptRuns) {
    first_.push_back(std::move(run));
    return;
  }
  last_.push_back(std::move(run));
  if (last_.size() <= kKeptRuns) return;
  set_aside(std::move(last_.front()));
  last_.pop_front();
}

void RunLog::set_aside(RunReport run) {
  if (run.stopped && stopped_.size() < kKeptStoppedRuns) {
    stopped_.push_back(std::move(run));
    return;
  }
  RunReport& sum = between_;
  if (between_count_++ == 0) {
    sum.canister = run.canister;
    sum.context = run.context;
    sum.heap.before_bytes = run.heap.before_bytes;
    sum.stable.before_bytes = run.stable.before_bytes;
  }
  sum.instructions += run.instructions;
  sum.instruction_limit = std::max(sum.instruction_limit, run.instruction_limit);
  sum.most_instructions = std::max(sum.most_instructions, run.instructions);
  for (const auto& [function, count] : run.api_calls) sum.api_calls[function] += count;
  const auto add_use = [](MemoryUse& into, const MemoryUse& more) {
    into.after_bytes = more.after_bytes;
    into.accessed_os_pages += more.accessed_os_pages;
    into.dirty_os_pages += more.dirty_os_pages;
  };
  add_use(sum.heap, run.heap);
  add_use(sum.stable, run.stable);
  sum.stable_bytes_read += run.stable_bytes_read;
  sum.stable_bytes_written += run.stable_bytes_written;
  sum.prints_dropped += run.prints_dropped + run.prints.size();
  if (run.cycles) sum.cycles = saturating_add(sum.cycles.value_or(0), *run.cycles);
}

std::vector<RunReport> RunLog::take() {
  std::vector<RunReport> out = std::exchange(first_, {});
  if (between_count_ > 0) {
    between_.entry = fmt::format("{} more executions, taken together", grouped(between_count_));
    between_.executions = between_count_;
    out.push_back(std::exchange(between_, {}));
    between_count_ = 0;
  }
  std::ranges::move(std::exchange(stopped_, {}), std::back_inserter(out));
  std::ranges::move(std::exchange(last_, {}), std::back_inserter(out));
  return out;
}

}  // namespace canrec::executor
