// SPDX-License-Identifier: Apache-2.0
// Reading what icp prints; its numbers are texts with separators, "3_221_225_472".
#include "recover/canister_status.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/input_file.h"
#include "snapshot/json.h"
#include "snapshot/limits.h"

namespace canrec::recover {
namespace {

using snapshot::JsonValue;

// The value at a path of keys.
Result<const JsonValue*> member(const JsonValue& object, std::string_view key) {
  const JsonValue* found = object.find(key);
  if (found != nullptr) return found;
  return fail(
      Errc::kSnapshotMetadata, object.offset,
      fmt::format("no key \"{}\": this is not what icp canister status ID --json prints to a "
                  "controller",
                  key));
}

Result<std::string> text(const JsonValue& object, std::string_view key) {
  CANREC_TRY(const JsonValue* value, member(object, key));
  if (value->is_string()) return value->text;
  return fail(Errc::kSnapshotMetadata, value->offset, fmt::format("{} is no text", key));
}

Result<uint64_t> number(const JsonValue& object, std::string_view key) {
  CANREC_TRY(std::string digits, text(object, key));
  std::erase(digits, '_');
  uint64_t value = 0;
  for (const char c : digits) {
    const bool is_digit = c >= '0' && c <= '9';
    const uint64_t digit = is_digit ? static_cast<uint64_t>(c - '0') : 0;
    if (!is_digit || value > (~uint64_t{0} - digit) / 10) {
      return fail(Errc::kSnapshotMetadata, object.offset, fmt::format("{} is no number", key));
    }
    value = value * 10 + digit;
  }
  return value;
}

Result<std::optional<Sha256>> module_hash(const JsonValue& status) {
  const JsonValue* value = status.find("module_hash");
  if (value == nullptr || value->is_null()) return std::optional<Sha256>();
  std::string_view digits = value->text;
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  Bytes bytes;
  Sha256 hash{};
  if (!from_hex(digits, bytes) || bytes.size() != hash.size()) {
    return fail(Errc::kSnapshotMetadata, value->offset, "module_hash is no hash of 64 digits");
  }
  std::ranges::copy(bytes, hash.begin());
  return std::optional(hash);
}

}  // namespace

Result<CanisterStatus> read_canister_status(const std::filesystem::path& path) {
  CANREC_TRY(const InputFile file, InputFile::open(path));
  if (file.size() > snapshot::limits::kMetadataBytes) {
    return fail(Errc::kLimit, fmt::format("{} bytes; at most {} are read", file.size(),
                                          snapshot::limits::kMetadataBytes));
  }
  CANREC_TRY(const JsonValue status, snapshot::parse_json(as_text(file.bytes())));
  CANREC_TRY(const std::string id, text(status, "id"));
  CANREC_TRY(const JsonValue* settings, member(status, "settings"));
  CANREC_TRY(const JsonValue* controllers, member(*settings, "controllers"));
  CanisterStatus out;
  CANREC_TRY(out.canister, ic::Principal::parse(id));
  for (const JsonValue& controller : controllers->items) {
    CANREC_TRY(ic::Principal principal, ic::Principal::parse(controller.text));
    out.controllers.push_back(std::move(principal));
  }
  CANREC_TRY(out.module_hash, module_hash(status));
  CANREC_TRY(out.wasm_memory_limit, number(*settings, "wasm_memory_limit"));
  CANREC_TRY(out.wasm_memory_threshold, number(*settings, "wasm_memory_threshold"));
  return out;
}

}  // namespace canrec::recover
