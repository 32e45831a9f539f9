// SPDX-License-Identifier: Apache-2.0
// States, instances, hosts and segments: the promises of engine.h.
#include "engine/engine.h"

#include "unit/engine/test_module.h"

namespace canrec::engine {
namespace {

using wasm::ValType;

TEST(Engine, TranslatesOnlyWhatIsCalled) {
  TestState state(
      TestModule().function(kNothing, "").function(kNothing, "10 00").function(kNothing, ""));
  EXPECT_EQ(state.compiled().translated_functions(), 0u);
  EXPECT_TRUE(state.call(1).ok());
  EXPECT_EQ(state.compiled().translated_functions(), 2u);
  EXPECT_TRUE(state.call(1).ok());
  EXPECT_EQ(state.compiled().translated_functions(), 2u);
}

TEST(Engine, FindsExportedFunctions) {
  TestState state(TestModule().function(kNothing, "").function(kNothing, ""));
  EXPECT_EQ(state.compiled().find_function("f1"), wasm::FuncIdx{1});
  EXPECT_FALSE(state.compiled().find_function("f2").has_value());
}

TEST(Engine, RejectsImportsThatAreNotFunctions) {
  Bytes bytes = wasm::module_header();
  const Bytes import =
      wasm::concat({wasm::name_bytes("a"), wasm::name_bytes("b"), hex("02 00 01")});
  append(bytes, wasm::section(wasm::SectionId::kImport, wasm::vec({import})));
  const auto module = wasm::read_module(bytes);
  ASSERT_TRUE(module);
  const auto compiled = CompiledModule::compile(*module);
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code(), Errc::kEngine);
  EXPECT_EQ(compiled.error().offset(), 11u);
}

TEST(Engine, RejectsTablesOverTheLimit) {
  TestState fits(TestModule().table("70 00 c0 84 3d"));  // 1,000,000
  EXPECT_EQ(fits.attach().table_size(), kTableElements);
  const Bytes bytes = TestModule().table("70 00 c1 84 3d").bytes();
  const auto module = wasm::read_module(bytes);
  ASSERT_TRUE(module);
  const auto compiled = CompiledModule::compile(*module);
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code(), Errc::kEngine);
}

TEST(Engine, RejectsStateOfAnotherShape) {
  TestState state(TestModule().memory("00 01").global("7f 01 41 05 0b").import(kNothing));
  std::vector<Value> globals(1);
  const HostFunction host{[](void*, HostCall&) -> HostStatus { return nullptr; }, nullptr};
  const std::vector<HostFunction> one{host};
  const auto attach = [&](Memory* memory, std::span<Value> values,
                          std::span<const HostFunction> imports) {
    return Instance::attach(state.compiled(), memory, values, imports, {}).has_value();
  };
  EXPECT_TRUE(attach(&state.memory(), globals, one));
  EXPECT_FALSE(attach(nullptr, globals, one));
  EXPECT_FALSE(attach(&state.memory(), {}, one));
  EXPECT_FALSE(attach(&state.memory(), globals, {}));
}

TEST(Engine, EvaluatesInitialisers) {
  TestState state(TestModule()
                      .global("7f 01 41 7b 0b")                       // i32 -5
                      .global("7e 00 42 7b 0b")                       // i64 -5
                      .global("7d 01 43 00 00 c0 3f 0b")              // f32 1.5
                      .global("7c 01 44 00 00 00 00 00 00 f8 3f 0b")  // f64 1.5
                      .global("7b 01 fd 0c 01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 0b")
                      .global("70 01 d2 00 0b")  // ref.func 0
                      .global("70 01 d0 70 0b")  // ref.null
                      .function(kNothing, ""));
  const std::vector<Value> expected{Value::i32(0xfffffffb), Value::i64(0xfffffffffffffffb),
                                    Value::f32(1.5F),       Value::f64(1.5),
                                    Value::v128(1, 2),      Value::function(0),
                                    Value::null()};
  EXPECT_EQ(state.globals(), expected);
}

