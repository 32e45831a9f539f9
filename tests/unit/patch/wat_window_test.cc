// SPDX-License-Identifier: Apache-2.0
#include "patch/wat_window.h"

#include "modules.h"
#include "patch/wat_scan.h"

namespace canrec::patch {
namespace {

wasm::FuncIdx function(const TestModule& module, std::string_view name) {
  const auto fn = Places(module.module()).defined(name);
  EXPECT_TRUE(fn.has_value());
  return fn ? *fn : wasm::FuncIdx{0};
}

// The refusal of a text for `save` of the small canister.
std::string refusal(std::string_view wat) {
  const TestModule input = small_canister();
  const auto plan = edit_function(input.loaded(), function(input, "save"), wat);
  EXPECT_FALSE(plan.has_value()) << wat;
  if (plan) return "";
  EXPECT_EQ(plan.error().code(), Errc::kPatchText) << plan.error().message();
  return plan.error().message();
}

TEST(WatWindow, ShowsNamesOfFunctionsLocalsGlobalsAndTypes) {
  const TestModule input = small_canister();
  const auto text = function_to_wat(input.loaded(), function(input, "save"));
  ASSERT_TRUE(text.has_value()) << text.error().message();
  EXPECT_NE(text->find("(func $save (type $t3:i32_i32->) (param $from i32) (param $length i32)\n"),
            std::string::npos)
      << *text;
  EXPECT_NE(text->find("  local.get $length\n  call $ic0.stable_write)"), std::string::npos);
  EXPECT_NE(text->find(";;   $ic0.msg_reply\n"), std::string::npos);
}

TEST(WatWindow, TakesTheEditedBodyBack) {
  const TestModule input = small_canister();
  const wasm::FuncIdx save = function(input, "save");
  auto text = function_to_wat(input.loaded(), save);
  ASSERT_TRUE(text.has_value());
  const size_t at = text->find("  call $ic0.stable_write");
  text->insert(at, "  call $ic0.stable_size\n  drop\n  global.get $state\n  drop\n");
  const auto plan = edit_function(input.loaded(), save, *text);
  const TestModule one = patched(input, plan);
  EXPECT_EQ(code_of(one, "save"),
            "i32.const 0\nlocal.get 0\nlocal.get 1\ncall $ic0.stable_size\ndrop\nglobal.get 0\n"
            "drop\ncall $ic0.stable_write\nend\n");
  // What is the same at both ends is not part of the change.
  ASSERT_EQ(plan->changes.size(), 1u);
  EXPECT_EQ(plan->changes[0].range.size(), 0u);
}

TEST(WatWindow, AddsLocalsAndTypes) {
  const TestModule input = small_canister();
  const TestModule one = patched(input, edit_function(input.loaded(), function(input, "save"), R"(
(func $save (param i32) (param i32) (local $wide i64) (local f64)
  local.get 0
  local.get 1
  (block (param i32 i32) (result i64)
    drop
    i64.extend_i32_u)
  local.set $wide))"));
  EXPECT_EQ(
      code_of(one, "save"),
      "local.get 0\nlocal.get 1\nblock (param i32 i32) (result i64)\ndrop\ni64.extend_i32_u\nend\n"
      "local.set 2\nend\n");
  EXPECT_EQ(one.module().types.size(), input.module().types.size() + 1);
}

TEST(WatWindow, ServesFunctionsOf64BitTables) {
  // WABT cannot assemble a 64-bit table: the flag of a 32-bit one is changed, and its index.
  Bytes bytes = assemble_wat(R"((module
    (type $unit (func))
    (memory i64 1)
    (table 4 funcref)
    (elem declare func $f)
    (func $f (type $unit) i64.const 1 drop)
    (func $g (type $unit)
      i32.const 2
      call_indirect (type $unit))))");
  const Bytes table{0x04, 0x04, 0x01, 0x70, 0x00, 0x04};
  const auto at = std::ranges::search(bytes, table);
  ASSERT_FALSE(at.empty());
  at[4] = 0x04;
  const Bytes index{0x41, 0x02, 0x11};
  const auto call = std::ranges::search(bytes, index);
  ASSERT_FALSE(call.empty());
  call[0] = 0x42;  // i64.const 2
  const TestModule input(std::move(bytes));
  ASSERT_TRUE(input.module().tables[0].type.limits.is_64);
  const wasm::FuncIdx g = function(input, "g");
  const auto text = function_to_wat(input.loaded(), g);
  ASSERT_TRUE(text.has_value()) << text.error().message();
  const auto same = edit_function(input.loaded(), g, *text);
  ASSERT_TRUE(same.has_value()) << same.error().message();
  EXPECT_TRUE(same->changes.empty());
  std::string edited = *text;
  edited.replace(edited.find("i64.const 2"), 11, "i64.const 3");
  const TestModule one = patched(input, edit_function(input.loaded(), g, edited));
  EXPECT_EQ(code_of(one, "g"), "i64.const 3\ncall_indirect\nend\n");
}

TEST(WatWindow, GivesEveryFunctionBackUnchanged) {
  const TestModule input = small_canister();
  for (const char* name : {"helper", "save", "pre", "update", "tail"}) {
    const wasm::FuncIdx fn = function(input, name);
    const auto text = function_to_wat(input.loaded(), fn);
    ASSERT_TRUE(text.has_value()) << name;
    const auto plan = edit_function(input.loaded(), fn, *text);
    ASSERT_TRUE(plan.has_value()) << name << plan.error().message();
    EXPECT_TRUE(plan->changes.empty()) << name;
  }
}

TEST(WatWindow, RejectsSyntaxErrorsWithLineAndColumn) {
  EXPECT_TRUE(refusal("(func $save (param i32 i32)\n  i32.const\n  drop)")
                  .starts_with("line 3, column 3: "));
  EXPECT_TRUE(refusal("(func (param i32 i32)\n\n    nonsense)").starts_with("line 3, column 5: "));
  EXPECT_TRUE(refusal("(func (param i32 i32)\n  call $missing)")
                  .starts_with("line 2, column 8: undefined function"))
      << refusal("(func (param i32 i32)\n  call $missing)");
  EXPECT_TRUE(refusal("(func (param i32 i32)\n  local.get $missing\n drop)")
                  .starts_with("line 2, column 13: undefined local"));
  EXPECT_TRUE(refusal("(func (param i32 i32)\n  global.get $missing\n drop)")
                  .starts_with("line 2, column 14: undefined global"));
  EXPECT_TRUE(refusal("(func (param i32 i32)").starts_with("line 1, column 22: "));
  EXPECT_TRUE(refusal("(func (param i32 i32)))").starts_with("line 1, column 23: "));
  EXPECT_TRUE(refusal("").starts_with("line 1, column 1: no (func"));
}

TEST(WatWindow, RejectsAnotherSignature) {
  EXPECT_NE(refusal("\n(func (param i32))").find("line 2, column 7: the signature is"),
            std::string::npos)
      << refusal("\n(func (param i32))");
  EXPECT_NE(refusal("(func (param i32 i64))").find("must stay"), std::string::npos);
}

TEST(WatWindow, RejectsAnythingBesideTheFunction) {
  EXPECT_TRUE(refusal("(func (param i32 i32))\n(func $more)").starts_with("line 2, column 1: "));
  EXPECT_TRUE(refusal("(global $g2 i32 (i32.const 1))").starts_with("line 1, column 1: "));
  EXPECT_TRUE(refusal("(func (param i32 i32)) )(func").starts_with("line 1, column 24: "));
  EXPECT_NE(refusal("(func (export \"x\") (param i32 i32))").find("exported"), std::string::npos);
  EXPECT_NE(refusal("(func (import \"ic0\" \"x\") (param i32 i32))"), "");
}

TEST(WatWindow, RejectsProposalsOfTheFutureInTheText) {
  EXPECT_TRUE(refusal("(func (param i32 i32)\n  atomic.fence)").starts_with("line 2, column 3: "));
  EXPECT_TRUE(refusal("(func (param i32 i32)\n  try\n  end)").starts_with("line 2, column 3: "));
}

TEST(WatScan, LimitsNesting) {
  const auto nested = [](size_t depth) {
    std::string text = "(func";
    for (size_t i = 0; i < depth; ++i) text += "\nblock";
    for (size_t i = 0; i < depth; ++i) text += "\nend";
    return text + ")";
  };
  EXPECT_TRUE(check_one_function(nested(9), 10).has_value());
  const auto deeper = check_one_function(nested(10), 10);
  ASSERT_FALSE(deeper.has_value());
  EXPECT_EQ(deeper.error().code(), Errc::kLimit);
  EXPECT_FALSE(check_one_function("(func" + std::string(100'000, '('), 10).has_value());
  std::string folded = "(func";
  for (int i = 0; i < 100; ++i) folded += " (block)";
  EXPECT_TRUE(check_one_function(folded + ")", 10).has_value());
}

TEST(WatScan, SeesThroughCommentsAndStrings) {
  EXPECT_TRUE(check_one_function(";; (\n(; ( (; ;) ;)(func (;)\n;) ) ;; )", 10).has_value());
  EXPECT_FALSE(check_one_function("(; (func)", 10).has_value());
  EXPECT_FALSE(check_one_function("(func (export \"a\n\"))", 10).has_value());
  EXPECT_FALSE(check_one_function("(function)", 10).has_value());
}

}  // namespace
}  // namespace canrec::patch
