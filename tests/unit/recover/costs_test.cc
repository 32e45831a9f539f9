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

// A snapshot is 2,005,000,000 cycles and one a byte; a message 1,200,000 and 2,000 a byte.
constexpr uint64_t kSnapshotBase = 2'005'000'000;
constexpr uint64_t message(uint64_t bytes) { return 1'200'000 + 2'000 * bytes; }
constexpr SnapshotMessages kSizes = {.take = 100,
                                     .load = 110,
                                     .read_metadata = 120,
                                     .read_slice = 130,
                                     .read_chunk = 140,
                                     .upload_metadata = 150,
                                     .upload_slice = 160,
                                     .upload_chunk = 170};

CostCase small() {
  CostCase out;
  out.old_module_bytes = 100;
  out.module_bytes = 300;
  out.heap_bytes = 4'000'000;
  out.stable_bytes = 1;
  out.globals = 2;
  out.store_chunks = {10};
  out.sizes = kSizes;
  return out;
}

TEST(Costs, CountASnapshotByItsBytes) {
  const Costs costs = costs_of(small(), Profile::mainnet());
  EXPECT_EQ(costs.snapshot_bytes, 4'000'143u);
  EXPECT_EQ(costs.new_snapshot_bytes, 4'000'343u);
  EXPECT_EQ(number(costs.take), kSnapshotBase + 4'000'143 + message(100));
  EXPECT_EQ(number(costs.way_back), kSnapshotBase + 4'000'143 + message(110));
  EXPECT_EQ(number(costs.restore), kSnapshotBase + 4'000'343 + message(110));
}

TEST(Costs, CountSlicesOfTwoMillionBytes) {
  const Costs costs = costs_of(small(), Profile::mainnet());
  // Module 1, heap 2, stable memory 1, chunk 1, and the metadata: 5 + 5 million each.
  EXPECT_EQ(costs.download_calls, 6u);
  EXPECT_EQ(number(costs.download), 6 * 10'000'000u + 100 + 4'000'000 + 1 + 10 + 4 * message(130) +
                                        message(140) + message(120));
  EXPECT_EQ(costs.upload_calls, 6u);
  // What is sent travels in the message, behind a length of 1 to 3 bytes, of which one is counted.
  const uint64_t sent = 300 + 4'000'000 + 1 + 10;
  const uint64_t messages = message(160 + 300 + 1) + 2 * message(160 + 2'000'000 + 2) +
                            message(160 + 1) + message(170 + 10) + message(150);
  EXPECT_EQ(number(costs.upload), 5 * 10'000'000u + sent + kSnapshotBase + 4'000'343 + messages);
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
  EXPECT_EQ(number(costs_of(small(), profile).take),
            kSnapshotBase - 1'999'999'999 + 4'000'143 + message(100));
}

TEST(Costs, RiseInProportionToTheNodesOfTheSubnet) {
  const Costs costs = costs_of(small(), Profile::mainnet());
  const Costs of_34 = on_subnet(costs, 34);
  EXPECT_EQ(number(of_34.take), number(costs.take) * 34 / 13);
  EXPECT_EQ(number(of_34.upload), number(costs.upload) * 34 / 13);
  EXPECT_EQ(number(of_34.reserve_during), number(costs.reserve_during) * 34 / 13);
  EXPECT_EQ(of_34.upload_calls, costs.upload_calls);
  EXPECT_EQ(of_34.snapshot_bytes, costs.snapshot_bytes);
  EXPECT_EQ(number(on_subnet(costs, 13).download), number(costs.download));
}

TEST(Costs, AreWrittenInFullAndInTrillions) {
  EXPECT_EQ(cycles_words(1'234'567), "1,234,567 cycles");
  EXPECT_EQ(cycles_words(2'006'600'000), "0.002 T cycles (2,006,600,000)");
  EXPECT_EQ(cycles_words(Cycles{1} << 64), "18446744073709551616 cycles");
}

}  // namespace
}  // namespace canrec::recover
