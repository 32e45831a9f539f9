// SPDX-License-Identifier: Apache-2.0
// Attempts to make the comparison say `safe` when it is not. None may succeed.
#include <algorithm>
#include <array>

#include "test_module.h"

namespace canrec::wasmdiff::test {
namespace {

void expect_never_safe(const Compared& c) {
  EXPECT_NE(c.s(), Word::kSafe);
  EXPECT_NE(c.k(), Word::kSafe);
}

// What a byte of the module says, as `canrec inspect --bytes` does.
std::string label_of(const wasm::Module& module, uint64_t offset) {
  for (const wasm::LabelledRange& range : wasm::coverage(module)) {
    if (offset >= range.range.begin && offset < range.range.end) return range.label;
  }
  return {};
}

TEST(Adversary, FlipsEveryBit) {
  // Names of exports, sections of tools, a type that nothing uses, a larger table.
  constexpr std::array<std::string_view, 4> kHarmless = {
      "custom", "export", "type section, entry 7", "table section, entry 0"};
  const Bytes base = Canister().build();
  const auto old_module = wasm::read_module(base);
  ASSERT_TRUE(old_module.has_value());
  size_t compared = 0;
  for (size_t bit = 8 * 8; bit < base.size() * 8; ++bit) {
    Bytes changed = base;
    changed[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    const auto module = wasm::read_module(changed);
    if (!module) continue;
    const auto comparison = compare(*old_module, *module, {});
    if (!comparison) continue;
    ++compared;
    if (comparison->best() != Word::kSafe) continue;
    const std::string label = label_of(*old_module, bit / 8);
    const bool known = std::ranges::any_of(
        kHarmless, [&](std::string_view begin) { return label.starts_with(begin); });
    // Locals that nobody uses do not count.
    EXPECT_TRUE(known || label.ends_with("locals")) << "bit " << bit << ": " << label;
    for (const wasm::Export& entry : old_module->exports) {
      const wasm::ByteRange index = entry.index_range;
      EXPECT_FALSE(bit / 8 >= index.begin && bit / 8 < index.end) << "bit " << bit << ": " << label;
    }
  }
  EXPECT_GT(compared, 1000U);
}

TEST(Adversary, TheBaseItselfIsSafe) {
  const Compared c = after([](Canister&) {});
  EXPECT_EQ(c.s(), Word::kSafe);
  EXPECT_EQ(c.k(), Word::kSafe);
}

TEST(Adversary, SwapsTwoGlobalsOfEqualTypeAndValue) {
  const auto with = [](uint32_t first, uint32_t second) {
    return [=](Canister& m) {
      m.globals.push_back({0x7f, true, i32(0), ""});
      m.globals.push_back({0x7f, true, i32(0), ""});
      m.functions[kFnGet].code = code({i32(5), global_set(first), i32(6), global_set(second)});
    };
  };
  const Compared c = between(with(1, 2), with(2, 1));
  expect_never_safe(c);
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("global.swapped"));
}

TEST(Adversary, MovesAConstantThatNoListShows) {
  const auto with = [](int32_t heap_base) {
    return [=](Canister& m) {
      m.globals.push_back({0x7f, false, i32(heap_base), ""});
      m.functions[kFnGet].code = code({global_get(1), {0x1a}});
    };
  };
  const Compared c = between(with(70000), with(70016));
  expect_never_safe(c);
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("statics.end"));
  EXPECT_FALSE(c.has("global.swapped"));
}

TEST(Adversary, SwapsPassiveSegmentsThatCodeNamesByNumber) {
  const auto with = [](const char* first, const char* second) {
    return [=](Canister& m) {
      m.data.push_back({std::nullopt, first});
      m.data.push_back({std::nullopt, second});
      m.data_count = true;
      m.functions[kFnGet].code = code({i32(66000), i32(0), i32(5), {0xfc, 8, 2, 0}});
    };
  };
  expect_never_safe(between(with("first", "other"), with("other", "first")));
}

TEST(Adversary, DropsTheOtherOfTwoEqualSegments) {
  const auto with = [](uint8_t dropped) {
    return [=](Canister& m) {
      m.data.push_back({std::nullopt, "equal"});
      m.data.push_back({std::nullopt, "equal"});
      m.data_count = true;
      m.functions[kFnGet].code = code({{0xfc, 9, dropped},
                                       i32(66000),
                                       i32(0),
                                       i32(5),
                                       {0xfc, 8, 2, 0},
                                       i32(66000),
                                       i32(0),
                                       i32(5),
                                       {0xfc, 8, 3, 0}});
    };
  };
  expect_never_safe(between(with(2), with(3)));
}

TEST(Adversary, SwapsTableSlotsOfOneSignature) {
  const Compared c = after([](Canister& m) { m.segments = {{1, {kFnTwo, kFnOne}}}; });
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_EQ(c.k(), Word::kUnsafe);
  EXPECT_TRUE(c.has("table.slot"));
}

TEST(Adversary, SwapsTheBodiesAndTheNamesOfTwoSlots) {
  // The name section says that nothing happened.
  const Compared c =
      after([](Canister& m) { std::swap(m.functions[kFnOne].code, m.functions[kFnTwo].code); });
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("table.slot"));
}

