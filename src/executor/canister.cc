// SPDX-License-Identifier: Apache-2.0
// Copying canister state, and the parts of it that are derived.
#include "executor/canister.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "engine/engine.h"
#include "snapshot/globals.h"

namespace canrec::executor {
namespace {

// Lines of a log, which may be empty. Reason: they take memory all the same.
constexpr size_t kMostLogLines = 10'000;

}  // namespace

Result<WasmState> WasmState::fork() const {
  CANREC_TRY(engine::Memory heap_copy, heap.fork());
  CANREC_TRY(engine::Memory stable_copy, stable.fork());
  return WasmState{.code = code,
                   .heap = std::move(heap_copy),
                   .stable = std::move(stable_copy),
                   .globals = globals,
                   .heap_file = heap_file,
                   .stable_file = stable_file};
}

void WasmState::commit() {
  heap.commit();
  stable.commit();
}

void WasmState::rollback() {
  heap.rollback();
  stable.rollback();
}

Result<KeptSnapshot> KeptSnapshot::fork() const {
  CANREC_TRY(engine::Memory heap_copy, heap.fork());
  CANREC_TRY(engine::Memory stable_copy, stable.fork());
  return KeptSnapshot{.uploaded = uploaded,
                      .taken_at_ns = taken_at_ns,
                      .canister_version = canister_version,
                      .module = module,
                      .heap = std::move(heap_copy),
                      .stable = std::move(stable_copy),
                      .heap_file = heap_file,
                      .stable_file = stable_file,
                      .globals = globals,
                      .certified_data = certified_data,
                      .global_timer_ns = global_timer_ns,
                      .hook_status = hook_status,
                      .chunks = chunks};
}

uint64_t KeptSnapshot::total_size() const {
  constexpr uint64_t kBytesPerGlobal = 16;
  uint64_t size = module.size() + heap.size() + stable.size() + certified_data.size() +
                  globals.size() * kBytesPerGlobal;
  for (const auto& [hash, chunk] : chunks) size += chunk.size();
  return size;
}

Result<Canister> Canister::fork() const {
  std::optional<WasmState> wasm_copy;
  if (wasm) {
    CANREC_TRY(WasmState state, wasm->fork());
    wasm_copy.emplace(std::move(state));
  }
  std::map<Bytes, KeptSnapshot> snapshot_copies;
  for (const auto& [name, snapshot] : snapshots) {
    CANREC_TRY(KeptSnapshot copy, snapshot.fork());
    snapshot_copies.emplace(name, std::move(copy));
  }
  return Canister{.id = id,
                  .settings = settings,
                  .status = status,
                  .balance = balance,
                  .version = version,
                  .wasm = std::move(wasm_copy),
                  .certified_data = certified_data,
                  .global_timer_ns = global_timer_ns,
                  .hook_status = hook_status,
                  .chunks = chunks,
                  .snapshots = std::move(snapshot_copies),
                  .snapshots_taken = snapshots_taken,
                  .log = log,
                  .log_bytes = log_bytes,
                  .log_lines = log_lines,
                  .contexts = contexts,
                  .contexts_made = contexts_made,
                  .callbacks = callbacks,
                  .callbacks_made = callbacks_made,
                  .calls_under_way = calls_under_way,
                  .waiting_for_stop = waiting_for_stop};
}

bool Canister::is_controller(const ic::Principal& who) const {
  return std::binary_search(settings.controllers.begin(), settings.controllers.end(), who);
}

void Canister::append_log(const std::vector<std::string>& lines, uint64_t time_ns,
                          uint64_t capacity) {
  for (const std::string& line : lines) {
    log_bytes += line.size();
    log.push_back({log_lines++, time_ns, line});
  }
  while ((log_bytes > capacity || log.size() > kMostLogLines) && log.size() > 1) {
    log_bytes -= log.front().text.size();
    log.pop_front();
  }
}

void Canister::update_hook_status() {
  const uint64_t limit = settings.wasm_memory_limit;
  const uint64_t size = wasm ? wasm->heap.size() : 0;
  const bool due = limit != 0 && limit < size + settings.wasm_memory_threshold;
  if (!due) {
    hook_status = HookStatus::kConditionNotSatisfied;
  } else if (hook_status == HookStatus::kConditionNotSatisfied) {
    hook_status = HookStatus::kReady;
  }
}

std::optional<std::string> memory_misfit(const Code& code, uint64_t heap_bytes) {
  const uint64_t most = code.is_64() ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32;
  if (heap_bytes > most) {
    return fmt::format(
        "the Wasm memory ({} bytes) exceeds the maximum Wasm memory ({} bytes) allowed for the "
        "Wasm "
        "execution mode of the canister module.",
        heap_bytes, most);
  }
  if (!code.has_memory() && heap_bytes != 0) {
    return fmt::format(
        "the Wasm memory ({} bytes) is not empty although the canister module declares no Wasm "
        "memory.",
        heap_bytes);
  }
  if (heap_bytes < code.minimum_heap_bytes()) {
    return fmt::format(
        "the Wasm memory ({} bytes) is smaller than the minimum Wasm memory ({} bytes) declared by "
        "the canister module.",
        heap_bytes, code.minimum_heap_bytes());
  }
  return std::nullopt;
}

Result<engine::Memory> empty_heap(uint64_t pages) {
  return engine::Memory::zeros(pages, engine::kHeapPages64);
}

Result<engine::Memory> empty_stable_memory() {
  return engine::Memory::zeros(0, engine::kStablePages);
}

std::vector<snapshot::GlobalValue> persisted_values(const WasmState& state) {
  std::vector<snapshot::GlobalValue> values;
  for (const wasm::PersistedGlobal& global : state.code->persisted()) {
    const engine::Value& value = state.globals[std::to_underlying(global.global)];
    values.push_back({snapshot::global_type(global.type.type), value.lo, value.hi});
  }
  return values;
}

Result<std::vector<engine::Value>> restore_persisted(
    const Code& code, const std::vector<snapshot::GlobalValue>& values) {
  const auto& persisted = code.persisted();
  if (persisted.size() != values.size()) {
    return fail(Errc::kSnapshotMetadata,
                fmt::format("the module keeps {} globals, the snapshot has {}", persisted.size(),
                            values.size()));
  }
  std::vector<engine::Value> globals = engine::initial_globals(code.compiled());
  for (size_t i = 0; i < values.size(); ++i) {
    const snapshot::GlobalType wanted = snapshot::global_type(persisted[i].type.type);
    if (values[i].type != wanted) {
      return fail(Errc::kSnapshotMetadata,
                  fmt::format("global {} of the snapshot is {}, the module wants {}", i,
                              snapshot::to_string(values[i].type), snapshot::to_string(wanted)));
    }
    if (!persisted[i].type.is_mutable) continue;
    globals[std::to_underlying(persisted[i].global)] = {values[i].low, values[i].high};
  }
  return globals;
}

}  // namespace canrec::executor
