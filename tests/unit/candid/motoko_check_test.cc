// SPDX-License-Identifier: Apache-2.0
// Stable signatures: the table of pairs, the parser's errors, what findings say.
#include "candid/motoko_check.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <map>

#include "unit/candid/table.h"

namespace canrec::candid::motoko {
namespace {

// The compiler gives one message for each variable; a mismatch hides what else is lost in it.
std::string codes(const StableVerdict& verdict) {
  std::map<std::string, std::string> by_variable;
  for (const Finding& finding : verdict.findings) {
    if (finding.severity != Severity::kError) continue;
    by_variable.emplace(finding.variable, finding.code);
  }
  std::string words;
  for (const auto& [variable, code] : by_variable) {
    if (!words.empty()) words += ';';
    words += variable.empty() ? code : fmt::format("{} {}", code, variable);
  }
  if (words.empty()) words = "ok";
  if (verdict.compatible && !verdict.lossless) words += " lost";
  return words;
}

std::string runtime_word(Runtime runtime) {
  switch (runtime) {
    case Runtime::kAccepts:
      return "accepts";
    case Runtime::kTraps:
      return "traps";
    case Runtime::kMisreads:
      return "misreads";
    case Runtime::kUnjudged:
      return "unjudged";
  }
  return "?";
}

TEST(MotokoCheck, JudgesEveryPairOfTheTable) {
  // codes | OLD | NEW | runtime | reason
  const auto rows = test::read_table("stable_pairs.txt", 5);
  EXPECT_GE(rows.size(), 100U);
  for (const test::Row& row : rows) {
    SCOPED_TRACE(fmt::format("line {}: {}", row.line, row.cells[4]));
    const auto verdict =
        check_stable(test::signature_text(row.cells[1]), test::signature_text(row.cells[2]));
    ASSERT_TRUE(verdict) << (verdict ? "" : verdict.error().message());
    EXPECT_EQ(codes(*verdict), row.cells[0]);
    EXPECT_EQ(runtime_word(verdict->runtime), row.cells[3]);
    EXPECT_FALSE(row.cells[4].empty());
    for (const Finding& finding : verdict->findings) EXPECT_FALSE(finding.message.empty());
  }
}

StableVerdict check(std::string_view old_text, std::string_view new_text) {
  auto verdict = check_stable(old_text, new_text);
  EXPECT_TRUE(verdict) << (verdict ? "" : verdict.error().message());
  return verdict ? std::move(*verdict) : StableVerdict{};
}

TEST(MotokoCheck, NamesWhatIsLostAndWhatMayHaveBeenRenamed) {
  const StableVerdict verdict =
      check("actor { stable var old : Nat; stable var x : {a : ?{b : Text; c : Nat}} };",
            "actor { stable var fresh : Nat; stable var x : {a : ?{b : Text; d : Nat}} };");
  ASSERT_EQ(verdict.findings.size(), 3U);
  EXPECT_EQ(verdict.findings[0].code, "M0169");
  EXPECT_EQ(verdict.findings[0].message,
            "var old removed: its value is discarded; fresh of the same type is new: if it was "
            "renamed, the value is not taken over");
  EXPECT_EQ(verdict.findings[1].path, "variable x, field a, option, field d");
  EXPECT_EQ(verdict.findings[1].code, "M0170");
  EXPECT_TRUE(verdict.findings[1].data_lost);
  EXPECT_NE(verdict.findings[1].message.find("field c of the same type is gone"),
            std::string::npos);
  EXPECT_EQ(verdict.findings[2].path, "variable x, field a, option, field c");
  EXPECT_EQ(verdict.findings[2].severity, Severity::kNote);
}

// The codes that are no errors, and what is said besides.
TEST(MotokoCheck, WarnsOfAChangedPastAndOfWhatNobodyGives) {
  const StableVerdict past = check(
      "{ \"b\" : {x : Nat} -> {x : Int}; \"c\" : {} -> {}; \"d\" : {} -> {} } actor { stable x : "
      "Int };",
      "{ \"a\" : {} -> {}; \"b\" : {x : Text} -> {x : Int}; \"d\" : {} -> {} } actor { stable x : "
      "Int; stable z : Nat };");
  EXPECT_TRUE(past.compatible);
  EXPECT_FALSE(past.lossless);
  ASSERT_EQ(past.findings.size(), 4U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(past.findings[i].code, "M0268");
    EXPECT_EQ(past.findings[i].severity, Severity::kWarning);
    EXPECT_FALSE(past.findings[i].data_lost);
  }
  EXPECT_EQ(past.findings[0].message,
            "a comes before d, which was the last to run, and has not run itself: it never will");
  EXPECT_EQ(past.findings[1].path, "migration b");
  EXPECT_EQ(past.findings[1].old_type, "({x : Nat}) -> {x : Int}");
  EXPECT_EQ(past.findings[2].message, "c has run and is gone, though an older one is still there");
  EXPECT_EQ(past.findings[3].code, "M0267");
  EXPECT_EQ(past.findings[3].variable, "z");
}

TEST(MotokoCheck, SaysWhyAChainDoesNotFitWithTheCodeOfTheSource) {
  struct Broken {
    const char* steps;
    const char* path;
    const char* code;
  };
  constexpr Broken kBroken[] = {
      {"\"a\" : {} -> {x : Nat -> Nat}", "new signature, migration a", "(M0201)"},
      {"\"a\" : Nat -> {x : Nat}", "new signature, migration a", "(M0202)"},
      {"\"a\" : Nat", "new signature, migration a", "(M0203)"},
      {"\"a\" : {} -> {x : Text}", "new signature, migration a, field x", "(M0204)"},
      {"\"a\" : {} -> {x : Nat; y : Nat}", "new signature, migration a, field y", "(M0205)"},
      {"\"a\" : {x : Text} -> {}", "new signature, migration a, field x", "(M0206)"},
      {"\"a\" : {} -> {y : Int}; \"b\" : {y : Nat} -> {x : Nat}",
       "new signature, migration a, field y", "(M0204)"},
  };
  for (const Broken& broken : kBroken) {
    const StableVerdict verdict =
        check("actor { };", fmt::format("{{ {} }} actor {{ stable x : Nat }};", broken.steps));
    ASSERT_EQ(verdict.findings.size(), 1U) << broken.steps;
    EXPECT_EQ(verdict.findings[0].code, "M0253");
    EXPECT_EQ(verdict.findings[0].path, broken.path);
    EXPECT_NE(verdict.findings[0].message.find(broken.code), std::string::npos)
        << verdict.findings[0].message;
    EXPECT_EQ(verdict.runtime, Runtime::kUnjudged);
  }
}

TEST(MotokoCheck, SaysWhatASignatureDoesNotTell) {
  const StableVerdict taken =
      check("actor { stable x : Nat };", "actor ({ in x : Nat }, { stable x : Int });");
  EXPECT_TRUE(taken.lossless);
  ASSERT_EQ(taken.findings.size(), 1U);
  EXPECT_EQ(taken.findings[0].severity, Severity::kNote);
  EXPECT_NE(taken.findings[0].message.find("M0206"), std::string::npos);
  const StableVerdict apart = check("actor { };", "actor { stable x : Nat and Text };");
  ASSERT_EQ(apart.findings.size(), 1U);
  EXPECT_EQ(apart.findings[0].code, "M0166");
  EXPECT_EQ(apart.findings[0].path, "new signature");
}

TEST(MotokoCheck, BoundsTheWorkOnIntersections) {
  // Two ladders of definitions: the pairs of their steps are many.
  std::string text;
  for (int i = 0; i < 400; ++i) {
    text += fmt::format("type A{} = {{a : ?A{}; b : ?A{}; e : Nat}}; ", i, (i + 1) % 400,
                        (i * 7) % 400);
    text += fmt::format("type B{} = {{a : ?B{}; b : ?B{}; c : Nat}}; ", i, (i * 3 + 1) % 400, i);
  }
  const auto verdict = check_stable(text + "actor { stable x : A0 and B0 };", "actor { };");
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code(), Errc::kLimit);
  // One definition on another, deeper than calls may go.
  text.clear();
  for (int i = 0; i < 3000; ++i) {
    text += fmt::format("type A{0} = {{a : A{1}; c : Nat}}; type B{0} = {{b : Nat; a : B{1}}}; ", i,
                        i + 1);
  }
  const auto deep = check_stable(
      text + "type A3000 = {}; type B3000 = {}; actor { stable x : A0 or B0 };", "actor { };");
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code(), Errc::kLimit);
}