TEST(Adversary, OverlaysSlotsWithALaterSegment) {
  const Compared c = after([](Canister& m) { m.segments.push_back({1, {kFnTwo}}); });
  EXPECT_EQ(c.s(), Word::kUnsafe);
}

TEST(Adversary, OverlaysDataWithALaterSegment) {
  const Compared c = after([](Canister& m) { m.data.push_back({65540, "sum"}); });
  expect_never_safe(c);
  EXPECT_TRUE(c.has("data.changed"));
}

TEST(Adversary, CallsAnotherFunctionOfTheSameType) {
  const auto with = [](uint32_t callee) {
    return [=](Canister& m) {
      m.functions[kFnGet].code = code({i32(1), call(m.index(callee)), kDrop});
    };
  };
  expect_never_safe(between(with(kFnOne), with(kFnTwo)));
}

TEST(Adversary, ChangesADeepCalleeOnly) {
  const auto with = [](int32_t number) {
    return [=](Canister& m) {
      const uint32_t base = m.index(static_cast<uint32_t>(m.functions.size()));
      m.functions.push_back({kNothing, {0}, call(base + 1), "a"});
      m.functions.push_back({kNothing, {0}, call(base + 2), "b"});
      m.functions.push_back({kNothing, {0}, code({i32(0), i32(number), store(66000)}), "c"});
      m.functions[kFnGet].code = call(base);
    };
  };
  const Compared c = between(with(1), with(2));
  expect_never_safe(c);
  EXPECT_EQ(c.comparison.counts.changed, 1U);
  EXPECT_EQ(c.comparison.counts.callees, 3U);
}

TEST(Adversary, TellsApartRecursionsOfDifferentShape) {
  // a calls b, b calls a; then a calls a, b calls b: the texts alone are all equal.
  const auto with = [](uint32_t from_a, uint32_t from_b) {
    return [=](Canister& m) {
      const uint32_t base = m.index(static_cast<uint32_t>(m.functions.size()));
      m.functions.push_back({kStep, {0}, code({local_get(0), call(base + from_a)}), "a"});
      m.functions.push_back(
          {kStep, {0}, code({i32(1), kDrop, local_get(0), call(base + from_b)}), "b"});
      m.functions[kFnGet].code = code({i32(1), call(base), kDrop});
    };
  };
  expect_never_safe(between(with(1, 0), with(0, 1)));
}

TEST(Adversary, ChangesABranchDepth) {
  const auto with = [](uint8_t depth) {
    return [=](Canister& m) {
      m.functions[kFnGet].code =
          code({{0x02, 0x40, 0x02, 0x40, 0x0c, depth, 0x0b}, i32(0), i32(1), store(66000), kEnd});
    };
  };
  expect_never_safe(between(with(0), with(1)));
}

TEST(Adversary, ChangesABranchTable) {
  const auto with = [](uint8_t depth) {
    return [=](Canister& m) {
      m.functions[kFnGet].code = code({{0x02, 0x40, 0x02, 0x40},
                                       i32(0),
                                       {0x0e, 1, depth, 0},
                                       kEnd,
                                       i32(0),
                                       i32(1),
                                       store(66000),
                                       kEnd});
    };
  };
  expect_never_safe(between(with(0), with(1)));
}

TEST(Adversary, AddsAStartFunction) {
  expect_never_safe(after([](Canister& m) { m.start = kFnGet; }));
}

TEST(Adversary, MovesAHookToAnotherFunction) {
  expect_never_safe(after([](Canister& m) { m.exports[2].second = kFnGet; }));
}

