// SPDX-License-Identifier: Apache-2.0
// Every kind of trap, with its place and backtrace; the limits of stacks and memories.
#include "unit/engine/test_module.h"

namespace canrec::engine {
namespace {

TEST(EngineTrap, UnreachableTellsWhere) {
  TestState state(TestModule().function(kNothing, "01 01 00"));
  expect_trap(state.call(0), TrapKind::kUnreachable, state.at(0, 2));
}

TEST(EngineTrap, BacktraceNamesTheCallInstructions) {
  TestState state(TestModule()
                      .function(kNothing, "00")
                      .function(kNothing, "01 10 00")
                      .function(kNothing, "01 01 10 01 01"));
  const Outcome outcome = state.call(2);
  expect_trap(outcome, TrapKind::kUnreachable, state.at(0, 0));
  EXPECT_EQ(outcome.trap->backtrace, (std::vector<Location>{{wasm::FuncIdx{0}, state.at(0, 0)},
                                                            {wasm::FuncIdx{1}, state.at(1, 1)},
                                                            {wasm::FuncIdx{2}, state.at(2, 2)}}));
  EXPECT_EQ(outcome.trap->frames, 3u);
}

TEST(EngineTrap, DivisionsAndConversionsHaveTheirKinds) {
  TestState state(TestModule()
                      .function("60 02 7f 7f 01 7f", "20 00 20 01 6d")  // i32.div_s
                      .function("60 02 7e 7e 01 7e", "20 00 20 01 82")  // i64.rem_u
                      .function("60 01 7c 01 7f", "20 00 aa"));         // i32.trunc_f64_s
  expect_trap(state.call(0, {Value::i32(1), Value::i32(0)}), TrapKind::kIntegerDivideByZero,
              state.at(0, 4));
  expect_trap(state.call(0, {Value::i32(0x80000000), Value::i32(UINT32_MAX)}),
              TrapKind::kIntegerOverflow, state.at(0, 4));
  expect_trap(state.call(1, {Value::i64(1), Value::i64(0)}), TrapKind::kIntegerDivideByZero,
              state.at(1, 4));
  expect_trap(state.call(2, {Value::f64(2147483648.0)}), TrapKind::kIntegerOverflow,
              state.at(2, 2));
  expect_trap(state.call(2, {Value::f64(std::numeric_limits<double>::quiet_NaN())}),
              TrapKind::kBadConversion, state.at(2, 2));
  EXPECT_EQ(state.call(2, {Value::f64(-2147483648.9)}).results[0].as_i32(), 0x80000000u);
}

TEST(EngineTrap, MemoryEdgesAt32Bits) {
  TestState state(TestModule()
                      .memory("00 01")
                      .function(kMap32, "20 00 28 02 00")                       // i32.load
                      .function(kMap32, "20 00 28 02 ff ff ff ff 0f")           // offset 2^32 - 1
                      .function("60 01 7f 00", "20 00 42 01 37 03 fc ff 03"));  // i64.store 65532
  EXPECT_TRUE(state.call(0, {Value::i32(65532)}).ok());
  expect_trap(state.call(0, {Value::i32(65533)}), TrapKind::kMemoryOutOfBounds, state.at(0, 2));
  expect_trap(state.call(0, {Value::i32(UINT32_MAX)}), TrapKind::kMemoryOutOfBounds,
              state.at(0, 2));
  // The sum is a 33-bit number and does not wrap around.
  expect_trap(state.call(1, {Value::i32(1)}), TrapKind::kMemoryOutOfBounds, state.at(1, 2));
  expect_trap(state.call(1, {Value::i32(UINT32_MAX)}), TrapKind::kMemoryOutOfBounds,
              state.at(1, 2));
  expect_trap(state.call(2, {Value::i32(0)}), TrapKind::kMemoryOutOfBounds, state.at(2, 4));
  EXPECT_EQ(state.memory().counts().os_written, 0u);
}

TEST(EngineTrap, MemoryEdgesAt64Bits) {
  TestState state(TestModule()
                      .memory("04 01")
                      .function("60 01 7e 01 7f", "20 00 28 02 00")  // i32.load
                      // offset 2^33, then 2^64 - 1
                      .function("60 01 7e 01 7f", "20 00 28 02 80 80 80 80 20")
                      .function("60 01 7e 01 7f", "20 00 28 02 ff ff ff ff ff ff ff ff ff 01"));
  EXPECT_TRUE(state.call(0, {Value::i64(65532)}).ok());
  for (const uint64_t address : {uint64_t{65533}, uint64_t{1} << 32, uint64_t{8} << 30,
                                 uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 3}) {
    for (const uint32_t function : {0U, 1U, 2U}) {
      expect_trap(state.call(function, {Value::i64(address)}), TrapKind::kMemoryOutOfBounds,
                  state.at(function, 2));
    }
  }
}

TEST(EngineTrap, A64BitMemoryReachesSixGiB) {
  TestState state(TestModule()
                      .memory("04 01")
                      .function(kMap64, "20 00 40 00")                  // memory.grow
                      .function("60 01 7e 00", "20 00 42 07 37 03 00")  // i64.store
                      .function(kMap64, "20 00 29 03 00"));             // i64.load
  EXPECT_EQ(state.call(0, {Value::i64(kHeapPages64)}).results[0].as_i64(), UINT64_MAX);
  EXPECT_EQ(state.call(0, {Value::i64(kHeapPages64 - 1)}).results[0].as_i64(), 1u);
  const uint64_t end = kHeapPages64 * kWasmPage;
  EXPECT_TRUE(state.call(1, {Value::i64(end - 8)}).ok());
  EXPECT_EQ(state.call(2, {Value::i64(end - 8)}).results[0].as_i64(), 7u);
  expect_trap(state.call(1, {Value::i64(end - 7)}), TrapKind::kMemoryOutOfBounds, state.at(1, 4));
  EXPECT_EQ(state.call(0, {Value::i64(1)}).results[0].as_i64(), UINT64_MAX);
}

TEST(EngineTrap, A32BitMemoryGrowsToFourGiB) {
  TestState state(TestModule()
                      .memory("00 01")
                      .function(kMap32, "20 00 40 00")
                      .function(kMap32, "20 00 28 02 00"));
  EXPECT_EQ(state.call(0, {Value::i32(65536)}).results[0].as_i32(), UINT32_MAX);
  EXPECT_EQ(state.call(0, {Value::i32(65535)}).results[0].as_i32(), 1u);
  EXPECT_TRUE(state.call(1, {Value::i32(UINT32_MAX - 3)}).ok());
  expect_trap(state.call(1, {Value::i32(UINT32_MAX - 2)}), TrapKind::kMemoryOutOfBounds,
              state.at(1, 2));
}

TEST(EngineTrap, IndirectCallsTellNullRangeAndType) {
  TestState state(TestModule()
                      .table("70 00 03")
                      .function(kGet32, "41 2a")
                      .function(kNothing, "")
                      .function(kMap32, "20 00 11 00 00")  // call_indirect type 0
                      .element("00 41 00 0b 02 00 01"));   // slots 0, 1; slot 2 is null
  EXPECT_EQ(state.call(2, {Value::i32(0)}).results[0].as_i32(), 42u);
  expect_trap(state.call(2, {Value::i32(1)}), TrapKind::kIndirectCallMismatch, state.at(2, 2));
  expect_trap(state.call(2, {Value::i32(2)}), TrapKind::kIndirectCallNull, state.at(2, 2));
  expect_trap(state.call(2, {Value::i32(3)}), TrapKind::kTableOutOfBounds, state.at(2, 2));

  const wasm::FuncType get32{{}, {wasm::ValType::kI32}};
  EXPECT_EQ(state.instance().call_table(0, get32, {}).results[0].as_i32(), 42u);
  EXPECT_EQ(state.instance().call_table(1, get32, {}).trap->kind, TrapKind::kIndirectCallMismatch);
  EXPECT_EQ(state.instance().call_table(2, get32, {}).trap->kind, TrapKind::kIndirectCallNull);
  EXPECT_EQ(state.instance().call_table(3, get32, {}).trap->kind, TrapKind::kTableOutOfBounds);
}

TEST(EngineTrap, EndlessRecursionEndsAtEitherStack) {
  // f0 keeps no operands, so frames run out; f1 has 1,000 locals, so slots do; f2 is indirect.
  TestState state(TestModule()
                      .table("70 00 01")
                      .function(kNothing, "10 00")
                      .function(kNothing, "10 01", "01 e8 07 7e")
                      .function(kNothing, "41 00 11 00 00")
                      .element("00 41 00 0b 01 02"));
  InstanceConfig config;
  config.call_depth = 1'000'000;
  state.attach(config);
  const Outcome frames = state.call(0);
  expect_trap(frames, TrapKind::kStackOverflow, state.at(0, 0));
  EXPECT_EQ(frames.trap->frames, 1'000'000u);
  EXPECT_EQ(frames.trap->backtrace.size(), kBacktraceFrames);
  const Outcome slots = state.call(1);
  expect_trap(slots, TrapKind::kStackOverflow, state.at(1, 0));
  EXPECT_LT(slots.trap->frames, 1'100u);
  expect_trap(state.call(2), TrapKind::kStackOverflow, state.at(2, 2));
  EXPECT_FALSE(state.call(0).ok());
}

TEST(EngineTrap, TailCallsNeedNoStack) {
  // f0(n): n == 0 ? 7 : return_call f0(n - 1);  f1 the same through the table
  TestState state(TestModule()
                      .table("70 00 02")
                      .function(kMap32, "20 00 45 04 40 41 07 0f 0b 20 00 41 01 6b 12 00")
                      .function(kMap32, "20 00 45 04 40 41 08 0f 0b 20 00 41 01 6b 41 01 13 00 00")
                      .element("00 41 00 0b 02 00 01"));
  InstanceConfig config;
  config.call_depth = 3;
  config.stack_bytes = 256;
  state.attach(config);
  EXPECT_EQ(state.call(0, {Value::i32(200'000)}).results[0].as_i32(), 7u);
  EXPECT_EQ(state.call(1, {Value::i32(200'000)}).results[0].as_i32(), 8u);
}

TEST(EngineTrap, EndlessLoopsEndWithTheBudget) {
  TestState state(TestModule().function(kNothing, "03 40 0c 00 0b"));
  InstanceConfig config;
  config.instructions = 1'000'000;
  state.attach(config);
  expect_trap(state.call(0), TrapKind::kOutOfInstructions, state.at(0, 0));
  EXPECT_EQ(state.instance().counter(), -1);
}

TEST(EngineTrap, AnInterruptStopsALoop) {
  TestState state(TestModule().function(kNothing, "03 40 0c 00 0b"));
  struct Watch {
    Interrupt interrupt;
    uint64_t reports = 0;
    uint64_t last = 0;
  } watch;
  InstanceConfig config;
  config.interrupt = &watch.interrupt;
  config.progress = {[](void* context, uint64_t instructions) {
                       auto& seen = *static_cast<Watch*>(context);
                       EXPECT_GT(instructions, seen.last);
                       seen.last = instructions;
                       if (++seen.reports == 3) seen.interrupt.request();
                     },
                     &watch};
  state.attach(config);
  expect_trap(state.call(0), TrapKind::kInterrupted, state.at(0, 0));
  EXPECT_EQ(watch.reports, 3u);
}

TEST(EngineTrap, PollingDoesNotChangeTheCount) {
  TestState state(TestModule().function("60 01 7f 00", "03 40 20 00 41 01 6b 22 00 0d 00 0b"));
  const Interrupt interrupt;
  InstanceConfig config;
  config.interrupt = &interrupt;
  config.instructions = 1 + 6 * 10'000'000;
  state.attach(config);
  EXPECT_TRUE(state.call(0, {Value::i32(10'000'000)}).ok());
  EXPECT_EQ(state.instance().counter(), 0);
  config.instructions -= 1;
  state.attach(config);
  EXPECT_EQ(state.call(0, {Value::i32(10'000'000)}).trap->kind, TrapKind::kOutOfInstructions);
  EXPECT_EQ(state.instance().counter(), -1);
}

TEST(EngineTrap, FramesTooLargeForTheEngineAreALimit) {
  // 40,000 locals of v128 take 80,000 slots.
  TestState state(TestModule().function(kNothing, "", "01 c0 b8 02 7b"));
  expect_trap(state.call(0), TrapKind::kEngineLimit, state.at(0, 0));
}

}  // namespace
}  // namespace canrec::engine
