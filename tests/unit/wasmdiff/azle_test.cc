// SPDX-License-Identifier: Apache-2.0
// Row 42 of the decision table, on modules that pass methods on as Azle's do;
// tests/real/recover/azle_test.cc has real ones.
#include <fmt/core.h>

#include "test_module.h"

namespace canrec::wasmdiff::test {
namespace {

struct Script {
  std::string text;
  std::vector<std::pair<std::string, int32_t>> methods;  // and their numbers
  bool loads_after_upgrade = false;
  bool passes_on = true;  // the exported dispatcher is a wrapper
};

// The base canister with a script that code copies, and methods that pass their number on.
Canister with(const Script& script) {
  Canister m;
  const auto dispatch = static_cast<uint32_t>(m.types.size());
  m.types.push_back({0x60, 1, 0x7f, 0});
  m.data.push_back({std::nullopt, script.text});
  m.data_count = true;
  m.functions[kFnGet].code = code({i32(66000), i32(0), i32(5), {0xfc, 8, 2, 0}});
  const auto position = [&m] { return static_cast<uint32_t>(m.functions.size()); };
  const uint32_t run = position();
  m.functions.push_back({dispatch, {0}, code({local_get(0), kDrop, call(kReply)}), "run"});
  const uint32_t nothing = position();
  m.functions.push_back({kNothing, {0}, {}, "destructors"});
  m.exports.emplace_back("execute_method_js", script.passes_on ? position() : run);
  m.functions.push_back(
      {dispatch, {0}, code({local_get(0), call(m.index(run)), call(m.index(nothing))}), "wrapper"});
  for (const auto& [name, number] : script.methods) {
    m.exports.emplace_back(name, position());
    m.functions.push_back({kNothing, {0}, code({i32(number), call(m.index(run))}), name});
  }
  if (script.loads_after_upgrade) m.exports.emplace_back("canister_post_upgrade", kFnFrame);
  return m;
}

Compared scripts(const Script& old_script, const Script& new_script) {
  return between([&](Canister& m) { m = with(old_script); },
                 [&](Canister& m) { m = with(new_script); });
}

TEST(AzleScript, StaysTheOldOneByRouteS) {
  const Script old_script{"first script", {{"canister_query a", 0}, {"canister_update b", 1}}};
  Script new_script = old_script;
  EXPECT_FALSE(scripts(old_script, new_script).has("script.old"));
  new_script.text = "other script";
  const Compared c = scripts(old_script, new_script);
  const Finding* found = c.find("script.old");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->weights.s, Severity::kReview);
  EXPECT_EQ(found->weights.k, Severity::kReview);
  EXPECT_FALSE(c.has("script.methods"));
}

TEST(AzleScript, IsUnsafeWhereAMethodCallsByAnotherNumber) {
  const Script old_script{"first script", {{"canister_query a", 0}, {"canister_update b", 1}}};
  for (const bool passes_on : {false, true}) {
    const Script moved{"other script",
                       {{"canister_query a", 1}, {"canister_update b", 0}, {"canister_query c", 2}},
                       false,
                       passes_on};
    const Compared c = scripts(old_script, moved);
    const Finding* found = c.find("script.methods");
    ASSERT_NE(found, nullptr) << passes_on;
    EXPECT_EQ(found->weights.s, Severity::kUnsafe);
    EXPECT_EQ(found->weights.k, Severity::kUnsafe);
    EXPECT_EQ(found->evidence,
              (std::vector<std::string>{
                  "\"canister_query a\" calls number 1; in the heap's script that is "
                  "canister_update b",
                  "\"canister_query c\" calls number 2; in the heap's script that is nothing",
                  "\"canister_update b\" calls number 0; in the heap's script that is "
                  "canister_query a"}));
  }
}

TEST(AzleScript, IsLoadedAnewByAHookAfterAnUpgrade) {
  const Script old_script{"first script", {{"canister_query a", 0}}};
  const Script moved{"other script", {{"canister_query a", 1}}, true};
  const Compared c = scripts(old_script, moved);
  const Finding* found = c.find("script.methods");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->weights.s, Severity::kUnsafe);
  EXPECT_EQ(found->weights.k, Severity::kReview);
}

TEST(AzleScript, NamesEightMethodsAndCountsTheRest) {
  Script old_script{"first script", {}};
  Script moved{"other script", {}};
  for (int32_t i = 0; i < 20; ++i) {
    old_script.methods.emplace_back(fmt::format("canister_query m{:02}", i), i);
    moved.methods.emplace_back(fmt::format("canister_query m{:02}", i), i + 1);
  }
  const Compared c = scripts(old_script, moved);
  const Finding* found = c.find("script.methods");
  ASSERT_NE(found, nullptr);
  ASSERT_EQ(found->evidence.size(), 9U);
  EXPECT_EQ(found->evidence.back(), "and 12 more");
}

TEST(AzleScript, IsNotLookedForInOtherPrograms) {
  const Script script{"first script", {{"canister_query a", 0}}};
  const auto without_dispatcher = [](const Script& given) {
    Canister m = with(given);
    std::erase_if(m.exports, [](const auto& entry) { return entry.first == "execute_method_js"; });
    return m;
  };
  const Compared c = between([&](Canister& m) { m = without_dispatcher(script); },
                             [&](Canister& m) {
                               m = without_dispatcher({"other script", {{"canister_query a", 1}}});
                             });
  EXPECT_TRUE(c.has("segment.changed"));
  EXPECT_FALSE(c.has("script.old"));
  EXPECT_FALSE(c.has("script.methods"));
}

}  // namespace
}  // namespace canrec::wasmdiff::test