TEST(Adversary, MakesAnUpdateOfAQuery) {
  expect_never_safe(after([](Canister& m) { m.exports[1].first = "canister_update get"; }));
}

TEST(Adversary, ExportsAnInnerFunctionAsAMethod) {
  expect_never_safe(after([](Canister& m) {
    m.functions.push_back({kNothing, {0}, code({i32(0), i32(1), store(65792)}), "inner"});
    m.exports.push_back({"canister_update inner", static_cast<uint32_t>(m.functions.size() - 1)});
  }));
}

TEST(Adversary, AddsAPostUpgradeHook) {
  expect_never_safe(after([](Canister& m) {
    m.exports.push_back({"canister_post_upgrade", kFnGet});
  }));
}

TEST(Adversary, RemovesInspectMessage) {
  const auto with = [](bool inspect) {
    return [=](Canister& m) {
      if (inspect) m.exports.push_back({"canister_inspect_message", kFnFrame});
    };
  };
  expect_never_safe(between(with(true), with(false)));
}

TEST(Adversary, AddsACallThatWritesTheHeap) {
  expect_never_safe(after([](Canister& m) {
    Bytes& body = m.functions[kFnPre].code;
    body = code({i32(65536), i32(0), i32(64), call(kCopyApi), body});
  }));
}

TEST(Adversary, AddsAStableWrite) {
  expect_never_safe(after([](Canister& m) {
    Bytes& body = m.functions[kFnPre].code;
    body = code({i64(0), i64(0), i64(64), call(kWriteApi), body});
  }));
}

TEST(Adversary, RemovesAGuardingTrap) {
  const auto with = [](bool guarded) {
    return [=](Canister& m) {
      m.functions[kFnGet].code = code({i32(0),
                                       load(65792),
                                       {0x04, 0x40},
                                       guarded ? code({i32(0), i32(0), call(kTrapApi)}) : Bytes{},
                                       kEnd,
                                       i32(0),
                                       i32(9),
                                       store(65792)});
    };
  };
  expect_never_safe(between(with(true), with(false)));
}

TEST(Adversary, ReplacesTheResultOfACall) {
  const auto with = [](bool real) {
    return [=](Canister& m) {
      m.functions[kFnGet].code =
          code({i32(0), real ? call(kTimeApi) : i64(0), {0x37, 3}, leb(66000)});
    };
  };
  expect_never_safe(between(with(true), with(false)));
}

TEST(Adversary, HidesAStoreBehindACall) {
  expect_never_safe(after([](Canister& m) {
    Bytes& body = m.functions[kFnPre].code;
    body = code({call(kTimeApi), kDrop, i32(0), i32(1), store(65792), body});
  }));
}

TEST(Adversary, KeepsTheHeapPointerInAGlobal) {
  // Named like a stack pointer and moved downwards like one, but never given back.
  const auto edit = [](Canister& m) {
    m.globals.push_back({0x7f, true, i32(131072), "__stack_pointer"});
    m.functions[kFnGet].code = code({global_get(1), i32(16), kSub, global_set(1)});
  };
  const Compared c = between(edit, edit);
  EXPECT_EQ(c.s(), Word::kSafe);
  EXPECT_EQ(c.k(), Word::kUnsafe);
}

TEST(Adversary, KeepsTheHeapPointerInAGlobalThatIsGivenBackSometimes) {
  // A heap that grows downwards: the pointer is put back where the room does not suffice.
  const auto edit = [](Canister& m) {
    m.globals.push_back({0x7f, true, i32(131072), ""});
    m.functions[kFnGet].locals = {1, 1, 0x7f};
    m.functions[kFnGet].code = code({global_get(1),
                                     local_tee(0),
                                     i32(16),
                                     kSub,
                                     global_set(1),
                                     global_get(1),
                                     i32(1024),
                                     {0x49},
                                     {0x04, 0x40},
                                     local_get(0),
                                     global_set(1),
                                     kEnd});
  };
  const Compared c = between(edit, edit);
  EXPECT_EQ(c.s(), Word::kSafe);
  EXPECT_EQ(c.k(), Word::kReview);
  EXPECT_TRUE(c.has("global.not-restored"));
}

TEST(Adversary, MovesTheStackAndExportsItsPointer) {
  // The place belongs to another global by name, to the same one by use.
  const Compared c = after([](Canister& m) {
    m.globals[0].init = i32(131072);
    m.globals[0].export_name = "pointer";
  });
  expect_never_safe(c);
  EXPECT_EQ(c.k(), Word::kUnsafe);
  EXPECT_TRUE(c.has("stack.start"));
}

