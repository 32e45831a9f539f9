// SPDX-License-Identifier: Apache-2.0
// The decision table of docs/design/wasmdiff.md row by row, on modules built by hand. Rows 33 to 37
// need what only a Motoko compiler makes; tests/real/wasmdiff has them, on the pairs.
#include <fmt/core.h>

#include "test_module.h"

namespace canrec::wasmdiff::test {
namespace {

void expect_words(const Compared& c, Word s, Word k) {
  EXPECT_EQ(to_string(c.s()), to_string(s));
  EXPECT_EQ(to_string(c.k()), to_string(k));
}
void expect_safe(const Compared& c) { expect_words(c, Word::kSafe, Word::kSafe); }
void expect_review(const Compared& c) { expect_words(c, Word::kReview, Word::kReview); }
void expect_unsafe(const Compared& c) { expect_words(c, Word::kUnsafe, Word::kUnsafe); }

TEST(DecisionTable, Row01CustomSections) {
  const Compared c = after([](Canister& m) {
    m.names = false;
    m.custom.push_back({"icp:public built-by", "somebody"});
  });
  expect_safe(c);
  EXPECT_TRUE(c.has("section.custom"));
}

TEST(DecisionTable, Row01RouteKAsksForItsSection) {
  const Compared c = after([](Canister& m) { m.custom.clear(); });
  expect_words(c, Word::kSafe, Word::kUnsafe);
  EXPECT_TRUE(c.has("section.route-k"));
}

TEST(DecisionTable, Row02FunctionBodies) {
  const Compared c = after([](Canister& m) {
    m.functions[kFnGet].code = code({i32(0), load(65792), i32(1), kAdd, kDrop, call(kReply)});
  });
  expect_review(c);
  ASSERT_EQ(c.comparison.subject->changed.size(), 1U);
  EXPECT_EQ(c.comparison.subject->changed[0].diff.change, BodyChange::kOther);
}

TEST(DecisionTable, Row02SystemApiCallAdded) {
  const Compared c = after([](Canister& m) {
    m.functions[kFnPre].code =
        code({call(kTimeApi), kDrop, i64(1), call(kGrowApi), kDrop, m.functions[kFnPre].code});
  });
  expect_safe(c);
  ASSERT_EQ(c.comparison.subject->changed.size(), 1U);
  EXPECT_EQ(c.comparison.subject->changed[0].diff.api.size(), 2U);
}

TEST(DecisionTable, Row02SystemApiCallAddedToTwins) {
  // Two functions that are the same, with callers that are the same: each pair stays one.
  const auto twins = [](bool grows) {
    return [=](Canister& m) {
      const uint32_t base = m.index(static_cast<uint32_t>(m.functions.size()));
      const Bytes body = code({grows ? code({i64(1), call(kGrowApi), kDrop}) : Bytes{}, i64(7),
                               i64(8), i64(4), call(kWriteApi)});
      for (const char* name : {"write", "write_too"}) {
        m.functions.push_back({kNothing, {0}, body, name});
      }
      m.functions.push_back({kNothing, {0}, call(base), "save"});
      m.functions.push_back({kNothing, {0}, call(base + 1), "save_too"});
      m.functions[kFnPre].code = code({call(base + 2), call(base + 3)});
    };
  };
  expect_safe(between(twins(false), twins(true)));
}

TEST(DecisionTable, Row02SystemApiCallRemovedFromPreUpgrade) {
  const Compared c = after([](Canister& m) { m.functions[kFnPre].code = {}; });
  expect_safe(c);
  const Finding* finding = c.find("code.system-api");
  ASSERT_NE(finding, nullptr);
  EXPECT_NE(finding->why.find("does not write any more"), std::string::npos);
}

TEST(DecisionTable, Row02CallThatPreUpgradeDoesNotAllowRemoved) {
  const auto hook = [](bool calls) {
    return [=](Canister& m) {
      m.functions[kFnPre].code =
          calls ? code({i32(65536), i32(0), i32(0), call(kCopyApi)}) : Bytes{};
    };
  };
  expect_safe(between(hook(true), hook(false)));
}

TEST(DecisionTable, Row02CallThatOnlyPreUpgradeDoesNotAllowRemoved) {
  // An update reaches the function too, and there the call has an effect.
  const auto shared = [](bool calls) {
    return [=](Canister& m) {
      m.functions[kFnPre].code =
          calls ? code({i32(65536), i32(0), i32(0), call(kCopyApi)}) : Bytes{};
      m.exports.push_back({"canister_update also", kFnPre});
    };
  };
  const Compared c = between(shared(true), shared(false));
  EXPECT_EQ(c.s(), Word::kReview);
  EXPECT_EQ(c.k(), Word::kReview);
}

TEST(DecisionTable, Row02ArgumentsDroppedInPlaceOfACall) {
  const Compared c = after([](Canister& m) {
    m.functions[kFnPre].code = code({i64(7), i64(8), i64(4), kDrop, kDrop, kDrop});
  });
  expect_safe(c);
}

TEST(DecisionTable, Row03FunctionOrder) {
  const Compared c = after([](Canister& m) {
    std::swap(m.functions[kFnInc], m.functions[kFnGet]);
    std::swap(m.exports[0].second, m.exports[1].second);
  });
  expect_safe(c);
  EXPECT_EQ(c.comparison.counts.changed, 0U);
}

TEST(DecisionTable, Row04FunctionsAddedAndSlotsAppended) {
  const auto appended = [](uint32_t type, Bytes body) {
    return [=](Canister& m) {
      m.functions.push_back({type, {0}, body, "more"});
      m.table_min = 4;
      m.segments.push_back({3, {static_cast<uint32_t>(m.functions.size() - 1)}});
    };
  };
  const Compared c = after(appended(kNothing, {}));
  expect_safe(c);
  EXPECT_TRUE(c.has("table.appended"));
  EXPECT_TRUE(c.has("code.unreachable"));
  // `inc` calls functions of this type through the table.
  expect_review(after(appended(kStep, local_get(0))));
}

TEST(DecisionTable, Row04AddedFunctionThatRuns) {
  expect_review(after([](Canister& m) {
    m.functions.push_back({kNothing, {0}, code({i32(0), i32(1), store(65792)}), "more"});
    m.exports.push_back({"canister_update more", static_cast<uint32_t>(m.functions.size() - 1)});
  }));
}

TEST(DecisionTable, Row05TableSlotsInserted) {
  expect_unsafe(after([](Canister& m) {
    m.functions.push_back({kStep, {0}, code({local_get(0), i32(9), kAdd}), "nine"});
    m.table_min = 4;
    m.segments = {{1, {static_cast<uint32_t>(m.functions.size() - 1), kFnOne, kFnTwo}}};
  }));
}

TEST(DecisionTable, Row05TableSlotEmptied) {
  expect_unsafe(after([](Canister& m) { m.segments = {{1, {kFnOne}}}; }));
}

TEST(DecisionTable, Row05EmptySlotFilled) {
  const Compared c = after([](Canister& m) { m.segments.push_back({0, {kFnOne}}); });
  expect_review(c);
  EXPECT_TRUE(c.has("table.filled"));
}

TEST(DecisionTable, Row06SlotWithAnotherSignature) {
  expect_unsafe(after([](Canister& m) {
    m.functions[kFnTwo] = {kWriteGlobal, {0}, code({local_get(0), local_get(1), kAdd}), "two"};
  }));
}

TEST(DecisionTable, Row07SlotWithAnotherMeaning) {
  expect_unsafe(after([](Canister& m) { m.segments = {{1, {kFnTwo, kFnOne}}}; }));
}

TEST(DecisionTable, Row07SlotWhoseFunctionWasEdited) {
  const Compared c = after([](Canister& m) {
    m.functions[kFnTwo].code = code({local_get(0), i32(3), kAdd});
  });
  expect_review(c);
  EXPECT_TRUE(c.has("table.body"));
}

TEST(DecisionTable, Row08SameAddressesOtherBytes) {
  const Compared c = after([](Canister& m) { m.data[0].bytes = "the count is different!"; });
  expect_review(c);
  const Finding* finding = c.find("data.changed");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->place.address, 65536U + 13);
}

TEST(DecisionTable, Row08ChangedBytesHoldTableSlots) {
  const auto with = [](uint8_t first, uint8_t second) {
    return [=](Canister& m) {
      m.data.push_back({65800, std::string{char(first), 0, 0, 0, char(second), 0, 0, 0}});
    };
  };
  const Compared c = between(with(1, 2), with(2, 1));
  expect_unsafe(c);
  EXPECT_TRUE(c.has("data.slots"));
}

TEST(DecisionTable, Row08ChangedBytesHoldAddresses) {
  const auto with = [](uint8_t low) {
    return [=](Canister& m) { m.data.push_back({65800, std::string{char(low), 0, 1, 0}}); };
  };
  const Compared c = between(with(0), with(4));
  expect_unsafe(c);
  EXPECT_TRUE(c.has("data.addresses"));
}

TEST(DecisionTable, Row08VtableSizeIsNoSlot) {
  // drop glue none, size, alignment 4, one method.
  const auto with = [](uint8_t size) {
    return [=](Canister& m) {
      m.table_min = 20;
      m.segments = {{1, {kFnOne, kFnTwo}}, {8, {kFnOne}}, {12, {kFnOne}}};
      m.data.push_back(
          {65800, std::string{0, 0, 0, 0, char(size), 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0}});
    };
  };
  expect_review(between(with(8), with(12)));
}

TEST(DecisionTable, Row09LongerSegmentInSlack) {
  expect_review(after([](Canister& m) { m.data[1].bytes += "more"; }));
}

TEST(DecisionTable, Row09NewConstantsOverOldVariables) {
  const Compared c = between(
      [](Canister& m) {
        m.functions[kFnGet].code = code({i32(0), load(65800), kDrop, call(kReply)});
      },
      [](Canister& m) {
        m.functions[kFnGet].code = code({i32(0), load(65800), kDrop, call(kReply)});
        m.data.push_back({65800, "over"});
      });
  expect_unsafe(c);
  EXPECT_TRUE(c.has("statics.overlaid"));
}

TEST(DecisionTable, Row10StaticsShiftedWithoutASegmentShowingIt) {
  const auto with = [](uint32_t address) {
    return [=](Canister& m) {
      m.functions[kFnGet].code = code({i32(0), load(address), kDrop, call(kReply)});
    };
  };
  const Compared c = between(with(66000), with(66016));
  expect_unsafe(c);
  const Finding* finding = c.find("statics.moved");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->place.address, 66000U);
}

