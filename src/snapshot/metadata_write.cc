// SPDX-License-Identifier: Apache-2.0
// Writing metadata.json as serde_json's pretty printer lays it out.
#include <fmt/core.h>

#include <bit>
#include <cmath>

#include "snapshot/json.h"
#include "snapshot/metadata.h"

namespace canrec::snapshot {
namespace {

// Pretty JSON: two spaces a level, every element on its own line, [] when empty.
class Printer {
 public:
  void open(char bracket) {
    out_ += bracket;
    ++depth_;
    first_ = true;
  }
  void close(char bracket) {
    --depth_;
    if (!first_) line();
    out_ += bracket;
    first_ = false;
  }
  void item() {
    if (!first_) out_ += ',';
    first_ = false;
    line();
  }
  void key(std::string_view name) {
    item();
    out_ += json_quoted(name) + ": ";
  }
  void raw(std::string_view text) { out_ += text; }
  std::string take() { return std::move(out_); }

 private:
  void line() {
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }
  std::string out_;
  size_t depth_ = 0;
  bool first_ = true;
};

void print_bytes(Printer& out, ByteView bytes) {
  out.open('[');
  for (const uint8_t byte : bytes) {
    out.item();
    out.raw(std::to_string(byte));
  }
  out.close(']');
}

void print_v128(Printer& out, const GlobalValue& global) {
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

Status print_global(Printer& out, const GlobalValue& global) {
  out.item();
  out.open('{');
  out.key(to_string(global.type));
  const auto finite = [&](auto number) -> Status {
    if (!std::isfinite(number)) {
      return fail(Errc::kSnapshotMetadata,
                  fmt::format("{} is a NaN or an infinity, which metadata.json cannot hold",
                              to_string(global.type)));
    }
    out.raw(json_shortest(number));
    return Ok{};
  };
  switch (global.type) {
    case GlobalType::kI32:
      out.raw(std::to_string(static_cast<int32_t>(static_cast<uint32_t>(global.low))));
      break;
    case GlobalType::kI64:
      out.raw(std::to_string(static_cast<int64_t>(global.low)));
      break;
    case GlobalType::kF32:
      CANREC_CHECK(finite(std::bit_cast<float>(static_cast<uint32_t>(global.low))));
      break;
    case GlobalType::kF64:
      CANREC_CHECK(finite(std::bit_cast<double>(global.low)));
      break;
    case GlobalType::kV128:
      print_v128(out, global);
      break;
  }
  out.close('}');
  return Ok{};
}

void print_source(Printer& out, const std::optional<Source>& source) {
  out.key("source");
  if (!source) return out.raw("null");
  out.open('{');
  out.key(*source == Source::kTakenFromCanister ? "taken_from_canister" : "metadata_upload");
  out.raw("null");
  out.close('}');
}

void print_timer(Printer& out, const std::optional<GlobalTimer>& timer) {
  out.key("global_timer");
  if (!timer) return out.raw("null");
  if (!timer->deadline_ns) return out.raw("\"inactive\"");
  out.open('{');
  out.key("active");
  out.raw(std::to_string(*timer->deadline_ns));
  out.close('}');
}

}  // namespace

Result<std::string> write_metadata(const Metadata& metadata) {
  Printer out;
  const auto integer = [&out](std::string_view key, uint64_t value) {
    out.key(key);
    out.raw(std::to_string(value));
  };
  out.open('{');
  print_source(out, metadata.source);
  integer("taken_at_timestamp", metadata.taken_at_timestamp_ns);
  integer("wasm_module_size", metadata.wasm_module_size);
  out.key("globals");
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
    print_bytes(out, hash);
    out.close('}');
  }
  out.close(']');
  integer("canister_version", metadata.canister_version);
  out.key("certified_data");
  print_bytes(out, metadata.certified_data);
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