TEST(MotokoCheck, KeepsTheVersionOfTheComment) {
  TypeStore store;
  const auto signature =
      parse_signature("// Version: 4.0.0\n{ \"a\" : {} -> {} } actor { };\n", store);
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->version, "4.0.0");
  EXPECT_EQ(signature->form, Form::kChain);
  EXPECT_EQ(signature->migrations.size(), 1U);
}

struct Bad {
  const char* text;
  Errc code;
  size_t offset;
};

TEST(MotokoSignature, RejectsBrokenTexts) {
  constexpr Bad kBad[] = {
      {"", Errc::kCandidSyntax, 0},
      {"actor", Errc::kCandidSyntax, 5},
      {"actor {", Errc::kCandidSyntax, 7},
      {"actor { stable x : }", Errc::kCandidSyntax, 19},
      {"actor { stable x : Foo }", Errc::kCandidType, 19},
      {"actor { stable x : Nat; stable x : Nat }", Errc::kCandidType, 40},
      {"actor { x : Nat }", Errc::kCandidSyntax, 8},
      {"actor { stable x : Nat } actor", Errc::kCandidSyntax, 25},
      {"actor { stable x : {a : Nat; #b} }", Errc::kCandidSyntax, 30},
      {"actor { stable x : {a : Nat; a : Nat} }", Errc::kCandidType, 38},
      {"actor { stable x : [Nat }", Errc::kCandidSyntax, 24},
      {"type T = Nat; type T = Nat; actor { }", Errc::kCandidType, 21},
      {"type T<A> = A; actor { stable x : T }", Errc::kCandidType, 36},
      {"type A = B or {}; type B = {}; actor { }", Errc::kCandidType, 16},
      {"type A = {a : ?A and ?B}; type B = {}; actor { }", Errc::kCandidType, 23},
      {"actor { stable x : Nat or }", Errc::kCandidSyntax, 26},
      {"actor { stable x : {f : Nat -> Nat} }", Errc::kCandidType, 36},
      {"actor { stable x : Error }", Errc::kCandidType, 25},
      {"{ \"a\" : {} -> {}; \"a\" : {} -> {} } actor { }", Errc::kCandidType, 35},
      {"actor ({ in x : Nat })", Errc::kCandidSyntax, 21},
      {"{ a : {} -> {} } actor { }", Errc::kCandidSyntax, 2},
      {"actor { } @", Errc::kCandidSyntax, 10},
      {"/* actor", Errc::kCandidSyntax, 0},
      {"{ \"a", Errc::kCandidSyntax, 2},
  };
  for (const Bad& bad : kBad) {
    TypeStore store;
    const auto result = parse_signature(bad.text, store);
    ASSERT_FALSE(result) << bad.text;
    EXPECT_EQ(result.error().code(), bad.code) << bad.text << ": " << result.error().message();
    EXPECT_EQ(result.error().offset(), bad.offset) << bad.text << ": " << result.error().message();
  }
}