TEST(DecisionTable, Row12HeapBaseMoved) {
  const auto with = [](int32_t base) {
    return [=](Canister& m) { m.globals.push_back({0x7f, false, i32(base), "__heap_base"}); };
  };
  const Compared c = between(with(66048), with(66064));
  expect_unsafe(c);
  EXPECT_TRUE(c.has("statics.end"));
}

TEST(DecisionTable, Row13PassiveSegmentThatNobodyUses) {
  const Compared c = after([](Canister& m) { m.data.push_back({std::nullopt, "unused"}); });
  expect_safe(c);
  EXPECT_TRUE(c.has("segment.unused"));
}

const auto kCopiesSegment = [](const char* bytes, uint8_t segment) {
  return [=](Canister& m) {
    if (segment == 3) m.data.push_back({std::nullopt, "another"});
    m.data.push_back({std::nullopt, bytes});
    m.data_count = true;
    m.functions[kFnGet].code = code({i32(66000), i32(0), i32(5), {0xfc, 8, segment, 0}});
  };
};

TEST(DecisionTable, Row13PassiveSegmentChanged) {
  const Compared c = between(kCopiesSegment("first", 2), kCopiesSegment("other", 2));
  expect_review(c);
  EXPECT_TRUE(c.has("segment.changed"));
}

