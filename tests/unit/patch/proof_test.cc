// SPDX-License-Identifier: Apache-2.0
#include "patch/proof.h"

#include "modules.h"
#include "patch/operations.h"

namespace canrec::patch {
namespace {

Plan empty_plan(const TestModule& input) {
  Plan plan;
  plan.input = input.loaded().hash;
  plan.input_size = input.bytes().size();
  return plan;
}

// What the proof says of another module offered as the result of an empty plan.
std::string refusal(const TestModule& input, std::string_view from, std::string_view to) {
  static constexpr std::string_view kBase = R"((module
    (import "ic0" "msg_reply" (func $reply))
    (memory 1 4)
    (table 4 funcref)
    (global (mut i32) (i32.const 7))
    (elem (i32.const 1) $f $g)
    (func $f call $reply)
    (func $g (local i32) i32.const 1 drop)
    (export "canister_update f" (func $f))
    (data (i32.const 64) "hello")))";
  std::string text(kBase);
  if (!from.empty()) {
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }
  const TestModule result{std::string_view(text)};
  const auto evidence = prove(input.module(), empty_plan(input), result.bytes());
  if (evidence) return "";
  EXPECT_EQ(evidence.error().code(), Errc::kPatchProof);
  return evidence.error().message();
}

TEST(Proof, NoticesAnyChangeThatIsNotInThePlan) {
  const TestModule input(R"((module
    (import "ic0" "msg_reply" (func $reply))
    (memory 1 4)
    (table 4 funcref)
    (global (mut i32) (i32.const 7))
    (elem (i32.const 1) $f $g)
    (func $f call $reply)
    (func $g (local i32) i32.const 1 drop)
    (export "canister_update f" (func $f))
    (data (i32.const 64) "hello")))");
  EXPECT_EQ(refusal(input, "", ""), "");
  const auto has = [&](std::string_view from, std::string_view to, std::string_view word) {
    const std::string message = refusal(input, from, to);
    EXPECT_NE(message.find(word), std::string::npos) << from << " -> " << to << ": " << message;
  };
  has("i32.const 1 drop", "i32.const 2 drop", "function 2 differs");
  has("(local i32)", "(local i64)", "function 2 differs");
  has("(local i32)", "(param i32)", "type");
  has("\"hello\"", "\"hallo\"", "data section changed");
  has("(i32.const 64)", "(i32.const 68)", "data section changed");
  has("$f $g", "$g $f", "element segment");
  has("(elem (i32.const 1)", "(elem (i32.const 0)", "element segment");
  has("(i32.const 7)", "(i32.const 8)", "global changed");
  has("(memory 1 4)", "(memory 1 5)", "memory section changed");
  has("(table 4", "(table 5", "table section changed");
  has("update f", "update h", "export");
  has("(export \"canister_update f\" (func $f))", "", "export");
  has("msg_reply", "accept_message", "import 0 changed");
  has("(export", "(start $g) (export", "start function");
  has("(func $g", "(func $h) (func $g", "function");
}

TEST(Proof, NoticesEveryFlippedBitOfAPatchedModule) {
  const TestModule input = small_canister();
  Insertion insertion;
  insertion.call = "ic0.stable64_grow(i64.const 160)";
  const auto plan = insert_call(input.loaded(), "save:stable_write", insertion);
  ASSERT_TRUE(plan.has_value());
  const auto result = build(input.module(), *plan);
  ASSERT_TRUE(result.has_value());
  ASSERT_TRUE(prove(input.module(), *plan, *result).has_value());
  const auto good = wasm::read_module(*result);
  ASSERT_TRUE(good.has_value());
  const wasm::ByteRange names = good->custom("name")->payload;
  for (size_t i = 0; i < result->size(); ++i) {
    // The module's own and labels' names are not looked at.
    if (i >= names.begin && i < names.end) continue;
    for (const int bit : {0, 3, 7}) {
      Bytes flipped = *result;
      flipped[i] = static_cast<uint8_t>(flipped[i] ^ (1 << bit));
      EXPECT_FALSE(prove(input.module(), *plan, flipped).has_value()) << i << " bit " << bit;
    }
  }
}

TEST(Proof, RefusesPlansThatTouchWhatNoPatchMayTouch) {
  const TestModule input = small_canister();
  Plan plan = empty_plan(input);
  const wasm::ByteRange data = input.module().data[0].bytes;
  const ByteView before = input.module().view(data);
  plan.changes.push_back({wasm::EditScope::kSection, data, Bytes(before.begin(), before.end()),
                          Bytes{'H', 'e', 'l', 'l', 'o'}, "change a literal"});
  const auto result = apply(input.loaded(), plan);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Errc::kPatchProof);
}

