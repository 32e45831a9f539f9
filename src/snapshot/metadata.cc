// SPDX-License-Identifier: Apache-2.0
// Reading metadata.json in its three forms.
#include "snapshot/metadata.h"

#include <fmt/core.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "snapshot/json.h"

namespace canrec::snapshot {
namespace {

std::unexpected<Error> wrong(const JsonValue& at, std::string message) {
  return fail(Errc::kSnapshotMetadata, at.offset, std::move(message));
}

// "takenAtTimestamp" as "taken_at_timestamp".
std::string snake_case(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      out += '_';
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += c;
    }
  }
  return out;
}

// The dialects differ in names and in how integers, bytes and variants are wrapped.
class Reader {
 public:
  explicit Reader(bool juno) : juno_(juno) {}

  std::string name(std::string_view key) const {
    return juno_ ? snake_case(key) : std::string(key);
  }
  const JsonValue* find(const JsonValue& object, std::string_view key) const {
    for (const JsonMember& member : object.members) {
      if (name(member.key) == key) return &member.value;
    }
    return nullptr;
  }
  Result<const JsonValue*> require(const JsonValue& object, std::string_view key) const {
    const JsonValue* value = find(object, key);
    if (value == nullptr) return wrong(object, fmt::format("key {} is missing", key));
    return value;
  }

  Result<uint64_t> u64(const JsonValue& value) const {
    if (const JsonValue* text = value.find("__bigint__"); juno_ && text != nullptr) {
      return json_u64(unquoted(*text));
    }
    return json_u64(value);
  }
  Result<int64_t> i64(const JsonValue& value, int64_t min, int64_t max) const {
    if (const JsonValue* text = value.find("__bigint__"); juno_ && text != nullptr) {
      return json_i64(unquoted(*text), min, max);
    }
    return json_i64(value, min, max);
  }
  Result<Bytes> bytes(const JsonValue& value) const {
    if (const JsonValue* array = value.find("__uint8array__"); juno_ && array != nullptr) {
      return plain_bytes(*array);
    }
    return plain_bytes(value);
  }

  // A variant is a bare name or an object with the name as its only key.
  struct Variant {
    std::string name;
    const JsonValue* payload;  // null for a bare name
  };
  Result<Variant> variant(const JsonValue& value) const {
    if (value.is_string()) return Variant{name(value.text), nullptr};
    if (value.is_object() && value.members.size() == 1) {
      return Variant{name(value.members[0].key), &value.members[0].value};
    }
    return wrong(value, "a variant wanted: a name, or an object with one key");
  }

 private:
  // The string "123" as if the number 123 stood there.
  static JsonValue unquoted(const JsonValue& value) {
    JsonValue out;
    out.offset = value.offset;
    out.kind = value.is_string() ? JsonKind::kNumber : value.kind;
    out.raw = value.is_string() ? std::string_view(value.text) : value.raw;
    return out;
  }
  static Result<Bytes> plain_bytes(const JsonValue& value) {
    if (value.is_string()) {
      const ByteView view = as_bytes(value.text);
      return Bytes(view.begin(), view.end());
    }
    if (!value.is_array()) return wrong(value, "an array of bytes wanted");
    Bytes out;
    out.reserve(value.items.size());
    for (const JsonValue& item : value.items) {
      CANREC_TRY(const uint64_t byte, json_u64(item, 255));
      out.push_back(static_cast<uint8_t>(byte));
    }
    return out;
  }

  bool juno_;
};

// An unsigned decimal of up to 128 bits, by schoolbook multiplication of base-2^32 digits.
bool decimal128(std::string_view text, GlobalValue& out) {
  if (text.empty()) return false;
  std::array<uint32_t, 4> digits{};
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    uint64_t carry = static_cast<uint64_t>(c - '0');
    for (uint32_t& digit : digits) {
      carry += uint64_t{digit} * 10;
      digit = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) return false;
  }
  out.low = digits[0] | uint64_t{digits[1]} << 32;
  out.high = digits[2] | uint64_t{digits[3]} << 32;
  return true;
}