TEST(DecisionTable, Row14PassiveSegmentsRenumbered) {
  expect_safe(between(kCopiesSegment("first", 2), kCopiesSegment("first", 3)));
}

TEST(DecisionTable, Row15ActiveBecamePassive) {
  const Compared c = after([](Canister& m) {
    m.data[0].address.reset();
    m.data_count = true;
    m.functions.push_back(
        {kNothing, {0}, code({i32(65536), i32(0), i32(23), {0xfc, 8, 0, 0}}), "copy"});
    m.start = static_cast<uint32_t>(m.functions.size() - 1);
  });
  expect_unsafe(c);
  EXPECT_TRUE(c.has("segment.mode"));
}

TEST(DecisionTable, Row17StartFunction) {
  const auto started = [](Canister& m) { m.start = kFnGet; };
  expect_words(between(started, started), Word::kSafe, Word::kReview);
  expect_review(after(started));
}

TEST(DecisionTable, Row17PostUpgradeRunsUnderRouteK) {
  const auto hooked = [](Canister& m) { m.exports.push_back({"canister_post_upgrade", kFnGet}); };
  const Compared c = between(hooked, hooked);
  expect_words(c, Word::kSafe, Word::kReview);
  EXPECT_TRUE(c.has("hook.post-upgrade-runs"));
}