TEST(Proof, RefusesPlansThatCutInstructions) {
  const TestModule input = small_canister();
  Plan plan = empty_plan(input);
  // i32.const 64 -> i32.const 65 in `pre`, without the opcode.
  const uint64_t at = input.module().functions[5].code.begin + 1;
  plan.changes.push_back({wasm::EditScope::kBody, {at, at + 1}, Bytes{0xc0}, Bytes{0xc1}, "cut"});
  const auto result = apply(input.loaded(), plan);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Errc::kPatchProof);
}

TEST(Proof, CountsAndShowsWhatChanged) {
  const TestModule input = small_canister();
  const auto plan = grow_before_write(input.loaded(), {std::nullopt, "canister_pre_upgrade"});
  ASSERT_TRUE(plan.has_value());
  const auto result = apply(input.loaded(), *plan);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  const Evidence& evidence = result->evidence;
  EXPECT_EQ(evidence.functions_changed, 1u);
  EXPECT_EQ(evidence.functions_same, 4u);
  EXPECT_EQ(evidence.functions_added, 1u);
  EXPECT_EQ(evidence.imports_added, 1u);
  EXPECT_EQ(evidence.input, sha256(input.bytes()));
  const auto call = std::ranges::find_if(evidence.changes, [](const ShownChange& change) {
    return change.where.starts_with("function 4 (save)");
  });
  ASSERT_NE(call, evidence.changes.end());
  EXPECT_EQ(call->before, std::vector<std::string>{"call $ic0.stable_write"});
  EXPECT_EQ(call->after, std::vector<std::string>{"call $canrec_growing_stable_write"});
}

TEST(Proof, GivesTheVerdictOfBothRoutes) {
  const TestModule input = small_canister();
  const auto verdicts = [&](const Result<Plan>& plan) {
    EXPECT_TRUE(plan.has_value());
    const auto result = apply(input.loaded(), *plan);
    EXPECT_TRUE(result.has_value());
    return result ? result->evidence.route_s.word + " " + result->evidence.route_k.word : "";
  };
  // A call less is safe; route K also wants its section.
  EXPECT_EQ(verdicts(remove_call(input.loaded(), "save:stable_write", {})), "safe unsafe");
  EXPECT_EQ(verdicts(stub(input.loaded(), "update", {})), "review unsafe");
}

TEST(Proof, BlamesAnInputThatDoesNotValidate) {
  const TestModule input(R"((module
    (import "ic0" "msg_reply" (func $reply))
    (func $f call $reply)
    (func $bad i32.const 0)))");
  const auto plan = remove_call(input.loaded(), "msg_reply", {});
  ASSERT_TRUE(plan.has_value());
  const auto result = apply(input.loaded(), *plan);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Errc::kWasmInvalid);
  EXPECT_NE(result.error().message().find("the input itself"), std::string::npos);
}

TEST(Proof, NotesRulesThatTheInputAlreadyBroke) {
  const TestModule input(R"((module
    (import "ic0" "msg_reply" (func $reply))
    (func $f call $reply)
    (export "canister_nonsense" (func $f))))");
  const auto plan = remove_call(input.loaded(), "msg_reply", {});
  ASSERT_TRUE(plan.has_value());
  const auto result = apply(input.loaded(), *plan);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  ASSERT_EQ(result->evidence.notes.size(), 1u);
  EXPECT_NE(result->evidence.notes[0].find("already broke"), std::string::npos);
}

TEST(Proof, KeepsPaddedIndices) {
  // A call padded to five bytes, as linkers leave it.
  Bytes bytes = wasm::module_header();
  append(bytes, wasm::section(wasm::SectionId::kType, Bytes{1, 0x60, 0, 0}));
  append(bytes, wasm::section(wasm::SectionId::kFunction, Bytes{2, 0, 0}));
  const Bytes caller{0x00, 0x10, 0x81, 0x80, 0x80, 0x80, 0x00, 0x0b};
  Bytes code{2};
  code.push_back(static_cast<uint8_t>(caller.size()));
  append(code, caller);
  append(code, Bytes{2, 0x00, 0x0b});
  append(bytes, wasm::section(wasm::SectionId::kCode, code));
  const TestModule input(std::move(bytes));
  Insertion insertion;
  insertion.call = "msg_reply()";
  insertion.where = Where::kAtEntry;
  const TestModule one = patched(input, insert_call(input.loaded(), "#1", insertion));
  const ByteView now = one.module().view(one.module().functions[1].code);
  EXPECT_EQ(Bytes(now.begin(), now.end()), (Bytes{0x10, 0x82, 0x80, 0x80, 0x80, 0x00, 0x0b}));
}

}  // namespace
}  // namespace canrec::patch
