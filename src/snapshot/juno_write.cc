// SPDX-License-Identifier: Apache-2.0
// Writing Juno's directory. Integers of 64 bits and more are {"__bigint__": "..."}, byte arrays
// {"__uint8array__": [...]}, optional keys are left out.
// Source: https://github.com/junobuild/cli, src/types/snapshot.ts (what an upload takes)
#include <fmt/core.h>

#include <bit>

#include "snapshot/globals.h"
#include "snapshot/json_printer.h"
#include "snapshot/juno.h"
#include "snapshot/staged_directory.h"
#include "snapshot/writer.h"

namespace canrec::snapshot {
namespace {

void print_big(JsonPrinter& out, std::string_view decimal) {
  out.open('{');
  out.key("__bigint__");
  out.raw(json_quoted(decimal));
  out.close('}');
}

void print_blob(JsonPrinter& out, ByteView bytes) {
  out.open('{');
  out.key("__uint8array__");
  out.bytes(bytes);
  out.close('}');
}

// A variant whose payload is null.
void print_variant(JsonPrinter& out, std::string_view name) {
  out.open('{');
  out.key(name);
  out.raw("null");
  out.close('}');
}

std::string decimal128(uint64_t high, uint64_t low) {
  uint32_t digits[] = {static_cast<uint32_t>(high >> 32), static_cast<uint32_t>(high),
                       static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(low)};
  std::string out;
  bool more = true;
  while (more) {  // divides by ten, most significant digit first
    uint64_t rest = 0;
    more = false;
    for (uint32_t& digit : digits) {
      const uint64_t value = rest << 32 | digit;
      digit = static_cast<uint32_t>(value / 10);
      rest = value % 10;
      more = more || digit != 0;
    }
    out.insert(out.begin(), static_cast<char>('0' + rest));
  }
  return out;
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
      print_big(out, std::to_string(static_cast<int64_t>(global.low)));
      break;
    case GlobalType::kF32:  // a number of JavaScript, so the digits of a double
      out.raw(json_shortest(double{std::bit_cast<float>(static_cast<uint32_t>(global.low))}));
      break;
    case GlobalType::kF64:
      out.raw(json_shortest(std::bit_cast<double>(global.low)));
      break;
    case GlobalType::kV128:
      print_big(out, decimal128(global.high, global.low));
      break;
  }
  out.close('}');
  return Ok{};
}

std::string_view hook_name(HookStatus status) {
  switch (status) {
    case HookStatus::kConditionNotSatisfied:
      return "conditionNotSatisfied";
    case HookStatus::kReady:
      return "ready";
    case HookStatus::kExecuted:
      return "executed";
  }
  return "conditionNotSatisfied";
}

Status check_takes(const Metadata& metadata) {
  if (!metadata.source) {
    return fail(Errc::kSnapshotMetadata, "source is unknown (null), which Juno does not take");
  }
  if (!metadata.unknown.empty()) {
    return fail(Errc::kSnapshotMetadata,
                fmt::format("Juno has no place for the key {}", metadata.unknown[0].key));
  }
  return Ok{};
}

Status print_record(JsonPrinter& out, const Metadata& metadata) {
  out.key("metadata");
  out.open('{');
  out.key("globals");
  out.open('[');
  for (size_t i = 0; i < metadata.globals.size(); ++i) {
    if (Status status = print_global(out, metadata.globals[i]); !status) {
      return fail(std::move(status).error().in(fmt::format("global {}", i)));
    }
  }
  out.close(']');
  const auto integer = [&out](std::string_view key, uint64_t value) {
    out.key(key);
    print_big(out, std::to_string(value));
  };
  integer("canisterVersion", metadata.canister_version);
  out.key("source");
  print_variant(
      out, *metadata.source == Source::kTakenFromCanister ? "takenFromCanister" : "metadataUpload");
  out.key("certifiedData");
  print_blob(out, metadata.certified_data);
  if (metadata.global_timer) {
    out.key("globalTimer");
    if (const auto& deadline = metadata.global_timer->deadline_ns) {
      out.open('{');
      integer("active", *deadline);
      out.close('}');
    } else {
      print_variant(out, "inactive");
    }
  }
  if (metadata.on_low_wasm_memory_hook_status) {
    out.key("onLowWasmMemoryHookStatus");
    print_variant(out, hook_name(*metadata.on_low_wasm_memory_hook_status));
  }
  integer("wasmModuleSize", metadata.wasm_module_size);
  integer("stableMemorySize", metadata.stable_memory_size);
  out.key("wasmChunkStore");
  out.open('[');
  for (const Sha256& hash : metadata.wasm_chunk_store) {
    out.item();
    out.open('{');
    out.key("hash");
    print_blob(out, hash);
    out.close('}');
  }
  out.close(']');
  integer("takenAtTimestamp", metadata.taken_at_timestamp_ns);
  integer("wasmMemorySize", metadata.wasm_memory_size);
  out.close('}');
  return Ok{};
}

void print_file(JsonPrinter& out, std::string_view key, const std::optional<JunoBlob>& blob) {
  out.key(key);
  if (!blob) return out.raw("null");
  out.open('{');
  out.key("filename");
  out.raw(json_quoted(blob->filename));
  out.key("size");
  print_big(out, std::to_string(blob->size));
  out.key("hash");
  out.raw(json_quoted(to_hex(blob->hash)));
  out.close('}');
}

std::optional<JunoBlob> describe(size_t which, ByteView bytes) {
  if (bytes.empty()) return std::nullopt;
  return JunoBlob{std::string(kJunoNames[which]), bytes.size(), sha256(bytes)};
}

// The chunks one after another; what they come to is small (at most 100 chunks of 1 MiB).
Bytes joined(std::span<const Chunk> chunks) {
  Bytes out;
  for (const Chunk& chunk : chunks) out.insert(out.end(), chunk.bytes.begin(), chunk.bytes.end());
  return out;
}

}  // namespace