Status read_v128(const Reader& reader, const JsonValue& value, GlobalValue& out) {
  if (value.is_array()) {
    // Base-2^32 digits, least significant first.
    for (size_t i = 0; i < value.items.size(); ++i) {
      CANREC_TRY(const uint64_t digit, json_u64(value.items[i], 0xffffffff));
      if (i >= 4 && digit != 0) return wrong(value, "v128 has more than 128 bits");
      if (i < 4) (i < 2 ? out.low : out.high) |= digit << (32 * (i % 2));
    }
    return Ok{};
  }
  const JsonValue* big = value.find("__bigint__");
  const JsonValue& text = big != nullptr ? *big : value;
  if (text.is_string()) {
    if (!decimal128(text.text, out)) return wrong(text, "v128 is no decimal number of 128 bits");
    return Ok{};
  }
  CANREC_TRY(out.low, reader.u64(value));
  return Ok{};
}

Result<GlobalValue> read_global(const Reader& reader, const JsonValue& value) {
  if (value.is_null()) return wrong(value, "null: a type that the downloading tool did not know");
  CANREC_TRY(const Reader::Variant variant, reader.variant(value));
  if (variant.payload == nullptr) return wrong(value, "a global without a value");
  const JsonValue& payload = *variant.payload;
  GlobalValue out;
  if (variant.name == "i32") {
    out.type = GlobalType::kI32;
    CANREC_TRY(const int64_t number, reader.i64(payload, INT32_MIN, INT32_MAX));
    out.low = static_cast<uint32_t>(number);
  } else if (variant.name == "i64") {
    out.type = GlobalType::kI64;
    CANREC_TRY(const int64_t number, reader.i64(payload, INT64_MIN, INT64_MAX));
    out.low = static_cast<uint64_t>(number);
  } else if (variant.name == "f32" || variant.name == "f64") {
    if (payload.is_null()) {
      return wrong(payload, variant.name +
                                " is null: it was a NaN or an infinity, which the "
                                "downloading tool could not write");
    }
    CANREC_TRY(const double number, json_double(payload));
    if (variant.name == "f64") {
      out.type = GlobalType::kF64;
      out.low = std::bit_cast<uint64_t>(number);
    } else {
      out.type = GlobalType::kF32;
      const float single = static_cast<float>(number);
      if (!std::isfinite(single)) return wrong(payload, "number too large for an f32");
      out.low = std::bit_cast<uint32_t>(single);
    }
  } else if (variant.name == "v128") {
    out.type = GlobalType::kV128;
    CANREC_CHECK(read_v128(reader, payload, out));
  } else {
    return wrong(value, fmt::format("global of unknown type {}", variant.name));
  }
  return out;
}

Result<std::vector<GlobalValue>> read_globals(const Reader& reader, const JsonValue& value) {
  if (!value.is_array()) return wrong(value, "globals is no array");
  std::vector<GlobalValue> out;
  for (size_t i = 0; i < value.items.size(); ++i) {
    auto global = read_global(reader, value.items[i]);
    if (!global) return fail(std::move(global).error().in(fmt::format("global {}", i)));
    out.push_back(*global);
  }
  return out;
}

Result<std::vector<Sha256>> read_chunks(const Reader& reader, const JsonValue& value) {
  if (!value.is_array()) return wrong(value, "wasm_chunk_store is no array");
  std::vector<Sha256> out;
  for (const JsonValue& item : value.items) {
    if (!item.is_object()) return wrong(item, "an object with a hash wanted");
    CANREC_TRY(const JsonValue* hash, reader.require(item, "hash"));
    CANREC_TRY(const Bytes bytes, reader.bytes(*hash));
    Sha256 sha{};
    if (bytes.size() != sha.size()) {
      return wrong(*hash, fmt::format("hash of {} bytes, 32 wanted", bytes.size()));
    }
    std::copy(bytes.begin(), bytes.end(), sha.begin());
    out.push_back(sha);
  }
  return out;
}

