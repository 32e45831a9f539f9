// SPDX-License-Identifier: Apache-2.0
// The cursor: positions, ends, counts.
#include "base/cursor.h"

#include <gtest/gtest.h>

namespace canrec {
namespace {

TEST(Cursor, CountsFromTheBaseOffset) {
  const Bytes bytes = {1, 0x80, 0x01, 0x7f, 4, 0, 0, 0, 'a', 'b'};
  Cursor in(bytes, 1000);
  EXPECT_EQ(*in.u8(), 1);
  EXPECT_EQ(in.pos(), 1001u);
  EXPECT_EQ(*in.u32(), 128u);
  EXPECT_EQ(*in.peek(), 0x7f);
  EXPECT_EQ(*in.s32(), -1);
  EXPECT_EQ(*in.le<uint32_t>(), 4u);
  EXPECT_EQ(in.left(), 2u);
  EXPECT_EQ(as_text(in.rest()), "ab");
  EXPECT_EQ(as_text(*in.bytes(2)), "ab");
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(in.pos(), 1010u);
  EXPECT_EQ(in.index(), 10u);
}

TEST(Cursor, AFailedReadDoesNotMove) {
  const Bytes bytes = {0x80, 0x80};
  Cursor in(bytes, 5);
  EXPECT_FALSE(in.u64());
  EXPECT_FALSE(in.s64());
  EXPECT_FALSE(in.s33());
  EXPECT_FALSE(in.le<uint64_t>());
  EXPECT_FALSE(in.bytes(3));
  EXPECT_FALSE(in.bytes(~uint64_t{0}));
  EXPECT_FALSE(in.skip(3));
  EXPECT_EQ(in.pos(), 5u);
}

TEST(Cursor, RejectsReadsAtTheEnd) {
  Cursor in(ByteView{}, 9);
  const auto check = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::kUnexpectedEof);
    EXPECT_EQ(result.error().offset(), 9u);
  };
  check(in.u8());
  check(in.peek());
  check(in.u32());
  check(in.u64());
  check(in.s32());
  check(in.s33());
  check(in.s64());
  check(in.le<uint16_t>());
  check(in.bytes(1));
  check(in.name());
  check(in.count(1, "items"));
  EXPECT_TRUE(in.bytes(0));
}

TEST(Cursor, RejectsCountsThatCannotFit) {
  const Bytes bytes = {3, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(*Cursor(bytes).count(2, "items"), 3u);
  const auto over = Cursor(bytes, 50).count(3, "items");
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), Errc::kUnexpectedEof);
  EXPECT_EQ(over.error().offset(), 50u);
  const Bytes huge = {0xff, 0xff, 0xff, 0xff, 0x0f, 0};
  EXPECT_FALSE(Cursor(huge).count(1, "items"));
  EXPECT_FALSE(Cursor(huge).count(1u << 31, "items"));
}

TEST(Cursor, RejectsNamesThatAreNotUtf8) {
  const Bytes good = {3, 'a', 0xc3, 0xa9};
  EXPECT_EQ(*Cursor(good).name(), "a\xc3\xa9");
  const Bytes bad = {2, 'a', 0xff};
  const auto name = Cursor(bad, 10).name();
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().code(), Errc::kUtf8);
  EXPECT_EQ(name.error().offset(), 11u);
  const Bytes cut = {9, 'a'};
  EXPECT_EQ(Cursor(cut).name().error().code(), Errc::kUnexpectedEof);
}

}  // namespace
}  // namespace canrec
