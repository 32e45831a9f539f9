// SPDX-License-Identifier: Apache-2.0
// metadata.json: all forms, exact numbers, refusals with offset.
#include "snapshot/metadata.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "snapshot/json.h"
#include "snapshot/limits.h"

namespace canrec::snapshot {
namespace {

// As icp writes it.
constexpr std::string_view kExample = R"({
  "source": {
    "taken_from_canister": null
  },
  "taken_at_timestamp": 1764000000123456789,
  "wasm_module_size": 35,
  "globals": [
    {
      "i64": -9223372036854775808
    },
    {
      "i32": 65520
    },
    {
      "f32": 0.1
    },
    {
      "f64": 1e300
    },
    {
      "v128": [
        1,
        0,
        4294967295
      ]
    },
    {
      "v128": []
    }
  ],
  "wasm_memory_size": 65536,
  "stable_memory_size": 131072,
  "wasm_chunk_store": [],
  "canister_version": 18446744073709551615,
  "certified_data": [
    0,
    255
  ],
  "global_timer": {
    "active": 1764000060000000001
  },
  "on_low_wasm_memory_hook_status": "condition_not_satisfied"
})";

TEST(Metadata, ComesBackByteForByte) {
  const auto read = read_metadata(kExample);
  ASSERT_TRUE(read) << read.error().message();
  const Metadata& m = read->metadata;
  EXPECT_EQ(read->form, MetadataForm::kCurrent);
  EXPECT_EQ(m.source, Source::kTakenFromCanister);
  EXPECT_EQ(m.taken_at_timestamp_ns, 1764000000123456789u);
  EXPECT_EQ(m.canister_version, ~uint64_t{0});
  EXPECT_EQ(m.global_timer->deadline_ns, 1764000060000000001u);
  EXPECT_EQ(m.certified_data, (Bytes{0, 255}));
  ASSERT_EQ(m.globals.size(), 6u);
  EXPECT_EQ(m.globals[0], (GlobalValue{GlobalType::kI64, uint64_t{1} << 63, 0}));
  EXPECT_EQ(m.globals[1], (GlobalValue{GlobalType::kI32, 65520, 0}));
  EXPECT_EQ(m.globals[2].low, std::bit_cast<uint32_t>(0.1f));
  EXPECT_EQ(m.globals[3].low, std::bit_cast<uint64_t>(1e300));
  EXPECT_EQ(m.globals[4], (GlobalValue{GlobalType::kV128, 1, 0xffffffff}));
  EXPECT_EQ(*write_metadata(m), kExample);
}

TEST(Metadata, OptionalKeysBecomeNull) {
  const auto read = read_metadata(
      R"({"taken_at_timestamp":1,"wasm_module_size":2,"globals":[],"wasm_memory_size":0,)"
      R"("stable_memory_size":0,"wasm_chunk_store":[],"canister_version":3,"certified_data":"ab"})");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->metadata.certified_data, (Bytes{'a', 'b'}));
  EXPECT_EQ(*write_metadata(read->metadata), R"({
  "source": null,
  "taken_at_timestamp": 1,
  "wasm_module_size": 2,
  "globals": [],
  "wasm_memory_size": 0,
  "stable_memory_size": 0,
  "wasm_chunk_store": [],
  "canister_version": 3,
  "certified_data": [
    97,
    98
  ],
  "global_timer": null,
  "on_low_wasm_memory_hook_status": null
})");
}

TEST(Metadata, UnknownKeysAreKeptExactly) {
  std::string text(kExample);
  text.insert(text.size() - 2,
              ",\n  \"later\": {\n    \"big\": 123456789012345678901234567890.10\n  },\n"
              "  \"\\u00e9\": [1,  2]");
  const auto read = read_metadata(text);
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->metadata.unknown.size(), 2u);
  EXPECT_EQ(read->metadata.unknown[1].key, "\xc3\xa9");
  const auto written = write_metadata(read->metadata);
  ASSERT_TRUE(written);
  EXPECT_NE(written->find("\"big\": 123456789012345678901234567890.10\n"), std::string::npos);
  const auto again = read_metadata(*written);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->metadata, read->metadata);
  EXPECT_EQ(*write_metadata(again->metadata), *written);
}

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kExample);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Metadata, ReadsTheOldForms) {
  std::string text = replaced("\"globals\"", "\"exported_globals\"");
  const auto globals = read_metadata(text);
  ASSERT_TRUE(globals);
  EXPECT_EQ(globals->form, MetadataForm::kDfx029);
  EXPECT_EQ(*write_metadata(globals->metadata), kExample);
  const auto source = read_metadata(
      replaced("{\n    \"taken_from_canister\": null\n  }", "\"taken_from_canister\""));
  ASSERT_TRUE(source);
  EXPECT_EQ(source->form, MetadataForm::kDfx029);
  EXPECT_EQ(*write_metadata(source->metadata), kExample);
}

