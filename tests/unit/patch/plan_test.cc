// SPDX-License-Identifier: Apache-2.0
#include "patch/plan.h"

#include "modules.h"
#include "patch/operations.h"

namespace canrec::patch {
namespace {

Plan sample() {
  const TestModule input = small_canister();
  const auto made = remove_call(input.loaded(), "pre:stable_size", {"5"});
  EXPECT_TRUE(made.has_value());
  Plan plan = made ? *made : Plan{};
  plan.names.push_back({9, "name with \"quotes\" and \\"});
  return plan;
}

TEST(Plan, JsonRoundTrips) {
  const Plan plan = sample();
  const auto read = plan_from_json(to_json(plan));
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_TRUE(*read == plan);
}

TEST(Plan, RejectsEveryTruncation) {
  const std::string json = to_json(sample());
  for (size_t n = 0; n + 2 < json.size(); ++n) {
    const auto read = plan_from_json(std::string_view(json).substr(0, n));
    ASSERT_FALSE(read.has_value()) << n;
    EXPECT_EQ(read.error().code(), Errc::kPatchPlan);
  }
}

TEST(Plan, RejectsWrongKindsOfMembers) {
  const std::string json = to_json(sample());
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = json;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return plan_from_json(text);
  };
  EXPECT_FALSE(with("\"schema\": 1", "\"schema\": 2").has_value());
  EXPECT_FALSE(with("\"patch_plan\"", "\"plan\"").has_value());
  EXPECT_FALSE(with("\"scope\": \"body\"", "\"scope\": \"head\"").has_value());
  EXPECT_FALSE(with("\"added_imports\": 0", "\"added_imports\": 1000").has_value());
  EXPECT_FALSE(with("\"added_imports\": 0", "\"added_imports\": -1").has_value());
  EXPECT_FALSE(with("\"length\": 2", "\"length\": 3").has_value());
  EXPECT_FALSE(with("\"offset\": ", "\"offset\": 1e3, \"x\": ").has_value());
  EXPECT_FALSE(plan_from_json(std::string(100'000, '[')).has_value());
}

TEST(Plan, FitsOnlyItsOwnInput) {
  const Plan plan = sample();
  const TestModule input = small_canister();
  EXPECT_TRUE(check_fits(plan, input.loaded()).has_value());
  Bytes other = input.bytes();
  other.back() ^= 1;
  const TestModule changed(std::move(other));
  const auto status = check_fits(plan, changed.loaded());
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), Errc::kPatchPlan);

  Plan lying = sample();
  lying.changes[0].before[0] ^= 1;
  const auto refused = check_fits(lying, input.loaded());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().offset(), lying.changes[0].range.begin);
}

}  // namespace
}  // namespace canrec::patch