Result<std::optional<Source>> read_source(const Reader& reader, const JsonValue* value) {
  if (value == nullptr || value->is_null()) return std::optional<Source>{};
  CANREC_TRY(const Reader::Variant variant, reader.variant(*value));
  if (variant.name == "taken_from_canister") return std::optional(Source::kTakenFromCanister);
  if (variant.name == "metadata_upload") return std::optional(Source::kMetadataUpload);
  return wrong(*value, fmt::format("unknown source {}", variant.name));
}

Result<std::optional<GlobalTimer>> read_timer(const Reader& reader, const JsonValue* value) {
  if (value == nullptr || value->is_null()) return std::optional<GlobalTimer>{};
  CANREC_TRY(const Reader::Variant variant, reader.variant(*value));
  if (variant.name == "inactive") return std::optional(GlobalTimer{});
  if (variant.name == "active" && variant.payload != nullptr) {
    CANREC_TRY(const uint64_t deadline, reader.u64(*variant.payload));
    return std::optional(GlobalTimer{deadline});
  }
  return wrong(*value, fmt::format("unknown global_timer {}", variant.name));
}

Result<std::optional<HookStatus>> read_hook(const Reader& reader, const JsonValue* value) {
  if (value == nullptr || value->is_null()) return std::optional<HookStatus>{};
  CANREC_TRY(const Reader::Variant variant, reader.variant(*value));
  for (const HookStatus status :
       {HookStatus::kConditionNotSatisfied, HookStatus::kReady, HookStatus::kExecuted}) {
    if (variant.name == to_string(status)) return std::optional(status);
  }
  return wrong(*value, fmt::format("unknown on_low_wasm_memory_hook_status {}", variant.name));
}

constexpr std::array<std::string_view, 12> kKnownKeys = {
    "source",
    "taken_at_timestamp",
    "wasm_module_size",
    "globals",
    "exported_globals",
    "wasm_memory_size",
    "stable_memory_size",
    "wasm_chunk_store",
    "canister_version",
    "certified_data",
    "global_timer",
    "on_low_wasm_memory_hook_status",
};

bool is_known(std::string_view key) {
  for (const std::string_view known : kKnownKeys) {
    if (known == key) return true;
  }
  return false;
}

Result<Metadata> read_record(const Reader& reader, const JsonValue& root) {
  if (!root.is_object()) return wrong(root, "an object wanted");
  Metadata out;
  const auto integer = [&](std::string_view key) -> Result<uint64_t> {
    CANREC_TRY(const JsonValue* value, reader.require(root, key));
    auto number = reader.u64(*value);
    if (!number) return fail(std::move(number).error().in(key));
    return *number;
  };
  CANREC_TRY(out.source, read_source(reader, reader.find(root, "source")));
  CANREC_TRY(out.taken_at_timestamp_ns, integer("taken_at_timestamp"));
  CANREC_TRY(out.wasm_module_size, integer("wasm_module_size"));
  const JsonValue* old_globals = reader.find(root, "exported_globals");
  const JsonValue* globals = reader.find(root, "globals");
  if (globals == nullptr && old_globals == nullptr) return wrong(root, "key globals is missing");
  if (globals != nullptr && old_globals != nullptr) {
    return wrong(*old_globals, "both globals and exported_globals");
  }
  CANREC_TRY(out.globals, read_globals(reader, globals != nullptr ? *globals : *old_globals));
  CANREC_TRY(out.wasm_memory_size, integer("wasm_memory_size"));
  CANREC_TRY(out.stable_memory_size, integer("stable_memory_size"));
  CANREC_TRY(const JsonValue* chunks, reader.require(root, "wasm_chunk_store"));
  CANREC_TRY(out.wasm_chunk_store, read_chunks(reader, *chunks));
  CANREC_TRY(out.canister_version, integer("canister_version"));
  CANREC_TRY(const JsonValue* certified, reader.require(root, "certified_data"));
  CANREC_TRY(out.certified_data, reader.bytes(*certified));
  CANREC_TRY(out.global_timer, read_timer(reader, reader.find(root, "global_timer")));
  CANREC_TRY(out.on_low_wasm_memory_hook_status,
             read_hook(reader, reader.find(root, "on_low_wasm_memory_hook_status")));
  for (const JsonMember& member : root.members) {
    if (is_known(reader.name(member.key))) continue;
    out.unknown.push_back({member.key, std::string(member.value.raw)});
  }
  return out;
}

