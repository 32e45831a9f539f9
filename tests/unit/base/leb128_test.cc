// SPDX-License-Identifier: Apache-2.0
// LEB128: limits, padded forms, every refusal with its offset.
#include "base/leb128.h"

#include <gtest/gtest.h>

#include <limits>

namespace canrec {
namespace {

template <typename T>
void expect_error(const Result<T>& result, Errc code, uint64_t offset) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), code);
  EXPECT_EQ(result.error().offset(), offset);
}

constexpr uint64_t kUnsigned[] = {0,
                                  1,
                                  127,
                                  128,
                                  16383,
                                  16384,
                                  0x7fffffff,
                                  0xffffffff,
                                  0x100000000,
                                  0x7fffffffffffffff,
                                  0x8000000000000000,
                                  0xffffffffffffffff};

TEST(Leb128, UnsignedValuesComeBack) {
  for (const uint64_t value : kUnsigned) {
    Bytes bytes;
    append_leb_u64(bytes, value);
    EXPECT_EQ(bytes.size(), leb_u64_width(value));
    const auto read = read_leb_u64(bytes, 0, 0);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->value, value);
    EXPECT_EQ(read->width, bytes.size());
    for (size_t n = 0; n < bytes.size(); ++n) {
      expect_error(read_leb_u64(ByteView(bytes).first(n), 0, 100), Errc::kUnexpectedEof, 100 + n);
    }
    const auto narrow = read_leb_u32(bytes, 0, 0);
    EXPECT_EQ(static_cast<bool>(narrow), value <= 0xffffffff);
  }
}

TEST(Leb128, SignedValuesComeBack) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (const int64_t value :
       {int64_t{0}, int64_t{-1}, int64_t{63}, int64_t{64}, int64_t{-64}, int64_t{-65},
        int64_t{0x7fffffff}, int64_t{-0x80000000LL}, int64_t{0x80000000LL}, int64_t{0xffffffffLL},
        int64_t{-0x100000000LL}, int64_t{0x100000000LL}, kMin, kMax}) {
    Bytes bytes;
    append_leb_s64(bytes, value);
    const auto read = read_leb_s64(bytes, 0, 0);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->value, value);
    EXPECT_EQ(read->width, bytes.size());
    const auto narrow = read_leb_s32(bytes, 0, 0);
    const bool fits = value >= -0x80000000LL && value <= 0x7fffffffLL;
    EXPECT_EQ(static_cast<bool>(narrow), fits) << value;
    if (fits) {
      EXPECT_EQ(narrow->value, value);
    }
    const auto s33 = read_leb_s33(bytes, 0, 0);
    const bool fits33 = value >= -0x100000000LL && value <= 0xffffffffLL;
    EXPECT_EQ(static_cast<bool>(s33), fits33) << value;
    if (fits33) {
      EXPECT_EQ(s33->value, value);
    }
  }
}

TEST(Leb128, PaddedFormsKeepTheirWidth) {
  for (unsigned width = 1; width <= 10; ++width) {
    Bytes bytes;
    ASSERT_TRUE(append_leb_u64_padded(bytes, 5, width));
    ASSERT_EQ(bytes.size(), width);
    const auto read = read_leb_u64(bytes, 0, 0);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->value, 5u);
    EXPECT_EQ(read->width, width);
    EXPECT_EQ(static_cast<bool>(read_leb_u32(bytes, 0, 0)), width <= 5);
  }
  // Negative numbers are padded with sign bits.
  const Bytes minus_one = {0xff, 0xff, 0xff, 0xff, 0x7f};
  EXPECT_EQ(read_leb_s32(minus_one, 0, 0)->value, -1);
  EXPECT_EQ(read_leb_s64(minus_one, 0, 0)->value, -1);
  EXPECT_EQ(read_leb_s33(minus_one, 0, 0)->value, -1);
}

TEST(Leb128, PaddingRefusesWhatDoesNotFit) {
  Bytes bytes;
  EXPECT_TRUE(append_leb_u64_padded(bytes, 127, 1));
  EXPECT_FALSE(append_leb_u64_padded(bytes, 128, 1));
  EXPECT_FALSE(append_leb_u64_padded(bytes, uint64_t{1} << 63, 9));
  EXPECT_EQ(bytes.size(), 1u);
  EXPECT_TRUE(append_leb_u64_padded(bytes, ~uint64_t{0}, 10));
  EXPECT_EQ(read_leb_u64(bytes, 1, 0)->value, ~uint64_t{0});
}

TEST(Leb128, RejectsUnusedBits) {
  expect_error(read_leb_u32(Bytes{0x80, 0x80, 0x80, 0x80, 0x10}, 0, 7), Errc::kLebUnusedBits, 11);
  EXPECT_TRUE(read_leb_u32(Bytes{0xff, 0xff, 0xff, 0xff, 0x0f}, 0, 0));
  // The last byte of an s32 must repeat the sign in bits 4 to 6.
  for (unsigned last = 0; last < 0x80; ++last) {
    const Bytes bytes = {0x80, 0x80, 0x80, 0x80, static_cast<uint8_t>(last)};
    const bool good = (last & 0x78) == 0 || (last & 0x78) == 0x78;
    EXPECT_EQ(static_cast<bool>(read_leb_s32(bytes, 0, 0)), good) << last;
  }
  const Bytes nine(9, 0x80);
  for (unsigned last = 0; last < 0x80; ++last) {
    Bytes bytes = nine;
    bytes.push_back(static_cast<uint8_t>(last));
    EXPECT_EQ(static_cast<bool>(read_leb_u64(bytes, 0, 0)), last <= 1) << last;
    EXPECT_EQ(static_cast<bool>(read_leb_s64(bytes, 0, 0)), last == 0 || last == 0x7f) << last;
  }
}

TEST(Leb128, RejectsTooManyBytes) {
  const Bytes bytes(11, 0x80);
  expect_error(read_leb_u32(bytes, 0, 0), Errc::kLebTooLong, 4);
  expect_error(read_leb_s32(bytes, 1, 0), Errc::kLebTooLong, 5);
  expect_error(read_leb_s33(bytes, 0, 0), Errc::kLebTooLong, 4);
  expect_error(read_leb_u64(bytes, 0, 0), Errc::kLebTooLong, 9);
  expect_error(read_leb_s64(bytes, 0, 0), Errc::kLebTooLong, 9);
}

}  // namespace
}  // namespace canrec