TEST(Engine, WritesGlobalsWhereTheCallerKeepsThem) {
  TestState state(TestModule()
                      .global("7f 01 41 01 0b")
                      .function("60 01 7f 00", "20 00 24 00")
                      .function(kGet32, "23 00"));
  EXPECT_TRUE(state.call(0, {Value::i32(77)}).ok());
  EXPECT_EQ(state.globals()[0], Value::i32(77));
  state.globals()[0] = Value::i32(78);
  EXPECT_EQ(state.call(1).results[0], Value::i32(78));
}

TEST(Engine, TellsWhereALoadWouldHaveBeen) {
  TestState state(TestModule()
                      .memory("00 01")
                      .function(kMap32, "20 00 28 02 04")                       // i32.load offset=4
                      .function("60 01 7f 00", "20 00 41 00 41 02 fc 0b 00"));  // memory.fill
  const Outcome beyond = state.call(0, {Value::i32(65530)});
  ASSERT_FALSE(beyond.ok());
  EXPECT_EQ(beyond.trap->address, 65534U);
  // An address of 33 bits is told in full.
  const Outcome far = state.call(0, {Value::i32(0xffffffff)});
  ASSERT_FALSE(far.ok());
  EXPECT_EQ(far.trap->address, 0x100000003U);
  // Of a bulk operation where its range begins.
  const Outcome bulk = state.call(1, {Value::i32(65535)});
  ASSERT_FALSE(bulk.ok());
  EXPECT_EQ(bulk.trap->address, 65535U);
}

TEST(Engine, AppliesActiveSegmentsOnceAndDropsThem) {
  TestState state(TestModule()
                      .memory("00 01")
                      .function(kMap32, "20 00 2d 00 00")
                      .function("60 01 7f 00", "41 00 41 00 20 00 fc 08 00 00")  // memory.init 0
                      .function("60 01 7f 00", "41 00 41 00 20 00 fc 08 01 00")  // memory.init 1
                      .function(kNothing, "fc 09 01")                            // data.drop 1
                      .data("00 41 05 0b 02 aa bb")
                      .data("01 02 cc dd"));
  EXPECT_EQ(state.call(0, {Value::i32(6)}).results[0], Value::i32(0xbb));
  // The active segment is dropped, the passive one is there until it is.
  EXPECT_TRUE(state.call(1, {Value::i32(0)}).ok());
  expect_trap(state.call(1, {Value::i32(1)}), TrapKind::kMemoryOutOfBounds, state.at(1, 6));
  EXPECT_TRUE(state.call(2, {Value::i32(2)}).ok());
  EXPECT_EQ(state.call(0, {Value::i32(1)}).results[0], Value::i32(0xdd));
  expect_trap(state.call(2, {Value::i32(3)}), TrapKind::kMemoryOutOfBounds, state.at(2, 6));
  EXPECT_TRUE(state.call(3).ok());
  expect_trap(state.call(2, {Value::i32(1)}), TrapKind::kMemoryOutOfBounds, state.at(2, 6));
  // The next message has it again, and applies nothing.
  ASSERT_TRUE(state.memory().write(5, 1).has_value());
  *state.memory().base() = 0;
  state.memory().base()[5] = 1;
  state.attach();
  EXPECT_EQ(state.call(0, {Value::i32(5)}).results[0], Value::i32(1));
  EXPECT_TRUE(state.call(2, {Value::i32(2)}).ok());
}

