// SPDX-License-Identifier: Apache-2.0
// What a snapshot adds to a comparison.
#include "wasmdiff/evidence.h"

#include "test_module.h"

namespace canrec::wasmdiff::test {
namespace {

// A heap as the old module's installation leaves it.
Bytes fresh_heap(const Compared& c, size_t pages) {
  Bytes heap(pages * wasm::kPageSize);
  for (const ImagePiece& piece : c.comparison.subject->layouts[kOld].image.pieces) {
    std::ranges::copy(piece.bytes, heap.begin() + static_cast<ptrdiff_t>(piece.address));
  }
  return heap;
}

const std::vector<snapshot::GlobalValue> kGlobals = {{snapshot::GlobalType::kI32, 65536, 0}};

Evidence look(Compared& c, const Bytes& heap, bool scan = false,
              std::span<const snapshot::GlobalValue> globals = kGlobals) {
  auto evidence = examine(c.comparison, {c.old_bytes, heap, globals}, scan, Interrupt{});
  EXPECT_TRUE(evidence.has_value());
  return evidence ? std::move(*evidence) : Evidence{};
}

TEST(Evidence, KeepsSafeWhenTheSnapshotAgrees) {
  Compared c = after([](Canister&) {});
  const Bytes heap = fresh_heap(c, 2);
  const Evidence evidence = look(c, heap);
  EXPECT_TRUE(evidence.same_module);
  EXPECT_EQ(c.s(), Word::kSafe);
  ASSERT_EQ(evidence.statics.size(), 2U);
  EXPECT_EQ(evidence.statics[0].changed, 0U);
}

TEST(Evidence, CountsWhatTheCanisterChanged) {
  Compared c = after([](Canister&) {});
  Bytes heap = fresh_heap(c, 2);
  heap[65792] = 9;
  const Evidence evidence = look(c, heap);
  EXPECT_EQ(evidence.statics[1].changed, 1U);
  EXPECT_EQ(evidence.statics[1].first_changed, 65792U);
  EXPECT_EQ(c.s(), Word::kSafe);
}

TEST(Evidence, SettlesARaisedMinimum) {
  for (const size_t pages : {2, 3, 4}) {
    Compared c = after([](Canister& m) { m.memory_min = 3; });
    EXPECT_EQ(c.s(), Word::kUnsafe);
    const Bytes heap = fresh_heap(c, pages);
    look(c, heap);
    EXPECT_EQ(c.s(), pages < 3 ? Word::kUnsafe : Word::kSafe) << pages;
  }
}

TEST(Evidence, SettlesALoweredMaximum) {
  for (const size_t pages : {2, 3, 4}) {
    Compared c = after([](Canister& m) { m.memory_max = 3; });
    const Bytes heap = fresh_heap(c, pages);
    look(c, heap);
    EXPECT_EQ(c.s(), pages > 3 ? Word::kUnsafe : Word::kSafe) << pages;
  }
}

TEST(Evidence, RefusesAHeapThatTheOldModuleCannotHaveLeft) {
  // One page would do for the new module; the old one begins with two.
  Compared c = after([](Canister& m) {
    m.memory_min = 1;
    m.data.clear();
  });
  const Bytes heap(wasm::kPageSize);
  look(c, heap);
  EXPECT_EQ(c.s(), Word::kUnsafe);
  ASSERT_TRUE(c.has("state.memory"));
  EXPECT_NE(c.find("state.memory")->what.find("old module's minimum"), std::string::npos);
}

TEST(Evidence, RefusesASnapshotOfAnotherModule) {
  Compared c = after([](Canister&) {});
  const Bytes heap = fresh_heap(c, 2);
  const Bytes other = {0, 'a', 's', 'm', 1, 0, 0, 0};
  ASSERT_TRUE(examine(c.comparison, {other, heap, kGlobals}, false, Interrupt{}).has_value());
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("state.module"));
}

TEST(Evidence, RefusesAHeapOfAnotherLayout) {
  const auto large = [](Canister& m) { m.data.push_back({65900, std::string(400, 'x')}); };
  Compared c = between(large, large);
  const Bytes heap(2 * wasm::kPageSize);
  look(c, heap);
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("state.foreign"));
}

TEST(Evidence, ComparesTheGlobalsOfTheSnapshot) {
  Compared c = after([](Canister&) {});
  const Bytes heap = fresh_heap(c, 2);
  look(c, heap, false, {});
  EXPECT_EQ(c.s(), Word::kUnsafe);
  EXPECT_TRUE(c.has("state.globals"));
}

TEST(Evidence, SaysAtWhichPlaceTheGlobalsDiffer) {
  Compared c = after([](Canister&) {});
  const Bytes heap = fresh_heap(c, 2);
  const std::vector<snapshot::GlobalValue> globals = {{snapshot::GlobalType::kI64, 65536, 0}};
  look(c, heap, false, globals);
  EXPECT_EQ(c.s(), Word::kUnsafe);
  for (const Finding& finding : c.comparison.findings) {
    if (finding.code != "state.globals" && finding.code != "state.globals-old") continue;
    ASSERT_EQ(finding.evidence.size(), 2U);
    EXPECT_EQ(finding.evidence[0], "1 in the snapshot, the module persists 1");
    EXPECT_EQ(finding.evidence[1], "place 0: i64 in the snapshot, i32 in the module");
    // Both modules have the same list, so it is the snapshot that is odd.
    EXPECT_EQ(finding.next, "check the snapshot (canrec verify)");
  }
}

TEST(Evidence, NoticesAStackThatIsNotEmpty) {
  Compared c = after([](Canister&) {});
  const Bytes heap = fresh_heap(c, 2);
  const std::vector<snapshot::GlobalValue> globals = {{snapshot::GlobalType::kI32, 65520, 0}};
  look(c, heap, false, globals);
  EXPECT_EQ(c.s(), Word::kReview);
  EXPECT_TRUE(c.has("state.stack"));
}

TEST(Evidence, CountsReferencesToChangedSlots) {
  Compared c = after([](Canister& m) { m.segments = {{1, {kFnTwo, kFnOne}}}; });
  Bytes heap = fresh_heap(c, 2);
  store_le<uint32_t>(heap.data() + 100000, 2);
  const Evidence evidence = look(c, heap, true);
  ASSERT_TRUE(evidence.scan.has_value());
  EXPECT_EQ(evidence.scan->slots, 1U);
  EXPECT_EQ(evidence.scan->first_slot, 100000U);
}

TEST(Evidence, CountsReferencesToChangedData) {
  Compared c = after([](Canister& m) { m.data[0].bytes = "the count is different!"; });
  Bytes heap = fresh_heap(c, 2);
  store_le<uint32_t>(heap.data() + 100000, 65536 + 13);
  const Evidence evidence = look(c, heap, true);
  ASSERT_TRUE(evidence.scan.has_value());
  EXPECT_EQ(evidence.scan->addresses, 1U);
  ASSERT_FALSE(evidence.ranges.empty());
  EXPECT_TRUE(evidence.ranges[0].as_old);
}

TEST(Evidence, StopsWhenInterrupted) {
  Compared c = after([](Canister&) {});
  const Bytes heap = fresh_heap(c, 2);
  Interrupt interrupt;
  interrupt.request();
  const auto evidence = examine(c.comparison, {c.old_bytes, heap, kGlobals}, true, interrupt);
  ASSERT_FALSE(evidence.has_value());
  EXPECT_EQ(evidence.error().code(), Errc::kInterrupted);
}

}  // namespace
}  // namespace canrec::wasmdiff::test