TEST(DecisionTable, Row17OldPreUpgradeIsToBeSkippedUnderRouteK) {
  const auto dropped = [](Canister& m) { m.exports.erase(m.exports.begin() + 2); };
  const auto closed = [](Canister& m) { m.custom.clear(); };
  EXPECT_TRUE(after(dropped).has("hook.skip-pre-upgrade"));
  EXPECT_FALSE(between(dropped, [](Canister&) {}).has("hook.skip-pre-upgrade"));
  EXPECT_FALSE(after(closed).has("hook.skip-pre-upgrade"));
}

TEST(DecisionTable, Row18MutableGlobalAdded) {
  const Compared c = after([](Canister& m) { m.globals.push_back({0x7f, true, i32(0), ""}); });
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("global.list"));
}

TEST(DecisionTable, Row18MutableGlobalRetyped) {
  const auto with = [](uint8_t type) {
    return [=](Canister& m) {
      m.globals.push_back({type, true, type == 0x7f ? i32(0) : i64(0), ""});
    };
  };
  EXPECT_EQ(between(with(0x7f), with(0x7e)).s(), Word::kUnsafe);
}

TEST(DecisionTable, Row19ExportedGlobalsReordered) {
  const auto with = [](const char* first, const char* second) {
    return [=](Canister& m) {
      m.globals.push_back({0x7f, true, i32(0), first});
      m.globals.push_back({0x7f, true, i32(0), second});
    };
  };
  const Compared c = between(with("a", "b"), with("b", "a"));
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("global.order"));
}

TEST(DecisionTable, Row20StateInAGlobal) {
  const auto with = [](int32_t initial) {
    return [=](Canister& m) {
      m.globals.push_back({0x7f, true, i32(initial), ""});
      m.functions[kFnGet].code = code({global_get(1), i32(1), kAdd, global_set(1)});
    };
  };
  expect_words(between(with(0), with(0)), Word::kSafe, Word::kUnsafe);
  expect_words(between(with(0), with(1)), Word::kReview, Word::kUnsafe);
}

TEST(DecisionTable, Row20GlobalThatIsAlwaysPutBackHoldsNoState) {
  // Not written like a stack pointer: a depth that is counted up and down.
  const auto counts = [](int32_t back) {
    return [=](Canister& m) {
      m.globals.push_back({0x7f, true, i32(0), ""});
      m.functions[kFnGet].code = code({global_get(1), i32(1), kAdd, global_set(1), global_get(1),
                                       i32(back), kSub, global_set(1)});
    };
  };
  expect_safe(between(counts(1), counts(1)));
  expect_words(between(counts(2), counts(2)), Word::kSafe, Word::kUnsafe);
}

TEST(DecisionTable, Row22ImmutableGlobalExported) {
  const auto with = [](const char* name) {
    return [=](Canister& m) {
      m.globals.push_back({0x7f, false, i32(7), name});
      m.functions[kFnFrame].code = call(kReply);  // no use of a global whose place shifts
    };
  };
  expect_words(between(with(""), with("constant")), Word::kUnsafe, Word::kSafe);
}

TEST(DecisionTable, Row23StackSizeOfAnOptimisedModule) {
  // wasm-opt adds -64 and subtracts it, which is a byte shorter than 64.
  const auto with = [](int32_t start) {
    return [=](Canister& m) {
      m.globals[0].init = i32(start);
      m.functions[kFnFrame].code =
          code({global_get(0), i32(-64), kAdd, local_tee(0), global_set(0), local_get(0), i32(3),
                store(8), local_get(0), i32(-64), kSub, global_set(0), call(kReply)});
    };
  };
  expect_safe(between(with(65536), with(65536)));
  const Compared c = between(with(65536), with(32768));
  expect_unsafe(c);
  EXPECT_TRUE(c.has("stack.start"));
}

TEST(DecisionTable, Row23StackSize) {
  const Compared c = after([](Canister& m) { m.globals[0].init = i32(32768); });
  expect_unsafe(c);
  EXPECT_TRUE(c.has("stack.start"));
}