TEST(Adversary, MovesTheStackBehindAGlobalOfAnotherType) {
  // Nothing uses the first global, so no function shows that the lists do not match.
  const auto with = [](uint8_t type, int32_t stack) {
    return [=](Canister& m) {
      m.globals = {{type, true, type == 0x7f ? i32(0) : i64(0), ""}, {0x7f, true, i32(stack), ""}};
      m.functions[kFnFrame].code = code({global_get(1), i32(16), kSub, local_tee(0), global_set(1),
                                         local_get(0), i32(16), kAdd, global_set(1)});
    };
  };
  const Compared c = between(with(0x7f, 65536), with(0x7e, 131072));
  expect_never_safe(c);
  EXPECT_EQ(c.k(), Word::kUnsafe);
  EXPECT_TRUE(c.has("stack.start"));
}

TEST(Adversary, EnlargesATableWhoseSizeCodeUses) {
  const auto with = [](uint64_t slots) {
    return [=](Canister& m) {
      m.table_min = slots;
      m.functions[kFnGet].code = code({i32(0), {0xfc, 0x10, 0}, store(66000)});
    };
  };
  expect_never_safe(between(with(3), with(4)));
  expect_never_safe(between(with(4), with(3)));
}

TEST(Adversary, StartsAnotherFunctionOfAMotokoModule) {
  // Both functions exist in both modules, so no code differs.
  const auto enhanced = [](uint32_t start) {
    return [=](Canister& m) {
      m.memory_64 = true;
      m.imports = {{"msg_reply", kNothing}};
      m.functions = {{kNothing, {0}, {}, "init"},
                     {kNothing, {0}, code({i64(65792), i64(0), {0x37, 3, 0}}), "reset"}};
      m.segments.clear();
      m.data.clear();
      m.exports = {{"canister_post_upgrade", 0}};
      m.custom.push_back({"icp:private motoko:compiler", "4.0.0"});
      m.start = start;
    };
  };
  const Compared same = between(enhanced(0), enhanced(0));
  EXPECT_EQ(same.comparison.subject->column, Column::kMotokoEop);
  EXPECT_EQ(same.k(), Word::kSafe);
  expect_never_safe(between(enhanced(0), enhanced(1)));
}

TEST(Adversary, MovesAZeroStaticThatNoSegmentShows) {
  const auto with = [](uint32_t address) {
    return [=](Canister& m) {
      m.names = address == 66000;
      m.functions[kFnGet].code = code({i32(0), load(address), kDrop, call(kReply)});
    };
  };
  const Compared c = between(with(66000), with(66004));
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("statics.moved"));
}

TEST(Adversary, PutsDataPastTheMemory) {
  const Compared c = after([](Canister& m) { m.data.push_back({131070, "past the end"}); });
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("data.unknown"));
}

TEST(Adversary, ImportsWhatTheNetworkRefuses) {
  const Compared c = after([](Canister& m) { m.imports.push_back({"does_not_exist", kNothing}); });
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("import.refused"));
}

TEST(Adversary, ReordersImportsUnderTheSameNumbers) {
  // Function 1 was ic0.time and is ic0.canister_version, with the same bytes calling it.
  const auto with = [](const char* name) {
    return [=](Canister& m) {
      m.imports[kTimeApi].name = name;
      m.functions[kFnGet].code = code({i32(0), call(kTimeApi), {0x37, 3}, leb(66000)});
    };
  };
  expect_never_safe(between(with("time"), with("canister_version")));
}

TEST(Adversary, ChangesATypeUnderTheSameNumber) {
  // call_indirect type 1 becomes another signature by the type section alone.
  expect_never_safe(after([](Canister& m) {
    m.types[kStep] = {0x60, 1, 0x7f, 1, 0x7e};
    m.types.push_back({0x60, 1, 0x7f, 1, 0x7f});
    const auto step = static_cast<uint8_t>(m.types.size() - 1);
    m.functions[kFnOne].type = m.functions[kFnTwo].type = step;
    m.functions[kFnInc].code = code({i32(0),
                                     i32(0),
                                     load(65792),
                                     i32(1),
                                     {0x11, kStep, 0},
                                     {0xa7},
                                     store(65792),
                                     call(kReply)});
  }));
}

}  // namespace
}  // namespace canrec::wasmdiff::test
