// SPDX-License-Identifier: Apache-2.0
// Stable signatures that are hostile, or only big: what is refused, what is cut short, what is not.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "candid/motoko_check.h"

namespace canrec::candid::motoko {
namespace {

// `count` times the pattern, in which @ stands for the number and & for the next one, in a circle.
std::string repeat(size_t count, std::string_view pattern) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    for (const char c : pattern) {
      if (c == '@' || c == '&') {
        text += std::to_string(c == '@' ? i : (i + 1) % count);
      } else {
        text += c;
      }
    }
  }
  return text;
}

std::string actor(std::string_view fields) { return fmt::format("actor {{{}}};", fields); }

// Definitions with two ways from each to the next: as many ways as 2 to the steps.
std::string ladders(size_t steps) {
  return repeat(steps,
                "type A@ = {x : A&a; y : A&a; p : Nat}; type A@a = A@;"
                "type B@ = {x : B&a; y : B&a; q : Nat}; type B@a = B@;");
}

struct Pair {
  const char* what;
  std::string old_text;
  std::string new_text = "actor { };";
};

TEST(MotokoLimits, RejectsWhatWouldTakeTooLongOrTooMuch) {
  const std::string wide = "type W = {" + repeat(20'000, "f@ : Nat;") + "};";
  const Pair hostile[] = {
      {"a wide record unfolded with ever new arguments",
       "type W<T> = {" + repeat(1000, "g@ : Nat;") + "z : T};" +
           actor(repeat(5000, "stable x@ : W<{a@ : Nat}>;"))},
      {"a record that widens with every `and`",
       actor("stable x : {}" + repeat(60'000, " and {b@ : Nat}"))},
      {"ladders that come round, joined", ladders(200) + actor("stable x : A0 or B0")},
      {"a union of many ways put into place again and again",
       "type A = {" + repeat(300, "f@ : [Nat];") + "}; type B = {" + repeat(300, "f@ : [Text];") +
           "}; type C = {" + repeat(300, "f@ : A;") + "}; type D = {" + repeat(300, "f@ : B;") +
           "}; type M<T> = {t : T; m : C or D};" +
           actor(repeat(20'000, "stable x@ : M<{a@ : Nat}>;"))},
      {"parameters looked up among many",
       "type T<" + repeat(30'000, "P@,") + "Z> = (" + repeat(30'000, "P@,") + "Z);" + actor("")},
      {"a wide record in each of many migrations", actor(""),
       wide + "{" + repeat(40'000, "\"@\" : W -> W;") + "} " +
           actor(repeat(20'000, "stable f@ : Nat;"))},
      {"two circles whose lengths share no factor",
       repeat(997, "type A@ = {a : A&; b : ?A@};") + actor("stable x : A0"),
       repeat(991, "type B@ = {a : B&; b : ?B@};") + actor("stable x : B0")},
      {"a misfit far inside, reached from each variable",
       repeat(9000, "type A@ = {a : A&};") + actor(repeat(9000, "stable x@ : A1;")),
       repeat(8999, "type A@ = {a : A&a}; type A@a = A@;") + "type A8999a = {}; " +
           actor(repeat(9000, "stable x@ : A1;"))},
      {"a text of more bytes than are read", std::string((size_t{2} << 20) + 1, ' ')},
      {"a name of more bytes than are repeated",
       actor("stable " + std::string(1001, 'x') + " : Nat")},
  };
  for (const Pair& pair : hostile) {
    const auto verdict = check_stable(pair.old_text, pair.new_text);
    ASSERT_FALSE(verdict) << pair.what;
    EXPECT_EQ(verdict.error().code(), Errc::kLimit)
        << pair.what << ": " << verdict.error().message();
  }
}

// The same shapes at the size of programs.
TEST(MotokoLimits, JudgesBigSignatures) {
  const std::string long_name = actor("stable " + std::string(1000, 'x') + " : Nat");
  const Pair honest[] = {
      {"variables", actor(repeat(25'000, "stable var v@ : {a : Nat; c : ?{id@ : Nat}};")),
       actor(repeat(25'000, "stable var v@ : {a : Int; c : ?{id@ : Int}};"))},
      {"types, all of them reached from each variable",
       repeat(9000, "type T@ = {a : Nat; b : ?T&; d : {#x : Text; #y}};") +
           actor(repeat(3000, "stable var v@ : T@;")),
       repeat(9000, "type T@ = {a : Int; b : ?T&; d : {#x : Text; #y; #z}};") +
           actor(repeat(3000, "stable var v@ : T@;"))},
      {"migrations", actor(""),
       "{\"\" : {} -> {a : Nat; b : Nat};" +
           repeat(5000, "\"@\" : {a : Nat; b : Nat} -> {a : Nat; b : Nat};") + "} " +
           actor("stable a : Nat; stable b : Nat")},
      {"aliases followed again and again",
       repeat(500, "type T@ = U&; type U@ = T@;").replace(0, 13, "type T0 = [Nat];") +
           actor(repeat(20'000, "stable x@ : {a@ : T1};")),
       "type U = [Int];" + actor(repeat(20'000, "stable x@ : {a@ : U};"))},
      {"the longest name and the longest text", long_name,
       long_name + std::string((size_t{2} << 20) - long_name.size(), ' ')},
  };
  for (const Pair& pair : honest) {
    const auto verdict = check_stable(pair.old_text, pair.new_text);
    ASSERT_TRUE(verdict) << pair.what << ": " << verdict.error().message();
    EXPECT_TRUE(verdict->lossless) << pair.what;
    EXPECT_EQ(verdict->runtime, Runtime::kAccepts) << pair.what;
  }
}

StableVerdict check(std::string_view old_text, std::string_view new_text) {
  auto verdict = check_stable(old_text, new_text);
  EXPECT_TRUE(verdict) << (verdict ? "" : verdict.error().message());
  return verdict ? std::move(*verdict) : StableVerdict{};
}

// What one variable found to fit must not hide what another finds not to.
TEST(MotokoLimits, FindsAMisfitBesidePairsThatAreKnownToFit) {
  const StableVerdict verdict = check(
      "type A = {l : ?A; v : Nat}; actor { stable a : A; stable b : {a : A; z : Nat}; stable c : "
      "{a : A; z : Nat} };",
      "type B = {l : ?B; v : Int}; actor { stable a : B; stable b : {a : B; z : Text}; stable c : "
      "{a : B; z : Text} };");
  ASSERT_EQ(verdict.findings.size(), 2U);
  EXPECT_EQ(verdict.findings[0].path, "variable b, field z");
  EXPECT_EQ(verdict.findings[1].path, "variable c, field z");
  EXPECT_EQ(verdict.runtime_findings.size(), 2U);
}

TEST(MotokoLimits, CutsTheMiddleOfADeepPlaceAndTheEndOfAWideType) {
  std::string deep = "Nat";
  for (int i = 25; i > 0; --i) deep = fmt::format("{{f{} : {}}}", i, deep);
  std::string changed = deep;
  changed.replace(changed.find("Nat"), 3, "Text");
  const std::string wide = "{" + repeat(5000, "field@ : Nat;") + "}";
  const StableVerdict verdict =
      check(actor("stable d : " + deep + "; stable w : " + wide),
            actor("stable d : " + changed + "; stable w : [" + wide + "]"));
  ASSERT_EQ(verdict.findings.size(), 2U);
  EXPECT_EQ(verdict.findings[0].path,
            "variable d, field f1, field f2, field f3, field f4, field f5, field f6, field f7, "
            "field f8, field f9, field f10, ... 5 levels ..., field f16, field f17, field f18, "
            "field f19, field f20, field f21, field f22, field f23, field f24, field f25");
  EXPECT_EQ(verdict.findings[1].old_type.size(), 1003U);
  EXPECT_TRUE(verdict.findings[1].old_type.ends_with("..."));
}

TEST(MotokoLimits, SaysWhatAListThatIsCutOffStandsFor) {
  const auto errors = [](size_t variables) {
    return check(actor(repeat(variables, "stable v@ : Nat;")),
                 actor(repeat(variables, "stable v@ : Text;")));
  };
  EXPECT_EQ(errors(kMaxFindings).findings.size(), kMaxFindings);
  EXPECT_FALSE(errors(kMaxFindings).truncated);
  EXPECT_EQ(errors(kMaxFindings + 1).findings.size(), kMaxFindings);
  EXPECT_TRUE(errors(kMaxFindings + 1).truncated);
  const StableVerdict one = check(
      actor("stable x : {" + repeat(kMaxFindings + 1, "a@ : Nat;") + "}"), actor("stable x : {}"));
  EXPECT_EQ(one.findings.size(), kMaxFindings);
  EXPECT_TRUE(one.truncated);
  // The value that is dropped stands behind the end of the list.
  const StableVerdict dropped = check(
      "{" + repeat(1100, "\"c@\" : {} -> {};") + "\"z\" : {} -> {} }" + actor("stable x : Nat"),
      "{\"a\" : {} -> {}; \"z\" : {} -> {}; \"zz\" : {x : Nat} -> {} }" + actor(""));
  EXPECT_TRUE(dropped.compatible);
  EXPECT_TRUE(dropped.truncated);
  EXPECT_TRUE(std::ranges::none_of(dropped.findings, &Finding::data_lost));
  EXPECT_TRUE(dropped.data_lost);
  // So may a value that would be misread.
  const StableVerdict misread =
      check(actor("stable x : {a : actor {" + repeat(kMaxFindings + 1, "m@ : shared () -> ();") +
                  "}; b : Char}"),
            actor("stable x : {a : actor {}; b : Nat32}"));
  EXPECT_EQ(misread.runtime, Runtime::kMisreads);
}

TEST(MotokoLimits, NamesTheFirstLostFieldOfTheSameType) {
  const StableVerdict verdict =
      check(actor("stable x : {a : Nat; b : Text; c : Text; kept : Text}"),
            actor("stable x : {d : Text; e : Nat; f : Bool; kept : Text}"));
  ASSERT_GE(verdict.findings.size(), 3U);
  EXPECT_NE(verdict.findings[0].message.find("field b of the same type"), std::string::npos);
  EXPECT_NE(verdict.findings[1].message.find("field a of the same type"), std::string::npos);
  EXPECT_FALSE(verdict.findings[2].data_lost);
}

}  // namespace
}  // namespace canrec::candid::motoko
