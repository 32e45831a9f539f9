// SPDX-License-Identifier: Apache-2.0
// Costs worked out by hand from the network's price list.
#include "recover/costs.h"

#include <gtest/gtest.h>

#include "ic/limits.h"

namespace canrec::recover {
namespace {

using executor::Cycles;
using executor::Limit;
using executor::Profile;
using ic::limits::kGiB;

uint64_t number(Cycles cycles) { return static_cast<uint64_t>(cycles); }

// A snapshot is 2,005,000,000 cycles, one a byte, and a message of 200 bytes: 1,600,000.
constexpr uint64_t kSnapshotBase = 2'006'600'000;

CostCase small() {
  CostCase out;
  out.old_module_bytes = 100;
  out.module_bytes = 300;
  out.heap_bytes = 4'000'000;
  out.stable_bytes = 1;
  out.globals = 2;
  out.store_chunks = {10};
  return out;
}

TEST(Costs, CountASnapshotByItsBytes) {
  const Costs costs = costs_of(small(), Profile::mainnet());
  EXPECT_EQ(costs.snapshot_bytes, 4'000'143u);
  EXPECT_EQ(costs.new_snapshot_bytes, 4'000'343u);
  EXPECT_EQ(number(costs.take), kSnapshotBase + 4'000'143);
  EXPECT_EQ(number(costs.way_back), kSnapshotBase + 4'000'143);
  EXPECT_EQ(number(costs.restore), kSnapshotBase + 4'000'343);
}

TEST(Costs, CountSlicesOfTwoMillionBytes) {
  const Costs costs = costs_of(small(), Profile::mainnet());
  // Module 1, heap 2, stable memory 1, chunk 1, and the metadata: 5 + 5 million and 1.6 million
  // each.
  EXPECT_EQ(costs.download_calls, 6u);
  EXPECT_EQ(number(costs.download), 6 * 11'600'000u + 100 + 4'000'000 + 1 + 10);
  EXPECT_EQ(costs.upload_calls, 6u);
  const uint64_t sent = 300 + 4'000'000 + 1 + 10;
  EXPECT_EQ(number(costs.upload),
            5 * 11'600'000u + sent + 2'000 * sent + kSnapshotBase + 4'000'343);
  CostCase more = small();
  more.heap_bytes = 4'000'001;
  EXPECT_EQ(costs_of(more, Profile::mainnet()).download_calls, 7u);
  more.heap_bytes = 0;
  EXPECT_EQ(costs_of(more, Profile::mainnet()).download_calls, 4u);
}

TEST(Costs, CountStorageAndTheReserveOfThirtyDays) {
  CostCase large;
  large.heap_bytes = 4 * kGiB;
  large.module_bytes = large.old_module_bytes = kGiB;
  const Costs costs = costs_of(large, Profile::mainnet());
  EXPECT_EQ(number(costs.snapshot_day), 5 * 317'500ULL * 86'400);
  EXPECT_EQ(number(costs.canister_day), 5 * 317'500ULL * 86'400 + 10'000ULL * 86'400);
  EXPECT_EQ(number(costs.reserve_before), (5 * 317'500ULL + 10'000) * 2'592'000);
  // The canister, BACK and NEW.
  EXPECT_EQ(number(costs.reserve_during), (15 * 317'500ULL + 10'000) * 2'592'000);
  // 4 GiB to send: 2,000 cycles a byte are nearly all of it.
  EXPECT_NEAR(static_cast<double>(costs.upload), 5.0 * kGiB * 2'001, 1e11);
}

TEST(Costs, CountTheMessagesAndTheExecutionOfAnInstallation) {
  CostCase at_hand = small();
  at_hand.messages = {1'000'000, 500'000, 2'000};
  at_hand.install_instructions = 7'000'000'000;
  const Costs costs = costs_of(at_hand, Profile::mainnet());
  EXPECT_EQ(number(costs.install),
            3 * 1'200'000u + 2'000u * 1'502'000 + 7'005'000'000u + 2 * (5'000'000u + 200'000'000));
  EXPECT_EQ(number(costs.upload), 0u);
  EXPECT_EQ(number(costs.restore), 0u);
  EXPECT_EQ(number(costs.new_snapshot_day), 0u);
}

TEST(Costs, FollowThePriceListThatIsGiven) {
  Profile profile = Profile::mainnet();
  profile.set(Limit::kSnapshotInstructionsBase, 1);
  EXPECT_EQ(number(costs_of(small(), profile).take), kSnapshotBase - 1'999'999'999 + 4'000'143);
}

TEST(Costs, AreWrittenInFullAndInTrillions) {
  EXPECT_EQ(cycles_words(1'234'567), "1,234,567 cycles");
  EXPECT_EQ(cycles_words(2'006'600'000), "0.002 T cycles (2,006,600,000)");
  EXPECT_EQ(cycles_words(Cycles{1} << 64), "18446744073709551616 cycles");
}

}  // namespace
}  // namespace canrec::recover
