// SPDX-License-Identifier: Apache-2.0
#include "patch/calls.h"

#include "modules.h"

namespace canrec::patch {
namespace {

CallList calls_of(const TestModule& module, std::string_view from = "") {
  auto list = list_calls(module.module(), from);
  EXPECT_TRUE(list.has_value()) << list.error().message();
  return list ? std::move(*list) : CallList{};
}

const CallSiteInfo& site(const CallList& list, std::string_view place) {
  for (const CallSiteInfo& info : list.sites) {
    if (info.place.starts_with(place)) return info;
  }
  ADD_FAILURE() << "no site " << place;
  return list.sites.at(0);
}

std::string hazards(const CallSiteInfo& info) {
  std::string out;
  for (const std::string& hazard : info.hazards) out += hazard + "\n";
  return out;
}

// A module whose pre-upgrade hook is `body`, with a helper that grows and one that does not.
TestModule hook(std::string_view body) {
  return TestModule(fmt::format(R"((module
    (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
    (memory 1)
    (table 1 funcref)
    (elem (i32.const 0) $indirect)
    (func $put i64.const 0 i64.const 0 i64.const 8 call $write)
    (func $more i64.const 1 call $grow drop)
    (func $indirect (param i64) call $more)
    (func $pre (param $n i32) {})
    (func $entry i32.const 1 call $pre)
    (export "canister_pre_upgrade" (func $entry))))",
                                body));
}

std::string hook_hazards(std::string_view body) {
  return hazards(site(calls_of(hook(body), "canister_pre_upgrade"), "put:stable64_write"));
}

TEST(Calls, ListsSitesWithEntryPointsAndContext) {
  const TestModule module = small_canister();
  const CallList list = calls_of(module);
  ASSERT_EQ(list.sites.size(), 5u);
  const CallSiteInfo& save = site(list, "save:stable_write");
  EXPECT_EQ(save.import, "ic0.stable_write");
  ASSERT_EQ(save.reached_from.size(), 1u);
  EXPECT_EQ(list.entries[save.reached_from[0].entry].name, "canister_pre_upgrade");
  EXPECT_EQ(save.reached_from[0].reach, wasm::Reach::kDirect);
  const auto at = std::ranges::find_if(save.around, &ContextLine::is_site);
  ASSERT_NE(at, save.around.end());
  EXPECT_EQ(at->text, "call $ic0.stable_write");
  EXPECT_EQ(at->offset, save.site.instruction.offset);
}

TEST(Calls, LimitsTheListToOneEntryPoint) {
  const TestModule module = small_canister();
  const CallList list = calls_of(module, "canister_pre_upgrade");
  ASSERT_EQ(list.sites.size(), 2u);
  EXPECT_FALSE(list_calls(module.module(), "canister_init").has_value());
}

TEST(Calls, SaysWhereACallIsNotAllowed) {
  const TestModule module(R"((module
    (import "ic0" "msg_reply" (func $reply))
    (func $pre call $reply)
    (export "canister_pre_upgrade" (func $pre))
    (export "canister_update x" (func $pre))))");
  const CallSiteInfo info = calls_of(module).sites.at(0);
  ASSERT_EQ(info.reached_from.size(), 2u);
  EXPECT_TRUE(info.reached_from[0].forbidden.contains(ic::Context::kPreUpgrade));
  EXPECT_TRUE(info.reached_from[1].forbidden.empty());
}

TEST(Calls, WarnsOfThe32BitStableApiInHooksAndQueries) {
  const TestModule module(R"((module
    (import "ic0" "stable_size" (func $size (result i32)))
    (func $a call $size drop)
    (func $b call $size drop)
    (export "canister_query q" (func $a))
    (export "canister_update u" (func $b))))");
  const CallList list = calls_of(module);
  EXPECT_NE(hazards(site(list, "a:")).find("32-bit stable API in canister_query q"),
            std::string::npos);
  EXPECT_EQ(hazards(site(list, "b:")), "");
}

TEST(Calls, WarnsOfWritesThatNothingGrowsBefore) {
  const std::string_view never = "no stable grow before it on any path";
  EXPECT_NE(hook_hazards("call $put").find(never), std::string::npos);
  EXPECT_EQ(hook_hazards("call $more call $put"), "");
  EXPECT_NE(hook_hazards("call $put call $more").find(never), std::string::npos);
  EXPECT_EQ(hook_hazards("local.get $n if call $more end call $put"), "");
  EXPECT_NE(hook_hazards("local.get $n if call $more else call $put end").find(never),
            std::string::npos);
  EXPECT_NE(hook_hazards("local.get $n if call $more return end call $put").find(never),
            std::string::npos);
  EXPECT_EQ(hook_hazards("block local.get $n br_if 0 call $more br 0 end call $put"), "");
  EXPECT_EQ(hook_hazards("i32.const 0 loop call $put call $more i32.const 3 i32.lt_u br_if 0 "
                         "i32.const 0 drop i32.const 0 br_if 0 end")
                .find(never),
            std::string::npos);
  EXPECT_NE(hook_hazards("i64.const 1 i32.const 0 call_indirect (param i64) call $put")
                .find("only if an indirect call does that"),
            std::string::npos);
}

TEST(Calls, WarnsOfLoopsWhoseLengthIsNotConstant) {
  const std::string_view loop = "this runs in the loop at 0x";
  EXPECT_EQ(hook_hazards("call $more call $put").find(loop), std::string::npos);
  EXPECT_NE(hook_hazards("call $more loop call $put local.get $n br_if 0 end").find(loop),
            std::string::npos);
  EXPECT_EQ(hook_hazards("(local i32) call $more loop call $put local.get 1 i32.const 1 i32.add "
                         "local.tee 1 i32.const 8 i32.lt_u br_if 0 end")
                .find(loop),
            std::string::npos);
}

TEST(Calls, NamesTheCommandThatMends) {
  const TestModule module(R"((module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (import "ic0" "stable_size" (func $size (result i32)))
    (import "ic0" "stable_write" (func $write (param i32 i32 i32)))
    (memory 1)
    (func $hook
      call $reply
      (drop (call $perform))
      (drop (call $size))
      (call $write (i32.const 0) (i32.const 0) (i32.const 4)))
    (export "canister_pre_upgrade" (func $hook))))");
  const CallList list = calls_of(module);
  ASSERT_EQ(list.sites.size(), 4U);
  const auto remedies = [&](size_t i) { return list.sites[i].remedies; };
  const auto offset = [&](size_t i) { return list.sites[i].site.instruction.offset; };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(remedies(0), Texts{fmt::format("remove MODULE @0x{:08x}", offset(0))});
  EXPECT_EQ(remedies(1), Texts{fmt::format("remove MODULE @0x{:08x} --result 0", offset(1))});
  EXPECT_EQ(remedies(2), Texts{"retarget MODULE --from canister_pre_upgrade"});
  EXPECT_EQ(remedies(3), (Texts{"retarget MODULE --from canister_pre_upgrade",
                                "grow-before-write MODULE canister_pre_upgrade"}));
}

TEST(Calls, MarksCodeThatIsNeverReached) {
  const TestModule module(R"((module
    (import "ic0" "msg_reply" (func $reply))
    (func $a unreachable call $reply)
    (export "canister_update u" (func $a))))");
  EXPECT_NE(hazards(calls_of(module).sites.at(0)).find("never reached"), std::string::npos);
}

}  // namespace
}  // namespace canrec::patch