TEST(DecisionTable, Row24MemoryMinimum) {
  expect_unsafe(after([](Canister& m) { m.memory_min = 3; }));
  expect_safe(between([](Canister& m) { m.memory_min = 3; }, [](Canister&) {}));
}

TEST(DecisionTable, Row25MemoryMaximum) {
  expect_unsafe(after([](Canister& m) { m.memory_max = 100; }));
  expect_safe(between([](Canister& m) { m.memory_max = 100; }, [](Canister&) {}));
}

TEST(DecisionTable, Row26MemoryWidth) {
  // Modules without code that touches memory: a 64-bit memory in place of a 32-bit one.
  const auto with = [](Bytes limits) {
    return code(
        {wasm::module_header(), wasm::section(wasm::SectionId::kMemory, wasm::vec({limits}))});
  };
  const Compared c = compare_bytes(with({0, 1}), with({4, 1}));
  expect_unsafe(c);
  EXPECT_TRUE(c.has("memory.width"));
}

TEST(DecisionTable, Row27TypeOrder) {
  expect_safe(after([](Canister& m) {
    m.types.insert(m.types.begin(), {0x60, 0, 1, 0x7c});
    for (Imported& import : m.imports) ++import.type;
    for (Fn& fn : m.functions) ++fn.type;
    m.functions[kFnInc].code = code(
        {i32(0), i32(0), load(65792), i32(1), {0x11, kStep + 1, 0}, store(65792), call(kReply)});
  }));
}

TEST(DecisionTable, Row28ImportAdded) {
  const Compared c = after([](Canister& m) {
    const Canister before;
    m.imports.push_back({"canister_version", kTime});
  });
  expect_safe(c);
  EXPECT_TRUE(c.has("import.list"));
}

TEST(DecisionTable, Row29MethodRenamed) {
  const Compared c = after([](Canister& m) { m.exports[1].first = "canister_query fetch"; });
  expect_safe(c);
  EXPECT_TRUE(c.has("export.renamed"));
  EXPECT_TRUE(c.has("export.removed"));
}

TEST(DecisionTable, Row29PreUpgradeDropped) {
  const Compared c = after([](Canister& m) { m.exports.erase(m.exports.begin() + 2); });
  expect_safe(c);
  EXPECT_TRUE(c.has("hook.upgrade-removed"));
}

TEST(DecisionTable, Row30LayoutOfARecordInTheHeap) {
  const auto with = [](uint32_t offset) {
    return [=](Canister& m) {
      m.functions[kFnGet].code = code({i32(0), load(65792), load(offset), kDrop, call(kReply)});
    };
  };
  expect_review(between(with(4), with(8)));
}

TEST(DecisionTable, Row31OtherCompiler) {
  // producers: one field "processed-by" with "rustc" and a version.
  const auto built_by = [](const char* version, int32_t number) {
    return [=](Canister& m) {
      const Bytes payload = code({{1},
                                  wasm::name_bytes("processed-by"),
                                  {1},
                                  wasm::name_bytes("rustc"),
                                  wasm::name_bytes(version)});
      const Bytes language = code({{2},
                                   wasm::name_bytes("language"),
                                   {1},
                                   wasm::name_bytes("Rust"),
                                   wasm::name_bytes(""),
                                   Bytes(payload.begin() + 1, payload.end())});
      m.custom.push_back({"producers", std::string(as_text(language))});
      m.functions[kFnGet].code = code({i32(number), kDrop, call(kReply)});
    };
  };
  const Compared c = between(built_by("1.80.0", 1), built_by("1.90.0", 2));
  expect_unsafe(c);
  EXPECT_TRUE(c.has("code.compiler"));
  expect_safe(between(built_by("1.80.0", 1), built_by("1.90.0", 1)));
}

TEST(DecisionTable, Row38Shrunk) {
  const Compared c = between(
      [](Canister& m) {
        m.functions.push_back({kStep, {0}, code({local_get(0), i32(9), kAdd}), "unused"});
      },
      [](Canister& m) { m.names = false; });
  expect_safe(c);
  EXPECT_TRUE(c.has("code.removed"));
}