TEST(Engine, RefusesSegmentsThatDoNotFit) {
  const auto made = [](const TestModule& test) {
    const Bytes bytes = test.bytes();
    const auto module = wasm::read_module(bytes);
    EXPECT_TRUE(module);
    const auto compiled = CompiledModule::compile(*module);
    EXPECT_TRUE(compiled);
    auto memory = initial_memory(*compiled);
    const auto applied = apply_active_segments(*compiled, *memory);
    auto globals = initial_globals(*compiled);
    return std::pair(applied.has_value(),
                     Instance::attach(*compiled, &*memory, globals, {}, {}).has_value());
  };
  const TestModule base = TestModule().memory("00 01").table("70 00 01").function(kNothing, "");
  EXPECT_EQ(made(TestModule(base).data("00 41 ff ff 03 0b 01 aa")), std::pair(true, true));
  EXPECT_EQ(made(TestModule(base).data("00 41 80 80 04 0b 01 aa")), std::pair(false, true));
  EXPECT_EQ(made(TestModule(base).data("00 41 80 80 04 0b 00")), std::pair(true, true));
  EXPECT_EQ(made(TestModule(base).data("00 41 7f 0b 01 aa")), std::pair(false, true));
  EXPECT_EQ(made(TestModule(base).element("00 41 00 0b 01 00")), std::pair(true, true));
  EXPECT_EQ(made(TestModule(base).element("00 41 01 0b 01 00")), std::pair(true, false));
  EXPECT_EQ(made(TestModule(base).element("00 41 7f 0b 01 00")), std::pair(true, false));
}

TEST(Engine, PassesEveryTypeToTheHostAndBack) {
  // (i32 i64 f32 f64 v128) -> the same, turned round by the host
  const std::string type = "60 05 7f 7e 7d 7c 7b 05 7b 7c 7d 7e 7f";
  TestState state(TestModule().import(type).function(type, "20 00 20 01 20 02 20 03 20 04 10 00"));
  state.host([](void*, HostCall& call) -> HostStatus {
    EXPECT_EQ(call.args.size(), 5u);
    for (size_t i = 0; i < 5; ++i) call.results[i] = call.args[4 - i];
    // What is above 32 bits of an i32 does not get in.
    call.results[4].lo |= uint64_t{1} << 40;
    return nullptr;
  });
  const std::vector<Value> args{Value::i32(0xffffffff), Value::i64(UINT64_MAX), Value::f32(-1.5F),
                                Value::f64(2.5), Value::v128(7, 8)};
  const Outcome outcome = state.call(1, args);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.results, std::vector<Value>(args.rbegin(), args.rend()));
  EXPECT_EQ(state.call(0, args).results, std::vector<Value>(args.rbegin(), args.rend()));
}

TEST(Engine, HostTrapsKeepTheirCodeAndText) {
  TestState state(TestModule().import(kNothing).function(kNothing, "01 10 00"));
  state.host([](void*, HostCall&) { return host_trap(503, "called trap"); });
  const Outcome outcome = state.call(1);
  expect_trap(outcome, TrapKind::kHost, state.at(1, 1));
  EXPECT_EQ(outcome.trap->host_code, 503u);
  EXPECT_EQ(outcome.trap->message, "called trap");
  EXPECT_TRUE(state.call(0).trap->backtrace.empty());
}

TEST(Engine, HostsReachMemoryWithCounting) {
  TestState state(TestModule()
                      .memory("00 01")
                      .import("60 02 7f 7f 00")
                      .function("60 02 7f 7f 00", "20 00 20 01 10 00"));
  state.host([](void*, HostCall& call) -> HostStatus {
    std::span<uint8_t> bytes;
    if (auto trap = call.instance.write(call.args[0].as_i32(), call.args[1].as_i32(), bytes)) {
      return trap;
    }
    for (uint8_t& byte : bytes) byte = 9;
    return nullptr;
  });
  EXPECT_TRUE(state.call(1, {Value::i32(65530), Value::i32(6)}).ok());
  EXPECT_EQ(state.memory().base()[65535], 9);
  EXPECT_EQ(state.memory().counts(), (PageCounts{1, 1, 1, 1}));
  expect_trap(state.call(1, {Value::i32(65530), Value::i32(7)}), TrapKind::kMemoryOutOfBounds,
              state.at(1, 4));
  state.memory().rollback();
  EXPECT_EQ(state.memory().base()[65535], 0);
}