Result<std::optional<JunoBlob>> read_juno_blob(const JsonValue& data, std::string_view key) {
  const JsonValue* value = data.find(key);
  if (value == nullptr || value->is_null()) return std::optional<JunoBlob>{};
  const Reader reader(true);
  JunoBlob blob;
  CANREC_TRY(const JsonValue* filename, reader.require(*value, "filename"));
  blob.filename = filename->text;
  CANREC_TRY(const JsonValue* size, reader.require(*value, "size"));
  CANREC_TRY(blob.size, reader.u64(*size));
  CANREC_TRY(const JsonValue* hash, reader.require(*value, "hash"));
  Bytes bytes;
  if (!from_hex(hash->text, bytes) || bytes.size() != blob.hash.size()) {
    return wrong(*hash, "a SHA-256 of 64 hex digits wanted");
  }
  std::copy(bytes.begin(), bytes.end(), blob.hash.begin());
  return std::optional(std::move(blob));
}

Result<ReadMetadata> read_juno(const JsonValue& root) {
  ReadMetadata out;
  out.form = MetadataForm::kJuno;
  const JsonValue* record = root.find("metadata");
  CANREC_TRY(out.metadata, read_record(Reader(true), *record));
  if (const JsonValue* id = root.find("snapshotId"); id != nullptr) out.juno_snapshot_id = id->text;
  const JsonValue* data = root.find("data");
  CANREC_TRY(out.juno_module, read_juno_blob(*data, "wasmModule"));
  CANREC_TRY(out.juno_heap, read_juno_blob(*data, "wasmMemory"));
  CANREC_TRY(out.juno_stable, read_juno_blob(*data, "stableMemory"));
  CANREC_TRY(out.juno_chunks, read_juno_blob(*data, "wasmChunkStore"));
  return out;
}

}  // namespace

std::string_view to_string(GlobalType type) {
  static constexpr std::string_view kNames[] = {"i32", "i64", "f32", "f64", "v128"};
  return kNames[static_cast<size_t>(type)];
}

std::string_view to_string(HookStatus status) {
  static constexpr std::string_view kNames[] = {"condition_not_satisfied", "ready", "executed"};
  return kNames[static_cast<size_t>(status)];
}

std::string_view to_string(MetadataForm form) {
  static constexpr std::string_view kNames[] = {"icp or dfx", "dfx 0.29", "Juno"};
  return kNames[static_cast<size_t>(form)];
}

Result<ReadMetadata> read_metadata(std::string_view text) {
  CANREC_TRY(const JsonValue root, parse_json(text));
  const JsonValue* record = root.find("metadata");
  const JsonValue* data = root.find("data");
  if (record != nullptr && data != nullptr && record->is_object() && data->is_object()) {
    return read_juno(root);
  }
  ReadMetadata out;
  CANREC_TRY(out.metadata, read_record(Reader(false), root));
  const JsonValue* source = root.find("source");
  if (root.find("exported_globals") != nullptr || (source != nullptr && source->is_string())) {
    out.form = MetadataForm::kDfx029;
  }
  return out;
}

}  // namespace canrec::snapshot
