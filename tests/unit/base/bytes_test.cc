// SPDX-License-Identifier: Apache-2.0
// UTF-8, hex, texts for people, checked arithmetic, errors.
#include "base/bytes.h"

#include <gtest/gtest.h>

#include <set>

#include "base/checked.h"
#include "base/interrupt.h"

namespace canrec {
namespace {

// Encodes any number in the UTF-8 pattern of that many bytes, well-formed or not.
std::string encode(uint32_t code, unsigned width) {
  static constexpr uint8_t kLead[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
  std::string out;
  for (unsigned i = width; i-- > 0;) {
    const uint32_t bits = (code >> (6 * i)) & (i + 1 == width ? 0x7f : 0x3f);
    out.push_back(static_cast<char>(bits | (i + 1 == width ? kLead[width] : 0x80)));
  }
  return out;
}

TEST(Utf8, AcceptsExactlyTheWellFormedForms) {
  for (uint32_t code = 0; code <= 0x1fffff; code += code < 0x11000 ? 1 : 127) {
    for (unsigned width = 1; width <= 4; ++width) {
      const uint32_t max[] = {0, 0x7f, 0x7ff, 0xffff, 0x1fffff};
      if (code > max[width]) continue;
      const bool shortest = width == 1 || code > max[width - 1];
      const bool good = shortest && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
      ASSERT_EQ(is_utf8(as_bytes(encode(code, width))), good) << code << " in " << width;
    }
  }
}

TEST(Utf8, RejectsTruncatedSequences) {
  const std::string text = encode(0x10ffff, 4) + encode(0x7ff, 2);
  for (size_t n = 0; n <= text.size(); ++n) {
    EXPECT_EQ(is_utf8(as_bytes(text).first(n)), n == 0 || n == 4 || n == 6) << n;
  }
}

TEST(Utf8, RejectsABadByteAnywhereInALongText) {
  Bytes text(27, 'a');
  EXPECT_TRUE(is_utf8(text));
  for (size_t i = 0; i < text.size(); ++i) {
    Bytes bad = text;
    bad[i] = 0x80;
    EXPECT_FALSE(is_utf8(bad)) << i;
  }
  append(text, as_bytes("\xc3\xa4 and \xf0\x9f\xa6\x80 and more"));
  EXPECT_TRUE(is_utf8(text));
}
TEST(Utf8, ReplacesMaximalIllFormedPrefixes) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(utf8_lossy(as_bytes("abc")), "abc");
  // The example of the Unicode standard, section 3.9, table 3-11.
  EXPECT_EQ(utf8_lossy(as_bytes("a\xf1\x80\x80\xe1\x80\xc2"
                                "b\x80"
                                "c\x80\xbf"
                                "d")),
            "a" + r + r + r + "b" + r + "c" + r + r + "d");
  EXPECT_EQ(utf8_lossy(as_bytes("\xed\xa0\x80")), r + r + r);  // a surrogate
  EXPECT_EQ(utf8_lossy(as_bytes("\xf0\x9f")), r);
}

TEST(Hex, ComesBack) {
  Bytes all;
  for (unsigned i = 0; i < 256; ++i) all.push_back(static_cast<uint8_t>(i));
  const std::string text = to_hex(all);
  EXPECT_EQ(text.substr(0, 8), "00010203");
  Bytes back;
  ASSERT_TRUE(from_hex(text, back));
  EXPECT_EQ(back, all);
  ASSERT_TRUE(from_hex("DEADbeef", back));
  EXPECT_EQ(back, (Bytes{0xde, 0xad, 0xbe, 0xef}));
  ASSERT_TRUE(from_hex("", back));
  EXPECT_TRUE(back.empty());
}

TEST(Hex, RejectsOddCountsAndOtherDigits) {
  Bytes out = {1};
  for (const char* text : {"0", "0g", "g0", " 0", "0x", "000"}) {
    EXPECT_FALSE(from_hex(text, out)) << text;
  }
  EXPECT_EQ(out, Bytes{1});
}

TEST(Text, EscapesWhatIsNotPrintable) {
  EXPECT_EQ(printable(as_bytes("a b~")), "a b~");
  EXPECT_EQ(printable(as_bytes("\\\n\x7f\xff")), "\\5c\\0a\\7f\\ff");
}

TEST(Text, SizesForPeople) {
  EXPECT_EQ(human_size(0), "0 bytes");
  EXPECT_EQ(human_size(1), "1 byte");
  EXPECT_EQ(human_size(10239), "10,239 bytes");
  EXPECT_EQ(human_size(42310), "42,310 bytes (41.3 KiB)");
  EXPECT_EQ(human_size(uint64_t{6} << 30), "6,442,450,944 bytes (6.0 GiB)");
  EXPECT_EQ(human_size(~uint64_t{0}), "18,446,744,073,709,551,615 bytes (16.0 EiB)");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

TEST(Checked, RefusesWhatDoesNotFit) {
  constexpr uint64_t kMax = ~uint64_t{0};
  EXPECT_EQ(checked_add(kMax - 1, uint64_t{1}), kMax);
  EXPECT_FALSE(checked_add(kMax, uint64_t{1}));
  EXPECT_EQ(checked_mul(kMax, uint64_t{1}), kMax);
  EXPECT_EQ(checked_mul(uint64_t{0}, kMax), 0u);
  EXPECT_FALSE(checked_mul(kMax, uint64_t{2}));
  EXPECT_EQ(checked_mul<uint32_t>(65535, 65537), 0xffffffffu);
  EXPECT_FALSE(checked_mul<uint32_t>(65536, 65536));
}

TEST(Checked, BoundsDoNotWrap) {
  constexpr uint64_t kMax = ~uint64_t{0};
  EXPECT_TRUE(in_bounds(10, 0, 10));
  EXPECT_FALSE(in_bounds(11, 0, 10));
  EXPECT_TRUE(in_bounds(0, 10, 10));
  EXPECT_FALSE(in_bounds(1, 10, 10));
  EXPECT_FALSE(in_bounds(5, kMax, 10));
  EXPECT_FALSE(in_bounds(kMax, kMax, 10));
  EXPECT_EQ(round_up(0, 4096), 0u);
  EXPECT_EQ(round_up(1, 4096), 4096u);
  EXPECT_EQ(round_up(4096, 4096), 4096u);
}

TEST(Errors, ContextGoesInFront) {
  Error error = fail(Errc::kUnexpectedEof, 7, "size past end").error().copy();
  error.add_context("body 17");
  EXPECT_EQ(std::move(error).in("code section").message(), "code section: body 17: size past end");
}

TEST(Errors, NumbersAreUniqueAndHaveWords) {
  std::set<int> numbers;
#define ERRC(name, number, words)                      \
  EXPECT_TRUE(numbers.insert(number).second) << #name; \
  EXPECT_EQ(errc_words(Errc::name), words);
#include "base/errc.def"
#undef ERRC
  EXPECT_EQ(static_cast<int>(Errc::kUnexpectedEof), 1);
  EXPECT_EQ(static_cast<int>(Errc::kStoreDamaged), 321);
}

TEST(Interrupts, AreSeenAfterTheRequest) {
  Interrupt interrupt;
  EXPECT_TRUE(interrupt.check());
  interrupt.request();
  const Status status = interrupt.check();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kInterrupted);
}

}  // namespace
}  // namespace canrec
