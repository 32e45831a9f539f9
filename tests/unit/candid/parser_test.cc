// SPDX-License-Identifier: Apache-2.0
// The reader of .did files and the printer.
#include "candid/parser.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <map>

#include "candid/hash.h"
#include "unit/candid/support.h"

namespace canrec::candid {
namespace {

std::string reprinted(std::string_view text) {
  const auto program = parse_program(text);
  return program ? print_program(*program) : program.error().message();
}

TEST(CandidHash, HashesTheNamesOfTheReference) {
  EXPECT_EQ(label_hash(""), 0U);
  EXPECT_EQ(label_hash("a"), 97U);
  EXPECT_EQ(label_hash("id"), 23515U);
  EXPECT_EQ(label_hash("Ok"), 17724U);
  EXPECT_EQ(label_hash("Err"), 3456837U);
  EXPECT_EQ(label_hash("subaccount"), 1349681965U);
  EXPECT_EQ(label_hash("transfer"), 3664621355U);
  EXPECT_EQ(label_hash("\xe2\x98\x83"), 11272781U);
}

TEST(CandidParser, AcceptsWhatTheReferenceAccepts) {
  constexpr const char* kGood[] = {
      "",
      "// only a comment",
      "type a = nat",
      "type a = nat;",
      "type a = nat service : {}",
      "service : {};",
      "service : { f : () -> () }",
      "service named : () -> { f : () -> (); }",
      "type s = service {}; service : (nat, x : text,) -> s",
      "type f = func () -> (); service : { m : f; \"odd name\" : f }",
      "type t = opt t;",
      "type t = record { t };",
      "type t = record { nat; 5 : text; bool; a : nat; \"b c\" : nat; };",
      "type v = variant { a; b : nat; 7; \"x\" };",
      "type r = record { bool : nat; nat : bool; reserved : empty; assert : text };",
      "type n = record { 0x1F : nat; 1_000 : nat };",
      "/* a /* nested */ comment with \" and // */ type a = nat;",
      "type nat = text; type r = record { nat };",
      "type f = func (nat) -> () oneway;",
      "type f = func () -> (nat) composite_query;",
      "type a = b; type b = c; type c = nat;",
      "type e = record {}; type w = variant {};",
      "type f = func (a : nat, a : text) -> ();",
      "type u = record { \"\\u{2603}\" : nat; \"\\e2\\98\\84\" : nat };",
  };
  for (const char* text : kGood) {
    const auto program = parse_program(text);
    EXPECT_TRUE(program) << text << ": " << (program ? "" : program.error().message());
  }
}

struct Bad {
  const char* text;
  Errc code;
  const char* place;
};

TEST(CandidParser, RejectsBrokenFilesWithTheirPlace) {
  constexpr Bad kBad[] = {
      {";", Errc::kCandidSyntax, "line 1, column 1"},
      {",", Errc::kCandidSyntax, "line 1, column 1"},
      {"service : {};;", Errc::kCandidSyntax, "line 1, column 14"},
      {"service : {} type a = nat", Errc::kCandidSyntax, "line 1, column 14"},
      {"type a = (nat);", Errc::kCandidSyntax, "line 1, column 10"},
      {"type a = ;", Errc::kCandidSyntax, "line 1, column 10"},
      {"type a = b;", Errc::kCandidType, "line 1, column 10"},
      {"type a = nat;\ntype a = nat;", Errc::kCandidType, "line 2, column 6"},
      {"type a = a;", Errc::kCandidType, "line 1, column 6"},
      {"type a = b; type b = a;", Errc::kCandidType, "line 1, column 6"},
      {"type opt = nat;", Errc::kCandidSyntax, "line 1, column 6"},
      {"type a = record { a : nat; a : nat };", Errc::kCandidType, "line 1, column 28"},
      {"type a = record { id : nat; 23515 : nat };", Errc::kCandidType, "line 1, column 29"},
      {"type a = record { 1 : nat; 0 : nat; text };", Errc::kCandidType, "line 1, column 37"},
      {"type a = record { 4294967296 : nat };", Errc::kCandidSyntax, "line 1, column 19"},
      {"type a = record { 4294967295 : nat; nat };", Errc::kCandidType, "line 1, column 37"},
      {"type a = record { true : nat };", Errc::kCandidSyntax, "line 1, column 19"},
      {"type a = variant { nat : };", Errc::kCandidSyntax, "line 1, column 26"},
      {"type a = func nat -> ();", Errc::kCandidSyntax, "line 1, column 15"},
      {"type a = func () - > ();", Errc::kCandidSyntax, "line 1, column 20"},
      {"type a = func () -> () query query;", Errc::kCandidType, "line 1, column 30"},
      {"type a = func () -> (nat) oneway;", Errc::kCandidType, "line 1, column 27"},
      {"service : { f : nat }", Errc::kCandidSyntax, "line 1, column 17"},
      {"service : { f : func () -> () }", Errc::kCandidSyntax, "line 1, column 17"},
      {"type t = nat; service : { f : t }", Errc::kCandidType, "line 1, column 31"},
      {"service : { f : () -> (); f : () -> () }", Errc::kCandidType, "line 1, column 27"},
      {"type t = nat; service : t", Errc::kCandidType, "line 1, column 25"},
      {"type t = func () -> (); service : () -> t", Errc::kCandidType, "line 1, column 41"},
      {"type a = \"text\";", Errc::kCandidSyntax, "line 1, column 10"},
      {"/* open", Errc::kCandidSyntax, "line 1, column 1"},
      {"service : { \"open : () -> () }", Errc::kCandidSyntax, "line 1, column 13"},
      {"service : { \"\\q\" : () -> () }", Errc::kCandidSyntax, "line 1, column 14"},
      {"service : { \"\\ff\" : () -> () }", Errc::kUtf8, "line 1, column 13"},
      {"service : { \"\\u{d800}\" : () -> () }", Errc::kCandidSyntax, "line 1, column 14"},
      {"service : { \"\\u{110000}\" : () -> () }", Errc::kCandidSyntax, "line 1, column 14"},
      {"type a = nat; @", Errc::kCandidSyntax, "line 1, column 15"},
      {"import 5;", Errc::kCandidSyntax, "line 1, column 8"},
      {"type a = record { 1x : nat };", Errc::kCandidSyntax, "line 1, column 20"},
  };
  for (const Bad& bad : kBad) {
    const auto program = parse_program(bad.text);
    ASSERT_FALSE(program) << bad.text;
    EXPECT_EQ(program.error().code(), bad.code) << bad.text << ": " << program.error().message();
    EXPECT_TRUE(program.error().message().starts_with(bad.place))
        << bad.text << ": " << program.error().message();
    EXPECT_TRUE(program.error().offset()) << bad.text;
  }
}

TEST(CandidParser, BoundsTheDepthOfTypes) {
  for (const char* opening :
       {"opt ", "vec ", "record { ", "variant { a : ", "func (", "service { f : ("}) {
    std::string deep;
    for (size_t i = 0; i < kMaxTextDepth; ++i) deep += opening;
    const auto just = parse_program("type a = " + deep + "nat");
    ASSERT_FALSE(just);
    EXPECT_EQ(just.error().code(), Errc::kLimit) << opening;
    std::string deeper;
    for (size_t i = 0; i < 100'000; ++i) deeper += opening;
    const auto result = parse_program("type a = " + deeper);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::kLimit) << opening;
  }
  std::string fits;
  for (size_t i = 0; i + 1 < kMaxTextDepth; ++i) fits += "opt ";
  EXPECT_TRUE(parse_program("type a = " + fits + "nat"));
}

TEST(CandidParser, BoundsChainsOfAliases) {
  const auto chain = [](size_t length) {
    std::string text;
    for (size_t i = 0; i < length; ++i) text += fmt::format("type a{} = a{};\n", i, i + 1);
    return text + fmt::format("type a{} = nat;\n", length);
  };
  EXPECT_TRUE(parse_program(chain(kMaxTextDepth - 1)));
  const auto too_long = parse_program(chain(5'000));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code(), Errc::kCandidType);
}

TEST(CandidParser, KeepsComments) {
  constexpr std::string_view kText =
      "// The file.\n"
      "/// An account.\n"
      "type account = record {\n"
      "  // who\n"
      "  owner : principal;\n"
      "  subaccount : opt blob; // 32 bytes\n"
      "};\n"
      "/* The\n * service. */\n"
      "service : {\n"
      "  // Reads.\n"
      "  get : (account) -> (nat) query;\n"
      "}";
  const auto program = parse_program(kText);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->env.definitions()[0].docs, "The file.\nAn account.");
  const Type& record = program->env.resolved(*program->env.find_name("account"));
  EXPECT_EQ(record.fields[find_field(record.fields, label_hash("owner")).value()].docs, "who");
  EXPECT_EQ(record.fields[find_field(record.fields, label_hash("subaccount")).value()].docs,
            "32 bytes");
  EXPECT_EQ(program->actor->docs, "The\nservice.");
  EXPECT_EQ(program->env.resolved(program->actor->service).methods[0].docs, "Reads.");
}

TEST(CandidPrinter, PrintsWhatParsesBackToTheSame) {
  constexpr std::string_view kText =
      "type list = opt record { head : int; tail : list };\n"
      "// doc\n"
      "type v = variant { a; b : record { nat; text }; 7 : null; \"odd \\\"one\" : opt vec nat8 "
      "};\n"
      "type f = func (x : nat, list) -> (v) query;\n"
      "type s = service { \"get it\" : f; go : () -> () oneway };\n"
      "service named : (opt text, s) -> {\n"
      "  get : f;\n"
      "  \"type\" : (record { 5 : nat; 6 : nat }) -> (principal, reserved, empty) "
      "composite_query;\n"
      "}";
  const std::string once = reprinted(kText);
  const std::string twice = reprinted(once);
  EXPECT_EQ(once, twice);
  EXPECT_NE(once.find("\"type\" : (record {"), std::string::npos) << once;
  EXPECT_NE(once.find("// doc"), std::string::npos);
  EXPECT_NE(once.find("service named : (opt text, s) -> {"), std::string::npos) << once;
}

// ---- imports

using Files = std::map<std::string, std::string>;

ImportLoader loader(const Files& files) {
  return [&files](std::string_view, std::string_view path) -> Result<ImportedFile> {
    const auto found = files.find(std::string(path));
    if (found == files.end()) return fail(Errc::kNotFound, "no such file");
    return ImportedFile{found->first, found->second};
  };
}

TEST(CandidImports, BringTypesAndServices) {
  const Files files = {
      {"a.did", "import \"b.did\"; type a = record { b }; service : { from_a : (a) -> () }"},
      {"b.did", "import \"a.did\"; type b = opt a; service : { from_b : () -> () }"}};
  const auto types =
      parse_program("import \"a.did\"; service : { m : (a, b) -> () }", loader(files));
  ASSERT_TRUE(types) << types.error().message();
  EXPECT_EQ(types->env.resolved(types->actor->service).methods.size(), 1U);
  const auto merged = parse_program(
      "import service \"a.did\"; import service \"b.did\"; service : { m : (a) -> () }",
      loader(files));
  ASSERT_TRUE(merged) << merged.error().message();
  const auto& methods = merged->env.resolved(merged->actor->service).methods;
  ASSERT_EQ(methods.size(), 3U);
  EXPECT_EQ(methods[0].name, "from_a");
  EXPECT_EQ(methods[2].name, "m");
  const auto only = parse_program("import service \"b.did\"", loader(files));
  ASSERT_TRUE(only);
  EXPECT_EQ(only->env.resolved(only->actor->service).methods.size(), 1U);
}

TEST(CandidImports, RejectWhatDoesNotFit) {
  const Files files = {{"none.did", "type n = nat"},
                       {"init.did", "service : (nat) -> {}"},
                       {"same.did", "service : { m : () -> () }"},
                       {"bad.did", "type x = \n  ;"},
                       {"twice.did", "type m = nat"}};
  const auto code = [&](const char* text) {
    const auto result = parse_program(text, loader(files));
    EXPECT_FALSE(result) << text;
    return result ? Errc::kIo : result.error().code();
  };
  EXPECT_EQ(code("import \"missing.did\";"), Errc::kNotFound);
  EXPECT_EQ(code("import service \"none.did\";"), Errc::kCandidType);
  EXPECT_EQ(code("import service \"init.did\";"), Errc::kCandidType);
  EXPECT_EQ(code("import service \"same.did\"; service : { m : () -> () }"), Errc::kCandidType);
  EXPECT_EQ(code("import \"twice.did\"; type m = text"), Errc::kCandidType);
  const auto inside = parse_program("import \"bad.did\"", loader(files));
  ASSERT_FALSE(inside);
  EXPECT_TRUE(inside.error().message().starts_with("bad.did: line 2, column 3"))
      << inside.error().message();
}

TEST(CandidImports, ArePassedOverWithoutALoader) {
  EXPECT_TRUE(parse_program("import \"x.did\"; service : {}"));
  const auto unbound = parse_program("import \"x.did\"; service : { m : (x) -> () }");
  ASSERT_FALSE(unbound);
  EXPECT_EQ(unbound.error().code(), Errc::kCandidType);
}

TEST(CandidImports, AreBoundedInNumber) {
  const ImportLoader endless = [](std::string_view importing, std::string_view) {
    const std::string key = std::string(importing) + "x";
    return Result<ImportedFile>(ImportedFile{key, "import \"next\";"});
  };
  const auto result = parse_program("import \"next\";", endless);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::kLimit);
}

TEST(CandidParser, SurvivesEveryTruncationAndByte) {
  const std::string text =
      "type t = record { a : nat; \"b\\u{20}\" : opt t };\n// c\nservice x : (t) -> { f : (t) -> "
      "(variant { a; 5 : blob }) query; };";
  for (size_t n = 0; n < text.size(); ++n) {
    static_cast<void>(parse_program(text.substr(0, n)));
    for (const char c : {'\0', '"', '/', '}', '\xff', '9'}) {
      std::string changed = text;
      changed[n] = c;
      if (const auto program = parse_program(changed)) {
        EXPECT_TRUE(parse_program(print_program(*program))) << changed;
      }
    }
  }
}

}  // namespace
}  // namespace canrec::candid
