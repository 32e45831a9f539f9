// SPDX-License-Identifier: Apache-2.0
// Messages: the examples of the format, reading at expected types, and bad bytes.
#include "candid/binary.h"

#include <gtest/gtest.h>

#include "base/leb128.h"
#include "candid/hash.h"

#include "unit/candid/support.h"

namespace canrec::candid {
namespace {

using test::decoded;
using test::encoded;
using test::hex;
using test::Types;
using test::types;

struct Example {
  const char* values;
  const char* types;
  const char* bytes;
};

// Source: the examples of the reference, checked there with released programs.
constexpr Example kExamples[] = {
    {"(-1_234_567 : int)", "(int)", "4449444c00017c f9d2b47f"},
    {"(1.5 : float32, -2.25 : float64, true, null : null, null : reserved)",
     "(float32, float64, bool, null, reserved)",
     "4449444c0005 73727e7f70 0000c03f 00000000000002c0 01"},
    {"(vec { record { id = 300 : nat; tag = \"\xc3\xa9\" } })",
     "(vec record { id : nat; tag : text })",
     "4449444c026d016c02dbb7017ddab4e102710100 01ac0202c3a9"},
    {"(variant { busy = 513 : nat16 })", "(variant { done; failed : text; busy : nat16 })",
     "4449444c016b03b9aa8089047a82e1b793047fbd8bfbbf0e710100 000102"},
    {"(opt record { -1 : int; opt record { 200 : int; null } })",
     "type chain = opt record { int; chain }; (chain)",
     "4449444c026e016c02007c01000100 017f01c80100"},
    {"(func \"2vxsx-fae\".lookup, service \"aaaaa-aa\")",
     "(func (text) -> (nat) query, service { ping : () -> () oneway })",
     "4449444c036a0171017d010169010470696e67026a00000102 020001 01010104066c6f6f6b757001 00"},
    {"(record { l = opt record { r = vec { record { l = null } } } })",
     "type a = record { l : opt b }; type b = record { r : vec a }; (a)",
     "4449444c046c016c016e026c0172036d000100 010100"},
};

TEST(CandidBinary, WritesAndReadsTheExamplesOfTheFormat) {
  for (const Example& example : kExamples) {
    EXPECT_EQ(encoded(example.values, example.types), to_hex(hex(example.bytes))) << example.values;
    EXPECT_EQ(decoded(hex(example.bytes), example.types), example.values);
  }
}

// ---- reading at expected types

struct Reading {
  const char* sent;
  const char* sent_types;
  const char* wanted;
  const char* read;  // the values, or the error's message
};

TEST(CandidBinary, ReadsAtExpectedTypes) {
  constexpr Reading kReadings[] = {
      // arguments
      {"(1, 2)", "(nat, nat)", "(nat)", "(1 : nat)"},
      {"(1)", "(nat)", "(nat, opt text, null, reserved)",
       "(1 : nat, null, null : null, null : reserved)"},
      {"(1)", "(nat)", "(nat, text)", "argument 2 of type text is missing"},
      {"(1)", "(nat)", "(nat, empty)", "argument 2 of type empty is missing"},
      {"(1)", "(nat)", "()", "()"},
      // primitives
      {"(5)", "(nat)", "(int)", "(5 : int)"},
      {"(18446744073709551615)", "(nat)", "(int)", "(18_446_744_073_709_551_615 : int)"},
      {"(5)", "(int)", "(nat)", "argument 1: nat expected, the message has int"},
      {"(5)", "(nat8)", "(nat16)", "argument 1: nat16 expected, the message has nat8"},
      {"(null)", "(reserved)", "(null)", "argument 1: null expected, the message has reserved"},
      {"(5)", "(nat)", "(empty)", "argument 1: empty expected, the message has nat"},
      {"(vec { \"a\" })", "(vec text)", "(reserved)", "(null : reserved)"},
      {"(service \"aaaaa-aa\")", "(service { a : () -> () })", "(principal)",
       "(principal \"aaaaa-aa\")"},
      {"(principal \"aaaaa-aa\")", "(principal)", "(service {})",
       "argument 1: service expected, the message has principal"},
      // options
      {"(5)", "(nat)", "(opt nat)", "(opt (5 : nat))"},
      {"(5)", "(nat)", "(opt opt int)", "(opt opt (5 : int))"},
      {"(5)", "(nat)", "(opt null)", "(null)"},
      {"(5)", "(nat)", "(opt reserved)", "(opt (null : reserved))"},
      {"(null)", "(null)", "(opt opt nat)", "(null)"},
      {"(opt 5)", "(opt nat)", "(opt text)", "(null)"},
      {"(opt 5)", "(opt nat)", "(opt opt nat)", "(opt opt (5 : nat))"},
      {"(opt opt 5)", "(opt opt nat)", "(opt nat)", "(null)"},
      {"(opt 5)", "(opt nat)", "(nat)", "argument 1: nat expected, the message has opt"},
      {"(true)", "(bool)", "(opt opt bool)", "(opt opt true)"},
      {"(opt -5, opt 5)", "(opt int, opt int)", "(opt nat, opt int)", "(null, opt (5 : int))"},
      {"(5)", "(nat)", "type o = opt o; (o)", "argument 1: the expected type is an endless option"},
      // vectors
      {"(vec {})", "(vec int)", "(vec int8)", "(vec {})"},
      {"(vec { 1 })", "(vec nat)", "(vec int8)", "argument 1: int8 expected, the message has nat"},
      {"(vec { 1; 2 })", "(vec nat)", "(vec opt int)", "(vec { opt (1 : int); opt (2 : int) })"},
      {"(blob \"ab\")", "(blob)", "(vec reserved)", "(vec { null : reserved; null : reserved })"},
      {"(vec { variant { a }; variant { b } })", "(vec variant { a; b; c })",
       "(vec variant { a; b })", "(vec { variant { a }; variant { b } })"},
      {"(vec { variant { c } })", "(vec variant { a; b; c })", "(vec variant { a; b })",
       "argument 1: the expected variant has no tag 99"},
      {"(vec { opt variant { a }; opt variant { c } })", "(vec opt variant { a; c })",
       "(vec opt variant { a })", "(vec { opt variant { a }; null })"},
      // records
      {"(record { a = 1; b = 2 })", "(record { a : nat; b : nat })",
       "(record { b : int; c : opt nat })", "(record { b = 2 : int; c = null })"},
      {"(record { a = 1 })", "(record { a : nat })", "(record { a : nat; d : text })",
       "argument 1: the message lacks field d"},
      {"(opt record { a = 1 })", "(opt record { a : nat })", "(opt record { a : nat; d : text })",
       "(null)"},
      {"(record { a = opt 1; z = \"x\" })", "(record { a : opt nat; z : text })",
       "(record { a : opt bool; z : text })", "(record { a = null; z = \"x\" })"},
      // references
      {"(func \"aaaaa-aa\".go)", "(func (int) -> (nat))", "(func (nat) -> (int))",
       "(func \"aaaaa-aa\".go)"},
      {"(func \"aaaaa-aa\".go)", "(func (nat) -> ())", "(func (int) -> ())",
       "argument 1: the func of the message does not fit the expected one"},
      {"(opt func \"aaaaa-aa\".go)", "(opt func (nat) -> ())", "(opt func (int) -> ())", "(null)"},
      {"(service \"aaaaa-aa\")", "(service { a : () -> (); b : () -> () })",
       "(service { a : () -> () })", "(service \"aaaaa-aa\")"},
      // recursion
      {"(opt record { 1; opt record { 2; null } })", "type l = opt record { nat; l }; (l)",
       "type m = opt record { int; m; opt text }; (m)",
       "(opt record { 1 : int; opt record { 2 : int; null; null }; null })"},
  };
  for (const Reading& reading : kReadings) {
    const Bytes message = hex(encoded(reading.sent, reading.sent_types));
    EXPECT_EQ(decoded(message, reading.wanted), reading.read)
        << reading.sent << " : " << reading.sent_types << " at " << reading.wanted;
  }
}

TEST(CandidBinary, KeepsBigNumbers) {
  const char* digits = "(123_456_789_012_345_678_901_234_567_890 : nat)";
  const Bytes message = hex(encoded(digits, "(nat)"));
  EXPECT_EQ(decoded(message), digits);
  EXPECT_EQ(decoded(message, "(int)"), "(123_456_789_012_345_678_901_234_567_890 : int)");
  const char* negative = "(-123_456_789_012_345_678_901_234_567_890 : int)";
  EXPECT_EQ(decoded(hex(encoded(negative, "(int)"))), negative);
}

TEST(CandidBinary, AcceptsOverlongNumbers) {
  EXPECT_EQ(decoded(hex("4449444c 8000 8100 fd7f ff00")), "(127 : nat)");
  EXPECT_EQ(decoded(hex("4449444c 00 01 7d 80808080808080808080808000")), "(0 : nat)");
  EXPECT_EQ(decoded(hex("4449444c 00 01 7c ffffffffffffffffffffffff7f")), "(-1 : int)");
  EXPECT_EQ(decoded(hex("4449444c 00 01 71 83808000 616263")), "(\"abc\")");
}

TEST(CandidBinary, PassesOverFutureTypes) {
  // Entry 0 has the opcode -25 and two bytes; its value has three.
  const Bytes message = hex("4449444c 01 67 02 aabb 02 00 7d 03 00 010203 05");
  EXPECT_EQ(decoded(message), "(null : reserved, 5 : nat)");
  EXPECT_EQ(decoded(message, "(reserved, nat)"), "(null : reserved, 5 : nat)");
  EXPECT_EQ(decoded(message, "(opt text, nat)"), "(null, 5 : nat)");
  EXPECT_EQ(decoded(message, "(text, nat)"),
            "argument 1: text expected, the message has future type");
}

// ---- malformed messages

struct Bad {
  const char* bytes;
  Errc code;
  size_t offset;
  const char* what;
};

constexpr Bad kBad[] = {
    {"", Errc::kUnexpectedEof, 0, "empty"},
    {"4449444d 00 00", Errc::kCandidMalformed, 0, "magic"},
    {"4449444c", Errc::kUnexpectedEof, 4, "no table"},
    {"4449444c 00 00 00", Errc::kCandidMalformed, 6, "a byte too many"},
    {"4449444c 00 01 00", Errc::kCandidMalformed, 6, "index out of the table"},
    {"4449444c 01 6e 01 00", Errc::kCandidMalformed, 6, "index out of the table inside"},
    {"4449444c 01 7d 7d 00", Errc::kCandidMalformed, 5, "a primitive as entry"},
    {"4449444c 01 6e 6e 00", Errc::kCandidMalformed, 6, "a constructor as reference"},
    {"4449444c 01 68 00 00", Errc::kCandidMalformed, 5, "principal as entry"},
    {"4449444c 01 ee7f 7d 00", Errc::kCandidMalformed, 5, "a long opcode"},
    {"4449444c 01 6c 02 01 7d 01 7d 00", Errc::kCandidMalformed, 9, "a label twice"},
    {"4449444c 01 6c 02 02 7d 01 7d 00", Errc::kCandidMalformed, 9, "labels not ascending"},
    {"4449444c 01 6c 01 8080808010 7d 00", Errc::kCandidMalformed, 7, "a label of 2^32"},
    {"4449444c 01 6c 05 01 7d 00", Errc::kCandidMalformed, 6, "more fields than bytes"},
    {"4449444c 01 69 01 01 ff 7d 00", Errc::kUtf8, 8, "a method's name is not UTF-8"},
    {"4449444c 01 69 01 01 61 7d 00", Errc::kCandidMalformed, 9, "a method is no function"},
    {"4449444c 02 69 02 01 62 01 01 61 01 6a 00 00 00 00", Errc::kCandidMalformed, 10,
     "methods not ascending"},
    {"4449444c 01 6a 00 00 01 04 00", Errc::kCandidMalformed, 9, "unknown annotation"},
    {"4449444c 01 6a 00 00 02 01 01 00", Errc::kCandidMalformed, 8, "two annotations"},
    {"4449444c 80808080808080808080 00", Errc::kLebTooLong, 4, "LEB128 too long"},
    {"4449444c ffffffffffffffffff7f", Errc::kCandidMalformed, 4, "a number over 2^64"},
    {"4449444c ffffffff0f 6e", Errc::kCandidMalformed, 4, "a table of 4 G entries"},
    {"4449444c 00 ffffffff0f 7d", Errc::kCandidMalformed, 5, "4 G arguments"},
    {"4449444c 00 01 7e 02", Errc::kCandidMalformed, 7, "a bool of 2"},
    {"4449444c 00 01 71 05 6162", Errc::kCandidMalformed, 7, "a text longer than the message"},
    {"4449444c 00 01 71 02 c328", Errc::kUtf8, 8, "a text that is not UTF-8"},
    {"4449444c 00 01 71 03 eda080", Errc::kUtf8, 8, "a surrogate"},
    {"4449444c 00 01 71 02 c080", Errc::kUtf8, 8, "an overlong character"},
    {"4449444c 01 6e 7d 01 00 02", Errc::kCandidMalformed, 9, "an option of 2"},
    {"4449444c 01 6b 01 00 7f 01 00 01", Errc::kCandidMalformed, 11, "a tag out of range"},
    {"4449444c 01 6b 00 01 00 00", Errc::kCandidMalformed, 9, "a variant without tags"},
    {"4449444c 00 01 68 00", Errc::kCandidMalformed, 7, "an opaque principal"},
    {"4449444c 00 01 68 01 1e 000000000000000000000000000000000000000000000000000000000000",
     Errc::kCandidMalformed, 7, "a principal of 30 bytes"},
    {"4449444c 00 01 6f", Errc::kCandidMalformed, 7, "a value of type empty"},
    {"4449444c 01 6c 01 00 00 01 00", Errc::kCandidMalformed, 11, "a record in itself"},
    {"4449444c 02 6c 01 00 01 6c 01 00 00 01 01", Errc::kCandidMalformed, 15,
     "two records in each other"},
    {"4449444c 01 6d 7d 01 00 ffffffffff3f 05", Errc::kCandidMalformed, 9, "a vector of terabytes"},
    {"4449444c 01 6d 7f 01 00 ffffffffff3f", Errc::kCandidQuota, 9,
     "a vector of nulls without end"},
    {"4449444c 00 01 7d 8080", Errc::kUnexpectedEof, 9, "a nat cut off"},
    {"4449444c 00 01 72 000000", Errc::kUnexpectedEof, 10, "a float cut off"},
};

TEST(CandidBinary, RejectsBadBytesWithTheirOffset) {
  for (const Bad& bad : kBad) {
    const Bytes bytes = hex(bad.bytes);
    const auto result = decode(bytes);
    ASSERT_FALSE(result) << bad.what;
    EXPECT_EQ(result.error().code(), bad.code) << bad.what << ": " << result.error().message();
    EXPECT_EQ(result.error().offset(), bad.offset) << bad.what << ": " << result.error().message();
  }
}

// A message that is malformed is refused also where its values are not wanted: only mismatches
// become null below an option.
TEST(CandidBinary, RejectsBadBytesBelowOptionsAndWhereSkipped) {
  const char* const wanted[] = {"()", "(opt text)", "(opt opt nat)", "(reserved)", "(opt null)"};
  for (const Bad& bad : kBad) {
    const Bytes bytes = hex(bad.bytes);
    for (const char* types_wanted : wanted) {
      const test::Types at = types(types_wanted);
      const auto result = decode(bytes, {&at.tuple.env, at.list});
      ASSERT_FALSE(result) << bad.what << " at " << types_wanted;
      EXPECT_NE(result.error().code(), Errc::kCandidMismatch) << bad.what << " at " << types_wanted;
    }
  }
}

TEST(CandidBinary, RejectsEveryTruncation) {
  for (const Example& example : kExamples) {
    const Bytes bytes = hex(example.bytes);
    const test::Types at = types(example.types);
    for (size_t n = 0; n < bytes.size(); ++n) {
      const ByteView cut = ByteView(bytes).first(n);
      EXPECT_FALSE(decode(cut)) << example.values << " cut at " << n;
      EXPECT_FALSE(decode(cut, {&at.tuple.env, at.list})) << example.values << " cut at " << n;
    }
  }
}

// Whatever a changed byte does, what is read can be written again and reads the same.
TEST(CandidBinary, SurvivesEveryChangedByte) {
  for (const Example& example : kExamples) {
    const Bytes bytes = hex(example.bytes);
    for (size_t i = 0; i < bytes.size(); ++i) {
      for (unsigned value = 0; value < 256; ++value) {
        Bytes changed = bytes;
        changed[i] = static_cast<uint8_t>(value);
        const auto read = decode(changed);
        if (!read) continue;
        const auto written = encode(read->env, read->types, read->values);
        if (!written) continue;  // a value of a type that is not known yet
        EXPECT_EQ(decoded(*written), decoded(changed));
      }
    }
  }
}

// ---- bombs and limits

TEST(CandidLimits, RejectSpaceBombs) {
  // Source: the kinds of bombs in the conformance suite.
  const char* const bombs[] = {
      "4449444c 01 6d 7f 01 00 80 94 eb dc 03",                          // vec null, 10^9
      "4449444c 01 6d 70 01 00 80 94 eb dc 03",                          // vec reserved
      "4449444c 02 6d 01 6c 00 01 00 80 94 eb dc 03",                    // vec record {}
      "4449444c 03 6d 01 6c 01 00 02 6c 01 00 7f 01 00 80 94 eb dc 03",  // nested empty records
      "4449444c 02 6d 01 6d 7f 01 00 05 ff ff 3f ff ff 3f ff ff 3f ff ff 3f ff ff 3f",
  };
  for (const char* bomb : bombs) {
    for (const char* wanted : {"", "()", "(opt nat)", "(vec opt nat)", "(reserved)"}) {
      const Bytes bytes = hex(bomb);
      const test::Types at = types(*wanted == 0 ? "()" : wanted);
      const auto error = [&]() -> Errc {
        if (*wanted == 0) {
          const auto result = decode(bytes);
          return result ? Errc::kIo : result.error().code();
        }
        const auto result = decode(bytes, {&at.tuple.env, at.list});
        return result ? Errc::kIo : result.error().code();
      }();
      EXPECT_EQ(error, Errc::kCandidQuota) << bomb << " at " << wanted;
    }
  }
}

TEST(CandidLimits, RejectTypesThatDoubleWithEveryLevel) {
  // type t0 = record {}; type t1 = record { t0; t0 }; ... 30 levels: 2^30 values of no bytes.
  Bytes bytes = hex("4449444c");
  bytes.push_back(31);
  append(bytes, hex("6c 00"));
  for (uint8_t i = 0; i < 30; ++i) {
    append(bytes, Bytes{0x6c, 2, 0, i, 1, i});
  }
  append(bytes, Bytes{1, 30});
  const auto result = decode(bytes);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::kCandidQuota);
}

TEST(CandidLimits, AllowTheLegalVectorsWithoutBytes) {
  EXPECT_TRUE(decode(hex("4449444c 01 6d 7f 01 00 e8 07")));  // 1,000 nulls
  DecodeOptions options;
  options.max_empty_values = 1000;
  EXPECT_TRUE(decode(hex("4449444c 01 6d 7f 01 00 e8 07"), options));
  options.max_empty_values = 999;
  const auto result = decode(hex("4449444c 01 6d 7f 01 00 e8 07"), options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::kCandidQuota);
}

TEST(CandidLimits, BoundTheTable) {
  const auto table = [](size_t entries) {
    Bytes bytes = hex("4449444c");
    append_leb_u64(bytes, entries);
    for (size_t i = 0; i < entries; ++i) append(bytes, Bytes{0x6e, 0x7d});
    bytes.push_back(0);
    return bytes;
  };
  EXPECT_TRUE(decode(table(9'999)));
  EXPECT_TRUE(decode(table(10'000)));
  const auto result = decode(table(10'001));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::kCandidQuota);
}

// `levels` options in each other, with their value.
Bytes nested_options(size_t levels) {
  Bytes bytes = hex("4449444c 01 6e 00 01 00");
  bytes.insert(bytes.end(), levels, 1);
  bytes.push_back(0);
  return bytes;
}

TEST(CandidLimits, BoundTheDepthOfValues) {
  EXPECT_TRUE(decode(nested_options(510)));
  EXPECT_TRUE(decode(nested_options(511)));
  for (const size_t levels : {size_t{512}, size_t{100'000}, size_t{10'000'000}}) {
    const Bytes bytes = nested_options(levels);
    for (const char* wanted : {"()", "(reserved)", "type o = opt o; (o)", "(opt nat)"}) {
      const test::Types at = types(wanted);
      const auto result = decode(bytes, {&at.tuple.env, at.list});
      ASSERT_FALSE(result) << levels << wanted;
      EXPECT_EQ(result.error().code(), Errc::kCandidQuota) << levels << wanted;
    }
  }
  DecodeOptions deep;
  deep.max_depth = DecodeOptions::kDeepest;
  EXPECT_TRUE(decode(nested_options(DecodeOptions::kDeepest - 1), deep));
  deep.max_depth = UINT32_MAX;
  EXPECT_FALSE(decode(nested_options(DecodeOptions::kDeepest), deep));
}

TEST(CandidLimits, BoundTheStepsOfOptionsThatDoNotFit) {
  // type l = opt record { l; vec nat; nat } read at opt record { l; vec nat; text }: at every level
  // the last field tells that it does not fit, and everything inside is walked once more.
  Bytes bytes = hex("4449444c 03 6e01 6c03 0000 0102 027d 6d7d 01 00");
  constexpr size_t kLevels = 200;
  constexpr size_t kElements = 200'000;
  bytes.insert(bytes.end(), kLevels, 1);
  bytes.push_back(0);
  append_leb_u64(bytes, kElements);
  bytes.insert(bytes.end(), kElements, 5);
  bytes.push_back(5);
  for (size_t i = 1; i < kLevels; ++i) append(bytes, Bytes{0, 5});
  EXPECT_TRUE(decode(bytes));
  const Types at = types("type l = opt record { l; vec nat; text }; (l)");
  const auto result = decode(bytes, {&at.tuple.env, at.list});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::kCandidQuota) << result.error().message();
}

TEST(CandidLimits, NeverBecomeNullBelowAnOption) {
  const test::Types at = types("(opt opt text)");
  const auto result = decode(nested_options(100'000), {&at.tuple.env, at.list});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::kCandidQuota);
}

// ---- writing

TEST(CandidEncode, SharesEntriesOfEqualTypes) {
  // Two spellings of one record, blob three times: three entries.
  const Types at = types("(record { a : blob }, vec nat8, record { 97 : blob }, opt blob)");
  EXPECT_EQ(to_hex(encode_header(at.tuple.env, at.list)),
            "4449444c036c0161016d7b6e01"
            "0400010002");
}

TEST(CandidEncode, NumbersRecursiveTypesOnce) {
  const Types at = types("type l = opt record { nat; l }; (l, l, opt l)");
  EXPECT_EQ(to_hex(encode_header(at.tuple.env, at.list)),
            "4449444c036e016c02007d01006e00"
            "03000002");
}

TEST(CandidEncode, RejectsValuesOfOtherTypes) {
  const Types at = types("(nat8)");
  const Value too_large[] = {Value::natural(256)};
  const Value boolean[] = {Value::boolean(true)};
  for (const auto& values : {too_large, boolean}) {
    const auto result = encode(at.tuple.env, at.list, {values, 1});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::kCandidMismatch);
  }
  EXPECT_FALSE(encode(at.tuple.env, at.list, {}));
}

TEST(CandidValue, BuildsAndWalksRecordsByName) {
  const Types at = types(
      "(record { canister_id : principal; wasm : blob; mode : variant { install; upgrade : opt "
      "bool "
      "}; note : opt text; size : nat64 })");
  Arena arena;
  const TypeEnv& env = at.tuple.env;
  const Type& record = env.resolved(at.list[0]);
  const TypeIdx mode_type =
      record.fields[find_field(record.fields, label_hash("mode")).value()].type;
  const auto mode = make_variant(arena, env, mode_type, "install");
  ASSERT_TRUE(mode);
  EXPECT_FALSE(make_variant(arena, env, mode_type, "remove"));
  const ic::Principal id = ic::Principal::canister(7);
  const auto value = make_record(arena, env, at.list[0],
                                 {{"canister_id", Value::principal(arena, id.bytes())},
                                  {"wasm", Value::blob(arena, as_bytes("wasm"))},
                                  {"mode", *mode},
                                  {"size", Value::natural(5)}});
  ASSERT_TRUE(value) << value.error().message();
  EXPECT_FALSE(make_record(arena, env, at.list[0], {{"size", Value::natural(5)}}));
  EXPECT_FALSE(make_record(arena, env, at.list[0], {{"other", Value::natural(5)}}));
  const auto bytes = encode(env, at.list, {&*value, 1});
  ASSERT_TRUE(bytes);
  const auto message = decode(*bytes);
  ASSERT_TRUE(message);
  const auto view = argument(*message, 0);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->field("canister_id")->principal(), id);
  EXPECT_EQ(as_text(*view->field("wasm")->blob()), "wasm");
  EXPECT_EQ(view->field("size")->natural(), 5U);
  EXPECT_FALSE(view->field("note")->some());
  EXPECT_FALSE(view->field("other"));
  EXPECT_FALSE(view->field("size")->text());
  EXPECT_EQ(view->field("mode")->tag()->first->label, label_hash("install"));
  EXPECT_FALSE(argument(*message, 1));
}

}  // namespace
}  // namespace canrec::candid
