// SPDX-License-Identifier: Apache-2.0
// Writing metadata.json as serde_json's pretty printer lays it out.
#include <fmt/core.h>

#include <bit>

#include "snapshot/globals.h"
#include "snapshot/json_printer.h"
#include "snapshot/metadata.h"

namespace canrec::snapshot {
namespace {

void print_v128(JsonPrinter& out, const GlobalValue& global) {
  uint32_t digits[] = {static_cast<uint32_t>(global.low), static_cast<uint32_t>(global.low >> 32),
                       static_cast<uint32_t>(global.high),
                       static_cast<uint32_t>(global.high >> 32)};
  size_t count = 4;
  while (count > 0 && digits[count - 1] == 0) --count;
  out.open('[');
  for (size_t i = 0; i < count; ++i) {
    out.item();
    out.raw(std::to_string(digits[i]));
  }
  out.close(']');
}

Status print_global(JsonPrinter& out, const GlobalValue& global) {
  CANREC_CHECK(check_finite(global));
  out.item();
  out.open('{');
  out.key(to_string(global.type));
  switch (global.type) {
    case GlobalType::kI32:
      out.raw(std::to_string(static_cast<int32_t>(static_cast<uint32_t>(global.low))));
      break;
    case GlobalType::kI64:
      out.raw(std::to_string(static_cast<int64_t>(global.low)));
      break;
    case GlobalType::kF32:
      out.raw(json_shortest(std::bit_cast<float>(static_cast<uint32_t>(global.low))));
      break;
    case GlobalType::kF64:
      out.raw(json_shortest(std::bit_cast<double>(global.low)));
      break;
    case GlobalType::kV128:
      print_v128(out, global);
      break;
  }
  out.close('}');
  return Ok{};
}

void print_source(JsonPrinter& out, const std::optional<Source>& source, MetadataForm form) {
  out.key("source");
  if (!source) return out.raw("null");
  const std::string_view name =
      *source == Source::kTakenFromCanister ? "taken_from_canister" : "metadata_upload";
  if (form == MetadataForm::kDfx029) return out.raw(json_quoted(name));
  out.open('{');
  out.key(name);
  out.raw("null");
  out.close('}');
}

void print_timer(JsonPrinter& out, const std::optional<GlobalTimer>& timer) {
  out.key("global_timer");
  if (!timer) return out.raw("null");
  if (!timer->deadline_ns) return out.raw("\"inactive\"");
  out.open('{');
  out.key("active");
  out.raw(std::to_string(*timer->deadline_ns));
  out.close('}');
}

}  // namespace

Result<std::string> write_metadata(const Metadata& metadata, MetadataForm form) {
  CANREC_ASSERT(form != MetadataForm::kJuno);
  JsonPrinter out;
  const auto integer = [&out](std::string_view key, uint64_t value) {
    out.key(key);
    out.raw(std::to_string(value));
  };
  out.open('{');
  print_source(out, metadata.source, form);
  integer("taken_at_timestamp", metadata.taken_at_timestamp_ns);
  integer("wasm_module_size", metadata.wasm_module_size);
  out.key(form == MetadataForm::kDfx029 ? "exported_globals" : "globals");
  out.open('[');
  for (size_t i = 0; i < metadata.globals.size(); ++i) {
    if (Status status = print_global(out, metadata.globals[i]); !status) {
      return fail(std::move(status).error().in(fmt::format("global {}", i)));
    }
  }
  out.close(']');
  integer("wasm_memory_size", metadata.wasm_memory_size);
  integer("stable_memory_size", metadata.stable_memory_size);
  out.key("wasm_chunk_store");
  out.open('[');
  for (const Sha256& hash : metadata.wasm_chunk_store) {
    out.item();
    out.open('{');
    out.key("hash");
    out.bytes(hash);
    out.close('}');
  }
  out.close(']');
  integer("canister_version", metadata.canister_version);
  out.key("certified_data");
  out.bytes(metadata.certified_data);
  print_timer(out, metadata.global_timer);
  out.key("on_low_wasm_memory_hook_status");
  const auto& hook = metadata.on_low_wasm_memory_hook_status;
  out.raw(hook ? fmt::format("\"{}\"", to_string(*hook)) : "null");
  for (const UnknownKey& unknown : metadata.unknown) {
    out.key(unknown.key);
    out.raw(unknown.json);
  }
  out.close('}');
  return out.take();
}

}  // namespace canrec::snapshot