TEST(DecisionTable, Row39SegmentsSplitAndTrimmed) {
  const Compared c = after([](Canister& m) {
    m.data = {{65536, "the count"}, {65545, " is as follows"}, {65792, "\5"}};
  });
  expect_safe(c);
}

TEST(DecisionTable, Row39RewrittenWithoutChangingMeaning) {
  // Unused and reordered locals, an empty else, code behind an unreachable instruction.
  const auto with = [](Bytes locals, uint32_t first, uint32_t second, bool plain) {
    return [=](Canister& m) {
      m.functions[kFnGet].locals = locals;
      m.functions[kFnGet].code = code({i32(4),
                                       load(8),
                                       local_tee(first),
                                       {0x04, 0x40},
                                       local_get(first),
                                       local_set(second),
                                       kUnreachable,
                                       plain ? Bytes{} : code({i32(1), kDrop, kUnreachable}),
                                       plain ? Bytes{} : Bytes{0x05},
                                       kEnd,
                                       call(kReply)});
    };
  };
  expect_safe(between(with({1, 2, 0x7f}, 0, 1, true), with({2, 1, 0x7e, 3, 0x7f}, 3, 1, false)));
}

TEST(DecisionTable, Row40Instrumented) {
  const Compared c = after([](Canister& m) {
    m.globals.push_back({0x7e, true, i64(0), ""});
    for (Fn& fn : m.functions) {
      fn.code = code({global_get(1), i64(1), {0x7c}, global_set(1), fn.code});
    }
  });
  expect_words(c, Word::kUnsafe, Word::kReview);
}

// Two canisters that differ in what they tell of their interface only.
Compared interfaces(const char* old_text, const char* new_text) {
  const auto tells = [](const char* text) {
    return [text](Canister& m) {
      if (text != nullptr) m.custom.push_back({"icp:public candid:service", text});
    };
  };
  return between(tells(old_text), tells(new_text));
}

TEST(DecisionTable, Row41InterfacesAreJudgedBesideTheHeap) {
  struct Case {
    const char* old_text;
    const char* new_text;
    Clients clients;
    const char* code;  // none: no finding
  };
  constexpr const char* kGet = "service : { get : () -> (nat) query }";
  const Case cases[] = {
      {nullptr, nullptr, Clients::kUntold, nullptr},
      {kGet, kGet, Clients::kServed, nullptr},
      {kGet, "service : { get : () -> (nat, text) query; put : (nat) -> () }", Clients::kServed,
       nullptr},
      {kGet, "service : { get : () -> (int) query }", Clients::kBroken, "interface.breaks"},
      {kGet, "service : {}", Clients::kBroken, "interface.breaks"},
      {"service : { f : () -> (opt nat) }", "service : { f : () -> (opt text) }", Clients::kNulled,
       "interface.null"},
      {kGet, nullptr, Clients::kUnknown, "interface.unknown"},
      {nullptr, kGet, Clients::kUnknown, "interface.unknown"},
      {kGet, "service : {", Clients::kUnknown, "interface.unknown"},
      {"type a = nat;", kGet, Clients::kUnknown, "interface.unknown"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.new_text != nullptr ? one.new_text : "nothing");
    const Compared c = interfaces(one.old_text, one.new_text);
    expect_safe(c);
    EXPECT_EQ(to_string(c.comparison.clients), to_string(one.clients));
    for (const char* code : {"interface.breaks", "interface.null", "interface.unknown"}) {
      const Finding* found = c.find(code);
      EXPECT_EQ(found != nullptr, one.code != nullptr && std::string_view(one.code) == code);
      EXPECT_TRUE(found == nullptr || found->weights.worst() == Severity::kNote);
    }
  }
}

TEST(DecisionTable, Row41NamesTheFirstPlacesAndCountsTheRest) {
  std::string old_text = "service : {";
  for (int i = 0; i < 20; ++i) old_text += fmt::format(" m{:02} : () -> ();", i);
  const Compared c = interfaces((old_text + "}").c_str(), "service : {}");
  const Finding* found = c.find("interface.breaks");
  ASSERT_NE(found, nullptr);
  ASSERT_EQ(found->evidence.size(), 9U);
  EXPECT_EQ(found->evidence[0],
            "method m00: old clients call the method m00, which the new canister does not have");
  EXPECT_EQ(found->evidence[8], "and 12 more");
}

}  // namespace
}  // namespace canrec::wasmdiff::test
