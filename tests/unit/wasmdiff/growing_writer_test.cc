// SPDX-License-Identifier: Apache-2.0
// A write with growth in front of it, behind a call: what `patch grow-before-write` makes. It is
// safe, and nothing that only resembles it is.
#include "wasmdiff/growing_writer.h"
#include "test_module.h"

namespace canrec::wasmdiff::test {
namespace {

const Bytes kGrowByOne = code({i64(1), call(kGrowApi), kDrop});
const Bytes kArguments = code({local_get(0), local_get(1), local_get(2)});
const Bytes kReturn = {0x0f};
const Bytes kIf = {0x04, 0x40};
const Bytes kEqz = {0x50};
// Functions of the canister by index: its first, and the one that the tests add.
constexpr uint32_t kOne = kImports;
constexpr uint32_t kWriter = kOne + 6;

// The hook's write goes through an added function with this body; `also` changes more.
Compared through(
    const Bytes& body, const std::function<void(Canister&)>& also = [](Canister&) {},
    uint32_t type = kLong) {
  return after([&](Canister& m) {
    m.functions.push_back({type, {1, 1, 0x7e}, body, "growing_write"});
    const uint32_t writer = m.index(static_cast<uint32_t>(m.functions.size() - 1));
    m.functions[kFnPre].code = code({i64(7), i64(8), i64(4), call(writer)});
    also(m);
  });
}

void expect_review(const Compared& c) {
  EXPECT_EQ(c.s(), Word::kReview);
  EXPECT_EQ(c.k(), Word::kReview);
  EXPECT_TRUE(c.has("code.added") || c.has("code.changed"));
}

TEST(GrowingWriter, IsSafeAndSaysWhatItCalls) {
  const Compared c = through(code({kGrowByOne, kArguments, call(kWriteApi)}));
  EXPECT_EQ(c.s(), Word::kSafe);
  EXPECT_EQ(c.k(), Word::kSafe);
  ASSERT_TRUE(c.has("code.growing-writer"));
  ASSERT_TRUE(c.has("code.system-api"));
  const auto& evidence = c.find("code.system-api")->evidence;
  ASSERT_EQ(evidence.size(), 1U);
  EXPECT_TRUE(evidence[0].starts_with("+ call ic0.stable64_grow at new offset 0x")) << evidence[0];
}

TEST(GrowingWriter, IsSafeUnderAConditionOnItsOperands) {
  const Compared c = through(code({local_get(0),
                                   local_get(2),
                                   {0x7c},
                                   local_tee(3),
                                   local_get(0),
                                   {0x5a},
                                   kIf,
                                   local_get(3),
                                   call(kGrowApi),
                                   kDrop,
                                   kEnd,
                                   kArguments,
                                   call(kWriteApi)}));
  EXPECT_EQ(c.s(), Word::kSafe);
  EXPECT_EQ(c.k(), Word::kSafe);
}

TEST(GrowingWriter, IsSafeToTakeOutAgain) {
  const auto grown = [](Canister& m) {
    m.functions.push_back(
        {kLong, {0}, code({kGrowByOne, kArguments, call(kWriteApi)}), "growing_write"});
    m.functions[kFnPre].code = code({i64(7), i64(8), i64(4), call(m.index(6))});
  };
  const Compared c = between(grown, [](Canister&) {});
  EXPECT_EQ(c.s(), Word::kSafe);
  ASSERT_TRUE(c.has("code.system-api"));
  EXPECT_TRUE(c.find("code.system-api")->evidence[0].starts_with("- call ic0.stable64_grow"));
}

TEST(GrowingWriter, IsNotWhatDoesAnythingElse) {
  const Bytes write = code({kArguments, call(kWriteApi)});
  const std::vector<std::pair<const char*, Bytes>> bodies = {
      {"writes elsewhere", code({kGrowByOne, i64(0), local_set(0), write})},
      {"tees a parameter", code({i64(0), local_tee(1), kDrop, write})},
      {"other order", code({local_get(1), local_get(0), local_get(2), call(kWriteApi)})},
      {"one twice", code({local_get(0), local_get(1), local_get(1), call(kWriteApi)})},
      {"a constant", code({i64(0), local_get(1), local_get(2), call(kWriteApi)})},
      {"sums", code({local_get(0), local_get(1), local_get(2), i64(0), {0x7c}, call(kWriteApi)})},
      {"twice", code({write, write})},
      {"under a condition", code({local_get(2), {0xa7}, kIf, write, kEnd})},
      {"grows behind", code({write, kGrowByOne})},
      {"never", kGrowByOne},
      {"returns early", code({local_get(2), kEqz, kIf, kReturn, kEnd, write})},
      {"branches", code({local_get(2), kEqz, {0x0d, 0}, write})},
      {"loops", code({{0x03, 0x40}, kGrowByOne, kEnd, write})},
      {"traps", code({local_get(2), kEqz, kIf, kUnreachable, kEnd, write})},
      {"divides", code({local_get(0), local_get(2), {0x80}, kDrop, write})},
      {"sets a global", code({i32(1), global_set(0), write})},
      {"reads a global", code({global_get(0), kDrop, write})},
      {"stores", code({i32(0), i32(1), store(65792), write})},
      {"loads", code({i32(0), load(65792), kDrop, write})},
      {"grows memory", code({i32(1), {0x40, 0}, kDrop, write})},
      {"calls ic0.time", code({call(kTimeApi), kDrop, write})},
      {"copies into the heap", code({i32(0), i32(0), i32(4), call(kCopyApi), write})},
      {"calls trap", code({i32(0), i32(0), call(kTrapApi), write})},
      {"calls a function", code({i32(0), call(kOne), kDrop, write})},
      {"calls through the table", code({i32(0), i32(1), {0x11, kStep, 0}, kDrop, write})},
      {"calls itself", code({kArguments, call(kWriter), write})},
  };
  for (const auto& [name, body] : bodies) {
    SCOPED_TRACE(name);
    expect_review(through(body));
  }
}

TEST(GrowingWriter, IsNotWhatTakesOtherOperands) {
  // Two parameters, and the third operand of the write from elsewhere.
  const auto two = [](Canister& m) {
    m.types.push_back({0x60, 2, 0x7e, 0x7e, 0});
    m.functions[kFnPre].code = code({i64(7), i64(8), call(kWriter)});
  };
  expect_review(through(code({i64(7), local_get(0), local_get(1), call(kWriteApi)}), two, 8));
}

TEST(GrowingWriter, ExcusesNoOtherChangeOfItsCallers) {
  const Bytes good = code({kGrowByOne, kArguments, call(kWriteApi)});
  const auto hook = [&](const Bytes& before, int64_t length) {
    return through(good, [&](Canister& m) {
      m.functions[kFnPre].code = code({before, i64(7), i64(8), i64(length), call(kWriter)});
    });
  };
  EXPECT_EQ(hook({}, 4).s(), Word::kSafe);
  expect_review(hook({}, 5));
  expect_review(hook(code({i32(0), i32(1), store(65792)}), 4));
  // One write more than before is a write added, whoever does it.
  const Compared more = hook(code({i64(0), i64(0), i64(1), call(kWriter)}), 4);
  EXPECT_EQ(more.s(), Word::kReview);
  EXPECT_TRUE(more.has("code.system-api-effect"));
}

TEST(GrowingWriter, StandsForTheSameWriteOnly) {
  // stable64_grow was called there; now the writer is.
  const auto old_hook = [](Canister& m) {
    m.imports.push_back({"stable_write", kThree});
    m.functions[kFnPre].code = code({i32(7), i32(8), i32(4), call(6)});
  };
  const Compared c = between(old_hook, [&](Canister& m) {
    old_hook(m);
    m.functions.push_back(
        {kThree,
         {0},
         code({local_get(0), {0xad}, local_get(1), {0xad}, local_get(2), {0xad}, call(kWriteApi)}),
         "wide"});
    m.functions[kFnPre].code = code({i32(7), i32(8), i32(4), call(m.index(6))});
  });
  expect_review(c);
}

TEST(GrowingWriter, IsReviewedWhereItCanBeEnteredInAnotherWay) {
  const Bytes good = code({kGrowByOne, kArguments, call(kWriteApi)});
  const Compared in_table = through(good, [](Canister& m) {
    m.table_min = 4;
    m.segments.push_back({3, {6}});
  });
  EXPECT_NE(in_table.s(), Word::kSafe);
  EXPECT_FALSE(in_table.has("code.growing-writer"));
  const Compared exported = through(good, [](Canister& m) { m.exports.push_back({"write", 6}); });
  EXPECT_NE(exported.s(), Word::kSafe);
  EXPECT_FALSE(exported.has("code.growing-writer"));
}

}  // namespace
}  // namespace canrec::wasmdiff::test
