// SPDX-License-Identifier: Apache-2.0
// The management canister: snapshots. Texts and order of checks are those of system-api.md 6.
#include <algorithm>
#include <bit>
#include <utility>

#include <fmt/core.h>

#include "base/checked.h"
#include "base/hash.h"
#include "executor/management.h"

namespace canrec::executor {
namespace {

constexpr uint64_t kSnapshotIdCounterBytes = 8;

std::string_view hook_tag(HookStatus status) { return snapshot::to_string(status); }

}  // namespace

// --- helpers
// --------------------------------------------------------------------------------------

Bytes ManagementCall::next_snapshot_id() {
  Bytes id(kSnapshotIdCounterBytes);
  store_le(id.data(), std::byteswap(target_->snapshots_taken++));
  append(id, target_->id.bytes());
  return id;
}

std::variant<KeptSnapshot*, Failure> ManagementCall::named_snapshot() {
  const Bytes id = blob_field("snapshot_id");
  const std::string shown = to_hex(ByteView(id));
  // The id tells the canister; load may name a snapshot of another one.
  const auto owner = id.size() <= kSnapshotIdCounterBytes
                         ? Result<ic::Principal>(ic::Principal())
                         : ic::Principal::from_bytes(ByteView(id).subspan(kSnapshotIdCounterBytes));
  Canister* source = target_;
  if (owner && *owner != target_->id) {
    const auto other = network_.world.canisters.find(*owner);
    if (other != network_.world.canisters.end() && other->second.snapshots.contains(id)) {
      if (request_.method != "load_canister_snapshot") {
        return failure(ic::ErrorCode::kCanisterRejectedMessage,
                       fmt::format("The snapshot {} does not belong to canister {}.", shown,
                                   target_->id.text()));
      }
      if (!other->second.is_controller(request_.caller)) {
        return failure(
            ic::ErrorCode::kCanisterRejectedMessage,
            fmt::format("Only a controller of the canister that snapshot {} belongs to can load it "
                        "on canister {}. Sender: {}.",
                        shown, target_->id.text(), request_.caller.text()));
      }
      source = &other->second;
    }
  }
  const auto found = source->snapshots.find(id);
  if (found == source->snapshots.end()) {
    return failure(ic::ErrorCode::kSnapshotNotFound,
                   fmt::format("Could not find the snapshot ID {} for canister {}.", shown,
                               target_->id.text()));
  }
  return &found->second;
}

// Deletes the snapshot that is to be replaced, or checks that one more is allowed.
std::optional<Failure> ManagementCall::make_room(std::optional<Bytes> replaced) {
  if (replaced) {
    const auto found = target_->snapshots.find(*replaced);
    if (found == target_->snapshots.end()) {
      return failure(ic::ErrorCode::kSnapshotNotFound,
                     fmt::format("Could not find the snapshot ID {} for canister {}.",
                                 to_hex(ByteView(*replaced)), target_->id.text()));
    }
    target_->snapshots.erase(found);
    return std::nullopt;
  }
  if (target_->snapshots.size() >= ic::limits::kSnapshots) {
    return failure(
        ic::ErrorCode::kCanisterRejectedMessage,
        fmt::format("Canister {} has reached the maximum number of snapshots allowed: {}.",
                    target_->id.text(), ic::limits::kSnapshots));
  }
  return std::nullopt;
}

Result<candid::Value> ManagementCall::snapshot_value(candid::TypeIdx type, ByteView id,
                                                     const KeptSnapshot& kept) {
  return record(type, {{"id", blob(id)},
                       {"taken_at_timestamp", candid::Value::natural(kept.taken_at_ns)},
                       {"total_size", candid::Value::natural(kept.total_size())}});
}

Result<candid::Value> ManagementCall::global_value(candid::TypeIdx type,
                                                   const snapshot::GlobalValue& global) {
  candid::Value payload;
  switch (global.type) {
    case snapshot::GlobalType::kI32:
      payload = candid::Value::integer(static_cast<int32_t>(static_cast<uint32_t>(global.low)));
      break;
    case snapshot::GlobalType::kI64:
      payload = candid::Value::integer(static_cast<int64_t>(global.low));
      break;
    case snapshot::GlobalType::kF32:
    case snapshot::GlobalType::kF64:
      payload = candid::Value::float_bits(global.low);
      break;
    case snapshot::GlobalType::kV128:
      payload = amount(cycles_from(global.high, global.low));
      break;
  }
  return candid::make_variant(arena_, interface_.env, type, snapshot::to_string(global.type),
                              payload);
}

Result<std::vector<snapshot::GlobalValue>> ManagementCall::globals_argument() {
  std::vector<snapshot::GlobalValue> globals;
  const candid::View list = field("globals");
  for (size_t i = 0; i < list.size(); ++i) {
    const auto global = list.at(i)->tag();
    const std::string_view word = *global->first->name;
    const candid::View value = global->second;
    snapshot::GlobalValue out;
    if (word == "i32") {
      out.type = snapshot::GlobalType::kI32;
      out.low = static_cast<uint32_t>(value.integer().value_or(0));
    } else if (word == "i64") {
      out.type = snapshot::GlobalType::kI64;
      out.low = static_cast<uint64_t>(value.integer().value_or(0));
    } else if (word == "f32" || word == "f64") {
      out.type = word == "f32" ? snapshot::GlobalType::kF32 : snapshot::GlobalType::kF64;
      out.low = value.value().bits();
    } else {
      out.type = snapshot::GlobalType::kV128;
      Bytes leb;
      candid::to_big(value.value()).append_unsigned_leb(leb);
      Cycles bits = 0;
      for (size_t digit = 0; digit < leb.size() && 7 * digit < 128; ++digit) {
        bits |= Cycles{static_cast<uint8_t>(leb[digit] & 0x7f)} << (7 * digit);
      }
      out.low = static_cast<uint64_t>(bits);
      out.high = static_cast<uint64_t>(bits >> 64);
    }
    globals.push_back(out);
  }
  return globals;
}

// --- taking and loading
// ---------------------------------------------------------------------------

Result<Managed> ManagementCall::take_snapshot() {
  if (!target_->wasm) {
    return Managed(failure(
        ic::ErrorCode::kCanisterRejectedMessage,
        fmt::format("Failed to create snapshot for empty canister {}.", target_->id.text())));
  }
  std::optional<Bytes> replaced;
  if (const auto id = field("replace_snapshot").some()) {
    const ByteView bytes = id->blob().value_or(ByteView{});
    replaced = Bytes(bytes.begin(), bytes.end());
  }
  if (auto why = make_room(replaced)) return Managed(std::move(*why));
  const WasmState& state = *target_->wasm;
  CANREC_TRY(engine::Memory heap, state.heap.fork());
  CANREC_TRY(engine::Memory stable, state.stable.fork());
  const ByteView module = state.code->stored();
  KeptSnapshot kept{.uploaded = false,
                    .taken_at_ns = network_.world.time_ns,
                    .canister_version = target_->version,
                    .module = Bytes(module.begin(), module.end()),
                    .heap = std::move(heap),
                    .stable = std::move(stable),
                    .heap_file = state.heap_file,
                    .stable_file = state.stable_file,
                    .globals = persisted_values(state),
                    .certified_data = target_->certified_data,
                    .global_timer_ns = target_->global_timer_ns,
                    .hook_status = target_->hook_status,
                    .chunks = target_->chunks};
  const Bytes id = next_snapshot_id();
  CANREC_TRY(const candid::Value reply, snapshot_value(result_type(), id, kept));
  target_->snapshots.emplace(id, std::move(kept));
  if (const auto uninstall = field("uninstall_code").some();
      uninstall && uninstall->boolean().value_or(false)) {
    CANREC_CHECK(uninstall_code());
  }
  return Managed(reply);
}

Result<Managed> ManagementCall::load_snapshot() {
  auto named = named_snapshot();
  if (auto* why = std::get_if<Failure>(&named)) return Managed(std::move(*why));
  const KeptSnapshot& kept = *std::get<KeptSnapshot*>(named);
  auto code = network_.codes.load(kept.module);
  if (!code) {
    return Managed(
        failure(ic::ErrorCode::kInvalidWasm,
                fmt::format("Canister's Wasm module is not valid: {}", code.error().message())));
  }
  auto globals = restore_persisted(**code, kept.globals);
  if (!globals) {
    return invalid("Wasm exported globals of canister module and snapshot metadata do not match.");
  }
  if (auto misfit = memory_misfit(**code, kept.heap.size())) {
    return Managed(failure(ic::ErrorCode::kInvalidWasm, std::move(*misfit)));
  }
  const uint64_t limit = target_->settings.wasm_memory_limit;
  const bool due = limit != 0 && limit < kept.heap.size() + target_->settings.wasm_memory_threshold;
  if (kept.uploaded && kept.hook_status &&
      (*kept.hook_status == HookStatus::kConditionNotSatisfied) == due) {
    constexpr std::string_view kNames[] = {"ConditionNotSatisfied", "Ready", "Executed"};
    return invalid(
        fmt::format("Hook status (Some({})) of uploaded snapshot is inconsistent with "
                    "the canister's state (hook condition satisfied: {}).",
                    kNames[static_cast<size_t>(*kept.hook_status)], due));
  }
  CANREC_TRY(engine::Memory heap, kept.heap.fork());
  CANREC_TRY(engine::Memory stable, kept.stable.fork());
  target_->wasm.emplace(WasmState{.code = *code,
                                  .heap = std::move(heap),
                                  .stable = std::move(stable),
                                  .globals = std::move(*globals),
                                  .heap_file = kept.heap_file,
                                  .stable_file = kept.stable_file});
  target_->certified_data = kept.certified_data;
  target_->chunks = kept.chunks;
  if (kept.uploaded) {
    if (kept.global_timer_ns) target_->global_timer_ns = *kept.global_timer_ns;
    if (kept.hook_status) target_->hook_status = *kept.hook_status;
  }
  ++target_->version;
  return nothing();
}

Result<Managed> ManagementCall::list_snapshots() {
  const candid::TypeIdx item = interface_.env.resolved(result_type()).inner;
  std::vector<candid::Value> items;
  for (const auto& [id, kept] : target_->snapshots) {
    CANREC_TRY(const candid::Value value, snapshot_value(item, id, kept));
    items.push_back(value);
  }
  return Managed(candid::Value::list(arena_, items));
}

Result<Managed> ManagementCall::delete_snapshot() {
  auto named = named_snapshot();
  if (auto* why = std::get_if<Failure>(&named)) return Managed(std::move(*why));
  target_->snapshots.erase(blob_field("snapshot_id"));
  return nothing();
}

// --- reading
// --------------------------------------------------------------------------------------

Result<Managed> ManagementCall::read_snapshot_metadata() {
  auto named = named_snapshot();
  if (auto* why = std::get_if<Failure>(&named)) return Managed(std::move(*why));
  const KeptSnapshot& kept = *std::get<KeptSnapshot*>(named);
  const candid::TypeIdx type = result_type();
  const candid::TypeEnv& env = interface_.env;
  CANREC_TRY(const candid::Value source,
             candid::make_variant(arena_, env, type_in(type, "source"),
                                  kept.uploaded ? "metadata_upload" : "taken_from_canister"));
  std::vector<candid::Value> globals;
  const candid::TypeIdx global_type = env.resolved(type_in(type, "globals")).inner;
  for (const snapshot::GlobalValue& global : kept.globals) {
    CANREC_TRY(const candid::Value value, global_value(global_type, global));
    globals.push_back(value);
  }
  candid::Value timer;
  if (kept.global_timer_ns) {
    const bool active = *kept.global_timer_ns != 0;
    const candid::Value payload =
        active ? candid::Value::natural(*kept.global_timer_ns) : candid::Value();
    CANREC_TRY(const candid::Value value,
               candid::make_variant(arena_, env, env.resolved(type_in(type, "global_timer")).inner,
                                    active ? "active" : "inactive", payload));
    timer = candid::Value::some(arena_, value);
  }
  candid::Value hook;
  if (kept.hook_status) {
    CANREC_TRY(const candid::Value value,
               candid::make_variant(
                   arena_, env, env.resolved(type_in(type, "on_low_wasm_memory_hook_status")).inner,
                   hook_tag(*kept.hook_status)));
    hook = candid::Value::some(arena_, value);
  }
  return record(type,
                {{"source", source},
                 {"taken_at_timestamp", candid::Value::natural(kept.taken_at_ns)},
                 {"wasm_module_size", candid::Value::natural(kept.module.size())},
                 {"globals", candid::Value::list(arena_, globals)},
                 {"wasm_memory_size", candid::Value::natural(kept.heap.size())},
                 {"stable_memory_size", candid::Value::natural(kept.stable.size())},
                 {"wasm_chunk_store", hash_list(type_in(type, "wasm_chunk_store"), kept.chunks)},
                 {"canister_version", candid::Value::natural(kept.canister_version)},
                 {"certified_data", blob(kept.certified_data)},
                 {"global_timer", timer},
                 {"on_low_wasm_memory_hook_status", hook}});
}

Result<Managed> ManagementCall::read_snapshot_data() {
  auto named = named_snapshot();
  if (auto* why = std::get_if<Failure>(&named)) return Managed(std::move(*why));
  const KeptSnapshot& kept = *std::get<KeptSnapshot*>(named);
  const auto kind = field("kind").tag();
  const std::string_view word = *kind->first->name;
  if (word == "wasm_chunk") {
    const ByteView hash = kind->second.field("hash")->blob().value_or(ByteView{});
    for (const auto& [key, chunk] : kept.chunks) {
      if (std::equal(key.begin(), key.end(), hash.begin(), hash.end())) {
        return record(result_type(), {{"chunk", blob(chunk)}});
      }
    }
    return invalid(fmt::format("Chunk {} is not in the snapshot", to_hex(hash)));
  }
  const uint64_t offset = kind->second.field("offset")->natural().value_or(0);
  const uint64_t size = kind->second.field("size")->natural().value_or(0);
  if (size > ic::limits::kSnapshotReadBytes) {
    return invalid(
        fmt::format("Requested slice too large: {} > {}", size, ic::limits::kSnapshotReadBytes));
  }
  std::optional<ByteView> bytes;
  std::string_view region = "wasm module";
  if (word == "wasm_module") {
    if (in_bounds(offset, size, kept.module.size())) {
      bytes = ByteView(kept.module).subspan(offset, size);
    }
  } else {
    const bool heap = word == "wasm_memory";
    region = heap ? "main memory" : "stable memory";
    bytes = (heap ? kept.heap : kept.stable).peek(offset, size);
  }
  if (!bytes) {
    return invalid(
        fmt::format("Invalid subslice into {}: offset: {}, size: {}", region, offset, size));
  }
  return record(result_type(), {{"chunk", blob(*bytes)}});
}

// --- uploading
// ------------------------------------------------------------------------------------

Result<Managed> ManagementCall::upload_snapshot_metadata() {
  const uint64_t module = field("wasm_module_size").natural().value_or(0);
  const uint64_t heap = field("wasm_memory_size").natural().value_or(0);
  const uint64_t stable = field("stable_memory_size").natural().value_or(0);
  CANREC_TRY(std::vector<snapshot::GlobalValue> globals, globals_argument());
  Bytes certified = blob_field("certified_data");
  const auto refused = [&](std::string_view variant) {
    return invalid(fmt::format("Snapshot Metadata contains invalid data: {}", variant));
  };
  if (module == 0) return refused("WasmModuleEmpty");
  if (module > ic::limits::kModuleBytes) return refused("WasmModuleTooLarge");
  if (heap % engine::kWasmPage != 0) return refused("WasmMemoryNotPageAligned");
  if (heap > ic::limits::kHeapBytes64) return refused("WasmMemoryTooLarge");
  if (stable % engine::kWasmPage != 0) return refused("StableMemoryNotPageAligned");
  if (stable > ic::limits::kStableBytes) return refused("StableMemoryTooLarge");
  if (globals.size() > ic::limits::kSnapshotGlobals) return refused("ExportedGlobalsTooLarge");
  if (certified.size() > ic::limits::kCertifiedDataBytes) return refused("CertifiedDataTooLarge");
  std::optional<Bytes> replaced;
  if (const auto id = field("replace_snapshot").some()) {
    const ByteView bytes = id->blob().value_or(ByteView{});
    replaced = Bytes(bytes.begin(), bytes.end());
  }
  if (auto why = make_room(replaced)) return Managed(std::move(*why));

  CANREC_TRY(engine::Memory heap_memory,
             engine::Memory::zeros(heap / engine::kWasmPage, engine::kHeapPages64));
  CANREC_TRY(engine::Memory stable_memory,
             engine::Memory::zeros(stable / engine::kWasmPage, engine::kStablePages));
  KeptSnapshot kept{.uploaded = true,
                    .taken_at_ns = network_.world.time_ns,
                    .canister_version = target_->version,
                    .module = Bytes(module),
                    .heap = std::move(heap_memory),
                    .stable = std::move(stable_memory),
                    .globals = std::move(globals),
                    .certified_data = std::move(certified),
                    .global_timer_ns = std::nullopt,
                    .hook_status = std::nullopt,
                    .chunks = {}};
  if (const auto timer = field("global_timer").some()) {
    const auto tag = timer->tag();
    kept.global_timer_ns = tag->first->name == "active" ? tag->second.natural().value_or(0) : 0;
  }
  if (const auto hook = field("on_low_wasm_memory_hook_status").some()) {
    for (const HookStatus status :
         {HookStatus::kConditionNotSatisfied, HookStatus::kReady, HookStatus::kExecuted}) {
      if (hook->tag()->first->name == hook_tag(status)) kept.hook_status = status;
    }
  }
  const Bytes id = next_snapshot_id();
  target_->snapshots.emplace(id, std::move(kept));
  return record(result_type(), {{"snapshot_id", blob(id)}});
}

Result<Managed> ManagementCall::upload_snapshot_data() {
  auto named = named_snapshot();
  if (auto* why = std::get_if<Failure>(&named)) return Managed(std::move(*why));
  KeptSnapshot& kept = *std::get<KeptSnapshot*>(named);
  if (!kept.uploaded) {
    return Managed(failure(ic::ErrorCode::kSnapshotImmutable,
                           "Only canister snapshots created by metadata upload can be mutated."));
  }
  const ByteView chunk = field("chunk").blob().value_or(ByteView{});
  const auto kind = field("kind").tag();
  const std::string_view word = *kind->first->name;
  if (word == "wasm_chunk") {
    if (chunk.size() > ic::limits::kChunkBytes) {
      return invalid(fmt::format("Wasm chunk size {} exceeds the maximum chunk size of {}.",
                                 chunk.size(), ic::limits::kChunkBytes));
    }
    kept.chunks[sha256(chunk)] = Bytes(chunk.begin(), chunk.end());
    return nothing();
  }
  const uint64_t offset = kind->second.field("offset")->natural().value_or(0);
  const auto outside = [&](std::string_view region) {
    return invalid(fmt::format("Invalid subslice into {}: offset: {}, size: {}", region, offset,
                               chunk.size()));
  };
  if (word == "wasm_module") {
    if (!in_bounds(offset, chunk.size(), kept.module.size())) return outside("wasm module");
    std::copy(chunk.begin(), chunk.end(), kept.module.begin() + static_cast<ptrdiff_t>(offset));
    return nothing();
  }
  const bool heap = word == "wasm_memory";
  engine::Memory& memory = heap ? kept.heap : kept.stable;
  const auto target = memory.write(offset, chunk.size());
  if (!target) return outside(heap ? "main memory" : "stable memory");
  std::copy(chunk.begin(), chunk.end(), target->begin());
  memory.commit();
  return nothing();
}

}  // namespace canrec::executor
