// SPDX-License-Identifier: Apache-2.0
#include "modules.h"
#include "patch/operations.h"

namespace canrec::patch {
namespace {

TestModule wide_canister() {
  return TestModule(R"((module
    (import "ic0" "stable64_write" (func $stable64_write (param i64 i64 i64)))
    (memory i64 1)
    (func $pre
      i64.const 10
      i64.const 0
      i64.const 70000
      call $stable64_write)
    (export "canister_pre_upgrade" (func $pre))))");
}

Scope from(std::string_view function) { return {std::nullopt, std::string(function)}; }

TEST(GrowBeforeWrite, SendsWritesOfTheHookThroughAGrowingFunction) {
  const TestModule input = small_canister();
  const TestModule one =
      patched(input, grow_before_write(input.loaded(), from("canister_pre_upgrade")));
  EXPECT_EQ(code_of(one, "save"),
            "i32.const 0\nlocal.get 0\nlocal.get 1\ncall $canrec_growing_stable_write\nend\n");
  EXPECT_EQ(code_of(one, "tail"), code_of(input, "tail"));
  const std::string helper = code_of(one, "canrec_growing_stable_write");
  EXPECT_NE(helper.find("call $ic0.stable_size"), std::string::npos) << helper;
  EXPECT_NE(helper.find("call $ic0.stable_grow\ndrop\nend\nend\n"), std::string::npos) << helper;
  EXPECT_EQ(one.module().imports.size(), input.module().imports.size() + 1);
  EXPECT_TRUE(one.module().functions.back().type == one.module().functions[0].type);
}

TEST(GrowBeforeWrite, KeepsTailCalls) {
  const TestModule input = small_canister();
  const TestModule one =
      patched(input, grow_before_write(input.loaded(), {std::string("tail"), std::nullopt}));
  EXPECT_EQ(code_of(one, "tail"),
            "local.get 0\nlocal.get 1\nlocal.get 2\nreturn_call $canrec_growing_stable_write\n"
            "end\n");
}

TEST(GrowBeforeWrite, ServesThe64BitCallsOf64BitModules) {
  const TestModule input = wide_canister();
  const TestModule one =
      patched(input, grow_before_write(input.loaded(), from("canister_pre_upgrade")));
  EXPECT_NE(code_of(one, "pre").find("call $canrec_growing_stable64_write"), std::string::npos);
  EXPECT_EQ(one.module().imports.size(), 3u);
}

TEST(GrowBeforeWrite, RejectsAReachWithoutWrites) {
  const TestModule input = small_canister();
  const auto plan = grow_before_write(input.loaded(), {std::string("helper"), std::nullopt});
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code(), Errc::kPatchSite);
}

TEST(Retarget, ConvertsArgumentsAndResults) {
  const TestModule input(R"((module
    (import "ic0" "stable_size" (func $size (result i32)))
    (import "ic0" "stable_grow" (func $grow (param i32) (result i32)))
    (import "ic0" "stable_read" (func $read (param i32 i32 i32)))
    (import "ic0" "stable_write" (func $write (param i32 i32 i32)))
    (memory 1)
    (func $f (param i32)
      call $size
      call $grow
      local.get 0
      i32.const 8
      call $read)
    (func $g (result i32)
      i32.const 1
      i32.const 2
      i32.const 3
      call $write
      return_call $size)))");
  const TestModule one = patched(input, retarget(input.loaded(), {}));
  EXPECT_EQ(code_of(one, "f"),
            "call $ic0.stable64_size\ni32.wrap_i64\ni64.extend_i32_u\ncall $ic0.stable64_grow\n"
            "i32.wrap_i64\nlocal.get 0\ni32.const 8\ni64.extend_i32_u\nlocal.set 2\n"
            "i64.extend_i32_u\nlocal.set 1\ni64.extend_i32_u\nlocal.get 1\nlocal.get 2\n"
            "call $ic0.stable64_read\nend\n");
  const std::string tail = code_of(one, "g");
  EXPECT_NE(tail.find("call $ic0.stable64_size\ni32.wrap_i64\nreturn\nend\n"), std::string::npos)
      << tail;
}

// What a 32-bit offset cannot reach is said function by function, with the place of every access.
TEST(Retarget, SaysWhatStaysOutOfReachOf32BitOffsets) {
  const TestModule input = small_canister();
  const auto all = retarget(input.loaded(), {});
  ASSERT_TRUE(all.has_value());
  std::string notes;
  for (const std::string& note : all->notes) notes += note + "\n";
  const Places places(input.module());
  for (const char* function : {"save", "update", "tail"}) {
    const auto site = places.call(std::string(function) + ":stable_write");
    ASSERT_TRUE(site.has_value());
    const std::string wanted = fmt::format(
        "function {} ({}): the offset of 1 access is computed as 32 bits, so it can begin below 4 "
        "GiB (2^32) only: 0x{:08x} stable_write",
        std::to_underlying(site->function), places.names().of(site->function),
        site->instruction.offset);
    EXPECT_NE(notes.find(wanted), std::string::npos) << wanted << "\n" << notes;
  }
  EXPECT_NE(notes.find("function 5 (pre): sizes stay 32-bit numbers of pages"), std::string::npos)
      << notes;
  EXPECT_EQ(notes.find("outside the scope"), std::string::npos) << notes;

  const auto hook = retarget(input.loaded(), from("canister_pre_upgrade"));
  ASSERT_TRUE(hook.has_value());
  notes.clear();
  for (const std::string& note : hook->notes) notes += note + "\n";
  EXPECT_NE(notes.find("2 calls of the 32-bit stable API outside the scope are left as they are"),
            std::string::npos)
      << notes;
}

TEST(Retarget, LeavesFunctionsOutOfScopeAlone) {
  const TestModule input = small_canister();
  const TestModule one = patched(input, retarget(input.loaded(), from("canister_pre_upgrade")));
  EXPECT_EQ(code_of(one, "tail"), code_of(input, "tail"));
  EXPECT_EQ(code_of(one, "pre"),
            "i32.const 64\ni32.const 100\ncall $save\ncall $ic0.stable64_size\ni32.wrap_i64\n"
            "local.set 0\nend\n");
}

TEST(Retarget, RejectsAModuleWithout32BitCalls) {
  const TestModule input = wide_canister();
  const auto plan = retarget(input.loaded(), {});
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code(), Errc::kPatchSite);
}

}  // namespace
}  // namespace canrec::patch