TEST(Engine, HostFunctionsInTheTableAreCalledIndirectly) {
  // f1: call_indirect, f2: return_call_indirect, f3: return_call, all to the import
  TestState state(TestModule()
                      .import(kMap32)
                      .table("70 00 01")
                      .function(kMap32, "20 00 41 00 11 00 00")
                      .function(kMap32, "20 00 41 00 13 00 00")
                      .function(kMap32, "20 00 12 00")
                      .element("00 41 00 0b 01 00"));
  state.host([](void*, HostCall& call) -> HostStatus {
    call.results[0] = Value::i32(call.args[0].as_i32() + 1);
    return nullptr;
  });
  for (const uint32_t function : {1U, 2U, 3U}) {
    EXPECT_EQ(state.call(function, {Value::i32(41)}).results[0], Value::i32(42));
  }
}

TEST(Engine, TheGrowPolicyDecidesBehindTheMaximum) {
  TestState state(TestModule().memory("01 01 03").function(kMap32, "20 00 40 00"));
  struct Asked {
    uint64_t old_pages = 0, new_pages = 0, times = 0;
    bool refuse = false;
  } asked;
  InstanceConfig config;
  config.grow_policy = {[](void* context, uint64_t old_pages, uint64_t new_pages) -> HostStatus {
                          auto& a = *static_cast<Asked*>(context);
                          a = {old_pages, new_pages, a.times + 1, a.refuse};
                          return a.refuse ? host_trap(539, "limit") : nullptr;
                        },
                        &asked};
  state.attach(config);
  EXPECT_EQ(state.call(0, {Value::i32(3)}).results[0], Value::i32(UINT32_MAX));
  EXPECT_EQ(asked.times, 0u);
  EXPECT_EQ(state.call(0, {Value::i32(1)}).results[0], Value::i32(1));
  EXPECT_EQ(asked.old_pages, 1u);
  EXPECT_EQ(asked.new_pages, 2u);
  asked.refuse = true;
  const Outcome outcome = state.call(0, {Value::i32(1)});
  expect_trap(outcome, TrapKind::kHost, state.at(0, 2));
  EXPECT_EQ(outcome.trap->host_code, 539u);
  state.memory().rollback();
  EXPECT_EQ(state.memory().pages(), 1u);
}

TEST(Engine, TablesComeBackWithEveryInstance) {
  TestState state(TestModule()
                      .table("70 00 02")
                      .function(kNothing, "41 00 d0 70 26 00")   // table.set 0 null
                      .function(kGet32, "41 00 25 00 d1")        // table.get 0; ref.is_null
                      .function(kMap32, "d0 70 20 00 fc 0f 00")  // table.grow
                      .function(kGet32, "fc 10 00")              // table.size
                      .element("00 41 00 0b 01 00"));
  EXPECT_EQ(state.call(1).results[0], Value::i32(0));
  EXPECT_TRUE(state.call(0).ok());
  EXPECT_EQ(state.call(1).results[0], Value::i32(1));
  EXPECT_EQ(state.call(2, {Value::i32(5)}).results[0], Value::i32(2));
  EXPECT_EQ(state.call(2, {Value::i32(2'000'000)}).results[0], Value::i32(UINT32_MAX));
  EXPECT_EQ(state.call(3).results[0], Value::i32(7));
  state.attach();
  EXPECT_EQ(state.call(1).results[0], Value::i32(0));
  EXPECT_EQ(state.call(3).results[0], Value::i32(2));
}

