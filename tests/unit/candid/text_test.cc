// SPDX-License-Identifier: Apache-2.0
// Text values in and out.
#include "candid/text.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "candid/json.h"
#include "unit/candid/support.h"

namespace canrec::candid {
namespace {

using test::decoded;
using test::encoded;
using test::hex;
using test::types;

// Text read at types and printed again.
std::string echoed(std::string_view text, std::string_view type_text) {
  const test::Types at = types(type_text);
  const auto values = parse_args(text, at.tuple.env, at.list);
  return values ? args_to_text(at.tuple.env, at.list, values->values) : values.error().message();
}

std::string inferred(std::string_view text) {
  const auto message = parse_args(text);
  return message ? args_to_text(message->env, message->types, message->values)
                 : message.error().message();
}

struct Pair {
  const char* text;
  const char* types;
  const char* printed;
};

TEST(CandidText, ReadsAndPrintsEveryKind) {
  constexpr Pair kPairs[] = {
      {"(5, -5, +7)", "(nat, int, int8)", "(5 : nat, -5 : int, 7 : int8)"},
      {"(0xff, 1_000_000)", "(nat8, nat32)", "(255 : nat8, 1_000_000 : nat32)"},
      {"(18446744073709551615)", "(nat64)", "(18_446_744_073_709_551_615 : nat64)"},
      {"(18446744073709551616)", "(nat)", "(18_446_744_073_709_551_616 : nat)"},
      {"(-9223372036854775809)", "(int)", "(-9_223_372_036_854_775_809 : int)"},
      {"(-0x8000000000000000)", "(int64)", "(-9_223_372_036_854_775_808 : int64)"},
      {"(1.5, 1e3, -1.5E-3, 1., .5)", "(float64, float64, float64, float32, float32)",
       "(\n  1.5 : float64,\n  1000.0 : float64,\n  -0.0015 : float64,\n  1.0 : float32,\n  0.5 : "
       "float32,\n)"},
      {"(0x1.8p3, 0xAp-1)", "(float64, float64)", "(12.0 : float64, 5.0 : float64)"},
      {"(NaN, inf, -inf)", "(float64, float32, float64)",
       "(NaN : float64, inf : float32, -inf : float64)"},
      {"(1e999, 1e-999)", "(float64, float64)", "(inf : float64, 0.0 : float64)"},
      {"(true, false, null)", "(bool, bool, null)", "(true, false, null : null)"},
      {"(5, \"x\", record { 1 })", "(reserved, reserved, reserved)",
       "(null : reserved, null : reserved, null : reserved)"},
      {"(\"a\\n\\t\\\"\\u{1f600}\\00\")", "(text)", "(\"a\\n\\t\\\"\xf0\x9f\x98\x80\\u{0}\")"},
      {"(\"\\c2\\9b\\7f\")", "(text)", "(\"\\u{9b}\\u{7f}\")"},
      {"(blob \"abc\", blob \"\\00\\ff\")", "(blob, blob)", "(blob \"abc\", blob \"\\00\\ff\")"},
      {"(blob \"a`b\\22\")", "(blob)", "(blob \"a\\60b\\22\")"},
      {"(vec { 1; 2; 255 })", "(blob)", "(blob \"\\01\\02\\ff\")"},
      {"(opt 5, null, opt opt null)", "(opt nat, opt nat, opt opt opt bool)",
       "(opt (5 : nat), null, opt opt null)"},
      {"(vec { 1; 2 }, vec {})", "(vec nat, vec text)", "(vec { 1 : nat; 2 : nat }, vec {})"},
      {"(record { 1; 2 })", "(record { nat; nat })", "(record { 1 : nat; 2 : nat })"},
      {"(record {})", "(record {})", "(record {})"},
      {"(record { b = 1; a = \"x\" })", "(record { a : text; b : nat; c : opt nat })",
       "(record { a = \"x\"; b = 1 : nat; c = null })"},
      {"(record { 97 = 1; extra = 5 })", "(record { a : nat })", "(record { a = 1 : nat })"},
      {"(record { \"odd name\" = 1; opt_ = 2; \"opt\" = 3 })",
       "(record { \"odd name\" : nat; opt_ : nat; \"opt\" : nat })",
       "(record { \"opt\" = 3 : nat; opt_ = 2 : nat; \"odd name\" = 1 : nat })"},
      {"(variant { ok = 5 }, variant { err })", "(variant { ok : nat; err }, variant { ok; err })",
       "(variant { ok = 5 : nat }, variant { err })"},
      {"(principal \"aaaaa-aa\", service \"2vxsx-fae\")", "(principal, service {})",
       "(principal \"aaaaa-aa\", service \"2vxsx-fae\")"},
      {"(func \"aaaaa-aa\".go, func \"aaaaa-aa\".\"odd name\")", "(func () -> (), func () -> ())",
       "(func \"aaaaa-aa\".go, func \"aaaaa-aa\".\"odd name\")"},
      {"(5 : nat, (6 : nat8), (opt 7 : opt nat))", "(int, nat8, opt int)",
       "(5 : int, 6 : nat8, opt (7 : int))"},
      {"(record { a = 1 : nat } : record { a : nat })", "(record { a : int; b : opt text })",
       "(record { a = 1 : int; b = null })"},
      {"()", "(opt nat, null)", "(null, null : null)"},
      {"5", "(nat)", "(5 : nat)"},
      {"(5, /* comment */ 6,) // end", "(nat, nat)", "(5 : nat, 6 : nat)"},
  };
  for (const Pair& pair : kPairs) {
    EXPECT_EQ(echoed(pair.text, pair.types), pair.printed) << pair.text;
    // What is printed reads back to the same.
    EXPECT_EQ(echoed(pair.printed, pair.types), pair.printed);
  }
}

TEST(CandidText, InfersTypes) {
  EXPECT_EQ(inferred("(5, 1.5, \"x\", null, true)"),
            "(5 : int, 1.5 : float64, \"x\", null : null, true)");
  EXPECT_EQ(inferred("(vec { 1; 2 }, vec {}, opt 5, blob \"x\")"),
            "(vec { 1 : int; 2 : int }, vec {}, opt (5 : int), blob \"x\")");
  EXPECT_EQ(inferred("(record { a = 1; 5 = \"x\" }, variant { b = 2 })"),
            "(record { 5 = \"x\"; a = 1 : int }, variant { b = 2 : int })");
  EXPECT_EQ(inferred("(5 : nat8, vec { 1 : nat8; 2 })"), "(5 : nat8, blob \"\\01\\02\")");
  EXPECT_TRUE(inferred("(vec { 1; \"x\" })").find("int wanted") != std::string::npos);
}

struct Bad {
  const char* text;
  const char* types;
  Errc code;
};

TEST(CandidText, RejectsWhatDoesNotFit) {
  constexpr Bad kBad[] = {
      {"(-1)", "(nat)", Errc::kCandidMismatch},
      {"(1.0)", "(nat)", Errc::kCandidMismatch},
      {"(5)", "(float64)", Errc::kCandidMismatch},
      {"(256)", "(nat8)", Errc::kCandidMismatch},
      {"(-129)", "(int8)", Errc::kCandidMismatch},
      {"(18446744073709551616)", "(nat64)", Errc::kCandidMismatch},
      {"(5)", "(opt nat)", Errc::kCandidMismatch},
      {"(opt \"x\")", "(opt nat)", Errc::kCandidMismatch},
      {"(\"x\")", "(blob)", Errc::kCandidMismatch},
      {"(vec { 256 })", "(blob)", Errc::kCandidMismatch},
      {"(record { a = 1 })", "(record { a : nat; b : nat })", Errc::kCandidMismatch},
      {"(record { a = 1; a = 2 })", "(record { a : nat })", Errc::kCandidType},
      {"(record { a = 1; 97 = 2 })", "(record { a : nat })", Errc::kCandidType},
      {"(variant { c })", "(variant { a; b })", Errc::kCandidMismatch},
      {"(variant { a; b })", "(variant { a; b })", Errc::kCandidSyntax},
      {"(variant {})", "(variant { a })", Errc::kCandidSyntax},
      {"(principal \"aaaaa-aa\")", "(service {})", Errc::kCandidMismatch},
      {"(service \"aaaaa-aa\")", "(principal)", Errc::kCandidMismatch},
      {"(principal \"aaaaa-ab\")", "(principal)", Errc::kCandidSyntax},
      {"(\"aaaaa-aa\")", "(principal)", Errc::kCandidMismatch},
      {"(1 : int)", "(nat)", Errc::kCandidMismatch},
      {"(1 : nat8)", "(nat)", Errc::kCandidMismatch},
      {"(300 : nat8)", "(reserved)", Errc::kCandidMismatch},
      {"(1 : nat : nat)", "(nat)", Errc::kCandidSyntax},
      {"(1 : t)", "(nat)", Errc::kCandidType},
      {"(null)", "(empty)", Errc::kCandidMismatch},
      {"(1, 2)", "(nat)", Errc::kCandidMismatch},
      {"()", "(nat)", Errc::kCandidMismatch},
      {"(1", "(nat)", Errc::kCandidSyntax},
      {"(1) x", "(nat)", Errc::kCandidSyntax},
      {"(opt)", "(opt nat)", Errc::kCandidSyntax},
      {"(- x)", "(int)", Errc::kCandidSyntax},
      {"(blob 5)", "(blob)", Errc::kCandidSyntax},
      {"(\"\\ff\")", "(text)", Errc::kUtf8},
      {"(func \"aaaaa-aa\")", "(func () -> ())", Errc::kCandidSyntax},
      {"(0x)", "(nat)", Errc::kCandidSyntax},
      {"(NaN)", "(nat)", Errc::kCandidMismatch},
      {"", "(nat)", Errc::kCandidSyntax},
  };
  for (const Bad& bad : kBad) {
    const test::Types at = types(bad.types);
    const auto values = parse_args(bad.text, at.tuple.env, at.list);
    ASSERT_FALSE(values) << bad.text << " at " << bad.types;
    EXPECT_EQ(values.error().code(), bad.code) << bad.text << ": " << values.error().message();
  }
}

TEST(CandidText, NamesTheTypesThatAWrongNumberOfArgumentsHasToHave) {
  const test::Types at = types("(nat, record { a : text })");
  for (const auto& [text, given] : {std::pair{"()", 0}, {"(1)", 1}, {"(1, record {}, 3)", 3}}) {
    const auto values = parse_args(text, at.tuple.env, at.list);
    ASSERT_FALSE(values);
    EXPECT_EQ(values.error().message(),
              fmt::format("{} arguments given, 2 wanted: (nat, record {{ a : text }})", given));
  }
}

TEST(CandidText, BoundsDepthAndDigits) {
  for (const char* opening : {"opt ", "vec { ", "record { ", "variant { a = ", "("}) {
    std::string text = "(";
    for (size_t i = 0; i < 100'000; ++i) text += opening;
    const auto values = parse_args(text);
    ASSERT_FALSE(values);
    EXPECT_EQ(values.error().code(), Errc::kLimit) << opening;
  }
  const std::string many(BigInt::kMaxDecimalDigits + 1, '7');
  EXPECT_EQ(parse_args(many).error().code(), Errc::kLimit);
  EXPECT_TRUE(parse_args(many.substr(1)));
}

TEST(CandidText, WritesHugeNumbersInHexadecimalThatReadsBack) {
  const std::string digits = "0x" + std::string(50'000, 'a');
  const std::string printed = echoed("(" + digits + ")", "(nat)");
  EXPECT_EQ(printed, "(\n  " + digits + " : nat,\n)");
  EXPECT_EQ(echoed(printed, "(nat)"), printed);
  EXPECT_EQ(echoed("(-" + digits + ")", "(int)"), "(\n  -" + digits + " : int,\n)");
}

TEST(CandidText, BreaksLinesAtEightyColumns) {
  EXPECT_EQ(echoed("(record { first = \"a text of some length\"; second = \"another text of some "
                   "length\"; third = vec { 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11; 12 } })",
                   "(record { first : text; second : text; third : vec nat32 })"),
            "(\n"
            "  record {\n"
            "    first = \"a text of some length\";\n"
            "    third = vec { 1 : nat32; 2 : nat32; 3 : nat32; 4 : nat32; 5 : nat32; 6 : nat32; 7 "
            ": nat32; 8 : nat32; 9 : nat32; 10 : nat32; 11 : nat32; 12 : nat32 };\n"
            "    second = \"another text of some length\";\n"
            "  },\n"
            ")");
}

TEST(CandidText, StreamsLongTextsInPieces) {
  const std::string long_text(1'000'000, 'x');
  const test::Types at = types("(text, blob)");
  Arena arena;
  const Value values[] = {Value::text(arena, long_text),
                          Value::blob(arena, Bytes(1'000'000, 0xab))};
  size_t largest = 0;
  size_t total = 0;
  TextPrinter printer([&](std::string_view piece) -> Status {
    largest = std::max(largest, piece.size());
    total += piece.size();
    return Ok{};
  });
  walk(at.tuple.env, at.list, values, printer);
  ASSERT_TRUE(printer.finish());
  EXPECT_GT(total, 4'000'000U);
  EXPECT_LT(largest, 200'000U);
}

TEST(CandidText, StopsWhenTheOutputFails) {
  const test::Types at = types("(text)");
  Arena arena;
  const Value values[] = {Value::text(arena, std::string(1'000'000, 'x'))};
  size_t calls = 0;
  TextPrinter printer([&](std::string_view) -> Status {
    ++calls;
    return fail(Errc::kNoSpace, "full");
  });
  walk(at.tuple.env, at.list, values, printer);
  const Status status = printer.finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kNoSpace);
  EXPECT_EQ(calls, 1U);
}

TEST(CandidText, SaysWhenANumberDoesNotReadBack) {
  const test::Types at = types("(float64)");
  const auto readable = [&](uint64_t bits) {
    const Value values[] = {Value::float_bits(bits)};
    TextPrinter printer([](std::string_view) -> Status { return Ok{}; });
    walk(at.tuple.env, at.list, values, printer);
    return printer.readable();
  };
  EXPECT_TRUE(readable(0x7ff8000000000000));
  EXPECT_FALSE(readable(0x7ff8000000000001));
  EXPECT_FALSE(readable(0xfff8000000000000));
}

std::string json(std::string_view text, std::string_view type_text) {
  const test::Types at = types(type_text);
  const auto values = parse_args(text, at.tuple.env, at.list);
  if (!values) return values.error().message();
  std::string out;
  JsonPrinter printer([&out](std::string_view piece) -> Status {
    out += piece;
    return Ok{};
  });
  walk(at.tuple.env, at.list, values->values, printer);
  EXPECT_TRUE(printer.finish());
  return out;
}

TEST(CandidJson, PrintsEveryKind) {
  EXPECT_EQ(json("(5, -5, 7, 8, true, null, 1.5, NaN)",
                 "(nat, int, nat8, nat64, bool, null, float64, float64)"),
            "[\"5\",\"-5\",7,\"8\",true,null,1.5,\"NaN\"]");
  EXPECT_EQ(json("(\"a\\\"\\n\", blob \"\\01\\ff\", opt 5, null, vec { 1; 2 })",
                 "(text, blob, opt nat8, opt nat8, vec nat16)"),
            "[\"a\\\"\\u000a\",\"0x01ff\",[5],[],[1,2]]");
  EXPECT_EQ(
      json(
          "(record { a = 1; 5 = 2 }, record { 1; 2 }, record {}, variant { x }, variant { y = 1 })",
          "(record { a : nat8; 5 : nat8 }, record { nat8; nat8 }, record {}, variant { x }, "
          "variant { y : nat8 })"),
      "[{\"_5_\":2,\"a\":1},[1,2],{},{\"x\":null},{\"y\":1}]");
  EXPECT_EQ(json("(principal \"aaaaa-aa\", func \"aaaaa-aa\".go)", "(principal, func () -> ())"),
            "[\"aaaaa-aa\",{\"principal\":\"aaaaa-aa\",\"method\":\"go\"}]");
  EXPECT_EQ(json("(\"caf\u00e9 \\u{1b} \\u{7f} \\u{80}\\u{9b}2J \\u{a0}\")", "(text)"),
            "[\"caf\u00e9 \\u001b \\u007f \\u0080\\u009b2J \u00a0\"]");
  EXPECT_EQ(json("(340282366920938463463374607431768211456)", "(nat)"),
            "[\"340282366920938463463374607431768211456\"]");
}

}  // namespace
}  // namespace canrec::candid
