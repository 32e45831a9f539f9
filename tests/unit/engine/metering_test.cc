// SPDX-License-Identifier: Apache-2.0
// Instruction counts by system-api.md 5: the check values of 5.5, the segments of 5.2, the page
// charges of 5.3.
#include "unit/engine/test_module.h"

namespace canrec::engine {
namespace {

int64_t cost(TestState& state, uint32_t function, std::vector<Value> args = {},
             InstanceConfig config = {}) {
  state.attach(config);
  const Outcome outcome = state.call(function, std::move(args));
  EXPECT_TRUE(outcome.ok());
  return state.spent();
}

TEST(EngineMetering, EmptyFunctionCostsOne) {
  TestState state(TestModule().function(kNothing, ""));
  EXPECT_EQ(cost(state, 0), 1);
}

TEST(EngineMetering, ConstantAndDropCostThree) {
  TestState state(TestModule().function(kNothing, "41 01 1a"));
  EXPECT_EQ(cost(state, 0), 3);
}

HostStatus reply(void*, HostCall& call) { return call.instance.charge(500); }
HostStatus append_data(void*, HostCall& call) {
  return call.instance.charge(500 + 50 * uint64_t{call.args[1].as_i32()});
}

TEST(EngineMetering, SystemCallsCostWhatTheHostCharges) {
  TestState state(TestModule()
                      .import(kNothing)
                      .import("60 02 7f 7f 00")
                      .function(kNothing, "10 00")
                      .function(kNothing, "41 00 41 c0 00 10 01 10 00"));
  state.host(reply).host(append_data);
  EXPECT_EQ(cost(state, 2), 506);
  EXPECT_EQ(cost(state, 3), 4213);
}

TEST(EngineMetering, LoopCostsThreeATurn) {
  // loop; local.get 0; br_if 0; end, with a counter that is taken off in between: 4 more.
  TestState state(TestModule().function("60 01 7f 00", "03 40 20 00 41 01 6b 22 00 0d 00 0b"));
  for (const uint32_t n : {1U, 2U, 1000U}) {
    EXPECT_EQ(cost(state, 0, {Value::i32(n)}), 1 + (1 + 1 + 1 + 1 + 2) * int64_t{n});
  }
}

TEST(EngineMetering, CheckValueOfTheLoopHolds) {
  // The body of 5.5 word for word; it ends because the limit does.
  TestState state(TestModule().function("60 01 7f 00", "03 40 20 00 0d 00 0b"));
  EXPECT_EQ(cost(state, 0, {Value::i32(0)}), 1 + 3);
  InstanceConfig config;
  config.instructions = 1 + 3 * 1000;
  state.attach(config);
  const Outcome outcome = state.call(0, {Value::i32(1)});
  expect_trap(outcome, TrapKind::kOutOfInstructions, state.at(0, 0));
  EXPECT_EQ(state.spent(), 1 + 3 * 1001);
}

TEST(EngineMetering, TwoCallsOfAnEmptyFunctionCostTwelveMore) {
  TestState state(TestModule().function(kNothing, "").function(kNothing, "10 00 10 00"));
  EXPECT_EQ(cost(state, 1), 1 + 2 * (5 + 1));
}

TEST(EngineMetering, BranchesPayOnlyTheSegmentsTheyReach) {
  // local.get 0; if (nop nop) else (nop nop nop) end; nop
  TestState state(TestModule().function("60 01 7f 00", "20 00 04 40 01 01 05 01 01 01 0b 01"));
  EXPECT_EQ(cost(state, 0, {Value::i32(1)}), 1 + 1 + 2 + 2 + 1);
  EXPECT_EQ(cost(state, 0, {Value::i32(0)}), 1 + 1 + 2 + 3 + 1);
}

TEST(EngineMetering, FallingThroughABranchPaysTheNextSegment) {
  // block; local.get 0; br_if 0; nop x 5; end; nop
  TestState state(TestModule().function("60 01 7f 00", "02 40 20 00 0d 00 01 01 01 01 01 0b 01"));
  EXPECT_EQ(cost(state, 0, {Value::i32(1)}), 1 + 1 + 2 + 1);
  EXPECT_EQ(cost(state, 0, {Value::i32(0)}), 1 + 1 + 2 + 5 + 1);
}

TEST(EngineMetering, BranchTablePaysTheSegmentAtItsTarget) {
  // block block local.get 0 br_table 0 1 end (nop nop nop return) end nop
  TestState state(
      TestModule().function("60 01 7f 00", "02 40 02 40 20 00 0e 01 00 01 0b 01 01 01 0f 0b 01"));
  EXPECT_EQ(cost(state, 0, {Value::i32(0)}), 1 + 1 + 2 + 3 + 1);
  EXPECT_EQ(cost(state, 0, {Value::i32(1)}), 1 + 1 + 2 + 1);
  EXPECT_EQ(cost(state, 0, {Value::i32(UINT32_MAX)}), 1 + 1 + 2 + 1);
}

TEST(EngineMetering, ATrapHasPaidItsWholeSegment) {
  // local.get 0; i32.const 0; i32.div_s; drop; nop x 4
  TestState state(TestModule().function("60 01 7f 00", "20 00 41 00 6d 1a 01 01 01 01"));
  state.attach();
  EXPECT_FALSE(state.call(0, {Value::i32(1)}).ok());
  EXPECT_EQ(state.spent(), 1 + 1 + 1 + 10 + 1 + 4);
}

TEST(EngineMetering, WeightsOf64BitModulesDiffer) {
  TestState narrow(TestModule().memory("00 01").function(kNothing, "41 00 28 02 00 1a"));
  TestState wide(TestModule().memory("04 01").function(kNothing, "42 00 28 02 00 1a"));
  EXPECT_EQ(cost(narrow, 0), 1 + 1 + 1 + 1);
  EXPECT_EQ(cost(wide, 0), 1 + 1 + 2 + 1);
}

TEST(EngineMetering, MemoryGrowCostsTheSameForAnyNumberOfPages) {
  TestState state(TestModule().memory("00 01").function(kMap32, "20 00 40 00"));
  EXPECT_EQ(cost(state, 0, {Value::i32(0)}), 302);
  EXPECT_EQ(cost(state, 0, {Value::i32(100)}), 302);
}

TEST(EngineMetering, BulkOperationsPayForTheirSizeEvenWhenTheyTrap) {
  TestState state(TestModule().memory("00 01").function(
      "60 03 7f 7f 7f 00", "20 00 20 01 20 02 fc 0b 00"));  // memory.fill
  EXPECT_EQ(cost(state, 0, {Value::i32(0), Value::i32(1), Value::i32(1000)}), 1 + 3 + 100 + 1000);
  state.attach();
  EXPECT_FALSE(state.call(0, {Value::i32(0), Value::i32(1), Value::i32(70000)}).ok());
  EXPECT_EQ(state.spent(), 1 + 3 + 100 + 70000);
}

TEST(EngineMetering, DynamicChargesSaturate) {
  TestState state(TestModule().memory("04 01").function(
      "60 01 7e 00", "42 00 41 00 20 00 fc 0b 00"));  // memory.fill of local 0 bytes
  InstanceConfig config;
  config.instructions = 1'000'000;
  state.attach(config);
  expect_trap(state.call(0, {Value::i64(UINT64_MAX)}), TrapKind::kOutOfInstructions,
              state.at(0, 6));
  EXPECT_EQ(state.instance().counter(), INT64_MIN);
}

// --- slices
// ---------------------------------------------------------------------------------------

TEST(EngineSlices, TakeWhatTheyOverdrawFromTheNext) {
  Slices slices(10'000, 1'000);
  EXPECT_EQ(slices.end(), 9'000);
  EXPECT_EQ(slices.look(9'000), BudgetState::kLeft);
  EXPECT_EQ(slices.end(), 9'000);
  EXPECT_EQ(slices.look(8'700), BudgetState::kLeft);  // 300 too many
  EXPECT_EQ(slices.end(), 8'700 - 700);
  EXPECT_EQ(slices.look(7'001), BudgetState::kLeft);  // 999 too many
  EXPECT_EQ(slices.end(), 7'000);
  EXPECT_EQ(slices.look(5'999), BudgetState::kSliceOverrun);  // 1,001 too many
  EXPECT_EQ(slices.overrun(), 1'002u);
}

TEST(EngineSlices, EndWithTheBudget) {
  Slices one(1'000, 5'000);
  EXPECT_EQ(one.end(), 0);
  EXPECT_EQ(one.look(-1), BudgetState::kSpent);
  Slices two(1'500, 1'000);
  EXPECT_EQ(two.look(499), BudgetState::kLeft);
  EXPECT_EQ(two.end(), 0);  // the last slice has what is left
  EXPECT_EQ(two.look(-1), BudgetState::kSpent);
  Slices none(1'000, 0);
  EXPECT_EQ(none.look(999), BudgetState::kSliceOverrun);
  Slices deep(INT64_MAX, 10);
  EXPECT_EQ(deep.look(INT64_MIN), BudgetState::kSliceOverrun);
  EXPECT_EQ(deep.overrun(), UINT64_MAX);
}

TEST(EngineSlices, DoNotShowInTheCounter) {
  TestState state(TestModule().function("60 01 7f 00", "03 40 20 00 41 01 6b 22 00 0d 00 0b"));
  for (const int64_t slice : {100, 1'000, 7'777, 1'000'000}) {
    InstanceConfig config;
    config.instructions = 1'000'000;
    config.slice_instructions = slice;
    EXPECT_EQ(cost(state, 0, {Value::i32(10'000)}, config), 1 + 6 * 10'000) << slice;
  }
}

TEST(EngineSlices, StopABulkOperationThatLeavesNothingForTheNext) {
  // memory.fill of local 0 bytes: 1 + 3 + 100 and the length.
  TestState state(
      TestModule().memory("00 01").function("60 01 7f 00", "41 00 41 00 20 00 fc 0b 00"));
  InstanceConfig config;
  config.instructions = 1'000'000;
  config.slice_instructions = 20'000;
  EXPECT_EQ(cost(state, 0, {Value::i32(39'999 - 104)}, config), 39'999);
  state.attach(config);
  const Outcome outcome = state.call(0, {Value::i32(40'000 - 104)});
  expect_trap(outcome, TrapKind::kSliceOverrun, state.at(0, 6));
  EXPECT_EQ(outcome.trap->slice_instructions, 40'000u);
  // The budget has the last word.
  config.instructions = 30'000;
  state.attach(config);
  expect_trap(state.call(0, {Value::i32(40'000)}), TrapKind::kSliceOverrun, state.at(0, 6));
  config.slice_instructions = 30'000;
  state.attach(config);
  expect_trap(state.call(0, {Value::i32(40'000)}), TrapKind::kOutOfInstructions, state.at(0, 6));
}

TEST(EngineMetering, PlainSegmentsOverrunUntilTheNextTest) {
  // if (nop x 8) end; then a call, whose entry looks at the counter.
  TestState state(TestModule()
                      .function(kNothing, "")
                      .function(kNothing, "41 01 04 40 01 01 01 01 01 01 01 01 0b 10 00"));
  InstanceConfig config;
  const int64_t whole = 1 + 1 + 2 + 8 + 5 + 1;
  EXPECT_EQ(cost(state, 1), whole);
  config.instructions = whole;
  EXPECT_EQ(cost(state, 1, {}, config), whole);
  config.instructions = whole - 1;
  state.attach(config);
  const Outcome outcome = state.call(1);
  expect_trap(outcome, TrapKind::kOutOfInstructions, state.at(0, 0));
  ASSERT_EQ(outcome.trap->backtrace.size(), 2u);
  EXPECT_EQ(outcome.trap->backtrace[1], (Location{wasm::FuncIdx{1}, state.at(1, 13)}));
  // Without the call nothing looks: the function returns with a negative counter.
  TestState quiet(TestModule().function(kNothing, "41 01 04 40 01 01 01 01 01 01 01 01 0b"));
  config.instructions = 5;
  EXPECT_EQ(cost(quiet, 0, {}, config), 12);
  EXPECT_EQ(quiet.instance().counter(), -7);
}

TEST(EngineMetering, EntryOfAFunctionIsTested) {
  TestState state(TestModule().function(kNothing, "01 01"));
  InstanceConfig config;
  config.instructions = 3;
  EXPECT_EQ(cost(state, 0, {}, config), 3);
  config.instructions = 2;
  state.attach(config);
  expect_trap(state.call(0), TrapKind::kOutOfInstructions, state.at(0, 0));
}

HostStatus read_counter(void* context, HostCall& call) {
  *static_cast<int64_t*>(context) = call.instance.counter();
  return nullptr;
}

TEST(EngineMetering, HostFunctionsSeeThePrechargedCounter) {
  TestState state(TestModule().import(kNothing).function(kNothing, "10 00 01 01 01"));
  int64_t seen = 0;
  state.host(read_counter, &seen);
  InstanceConfig config;
  config.instructions = 100;
  state.attach(config);
  EXPECT_TRUE(state.call(1).ok());
  EXPECT_EQ(seen, 100 - (1 + 5 + 3));
}

TEST(EngineMetering, PagesOf2026AreChargedOnFirstAccessAndFirstWrite) {
  // i32.load8_u and i32.store8 at the argument
  TestState state(TestModule()
                      .memory("00 04")
                      .function("60 01 7f 00", "20 00 2d 00 00 1a")
                      .function("60 01 7f 00", "20 00 41 07 3a 00 00"));
  InstanceConfig config;
  config.page_model = PageModel::k2026;
  state.attach(config);
  const auto call = [&](uint32_t function, uint32_t address) {
    const int64_t before = state.instance().counter();
    EXPECT_TRUE(state.call(function, {Value::i32(address)}).ok());
    return before - state.instance().counter();
  };
  EXPECT_EQ(call(0, 0), 4 + 80'000);
  EXPECT_EQ(call(0, 65535), 4);
  EXPECT_EQ(call(1, 5000), 4 + 80'000);
  EXPECT_EQ(call(1, 0), 4);
  EXPECT_EQ(call(1, 65536), 4 + 160'000);
  state.attach(config);
  EXPECT_EQ(call(1, 65536), 4 + 160'000);
}

TEST(EngineMetering, PageChargesCanEndTheBudget) {
  TestState state(TestModule().memory("00 01").function("60 01 7f 00", "20 00 2d 00 00 1a"));
  InstanceConfig config;
  config.page_model = PageModel::k2026;
  config.instructions = 80'003;
  state.attach(config);
  expect_trap(state.call(0, {Value::i32(0)}), TrapKind::kOutOfInstructions, state.at(0, 2));
  config.instructions = 80'004;
  state.attach(config);
  EXPECT_TRUE(state.call(0, {Value::i32(0)}).ok());
}

TEST(EngineMetering, PagesOf2025AreChargedAfterTheCall) {
  const auto store = [](const char* memory, const char* zero) {
    return TestModule().memory(memory).function(
        kNothing, std::string(zero) + "41 07 3a 00 00 " + zero + "41 07 3a 00 80 20");
  };
  TestState narrow(store("00 01", "41 00 "));
  TestState wide(store("04 01", "42 00 "));
  InstanceConfig config;
  config.page_model = PageModel::k2025;
  EXPECT_EQ(cost(narrow, 0, {}, config), 1 + 6 + 2 * 1'000);
  EXPECT_EQ(cost(wide, 0, {}, config), 1 + 8 + 2 * 4'000);
}

}  // namespace
}  // namespace canrec::engine