TEST(Metadata, ReadsWhatTheToolsTolerate) {
  const auto inner = read_metadata(replaced("canister\": null", "canister\": [1, {\"a\": 2}]"));
  ASSERT_TRUE(inner);
  EXPECT_EQ(*write_metadata(inner->metadata), kExample);
  for (const char* big :
       {"18446744073709551615", "\"18446744073709551615\"", "[4294967295, 4294967295, 0, 0, 0]"}) {
    const auto read = read_metadata(replaced("[]\n    }\n  ],", std::string(big) + "}],"));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->metadata.globals[5], (GlobalValue{GlobalType::kV128, ~uint64_t{0}, 0})) << big;
  }
  const auto most =
      read_metadata(replaced("[]\n    }\n  ],", "\"340282366920938463463374607431768211455\"}],"));
  ASSERT_TRUE(most);
  EXPECT_EQ(most->metadata.globals[5],
            (GlobalValue{GlobalType::kV128, ~uint64_t{0}, ~uint64_t{0}}));
}

TEST(Metadata, ReadsJuno) {
  const auto read = read_metadata(R"({
    "snapshotId": "0x0000000000000000800000000010000a0101",
    "metadata": {
      "source": {"takenFromCanister": null},
      "takenAtTimestamp": {"__bigint__": "1764000000123456789"},
      "wasmModuleSize": {"__bigint__": "35"},
      "globals": [{"i32": 7}, {"i64": {"__bigint__": "-9"}}, {"v128": {"__bigint__": "4294967296"}}],
      "wasmMemorySize": {"__bigint__": "65536"},
      "stableMemorySize": {"__bigint__": "0"},
      "wasmChunkStore": [{"hash": {"__uint8array__": [)" +
                                  std::string("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,") +
                                  R"(1,1,1,1,1,1,1,1]}}],
      "canisterVersion": {"__bigint__": "12"},
      "certifiedData": {"__uint8array__": [9]},
      "globalTimer": {"inactive": null},
      "onLowWasmMemoryHookStatus": {"conditionNotSatisfied": null}
    },
    "data": {
      "wasmModule": {"filename": "wasm-code.bin", "size": 35, "hash": ")" +
                                  std::string(64, 'a') + R"("},
      "wasmMemory": null, "stableMemory": null, "wasmChunkStore": null
    }})");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->form, MetadataForm::kJuno);
  EXPECT_EQ(read->metadata.taken_at_timestamp_ns, 1764000000123456789u);
  EXPECT_EQ(read->metadata.globals[1].low, static_cast<uint64_t>(-9));
  EXPECT_EQ(read->metadata.globals[2].low, uint64_t{1} << 32);
  EXPECT_EQ(read->metadata.wasm_chunk_store[0][31], 1);
  EXPECT_EQ(read->metadata.global_timer, GlobalTimer{});
  EXPECT_EQ(read->metadata.on_low_wasm_memory_hook_status, HookStatus::kConditionNotSatisfied);
  EXPECT_EQ(read->juno_module->filename, "wasm-code.bin");
  EXPECT_EQ(read->juno_module->hash[0], 0xaa);
  EXPECT_FALSE(read->juno_heap);
  EXPECT_EQ(read->juno_snapshot_id, "0x0000000000000000800000000010000a0101");
}

struct Refusal {
  std::string_view from;
  std::string_view to;
  std::string_view at;  // the error's offset is where this text begins
  std::string_view says;
};

TEST(Metadata, RejectsWhatIsWrongWithItsPlace) {
  const Refusal refusals[] = {
      {"65520", "2147483648", "2147483648", "integer from -2147483648 to 2147483647"},
      {"65520", "1.0", "1.0", "integer"},
      {"-9223372036854775808", "9223372036854775808", "9223372036854775808", "global 0"},
      {"18446744073709551615", "18446744073709551616", "18446744073709551616", "integer from 0"},
      {"18446744073709551615", "-1", "-1", "canister_version"},
      {"1764000000123456789", "1.7640000001234568e18", "1.764", "taken_at_timestamp"},
      {"0.1", "null", "null\n    },\n    {\n      \"f64", "NaN or an infinity"},
      {"0.1", "1e39", "1e39", "too large for an f32"},
      {"1e300", "1e400", "1e400", "finite number"},
      {"{\n      \"i32\": 65520\n    }", "null", "null,\n    {\n      \"f32", "did not know"},
      {"i32", "i16", "{\n      \"i16", "unknown type i16"},
      {"255", "256", "256", "integer from 0 to 255"},
      {"4294967295\n", "4294967296\n", "4294967296", "4294967295"},
      {"[\n        1,\n", "[0,0,0,0,1,\n", "[0,0,0,0", "128 bits"},
      {"taken_from_canister", "copied", "{\n    \"copied", "unknown source copied"},
      {"\"condition_not_satisfied\"", "\"maybe\"", "\"maybe", "unknown on_low_wasm_memory"},
      {"\"active\"", "\"actve\"", "{\n    \"actve", "unknown global_timer"},
      {"\"wasm_chunk_store\": []", "\"wasm_chunk_store\": [{\"hash\": [1, 2]}]", "[1, 2]",
       "hash of 2 bytes"},
      {"\"wasm_chunk_store\": []", "\"wasm_chunk_store\": [{}]", "{}", "hash is missing"},
      {"\"canister_version\"", "\"wasm_memory_size\"", "\"wasm_memory_size\": 18", "given twice"},
      {"\"canister_version\"", "\"version\"", "{\n  \"source", "canister_version is missing"},
      {"\"globals\"", "\"globalz\"", "{\n  \"source", "globals is missing"},
  };
  for (const Refusal& refusal : refusals) {
    const std::string text = replaced(refusal.from, refusal.to);
    const auto read = read_metadata(text);
    ASSERT_FALSE(read) << refusal.to;
    EXPECT_EQ(read.error().code(), Errc::kSnapshotMetadata) << refusal.to;
    EXPECT_EQ(read.error().offset(), text.find(refusal.at)) << refusal.to;
    EXPECT_NE(read.error().message().find(refusal.says), std::string::npos)
        << read.error().message();
  }
}

TEST(Metadata, RejectsEveryTruncation) {
  for (size_t n = 0; n < kExample.size(); ++n) {
    const auto read = read_metadata(kExample.substr(0, n));
    ASSERT_FALSE(read) << n;
    EXPECT_LE(*read.error().offset(), n);
  }
}

TEST(Metadata, EveryChangedByteIsReadOrRefused) {
  for (size_t n = 0; n < kExample.size(); ++n) {
    for (const unsigned mask : {0x01U, 0x10U, 0x80U}) {
      std::string text(kExample);
      text[n] = static_cast<char>(static_cast<uint8_t>(text[n]) ^ mask);
      const auto read = read_metadata(text);
      if (!read) continue;
      const auto written = write_metadata(read->metadata);
      ASSERT_TRUE(written);
      EXPECT_EQ(read_metadata(*written)->metadata, read->metadata);
    }
  }
}

TEST(Metadata, RejectsNonFiniteGlobalsWhenWriting) {
  Metadata metadata;
  for (const float value :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    metadata.globals = {{GlobalType::kI32, 1, 0},
                        {GlobalType::kF32, std::bit_cast<uint32_t>(value), 0}};
    const auto written = write_metadata(metadata);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code(), Errc::kSnapshotMetadata);
    EXPECT_NE(written.error().message().find("global 1"), std::string::npos);
  }
  metadata.globals = {{GlobalType::kF64, uint64_t{0x7ff} << 52, 0}};
  EXPECT_FALSE(write_metadata(metadata));
}

TEST(Json, FloatsTakeTheirShortestForm) {
  // Printed by serde_json 1.0.
  EXPECT_EQ(json_shortest(0.0), "0.0");
  EXPECT_EQ(json_shortest(-0.0), "-0.0");
  EXPECT_EQ(json_shortest(1.0), "1.0");
  EXPECT_EQ(json_shortest(1.5), "1.5");
  EXPECT_EQ(json_shortest(-12345.678), "-12345.678");
  EXPECT_EQ(json_shortest(1e15), "1000000000000000.0");
  EXPECT_EQ(json_shortest(1e16), "1e16");
  EXPECT_EQ(json_shortest(1234e30), "1.234e33");
  EXPECT_EQ(json_shortest(0.00001), "0.00001");
  EXPECT_EQ(json_shortest(0.000001), "1e-6");
  EXPECT_EQ(json_shortest(5e-324), "5e-324");
  EXPECT_EQ(json_shortest(1.7976931348623157e308), "1.7976931348623157e308");
  EXPECT_EQ(json_shortest(0.1f), "0.1");
  EXPECT_EQ(json_shortest(16777216.0f), "16777216.0");
  EXPECT_EQ(json_shortest(1e12f), "1000000000000.0");
  EXPECT_EQ(json_shortest(1e13f), "1e13");
  EXPECT_EQ(json_shortest(0.000001f), "0.000001");
  EXPECT_EQ(json_shortest(1e-7f), "1e-7");
  EXPECT_EQ(json_shortest(3.4028235e38f), "3.4028235e38");
}

TEST(Json, FloatsComeBackBitForBit) {
  uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const double wide = std::bit_cast<double>(state);
    const float single = std::bit_cast<float>(static_cast<uint32_t>(state >> 32));
    if (std::isfinite(wide)) {
      const std::string text = json_shortest(wide);
      const auto value = json_double(*parse_json(text));
      ASSERT_TRUE(value) << text;
      EXPECT_EQ(std::bit_cast<uint64_t>(*value), state) << text;
    }
    if (std::isfinite(single)) {
      const std::string text = json_shortest(single);
      const auto value = json_double(*parse_json(text));
      ASSERT_TRUE(value) << text;
      EXPECT_EQ(std::bit_cast<uint32_t>(static_cast<float>(*value)),
                static_cast<uint32_t>(state >> 32))
          << text;
    }
  }
}

