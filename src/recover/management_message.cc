// SPDX-License-Identifier: Apache-2.0
// Arguments of the management canister, encoded at the types of its interface.
#include "recover/management_message.h"

#include <fmt/core.h>

#include <vector>

#include "candid/binary.h"
#include "candid/interface.h"
#include "candid/parser.h"
#include "candid/text.h"
#include "executor/cycles.h"
#include "executor/management_did.h"

namespace canrec::recover {
namespace {

// What icp 1.5 puts around argument and method name when a key on secp256k1 signs: 330 bytes with a
// short argument, 333 with a long one. An Ed25519 key is 44 bytes shorter.
constexpr uint64_t kEnvelopeBytes = 333;
constexpr uint64_t kSnapshotIdBytes = 8;  // before the canister's own

uint64_t leb128_bytes(uint64_t value) {
  uint64_t bytes = 1;
  while (value >>= 7) ++bytes;
  return bytes;
}

std::string global_text(const snapshot::GlobalValue& global) {
  using snapshot::GlobalType;
  switch (global.type) {
    case GlobalType::kI32:
      return fmt::format("variant {{ i32 = {} }}", static_cast<int32_t>(global.low));
    case GlobalType::kI64:
      return fmt::format("variant {{ i64 = {} }}", static_cast<int64_t>(global.low));
    case GlobalType::kF32:  // as long as any other
      return "variant { f32 = 0.0 }";
    case GlobalType::kF64:
      return "variant { f64 = 0.0 }";
    case GlobalType::kV128:
      break;
  }
  return fmt::format("variant {{ v128 = {} }}",
                     executor::cycles_text(executor::cycles_from(global.high, global.low)));
}

std::string metadata_text(const snapshot::Metadata& metadata, const std::string& canister) {
  std::string globals;
  for (const snapshot::GlobalValue& global : metadata.globals)
    globals += global_text(global) + "; ";
  std::string timer = "null";
  if (metadata.global_timer) {
    const auto& deadline = metadata.global_timer->deadline_ns;
    timer = deadline ? fmt::format("opt variant {{ active = {} }}", *deadline)
                     : "opt variant { inactive }";
  }
  const auto& hook = metadata.on_low_wasm_memory_hook_status;
  return fmt::format(
      "(record {{ {}; replace_snapshot = null; wasm_module_size = {}; globals = vec {{ {}}}; "
      "wasm_memory_size = {}; stable_memory_size = {}; certified_data = {}; global_timer = {}; "
      "on_low_wasm_memory_hook_status = {} }})",
      canister, metadata.wasm_module_size, globals, metadata.wasm_memory_size,
      metadata.stable_memory_size, blob_text(metadata.certified_data), timer,
      hook ? fmt::format("opt variant {{ {} }}", to_string(*hook)) : "null");
}

}  // namespace

Result<Bytes> management_argument(std::string_view method, const std::string& text) {
  CANREC_TRY(const candid::Program program, candid::parse_program(executor::kManagementInterface));
  const candid::Method* found =
      candid::find_method(program.env.resolved(program.actor->service), method);
  CANREC_ASSERT(found != nullptr);
  std::vector<candid::TypeIdx> types;
  for (const candid::Arg& arg : program.env.resolved(found->type).args) types.push_back(arg.type);
  CANREC_TRY(const candid::Values values, candid::parse_args(text, program.env, types));
  return candid::encode(program.env, types, values.values);
}

std::string blob_text(ByteView bytes) {
  std::string out = "blob \"";
  out.reserve(bytes.size() * 3 + 8);
  static constexpr std::string_view kDigits = "0123456789abcdef";
  for (const uint8_t byte : bytes) {
    out += '\\';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out + '"';
}

uint64_t message_bytes(std::string_view method, uint64_t argument_bytes) {
  return kEnvelopeBytes + method.size() + argument_bytes;
}

uint64_t with_blob(uint64_t bytes, uint64_t blob_bytes) {
  return bytes + blob_bytes + leb128_bytes(blob_bytes) - 1;
}

Result<SnapshotMessages> snapshot_messages(const snapshot::Metadata& metadata,
                                           const ic::Principal& canister) {
  const auto measured = [](std::string_view method, const std::string& text) -> Result<uint64_t> {
    CANREC_TRY(const Bytes argument, management_argument(method, text));
    return message_bytes(method, argument.size());
  };
  const std::string whose = fmt::format("canister_id = principal \"{}\"", canister.text());
  const std::string which = fmt::format(
      "{}; snapshot_id = {}", whose, blob_text(Bytes(kSnapshotIdBytes + canister.bytes().size())));
  const auto about = [&](std::string_view kind) {
    return fmt::format("(record {{ {}; kind = variant {{ {} }} }})", which, kind);
  };
  const auto with_chunk = [&](std::string_view kind) {
    return fmt::format("(record {{ {}; kind = variant {{ {} }}; chunk = blob \"\" }})", which,
                       kind);
  };
  SnapshotMessages out;
  CANREC_TRY(out.take, measured("take_canister_snapshot", "(record { " + whose + " })"));
  CANREC_TRY(out.load, measured("load_canister_snapshot", "(record { " + which + " })"));
  CANREC_TRY(out.read_metadata,
             measured("read_canister_snapshot_metadata", "(record { " + which + " })"));
  CANREC_TRY(out.read_slice, measured("read_canister_snapshot_data",
                                      about("wasm_memory = record { offset = 0; size = 0 }")));
  CANREC_TRY(
      out.read_chunk,
      measured("read_canister_snapshot_data",
               about(fmt::format("wasm_chunk = record {{ hash = {} }}", blob_text(Bytes(32))))));
  CANREC_TRY(out.upload_metadata,
             measured("upload_canister_snapshot_metadata", metadata_text(metadata, whose)));
  CANREC_TRY(out.upload_slice, measured("upload_canister_snapshot_data",
                                        with_chunk("wasm_memory = record { offset = 0 }")));
  CANREC_TRY(out.upload_chunk, measured("upload_canister_snapshot_data", with_chunk("wasm_chunk")));
  return out;
}

}  // namespace canrec::recover
