// SPDX-License-Identifier: Apache-2.0
// System API: stable memory, in the order of its checks.
#include <gtest/gtest.h>

#include "system_calls_fixture.h"

namespace canrec::executor {
namespace {

using test::Caller;

constexpr uint64_t kPage = 65536;
constexpr std::string_view kStableBounds = "Canister trapped: stable memory out of bounds";
constexpr std::string_view kHeapBounds = "Canister trapped: heap out of bounds";
constexpr std::string_view kTooBig =
    "Canister trapped: 32 bit stable memory api used on a memory larger than 4GB";

TEST(StableMemory, GrowsAndTellsTheOldSize) {
  Caller caller(ic::Context::kUpdate);
  EXPECT_EQ(caller.ok("stable64_grow", {2}), 0u);
  EXPECT_EQ(caller.ok("stable_grow", {3}), 2u);
  EXPECT_EQ(caller.ok("stable_grow", {0}), 5u);
  EXPECT_EQ(caller.ok("stable64_size"), 5u);
  EXPECT_EQ(caller.ok("stable_size"), 5u);
}

TEST(StableMemory, RefusesGrowthBeyondItsLimits) {
  Caller caller(ic::Context::kUpdate);
  EXPECT_EQ(caller.ok("stable_grow", {65537}), UINT32_MAX);
  EXPECT_EQ(caller.ok("stable_grow", {65536}), 0u);
  EXPECT_EQ(caller.ok("stable_grow", {1}), UINT32_MAX);
  EXPECT_EQ(caller.ok("stable64_grow", {UINT64_MAX}), UINT64_MAX);
  EXPECT_EQ(caller.ok("stable64_grow", {8'192'000 - 65536 + 1}), UINT64_MAX);
  EXPECT_EQ(caller.ok("stable64_grow", {8'192'000 - 65536}), 65536u);
  EXPECT_EQ(caller.ok("stable64_size"), 8'192'000u);
}

TEST(StableMemory, TrapsThe32BitCallsAbove4GiB) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("stable64_grow", {65537});
  EXPECT_EQ(caller.stopped("stable_size"), kTooBig);
  EXPECT_EQ(caller.stopped("stable_grow", {0}), kTooBig);
  EXPECT_EQ(caller.stopped("stable_read", {0, 0, 1}), kTooBig);
  EXPECT_EQ(caller.stopped("stable_write", {0, 0, 0}), kTooBig);
  caller.ok("stable_read", {0, 0, 0});
}

TEST(StableMemory, ChecksNothingForReadsOfNoBytes) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("stable64_read", {UINT64_MAX, UINT64_MAX, 0});
  caller.ok("stable64_write", {UINT64_MAX, UINT64_MAX, 0});
  caller.ok("stable_read", {UINT32_MAX, UINT32_MAX, 0});
  EXPECT_EQ(caller.stopped("stable_write", {1, 0, 0}), kStableBounds);
  caller.ok("stable_write", {0, UINT32_MAX, 0});
}

TEST(StableMemory, ChecksStableBoundsBeforeHeapBounds) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("stable64_grow", {1});
  EXPECT_EQ(caller.stopped("stable64_write", {kPage - 1, 1u << 30, 2}), kStableBounds);
  EXPECT_EQ(caller.stopped("stable64_write", {UINT64_MAX, 0, 2}), kStableBounds);
  EXPECT_EQ(caller.stopped("stable64_write", {0, uint64_t{1} << 32, 1}), kHeapBounds);
  EXPECT_EQ(caller.stopped("stable64_write", {0, 2 * kPage - 1, 2}), kHeapBounds);
  EXPECT_EQ(caller.stopped("stable64_read", {2 * kPage, 0, 1}), kHeapBounds);
  EXPECT_EQ(caller.stopped("stable_read", {2 * kPage, kPage, 1}), kStableBounds);
}

TEST(StableMemory, KeepsWhatIsWritten) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("stable64_grow", {1});
  caller.put(0, "stable bytes");
  caller.ok("stable_write", {kPage - 12, 0, 12});
  caller.ok("stable64_read", {500, kPage - 5, 5});
  EXPECT_EQ(caller.heap_text(500, 5), "bytes");
  EXPECT_EQ(caller.report.stable_bytes_written, 12u);
  EXPECT_EQ(caller.report.stable_bytes_read, 5u);
}

TEST(StableMemory, ChargesTwentyAndTheBytes) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("stable64_grow", {1});
  EXPECT_EQ(caller.spent(), 100u);
  caller.ok("stable64_write", {0, 0, 100});
  EXPECT_EQ(caller.spent(), 100u + 20 + 100);
  caller.ok("stable64_size");
  EXPECT_EQ(caller.spent(), 100u + 20 + 100);
}

TEST(StableMemory, LimitsThePagesOfOneExecution) {
  Caller caller(ic::Context::kUpdate);
  caller.in.stable_access_os_pages = 3;
  caller.ok("stable64_grow", {2});
  caller.ok("stable64_read", {0, 0, 2 * 4096});
  caller.ok("stable64_read", {0, 4096, 2 * 4096});
  EXPECT_EQ(
      caller.stopped("stable64_read", {0, 3 * 4096, 1}),
      "Canister exceeded memory access limits: Exceeded the limit for the number of accessed "
      "pages in the stable memory in a single message execution: limit 2097152 KB for regular "
      "messages and 1048576 KB for queries.");
  caller.ok("stable64_write", {0, 0, 3 * 4096});
}

TEST(StableMemory, LimitsThePagesThatAreWritten) {
  Caller caller(ic::Context::kUpdate);
  caller.in.stable_access_os_pages = 3;
  caller.ok("stable64_grow", {2});
  caller.ok("stable64_write", {4000, 0, 4096});
  const auto result = caller.call("stable64_write", {2 * 4096, 0, 2 * 4096});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error, ic::ExecutionError::kStableReadLimit);
  caller.ok("stable64_write", {2 * 4096, 0, 4096});
}

TEST(StableMemory, ChargesEachPageOnceWhenTouched) {
  Caller caller(ic::Context::kUpdate);
  MeteredMemory heap(caller.heap_memory, MemoryKind::kHeap, engine::PageModel::k2026, caller.meter);
  MeteredMemory stable(caller.stable_memory, MemoryKind::kStable, engine::PageModel::k2026,
                       caller.meter);
  ASSERT_TRUE(stable.grow(2));
  Machine machine{&heap, stable, caller.meter, false};
  SystemCalls calls(caller.profile, caller.in, caller.report);
  const std::vector<uint64_t> arguments = {0, 0, 100};
  constexpr uint64_t kTouch = 80'000;
  ASSERT_TRUE(calls.call(ic::SystemApi::kStable64Write, arguments, machine));
  EXPECT_EQ(caller.spent(), 120 + kTouch + 2 * kTouch);  // heap read; stable first access and write
  ASSERT_TRUE(calls.call(ic::SystemApi::kStable64Write, arguments, machine));
  EXPECT_EQ(caller.spent(), 240 + 3 * kTouch);
}

TEST(StableMemory, ChargesOsPagesByTheOlderModel) {
  Caller caller(ic::Context::kUpdate);
  MeteredMemory stable(caller.stable_memory, MemoryKind::kStable, engine::PageModel::k2025,
                       caller.meter);
  ASSERT_TRUE(stable.grow(2));
  (void)stable.write(0, 2 * 4096 + 1);
  EXPECT_EQ(caller.spent(), 3 * 1000u);
  (void)stable.read(0, 65536);
  EXPECT_EQ(caller.spent(), 3 * 1000u);
}

}  // namespace
}  // namespace canrec::executor
