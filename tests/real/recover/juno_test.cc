// SPDX-License-Identifier: Apache-2.0
// Juno's metadata.json as canrec writes it has the bytes that Juno's own libraries give.
#include "snapshot/juno.h"

#include "state.h"

namespace canrec::recover::test {
namespace {

constexpr std::string_view kId = "0000000000000000800000000010000a0101";

std::string big(uint64_t value) { return "{\"__bigint__\":\"" + std::to_string(value) + "\"}"; }
std::string blob(const std::string& numbers) { return "{\"__uint8array__\":[" + numbers + "]}"; }
std::string file(std::string_view name, uint64_t size, const Sha256& hash) {
  return "{\"filename\":\"" + std::string(name) + "\",\"size\":" + big(size) + ",\"hash\":\"" +
         to_hex(hash) + "\"}";
}

class Juno : public State {
 protected:
  // What Juno's command line would have written.
  std::string wanted(const std::string& reply, const std::string& data) {
    const fs::path question = directory_ / "question.json";
    canrec::test::write_text(question, "{\"id\":\"" + std::string(kId) + "\",\"reply\":" + reply +
                                           ",\"data\":" + data + "}");
    return output_of("node '" + std::string(CANREC_SOURCE_DIR) +
                     "/tests/real/recover/juno_oracle.mjs' '" +
                     fixture("npm/node_modules").string() + "' < '" + question.string() + "'");
  }
};

TEST_F(Juno, WritesTheBytesOfJunosLibraries) {
  snapshot::ReadMetadata contents;
  contents.juno_snapshot_id = "0x" + std::string(kId);
  snapshot::Metadata& metadata = contents.metadata;
  metadata.source = snapshot::Source::kTakenFromCanister;
  metadata.taken_at_timestamp_ns = 1764000000123456789;
  metadata.wasm_module_size = 13;
  metadata.globals = {{snapshot::GlobalType::kI32, 0xffffffff, 0},
                      {snapshot::GlobalType::kI64, 0x8000000000000001, 0},
                      {snapshot::GlobalType::kF32, 0x3dcccccd, 0},
                      {snapshot::GlobalType::kF64, 0x3fb999999999999a, 0},
                      {snapshot::GlobalType::kV128, 7, 1},
                      {snapshot::GlobalType::kV128, ~uint64_t{0}, ~uint64_t{0}}};
  metadata.wasm_memory_size = 65536;
  metadata.stable_memory_size = uint64_t{500} << 30;
  metadata.wasm_chunk_store = {Sha256{}};
  metadata.canister_version = ~uint64_t{0};
  metadata.certified_data = {0, 1, 255};
  metadata.global_timer = snapshot::GlobalTimer{1764000060000000001};
  metadata.on_low_wasm_memory_hook_status = snapshot::HookStatus::kConditionNotSatisfied;
  contents.juno_module = snapshot::JunoBlob{"wasm-code.bin", 13, sha256(Bytes{1})};
  contents.juno_chunks = snapshot::JunoBlob{"chunks-store.bin", 3, sha256(Bytes{2})};
  std::string zeros = "0";
  for (int i = 1; i < 32; ++i) zeros += ",0";
  const std::string reply =
      "{\"source\":{\"taken_from_canister\":null},\"taken_at_timestamp\":" +
      big(1764000000123456789) + ",\"wasm_module_size\":" + big(13) +
      ",\"globals\":[{\"i32\":-1},{\"i64\":{\"__bigint__\":\"-9223372036854775807\"}},"
      "{\"f32\":0.10000000149011612},{\"f64\":0.1},{\"v128\":{\"__bigint__\":"
      "\"18446744073709551623\"}},{\"v128\":{\"__bigint__\":"
      "\"340282366920938463463374607431768211455\"}}],\"wasm_memory_size\":" +
      big(65536) + ",\"stable_memory_size\":" + big(uint64_t{500} << 30) +
      ",\"wasm_chunk_store\":[{\"hash\":" + blob(zeros) +
      "}],\"canister_version\":" + big(~uint64_t{0}) + ",\"certified_data\":" + blob("0,1,255") +
      ",\"global_timer\":[{\"active\":" + big(1764000060000000001) +
      "}],\"on_low_wasm_memory_hook_status\":[{\"condition_not_satisfied\":null}]}";
  const std::string data = "{\"wasmModule\":" + file("wasm-code.bin", 13, sha256(Bytes{1})) +
                           ",\"wasmMemory\":null,\"stableMemory\":null,\"wasmChunkStore\":" +
                           file("chunks-store.bin", 3, sha256(Bytes{2})) + "}";
  const auto written = snapshot::write_juno_metadata(contents);
  ASSERT_TRUE(written.has_value()) << written.error().message();
  EXPECT_EQ(*written, wanted(reply, data));

  // Optional keys are left out, not null.
  metadata.global_timer = std::nullopt;
  metadata.on_low_wasm_memory_hook_status = std::nullopt;
  std::string without = reply;
  without.replace(without.find("\"global_timer\":["), std::string::npos,
                  "\"global_timer\":[],\"on_low_wasm_memory_hook_status\":[]}");
  EXPECT_EQ(*snapshot::write_juno_metadata(contents), wanted(without, data));
}

}  // namespace
}  // namespace canrec::recover::test
