// SPDX-License-Identifier: Apache-2.0
// gzip: several members, limits, every truncation, every damaged byte.
#include "base/gzip.h"

#include <gtest/gtest.h>

namespace canrec {
namespace {

constexpr uint64_t kLimit = 1 << 20;

Bytes sample() {
  Bytes bytes;
  for (unsigned i = 0; i < 700; ++i) bytes.push_back(static_cast<uint8_t>(i * i / 3));
  return bytes;
}

TEST(Gzip, ComesBack) {
  for (const size_t size : {0u, 1u, 700u}) {
    Bytes part = sample();
    part.resize(size);
    const Bytes packed = gzip(part);
    EXPECT_TRUE(is_gzip(packed));
    const auto unpacked = gunzip(packed, kLimit);
    ASSERT_TRUE(unpacked);
    EXPECT_EQ(*unpacked, part);
  }
}

TEST(Gzip, IsDeterministic) {
  const Bytes packed = gzip(sample());
  EXPECT_EQ(packed, gzip(sample()));
  EXPECT_EQ(load_le<uint32_t>(packed.data() + 4), 0u);  // no time
}

TEST(Gzip, JoinsMembers) {
  Bytes packed = gzip(as_bytes("one "));
  append(packed, gzip(as_bytes("")));
  append(packed, gzip(as_bytes("two")));
  const auto unpacked = gunzip(packed, kLimit);
  ASSERT_TRUE(unpacked);
  EXPECT_EQ(as_text(*unpacked), "one two");
}

TEST(Gzip, StopsExactlyAtTheLimit) {
  const Bytes packed = gzip(sample());
  EXPECT_TRUE(gunzip(packed, 700));
  EXPECT_TRUE(gunzip(packed, 701));
  const auto over = gunzip(packed, 699);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), Errc::kLimit);
  ASSERT_TRUE(over.error().offset());
  EXPECT_LE(*over.error().offset(), packed.size());
  EXPECT_FALSE(gunzip(packed, 0));
  EXPECT_TRUE(gunzip(gzip({}), 0));
  EXPECT_TRUE(gunzip(packed, ~uint64_t{0}));
}

TEST(Gzip, ABombEndsAtTheLimit) {
  const Bytes packed = gzip(Bytes(64 << 20));
  EXPECT_LT(packed.size(), 100'000u);
  const auto result = gunzip(packed, kLimit);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::kLimit);
  // Spread over members, the sum counts.
  Bytes many;
  for (int i = 0; i < 8; ++i) append(many, gzip(Bytes(kLimit / 4)));
  EXPECT_EQ(gunzip(many, kLimit).error().code(), Errc::kLimit);
}

TEST(Gzip, TakesTheMemoryOfAnHonestStreamOnce) {
  const Bytes bytes(kLimit);
  const auto unpacked = gunzip(gzip(bytes), kLimit);
  ASSERT_TRUE(unpacked);
  EXPECT_EQ(*unpacked, bytes);
  EXPECT_EQ(unpacked->capacity(), bytes.size() + 1);
}

TEST(Gzip, RejectsATrailerThatAnnouncesAnotherSize) {
  for (const uint32_t announced : {0u, 699u, 701u, 1u << 20, (1u << 20) + 1, 0xffffffffu}) {
    Bytes packed = gzip(sample());
    store_le(packed.data() + packed.size() - 4, announced);
    const auto result = gunzip(packed, kLimit);
    ASSERT_FALSE(result) << announced;
    EXPECT_EQ(result.error().code(), Errc::kGzip);
  }
}

TEST(Gzip, RejectsEveryTruncation) {
  Bytes packed = gzip(sample());
  const size_t first = packed.size();
  append(packed, gzip(sample()));
  for (size_t n = 0; n < packed.size(); ++n) {
    const auto result = gunzip(ByteView(packed).first(n), kLimit);
    if (n == first) {
      EXPECT_TRUE(result);
      continue;
    }
    ASSERT_FALSE(result) << n;
    EXPECT_EQ(result.error().code(), Errc::kGzip);
    ASSERT_TRUE(result.error().offset());
    EXPECT_LE(*result.error().offset(), n);
  }
}

TEST(Gzip, RejectsEveryDamagedByteThatCounts) {
  const Bytes packed = gzip(sample());
  for (size_t n = 0; n < packed.size(); ++n) {
    Bytes bad = packed;
    bad[n] = static_cast<uint8_t>(bad[n] ^ 0xff);
    const auto result = gunzip(bad, kLimit);
    const bool ignored = n >= 4 && n < 10;  // time, flags of the packer, its system
    if (!ignored) {
      EXPECT_FALSE(result) << n;
    }
    if (result) {
      EXPECT_EQ(*result, sample());
    }
  }
}

TEST(Gzip, RejectsBytesAfterTheEnd) {
  Bytes packed = gzip(sample());
  const size_t end = packed.size();
  packed.push_back(0);
  const auto result = gunzip(packed, kLimit);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::kGzip);
  EXPECT_EQ(result.error().offset(), end);
}

TEST(Gzip, RejectsWhatIsNoGzip) {
  EXPECT_FALSE(is_gzip(as_bytes("\x1f\x8b")));
  EXPECT_FALSE(is_gzip(as_bytes("\x1f\x8b\x07")));
  EXPECT_FALSE(gunzip(as_bytes("\0asm\1\0\0\0"), kLimit));
  EXPECT_FALSE(gunzip({}, kLimit));
}

}  // namespace
}  // namespace canrec
