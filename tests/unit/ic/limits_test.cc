// SPDX-License-Identifier: Apache-2.0
// The limits table.
#include "ic/limits.h"

#include <gtest/gtest.h>

#include <set>

namespace canrec::ic {
namespace {

TEST(Limits, EveryRowIsWhole) {
  std::set<std::string_view> names;
  for (const Limit& limit : kLimits) {
    EXPECT_TRUE(names.insert(limit.name).second) << limit.name;
    EXPECT_GT(limit.value, 0u) << limit.name;
    EXPECT_FALSE(limit.unit.empty() || limit.source.empty() || limit.words.empty()) << limit.name;
    EXPECT_EQ(find_limit(limit.name), &limit);
  }
  EXPECT_EQ(find_limit("no-such-limit"), nullptr);
}

TEST(Limits, ValuesAreTheNetworks) {
  EXPECT_EQ(limits::kUpdateInstructions, 40'000'000'000u);
  EXPECT_EQ(limits::kInstallInstructions, 300'000'000'000u);
  EXPECT_EQ(limits::kHeapBytes32, 4'294'967'296u);
  EXPECT_EQ(limits::kHeapBytes64, 6'442'450'944u);
  EXPECT_EQ(limits::kStableBytes, 536'870'912'000u);
  EXPECT_EQ(limits::kModuleBytes, 104'857'600u);
  EXPECT_EQ(limits::kCallBytesSameSubnet, 10'485'760u);
  EXPECT_EQ(limits::kQueryReplyBytes, 3'145'728u);
  EXPECT_EQ(limits::kSnapshotReadBytes, 2'000'000u);
  EXPECT_EQ(limits::kWasmMemoryLimitDefault, 3'221'225'472u);
  EXPECT_EQ(find_limit("code-section-bytes")->value, 12u * 1024 * 1024);
}

}  // namespace
}  // namespace canrec::ic
