// SPDX-License-Identifier: Apache-2.0
// Dates, and stretches of time.
#include "base/utc_text.h"

#include <gtest/gtest.h>

namespace canrec {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(UtcText, NamesTheSecond) {
  EXPECT_EQ(utc_text(0), "1970-01-01 00:00:00 UTC");
  EXPECT_EQ(utc_text(951'782'400 * kSecond), "2000-02-29 00:00:00 UTC");
  EXPECT_EQ(utc_text(1'764'000'059 * kSecond + 999'999'999), "2025-11-24 16:00:59 UTC");
}

TEST(UtcText, NamesTheTwoLargestUnitsOfADuration) {
  EXPECT_EQ(duration_text(0), "0 seconds");
  EXPECT_EQ(duration_text(kSecond), "1 second");
  EXPECT_EQ(duration_text(61 * kSecond), "1 minute 1 second");
  EXPECT_EQ(duration_text(7'322 * kSecond), "2 hours 2 minutes");
  EXPECT_EQ(duration_text(86'400 * kSecond), "1 day");
  EXPECT_EQ(duration_text((3 * 86'400 + 2 * 3'600 + 59) * kSecond), "3 days 2 hours");
}

}  // namespace
}  // namespace canrec
