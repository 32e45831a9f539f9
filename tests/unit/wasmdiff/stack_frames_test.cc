// SPDX-License-Identifier: Apache-2.0
// Bodies that move global 0 and put it back, and bodies that only seem to.
#include "wasmdiff/stack_frames.h"

#include "test_module.h"

namespace canrec::wasmdiff::test {
namespace {

const Bytes kTake = code({global_get(0), i32(16), kSub, local_tee(1), global_set(0)});
const Bytes kGive = code({local_get(1), i32(16), kAdd, global_set(0)});
const Bytes kBlock = {0x02, 0x40};
const Bytes kLoop = {0x03, 0x40};
const Bytes kIf = {0x04, 0x40};
const Bytes kElse = {0x05};
const Bytes kReturn = {0x0f};
Bytes br(uint8_t depth) { return {0x0c, depth}; }
Bytes br_if(uint8_t depth) { return {0x0d, depth}; }

// Function `get` as (i32) -> () with two locals; `callee` is a (i32) -> (i32) behind it.
std::optional<uint32_t> moved(const Bytes& body, const Bytes& callee = local_get(0)) {
  Canister canister;
  canister.types.push_back({0x60, 1, 0x7f, 0});
  canister.functions = {
      {static_cast<uint32_t>(canister.types.size() - 1), {1, 2, 0x7f}, body, "get"},
      {kStep, {0}, callee, "callee"}};
  canister.segments.clear();
  canister.exports.clear();
  const Bytes bytes = canister.build();
  const auto module = wasm::read_module(bytes);
  EXPECT_TRUE(module.has_value());
  return module ? moved_for_good(*module, {true}).front() : std::nullopt;
}

const uint32_t kCallee = kImports + 1;

TEST(StackFrames, KnowsFramesThatAreGivenBack) {
  const std::vector<std::pair<const char*, Bytes>> bodies = {
      {"no frame", {}},
      {"a frame", code({kTake, kGive})},
      {"from a saved pointer", code({global_get(0),
                                     local_tee(2),
                                     i32(40),
                                     kSub,
                                     i32(-64),
                                     {0x71},
                                     local_tee(1),
                                     global_set(0),
                                     local_get(2),
                                     global_set(0)})},
      {"on two ways", code({kTake, local_get(0), kIf, kGive, kReturn, kEnd, kGive})},
      {"in both branches", code({kTake, local_get(0), kIf, kGive, kElse, kGive, kEnd})},
      {"unless it traps",
       code({kTake, kBlock, local_get(0), br_if(0), kGive, kReturn, kEnd, kUnreachable})},
      {"behind a loop", code({kTake, kLoop, local_get(0), local_tee(2), br_if(0), kEnd, kGive})},
      {"turn by turn", code({kLoop, kTake, kGive, local_get(0), br_if(0), kEnd})},
      {"a second frame within", code({kTake, global_get(0), i32(-32), kAdd, global_set(0), kGive})},
      {"through what memset returns",
       code({global_get(0), i32(16), kSub, local_tee(1), global_set(0), local_get(1), i32(1), kDrop,
             call(kCallee), local_set(1), kGive})},
  };
  for (const auto& [name, body] : bodies) EXPECT_EQ(moved(body), std::nullopt) << name;
}

TEST(StackFrames, TellsWhatIsNotGivenBack) {
  const std::vector<std::pair<const char*, Bytes>> bodies = {
      {"kept", kTake},
      {"kept by an early return", code({kTake, local_get(0), kIf, kReturn, kEnd, kUnreachable})},
      {"given back on one way only", code({kTake, local_get(0), kIf, kGive, kEnd})},
      {"given back by one branch only", code({kTake, local_get(0), kIf, kElse, kGive, kEnd})},
      {"by too little", code({kTake, local_get(1), i32(12), kAdd, global_set(0)})},
      {"taken on one way only", code({local_get(0), kIf, kTake, kEnd, kGive})},
      {"from a parameter", code({kTake, local_get(0), global_set(0)})},
      {"from a local that was written again", code({kTake, local_get(0), local_set(1), kGive})},
      {"left by a branch out of the function", code({kTake, local_get(0), br_if(0), kGive})},
      {"left by a branch table", code({kTake, kBlock, local_get(0), {0x0e, 1, 0, 1}, kEnd, kGive})},
      {"moved on with every turn", code({kLoop, kTake, local_get(0), br_if(0), kEnd, kGive})},
      {"written again in a loop",
       code({kTake, kLoop, kGive, local_get(0), local_set(1), local_get(0), br_if(0), kEnd})},
      {"left by a tail call", code({kTake, local_get(0), kDrop, {0x12, kReply}})},
      {"from a load", code({kTake, i32(0), load(65792), global_set(0)})},
      {"left in an endless loop's block",
       code({kBlock, kLoop, kTake, local_get(0), br_if(1), br(0), kEnd, kEnd})},
  };
  for (const auto& [name, body] : bodies) EXPECT_EQ(moved(body), kImports) << name;
}

TEST(StackFrames, AsksWhatACalleeReturns) {
  const Bytes body = code({kTake, local_get(1), call(kCallee), local_set(1), kGive});
  const Bytes kFirst = local_get(0);
  const std::vector<std::pair<Bytes, bool>> callees = {
      {kFirst, false},
      {code({kFirst, kIf, kFirst, kReturn, kEnd, kFirst}), false},
      {i32(7), true},
      {code({i32(7), local_set(0), kFirst}), true},
      {code({kFirst, kIf, i32(7), kReturn, kEnd, kFirst}), true},
      {code({i32(7), kFirst, br_if(0), kDrop, kFirst}), true},
      {code({kFirst, i32(1), kAdd}), true},
  };
  for (size_t i = 0; i < callees.size(); ++i) {
    EXPECT_EQ(moved(body, callees[i].first).has_value(), callees[i].second) << i;
  }
}

TEST(StackFrames, GivesUpOnWhatIsNestedTooDeep) {
  Bytes body = kTake;
  for (int i = 0; i < 10'001; ++i) append(body, kBlock);
  for (int i = 0; i < 10'001; ++i) append(body, kEnd);
  append(body, kGive);
  EXPECT_EQ(moved(body), kImports);
}

TEST(StackFrames, GivesUpOnWhatWouldTakeTooLong) {
  // Each of so many globals is put back, and takes a walk through the one function there is.
  constexpr uint32_t kMany = 100;
  Canister canister;
  canister.globals.assign(kMany, {0x7f, true, i32(0), ""});
  Bytes body;
  for (uint32_t i = 0; i < kMany; ++i) append(body, code({global_get(i), global_set(i)}));
  canister.functions = {{kNothing, {0}, body, "all"}};
  canister.segments.clear();
  canister.exports.clear();
  const Bytes bytes = canister.build();
  const auto module = wasm::read_module(bytes);
  ASSERT_TRUE(module.has_value());
  const auto moved = moved_for_good(*module, std::vector<bool>(kMany, true));
  EXPECT_EQ(moved.front(), std::nullopt);
  EXPECT_EQ(moved.back(), kImports);
}

}  // namespace
}  // namespace canrec::wasmdiff::test