TEST(MotokoSignature, RejectsTypesThatNestTooDeep) {
  for (const char* opening : {"?", "[", "(", "{a : ", "weak ", "async "}) {
    TypeStore store;
    std::string text = "actor { stable x : ";
    for (size_t i = 0; i < 100'000; ++i) text += opening;
    const auto result = parse_signature(text, store);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::kLimit) << opening;
  }
}

TEST(MotokoCheck, ComesToAnEndOnDefinitionsThatGrow) {
  // Every unfolding makes a new type, so the two never come round.
  const auto verdict =
      check_stable("type T<A> = {a : A; t : ?T<(A, A)>}; actor { stable x : T<Nat> };",
                   "type U<A> = {a : A; t : ?U<(A, A)>}; actor { stable x : U<Int> };");
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code(), Errc::kLimit);
  const auto loop =
      check_stable("type T = T; actor { stable x : T };", "actor { stable x : Nat };");
  ASSERT_FALSE(loop);
  EXPECT_EQ(loop.error().code(), Errc::kLimit);
}

TEST(MotokoSignature, SurvivesEveryTruncation) {
  const std::string text =
      "// Version: 4.0.0\ntype T<A> = ?(A, T<A>);\n{ \"a\" : {x : Nat} -> {x : [var Int]} }\nactor "
      "{ "
      "stable var x : [var Int]; stable y : shared query (Nat, T<Text>) -> async {#a; #b : ()} "
      "};\n";
  TypeStore whole;
  ASSERT_TRUE(parse_signature(text, whole));
  for (size_t n = 0; n + 2 < text.size(); ++n) {
    TypeStore store;
    EXPECT_FALSE(parse_signature(std::string_view(text).substr(0, n), store)) << n;
  }
}

}  // namespace
}  // namespace canrec::candid::motoko
