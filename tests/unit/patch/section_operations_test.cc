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
  const TestModule dropped = patched(input, prepare_route_k(input.loaded(), {true, 2 * 65536}));
  EXPECT_EQ(dropped.module().find_export("canister_post_upgrade"), nullptr);

  const auto plan = prepare_route_k(input.loaded(), {});
  ASSERT_TRUE(plan.has_value());
  std::string notes;
  for (const std::string& note : plan->notes) notes += note + "\n";
  EXPECT_NE(notes.find("canister_post_upgrade runs on the kept heap"), std::string::npos) << notes;
  EXPECT_NE(notes.find("1 active data segments are not applied"), std::string::npos) << notes;
  EXPECT_NE(notes.find("mutable global 0 starts again at 1048576"), std::string::npos) << notes;
}

TEST(PrepareRouteK, RejectsAHeapThatTheModuleCannotKeep) {
  const TestModule input(R"((module (memory 2 4)))");
  for (const uint64_t pages : {1u, 5u}) {
    const auto plan = prepare_route_k(input.loaded(), {false, pages * 65536});
    ASSERT_FALSE(plan.has_value()) << pages;
    EXPECT_EQ(plan.error().code(), Errc::kBadArgument);
  }
  for (const uint64_t pages : {2u, 4u}) {
    EXPECT_TRUE(prepare_route_k(input.loaded(), {false, pages * 65536}).has_value()) << pages;
  }
}

}  // namespace
}  // namespace canrec::patch
