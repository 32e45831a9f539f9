// SPDX-License-Identifier: Apache-2.0
#pragma once

// The state of one canister: what the network keeps between messages.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/input_file.h"
#include "engine/memory.h"
#include "engine/value.h"
#include "executor/code.h"
#include "executor/cycles.h"
#include "executor/execution.h"
#include "ic/limits.h"
#include "ic/principal.h"
#include "snapshot/metadata.h"

namespace canrec::executor {

/// Settings of a canister, as update_settings sets them.
struct Settings {
  std::vector<ic::Principal> controllers;                            ///< ascending
  uint64_t wasm_memory_limit = ic::limits::kWasmMemoryLimitDefault;  ///< bytes, 0 = none
  uint64_t wasm_memory_threshold = 0;                                ///< bytes
  uint64_t freezing_threshold_seconds = ic::limits::kFreezingSeconds;
  std::map<std::string, std::string> environment;
};

/// Whether canister_on_low_wasm_memory is due.
using snapshot::HookStatus;

/// What instantiation for a message needs: the part of the state that canister code changes.
struct WasmState {
  const Code* code = nullptr;
  engine::Memory heap;
  engine::Memory stable;
  std::vector<engine::Value> globals;  ///< of all globals of the module
  // The files behind the memories' images, for writing snapshots; null for memories of zeros.
  const InputFile* heap_file = nullptr;
  const InputFile* stable_file = nullptr;

  Result<WasmState> fork() const;
  /// Ends the transaction of both memories one way or the other.
  void commit();
  void rollback();
};

/// Who waits for the answer of a call context.
struct IngressOrigin {
  uint64_t ingress = 0;
};
struct CanisterOrigin {
  ic::Principal canister;
  uint64_t callback = 0;
};
struct TaskOrigin {};
using Origin = std::variant<IngressOrigin, CanisterOrigin, TaskOrigin>;

/// A message that was begun and is not yet done with.
struct CallContext {
  Origin origin;
  ic::Principal caller;
  Cycles available = 0;
  uint64_t deadline_ns = 0;
  uint64_t instructions = 0;  ///< of its executions so far
  uint64_t outstanding = 0;   ///< calls that were not answered yet
  bool replied = false;
  bool deleted = false;  ///< its code was uninstalled: answers to its calls only bring cycles back
};

/// A call of stop_canister that is answered when the canister has stopped.
struct WaitingStop {
  Origin origin;
  Cycles cycles = 0;  ///< of the call, which go back
};

/// Where to go on when a call is answered.
struct Callback {
  uint64_t context = 0;
  ic::Principal callee;
  Cycles cycles = 0;
  Cycles prepaid_execution = 0;  ///< of the callback
  Continuation reply;
  Continuation reject;
  std::optional<Continuation> cleanup;
};

/// A line of the canister's log.
struct LogLine {
  uint64_t index = 0;
  uint64_t time_ns = 0;
  std::string text;
};

/// A snapshot that the network keeps of a canister.
struct KeptSnapshot {
  bool uploaded = false;
  uint64_t taken_at_ns = 0;
  uint64_t canister_version = 0;
  Bytes module;
  engine::Memory heap;
  engine::Memory stable;
  const InputFile* heap_file = nullptr;
  const InputFile* stable_file = nullptr;
  std::vector<snapshot::GlobalValue> globals;  ///< as wasm::persisted_globals lists them
  Bytes certified_data;
  std::optional<uint64_t> global_timer_ns;  ///< 0 = inactive; nothing when the upload did not say
  std::optional<HookStatus> hook_status;
  std::map<Sha256, Bytes> chunks;

  Result<KeptSnapshot> fork() const;
  /// As the network counts it.
  uint64_t total_size() const;
};

/// One canister.
struct Canister {
  ic::Principal id;
  Settings settings;
  RunStatus status = RunStatus::kRunning;
  Cycles balance = Cycles{1'000'000} * 1'000'000'000;
  uint64_t version = 0;
  std::optional<WasmState> wasm;
  Bytes certified_data;
  uint64_t global_timer_ns = 0;  ///< 0 = inactive
  HookStatus hook_status = HookStatus::kConditionNotSatisfied;
  std::map<Sha256, Bytes> chunks;  ///< the Wasm chunk store
  std::map<Bytes, KeptSnapshot> snapshots;
  uint64_t snapshots_taken = 0;
  std::deque<LogLine> log;
  uint64_t log_bytes = 0;
  uint64_t log_lines = 0;

  std::map<uint64_t, CallContext> contexts;
  uint64_t contexts_made = 0;
  std::map<uint64_t, Callback> callbacks;
  uint64_t callbacks_made = 0;
  std::map<ic::Principal, uint64_t> calls_under_way;
  std::vector<WaitingStop> waiting_for_stop;

  bool is_controller(const ic::Principal& who) const;

  Result<Canister> fork() const;
  void append_log(const std::vector<std::string>& lines, uint64_t time_ns, uint64_t capacity);
  /// Decides anew whether the low-memory hook is due, from the sizes.
  void update_hook_status();
};

/// Why a memory of that size cannot serve a module, in the network's words; nothing when it can.
std::optional<std::string> memory_misfit(const Code& code, uint64_t heap_bytes);
/// Memories with room for the largest heap of either width, and for all stable memory.
Result<engine::Memory> empty_heap(uint64_t pages);
Result<engine::Memory> empty_stable_memory();
/// The values of a module's persisted globals, in the order of snapshots.
std::vector<snapshot::GlobalValue> persisted_values(const WasmState& state);
/// Puts such values back; immutable globals keep their initialisers.
///
/// Errors: kSnapshotMetadata when count or types differ from the module's.
Result<std::vector<engine::Value>> restore_persisted(
    const Code& code, const std::vector<snapshot::GlobalValue>& values);

}  // namespace canrec::executor