Result<std::string> write_juno_metadata(const ReadMetadata& contents) {
  CANREC_CHECK(check_takes(contents.metadata));
  JsonPrinter out;
  out.open('{');
  out.key("snapshotId");
  out.raw(json_quoted(contents.juno_snapshot_id));
  CANREC_CHECK(print_record(out, contents.metadata));
  out.key("data");
  out.open('{');
  print_file(out, "wasmModule", contents.juno_module);
  print_file(out, "wasmMemory", contents.juno_heap);
  print_file(out, "stableMemory", contents.juno_stable);
  print_file(out, "wasmChunkStore", contents.juno_chunks);
  out.close('}');
  out.close('}');
  return out.take();
}

Status write_juno_directory(FileSystem& system, const std::filesystem::path& path,
                            const Directory& from, const SnapshotId& id, Overwrite overwrite,
                            const Interrupt& interrupt) {
  ReadMetadata contents;
  contents.form = MetadataForm::kJuno;
  contents.metadata = from.metadata();
  contents.metadata.wasm_chunk_store.clear();
  for (const Chunk& chunk : from.chunks()) contents.metadata.wasm_chunk_store.push_back(chunk.hash);
  contents.juno_snapshot_id = "0x" + to_string(id);
  const Bytes chunks = joined(from.chunks());
  CANREC_CHECK(check_takes(contents.metadata));
  CANREC_TRY(StagedDirectory staged, StagedDirectory::create(system, path, overwrite));
  const std::pair<const InputFile*, std::optional<JunoBlob>*> blobs[] = {
      {from.module_file(), &contents.juno_module},
      {from.heap_file(), &contents.juno_heap},
      {from.stable_file(), &contents.juno_stable}};
  for (size_t i = 0; i < std::size(blobs); ++i) {
    const auto& [file, blob] = blobs[i];
    if (file == nullptr || file->size() == 0) continue;
    CANREC_CHECK(
        write_image_file(system, staged.path() / kJunoNames[i], Image::of(file), interrupt));
    *blob = describe(i, file->bytes());
  }
  if (!chunks.empty()) {
    CANREC_CHECK(write_image_file(system, staged.path() / kJunoNames[3],
                                  Image::of(ByteView(chunks)), interrupt));
    contents.juno_chunks = describe(3, chunks);
  }
  CANREC_TRY(const std::string text, write_juno_metadata(contents));
  CANREC_CHECK(write_image_file(system, staged.path() / "metadata.json", Image::of(as_bytes(text)),
                                interrupt));
  CANREC_CHECK(system.sync_directory(staged.path()));
  return staged.commit();
}

}  // namespace canrec::snapshot
