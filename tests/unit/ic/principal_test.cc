// SPDX-License-Identifier: Apache-2.0
// Principals: the known pairs of bytes and text, and every way to get the text wrong.
#include "ic/principal.h"

#include <gtest/gtest.h>

namespace canrec::ic {
namespace {

struct Pair {
  const char* hex;
  const char* text;
  PrincipalClass kind;
};

constexpr Pair kPairs[] = {
    {"", "aaaaa-aa", PrincipalClass::kManagement},
    {"04", "2vxsx-fae", PrincipalClass::kAnonymous},
    {"00000000000000010101", "rrkah-fqaaa-aaaaa-aaaaq-cai", PrincipalClass::kOpaque},
    {"efcdab000000000001", "2chl6-4hpzw-vqaaa-aaaaa-c", PrincipalClass::kOpaque},
};

TEST(Principal, WritesAndReadsTheKnownPairs) {
  for (const Pair& pair : kPairs) {
    Bytes bytes;
    ASSERT_TRUE(from_hex(pair.hex, bytes));
    const auto principal = Principal::from_bytes(bytes);
    ASSERT_TRUE(principal);
    EXPECT_EQ(principal->text(), pair.text);
    EXPECT_EQ(principal->classify(), pair.kind);
    const auto parsed = Principal::parse(pair.text);
    ASSERT_TRUE(parsed) << pair.text;
    EXPECT_EQ(*parsed, *principal);
  }
  EXPECT_EQ(Principal::canister(1).text(), "rrkah-fqaaa-aaaaa-aaaaq-cai");
  EXPECT_EQ(Principal::anonymous().text(), "2vxsx-fae");
}

TEST(Principal, ReadsUpperCase) {
  const auto parsed = Principal::parse("RRKAH-fqaaa-AAAAA-aaaaq-CAI");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, Principal::canister(1));
}

TEST(Principal, RoundTripsEveryLength) {
  for (size_t n = 0; n <= Principal::kMaxBytes; ++n) {
    Bytes bytes(n);
    for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(i * 37 + n);
    const auto principal = Principal::from_bytes(bytes);
    ASSERT_TRUE(principal);
    const std::string text = principal->text();
    EXPECT_EQ(text.size(), ((4 + n) * 8 + 4) / 5 + (((4 + n) * 8 + 4) / 5 - 1) / 5);
    const auto parsed = Principal::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, *principal);
  }
  EXPECT_EQ(Principal::self_authenticating(as_bytes("key")).text().size(), 63U);
}

TEST(Principal, RejectsWrongTexts) {
  const char* bad[] = {
      "",
      "aaaaa",
      "aaaa-aaa",                      // dash in the wrong place
      "aaaaaaa",                       // no dash
      "aaaaa-aa-",                     // trailing dash
      "aaaaa-ab",                      // spare bits
      "2vxsx-fai",                     // wrong checksum
      "rrkah-fqaaa-aaaaa-aaaaq-ca1",   // 1 is no digit
      "rrkah-fqaaa-aaaaa-aaaaq-cai ",  // blank
      "rrkah-fqaaa-aaaaa-aaaaq",       // cut off
  };
  for (const char* text : bad) {
    const auto parsed = Principal::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Errc::kBadArgument);
  }
  EXPECT_FALSE(Principal::parse(std::string(64, 'a')));
}

TEST(Principal, RejectsEverySingleChangedCharacter) {
  const std::string text = Principal::canister(77).text();
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char c : std::string_view("abz27-")) {
      if (c == text[i]) continue;
      std::string changed = text;
      changed[i] = c;
      EXPECT_FALSE(Principal::parse(changed)) << changed;
    }
  }
}

TEST(Principal, RejectsThirtyBytes) {
  EXPECT_FALSE(Principal::from_bytes(Bytes(30)));
  EXPECT_TRUE(Principal::from_bytes(Bytes(29)));
}

TEST(Principal, OrdersByBytes) {
  EXPECT_LT(Principal(), Principal::anonymous());
  EXPECT_LT(Principal::canister(1), Principal::canister(2));
}

}  // namespace
}  // namespace canrec::ic
