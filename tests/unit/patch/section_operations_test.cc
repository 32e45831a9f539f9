// SPDX-License-Identifier: Apache-2.0
#include "ic/limits.h"
#include "modules.h"
#include "patch/operations.h"

namespace canrec::patch {
namespace {

TEST(DropHook, TakesOneExportOut) {
  const TestModule input = small_canister();
  const TestModule one = patched(input, drop_hook(input.loaded(), "canister_pre_upgrade"));
  EXPECT_EQ(one.module().find_export("canister_pre_upgrade"), nullptr);
  EXPECT_EQ(one.module().exports.size(), 2u);
  EXPECT_EQ(one.bytes().size() + 23, input.bytes().size());
}

TEST(DropHook, RejectsMethodsAndMissingHooks) {
  const TestModule input = small_canister();
  const auto method = drop_hook(input.loaded(), "canister_update go");
  ASSERT_FALSE(method.has_value());
  EXPECT_EQ(method.error().code(), Errc::kBadArgument);
  const auto missing = drop_hook(input.loaded(), "canister_init");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), Errc::kPatchSite);
}

TEST(SetSection, ReplacesInPlaceOrAddsAtTheEnd) {
  const TestModule input = small_canister();
  const TestModule replaced = patched(
      input, set_section(input.loaded(), "icp:public candid:service", as_bytes("service : { }")));
  EXPECT_EQ(as_text(replaced.module().view(replaced.module().sections.back().payload)),
            "service : { }");
  EXPECT_EQ(replaced.module().sections.size(), input.module().sections.size());
  const TestModule added = patched(input, set_section(input.loaded(), "new", as_bytes("x")));
  EXPECT_EQ(added.module().sections.back().name, "new");
  EXPECT_TRUE(
      std::ranges::equal(ByteView(added.bytes()).first(input.bytes().size()), input.bytes()));
}

TEST(SetSection, RefusesWhatTheNetworkRefuses) {
  const TestModule input = small_canister();
  const auto plan = set_section(input.loaded(), "icp:secret x", {});
  ASSERT_TRUE(plan.has_value());
  const auto result = apply(input.loaded(), *plan);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Errc::kPatchProof);
  EXPECT_EQ(set_section(input.loaded(), "\xff", {}).error().code(), Errc::kUtf8);
}

TEST(SetSection, RefusesWhatBreaksALimitOfTheNetwork) {
  const TestModule input(R"((module (func)))");
  const auto sized = [&](size_t size) {
    // The name without its prefix counts too.
    const auto plan = set_section(input.loaded(), "icp:public x", Bytes(size - 1, 'y'));
    EXPECT_TRUE(plan.has_value());
    const auto result = apply(input.loaded(), *plan);
    return result ? Errc{} : result.error().code();
  };
  EXPECT_EQ(sized(ic::limits::kCustomSectionBytes - 1), Errc{});
  EXPECT_EQ(sized(ic::limits::kCustomSectionBytes), Errc{});
  EXPECT_EQ(sized(ic::limits::kCustomSectionBytes + 1), Errc::kPatchProof);
}

TEST(RemoveSection, TakesEverySectionOfThatNameOut) {
  const TestModule input = small_canister();
  const TestModule one = patched(input, remove_section(input.loaded(), "name"));
  EXPECT_EQ(one.module().custom("name"), nullptr);
  const auto missing = remove_section(input.loaded(), "nome");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), Errc::kPatchSite);
}

TEST(PrepareRouteK, AddsTheSectionAndDropsThePostUpgrade) {
  const TestModule input(R"((module
    (memory 2)
    (global (mut i32) (i32.const 1048576))
    (func $post)
    (data (i32.const 0) "x")
    (export "canister_post_upgrade" (func $post))))");
  const TestModule kept = patched(input, prepare_route_k(input.loaded(), {}));
  EXPECT_NE(kept.module().custom(kKeepSection), nullptr);
  EXPECT_NE(kept.module().find_export("canister_post_upgrade"), nullptr);
  const TestModule dropped = patched(input, prepare_route_k(input.loaded(), {true, 2 * 65536, {}}));
  EXPECT_EQ(dropped.module().find_export("canister_post_upgrade"), nullptr);

  const auto plan = prepare_route_k(input.loaded(), {});
  ASSERT_TRUE(plan.has_value());
  std::string notes;
  for (const std::string& note : plan->notes) notes += note + "\n";
  EXPECT_NE(notes.find("canister_post_upgrade runs on the kept heap"), std::string::npos) << notes;
  EXPECT_NE(notes.find("1 active data segment is not applied"), std::string::npos) << notes;
  EXPECT_NE(notes.find("mutable globals start again: global 0 at 1048576;"), std::string::npos)
      << notes;
}