TEST(Json, ReadsEscapes) {
  const auto value = parse_json(R"("a\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->text, "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(parse_json(json_quoted(value->text))->text, value->text);
  EXPECT_EQ(json_quoted("\x01"), "\"\\u0001\"");
}

TEST(Json, RejectsWhatIsNoJson) {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "+1",
                           "01",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "-",
                           "\"",
                           "\"\\x\"",
                           "\"\\ud800\"",
                           "\"\\ud800\\u0041\"",
                           "\"\\udc00\"",
                           "\"\\u12g4\"",
                           "\"\n\"",
                           "[1,]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{\"a\":1 \"b\":2}",
                           "1 2",
                           "'a'",
                           "[",
                           "{",
                           "NaN",
                           "Infinity"}) {
    const auto value = parse_json(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code(), Errc::kSnapshotMetadata) << text;
    EXPECT_LE(*value.error().offset(), std::string_view(text).size());
  }
  EXPECT_EQ(parse_json("\"\xff\"").error().code(), Errc::kUtf8);
}

TEST(Json, StopsAtItsLimits) {
  const auto nested = [](unsigned depth) {
    return parse_json(std::string(depth, '[') + "1" + std::string(depth, ']'));
  };
  EXPECT_TRUE(nested(limits::kJsonDepth));
  EXPECT_EQ(nested(limits::kJsonDepth + 1).error().code(), Errc::kLimit);
  EXPECT_EQ(nested(100'000).error().code(), Errc::kLimit);
  const auto many = [](size_t values) {
    std::string text = "[1";
    for (size_t i = 1; i < values; ++i) text += ",1";
    return parse_json(text + "]");
  };
  EXPECT_TRUE(many(limits::kJsonValues - 1));
  EXPECT_EQ(many(limits::kJsonValues).error().code(), Errc::kLimit);
  const auto keys = [](size_t count) {
    std::string text = "{\"k\":1";
    for (size_t i = 1; i < count; ++i) text += ",\"" + std::to_string(i) + "\":1";
    return parse_json(text + "}");
  };
  EXPECT_TRUE(keys(limits::kJsonKeys));
  EXPECT_EQ(keys(limits::kJsonKeys + 1).error().code(), Errc::kLimit);
  EXPECT_TRUE(parse_json(std::string(limits::kJsonNumberBytes, '1')));
  EXPECT_EQ(parse_json(std::string(limits::kJsonNumberBytes + 1, '1')).error().code(),
            Errc::kLimit);
}

}  // namespace
}  // namespace canrec::snapshot
