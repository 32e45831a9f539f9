// SPDX-License-Identifier: Apache-2.0
// Reports of very many executions in bounded memory.
#include <gtest/gtest.h>

#include "executor/run_log.h"

namespace canrec::executor {
namespace {

RunReport run(uint64_t instructions) {
  RunReport report;
  report.entry = "run " + std::to_string(instructions);
  report.instructions = instructions;
  report.instruction_limit = 1000;
  report.api_calls[ic::SystemApi::kTime] = 2;
  report.stable_bytes_written = 3;
  report.prints = {"a", "b"};
  return report;
}

TEST(RunLog, KeepsFewAsTheyAre) {
  RunLog log;
  for (uint64_t i = 0; i < 2 * kKeptRuns; ++i) log.add(run(i));
  const auto runs = log.take();
  ASSERT_EQ(runs.size(), 2 * kKeptRuns);
  for (uint64_t i = 0; i < runs.size(); ++i) EXPECT_EQ(runs[i].instructions, i);
  EXPECT_TRUE(log.take().empty());
}

TEST(RunLog, TakesThoseInTheMiddleTogether) {
  RunLog log;
  constexpr uint64_t kCount = 2 * kKeptRuns + 3;
  for (uint64_t i = 0; i < kCount; ++i) log.add(run(i));
  const auto runs = log.take();
  ASSERT_EQ(runs.size(), 2 * kKeptRuns + 1);
  EXPECT_EQ(runs[kKeptRuns - 1].entry, "run 499");
  const RunReport& sum = runs[kKeptRuns];
  EXPECT_EQ(sum.entry, "3 more executions, taken together");
  EXPECT_EQ(sum.executions, 3u);
  EXPECT_EQ(sum.instructions, 500u + 501u + 502u);
  EXPECT_EQ(sum.most_instructions, 502u);
  EXPECT_EQ(sum.instruction_limit, 1000u);
  EXPECT_EQ(sum.api_calls.at(ic::SystemApi::kTime), 6u);
  EXPECT_EQ(sum.stable_bytes_written, 9u);
  EXPECT_EQ(sum.prints_dropped, 6u);
  EXPECT_EQ(runs[kKeptRuns + 1].entry, "run 503");
  EXPECT_EQ(runs.back().instructions, kCount - 1);
}

TEST(RunLog, KeepsSomeThatWereStopped) {
  RunLog log;
  for (uint64_t i = 0; i < 2 * kKeptRuns + 100; ++i) {
    RunReport report = run(i);
    if (i == kKeptRuns + 50)
      report.stopped = StopReport{trapped(ic::TrapCode::kUnreachable), {}, {}, {}};
    log.add(std::move(report));
  }
  const auto runs = log.take();
  ASSERT_EQ(runs.size(), 2 * kKeptRuns + 2);
  EXPECT_EQ(runs[kKeptRuns].executions, 99u);
  EXPECT_TRUE(runs[kKeptRuns + 1].stopped.has_value());
}

}  // namespace
}  // namespace canrec::executor