TEST(PrepareRouteK, RejectsAHeapThatTheModuleCannotKeep) {
  const TestModule input(R"((module (memory 2 4)))");
  for (const uint64_t pages : {1u, 5u}) {
    const auto plan = prepare_route_k(input.loaded(), {false, pages * 65536, {}});
    ASSERT_FALSE(plan.has_value()) << pages;
    EXPECT_EQ(plan.error().code(), Errc::kBadArgument);
  }
  for (const uint64_t pages : {2u, 4u}) {
    EXPECT_TRUE(prepare_route_k(input.loaded(), {false, pages * 65536, {}}).has_value()) << pages;
  }
}

std::string notes_of(const Result<Plan>& plan) {
  EXPECT_TRUE(plan.has_value()) << plan.error().message();
  std::string notes;
  if (plan) {
    for (const std::string& note : plan->notes) notes += note + "\n";
  }
  return notes;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// A canister with state in one of three globals, and a snapshot of it.
class PrepareRouteKWithState : public testing::Test {
 protected:
  RouteK route() const {
    RouteK route;
    route.state = {2 * 65536, globals_, timer_, &module_.module()};
    return route;
  }

  TestModule module_{TestModule(R"((module
    (memory 2 4)
    (global $stack (mut i32) (i32.const 1048576))
    (global $heap (mut i64) (i64.const -1))
    (global $limit (export "__heap_base") i32 (i32.const 7))
    (func $pre)
    (func $post)
    (export "canister_pre_upgrade" (func $pre))
    (export "canister_post_upgrade" (func $post))))")};
  // Exported ones first.
  std::vector<snapshot::GlobalValue> globals_ = {{snapshot::GlobalType::kI32, 7, 0},
                                                 {snapshot::GlobalType::kI32, 1048576, 0},
                                                 {snapshot::GlobalType::kI64, ~uint64_t{0}, 0}};
  bool timer_ = false;
};

TEST_F(PrepareRouteKWithState, SaysThatNothingIsLost) {
  const std::string notes = notes_of(prepare_route_k(module_.loaded(), route()));
  EXPECT_TRUE(has(notes, "checked: the heap of 131,072 bytes (128.0 KiB) fits")) << notes;
  EXPECT_TRUE(has(notes, "checked: every mutable global (2) has in the snapshot the value"))
      << notes;
  EXPECT_TRUE(has(notes, "canister_pre_upgrade of the module in the snapshot runs first")) << notes;
  EXPECT_FALSE(has(notes, "LOST")) << notes;
  EXPECT_FALSE(has(notes, "timer")) << notes;
  EXPECT_FALSE(has(notes, "another module")) << notes;
}

TEST_F(PrepareRouteKWithState, NamesEveryGlobalWhoseStateIsLost) {
  globals_[2].low = 66123;
  const std::string notes = notes_of(prepare_route_k(module_.loaded(), route()));
  EXPECT_TRUE(has(notes,
                  "LOST: 1 mutable global of the snapshot: global 1 (\"heap\") "
                  "holds 66123 and starts again at -1"))
      << notes;
  EXPECT_TRUE(has(notes, "checked: 1 other mutable global has")) << notes;
}

TEST_F(PrepareRouteKWithState, SaysWhenTheGlobalsAreOfAnotherModule) {
  globals_.pop_back();
  const std::string notes = notes_of(prepare_route_k(module_.loaded(), route()));
  EXPECT_TRUE(has(notes, "not checked: what the globals hold; the snapshot has 2")) << notes;
  EXPECT_TRUE(has(notes, "mutable globals start again: global 0 (\"stack\") at 1048576, global 1"))
      << notes;
}

TEST_F(PrepareRouteKWithState, SaysThatTheTimerIsTurnedOff) {
  timer_ = true;
  EXPECT_TRUE(has(notes_of(prepare_route_k(module_.loaded(), route())),
                  "turns it off unless canister_post_upgrade sets it again"));
  RouteK dropped = route();
  dropped.drop_post_upgrade = true;
  EXPECT_TRUE(has(notes_of(prepare_route_k(module_.loaded(), dropped)),
                  "turns it off, and no hook sets it again"));
}

TEST_F(PrepareRouteKWithState, SaysWhenAnotherModuleIsInstalled) {
  const TestModule other("(module (memory 2 4))");
  RouteK route = this->route();
  route.state->installed = &other.module();
  const std::string notes = notes_of(prepare_route_k(module_.loaded(), route));
  EXPECT_TRUE(has(notes, "the snapshot holds another module")) << notes;
  EXPECT_FALSE(has(notes, "canister_pre_upgrade of")) << notes;
}

TEST_F(PrepareRouteKWithState, RejectsAHeapThatDoesNotFit) {
  RouteK route = this->route();
  route.state->heap_bytes = 5 * 65536;
  const auto plan = prepare_route_k(module_.loaded(), route);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code(), Errc::kBadArgument);
}

}  // namespace
}  // namespace canrec::patch