TEST(Engine, TableInstructionsCheckTheirRanges) {
  TestState state(TestModule()
                      .table("70 00 04")
                      .function("60 03 7f 7f 7f 00", "20 00 20 01 20 02 fc 0c 00 00")  // init
                      .function("60 03 7f 7f 7f 00", "20 00 20 01 20 02 fc 0e 00 00")  // copy
                      .function("60 02 7f 7f 00", "20 00 d0 70 20 01 fc 11 00")        // fill
                      .function(kNothing, "fc 0d 00")                                  // elem.drop
                      .element("01 00 02 00 01"));
  const auto three = [](uint32_t a, uint32_t b, uint32_t c) {
    return std::vector<Value>{Value::i32(a), Value::i32(b), Value::i32(c)};
  };
  EXPECT_TRUE(state.call(0, three(2, 0, 2)).ok());
  EXPECT_EQ(state.instance().table_slot(3), Value::function(1));
  expect_trap(state.call(0, three(3, 0, 2)), TrapKind::kTableOutOfBounds, state.at(0, 6));
  expect_trap(state.call(0, three(0, 1, 2)), TrapKind::kTableOutOfBounds, state.at(0, 6));
  EXPECT_TRUE(state.call(1, three(1, 2, 2)).ok());
  EXPECT_EQ(state.instance().table_slot(1), Value::function(0));
  EXPECT_EQ(state.instance().table_slot(2), Value::function(1));
  expect_trap(state.call(1, three(UINT32_MAX, 0, 2)), TrapKind::kTableOutOfBounds, state.at(1, 6));
  EXPECT_TRUE(state.call(2, {Value::i32(0), Value::i32(4)}).ok());
  EXPECT_TRUE(state.instance().table_slot(2).is_null());
  EXPECT_TRUE(state.call(3).ok());
  EXPECT_TRUE(state.call(0, three(4, 0, 0)).ok());
  expect_trap(state.call(0, three(0, 0, 1)), TrapKind::kTableOutOfBounds, state.at(0, 6));
}

TEST(Engine, CanonicalNansComeFromArithmeticOnly) {
  TestState state(TestModule()
                      .function("60 02 7d 7d 01 7d", "20 00 20 01 92")          // f32.add
                      .function("60 01 7c 01 7c", "20 00 9f")                   // f64.sqrt
                      .function("60 01 7d 01 7d", "20 00 8c")                   // f32.neg
                      .function("60 01 7d 01 7c", "20 00 bb")                   // f64.promote_f32
                      .function("60 02 7b 7b 01 7b", "20 00 20 01 fd e4 01"));  // f32x4.add
  const Value odd = Value::i32(0xffa12345);
  EXPECT_EQ(state.call(0, {odd, Value::f32(1)}).results[0], Value::i32(0x7fc00000));
  EXPECT_EQ(state.call(1, {Value::f64(-1)}).results[0], Value::i64(0x7ff8000000000000));
  EXPECT_EQ(state.call(2, {odd}).results[0], Value::i32(0x7fa12345));
  EXPECT_EQ(state.call(3, {odd}).results[0], Value::i64(0x7ff8000000000000));
  EXPECT_EQ(state.call(4, {Value::v128(0xffa12345, 0), Value::v128(0, 0)}).results[0],
            Value::v128(0x7fc00000, 0));
}

TEST(Engine, TouchesOnlyThePagesOfAnAccess) {
  TestState state(TestModule()
                      .memory("00 02")
                      .function(kMap32, "20 00 28 02 00")
                      .function("60 01 7f 00", "20 00 41 01 36 02 00"));
  EXPECT_TRUE(state.call(0, {Value::i32(4094)}).ok());
  EXPECT_EQ(state.memory().counts(), (PageCounts{1, 0, 2, 0}));
  EXPECT_TRUE(state.call(1, {Value::i32(65534)}).ok());
  EXPECT_EQ(state.memory().counts(), (PageCounts{2, 2, 4, 2}));
  EXPECT_EQ(state.memory().modified_ranges(), (std::vector<MemoryRange>{{61440, 69632}}));
}

}  // namespace
}  // namespace canrec::engine
