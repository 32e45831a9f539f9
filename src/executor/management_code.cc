// SPDX-License-Identifier: Apache-2.0
// The management canister: code and the Wasm chunk store, running and stopping, cycles, randomness.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

#include "base/hash.h"
#include "executor/management.h"

namespace canrec::executor {

candid::Value ManagementCall::hash_list(candid::TypeIdx list,
                                        const std::map<Sha256, Bytes>& chunks) {
  const candid::TypeIdx item = interface_.env.resolved(list).inner;
  std::vector<candid::Value> items;
  for (const auto& [hash, bytes] : chunks) {
    auto value = record(item, {{"hash", blob(hash)}});
    CANREC_ASSERT(value.has_value());
    items.push_back(*value);
  }
  return candid::Value::list(arena_, items);
}

// --- code
// -----------------------------------------------------------------------------------------

Result<Managed> ManagementCall::install(const ic::Principal& target, Bytes module) {
  InstallRequest request;
  request.canister = target;
  request.module = std::move(module);
  request.argument = blob_field("arg");
  request.sender = request_.caller;
  const auto mode = field("mode").tag();
  const std::string_view word = mode ? std::string_view(*mode->first->name) : "install";
  if (word == "reinstall") request.mode = InstallMode::kReinstall;
  if (word == "upgrade") {
    request.mode = InstallMode::kUpgrade;
    if (const auto options = mode->second.some()) {
      if (const auto skip = options->field("skip_pre_upgrade")->some()) {
        request.skip_pre_upgrade = skip->boolean().value_or(false);
      }
      if (const auto memory = options->field("wasm_memory_persistence")->some()) {
        const bool keep = memory->tag()->first->name == "keep";
        request.memory = keep ? MemoryPersistence::kKeep : MemoryPersistence::kReplace;
      }
    }
  }
  CANREC_TRY(InstallOutcome outcome, network_.install(request));
  if (outcome.failure) return Managed(std::move(*outcome.failure));
  return nothing();
}

Result<Managed> ManagementCall::install_code() {
  return install(target_->id, blob_field("wasm_module"));
}

Result<Managed> ManagementCall::install_chunked_code() {
  const auto store = field("store_canister").some();
  const ic::Principal store_id = store ? store->principal().value_or(target_->id) : target_->id;
  const auto source = network_.world.canisters.find(store_id);
  if (source == network_.world.canisters.end()) {
    return Managed(failure(ic::ErrorCode::kCanisterNotFound,
                           fmt::format("Canister {} not found", store_id.text())));
  }
  Bytes module;
  const candid::View list = field("chunk_hashes_list");
  for (size_t i = 0; i < list.size(); ++i) {
    const ByteView hash = list.at(i)->field("hash")->blob().value_or(ByteView{});
    Sha256 key{};
    if (hash.size() == key.size()) std::copy(hash.begin(), hash.end(), key.begin());
    const auto chunk = source->second.chunks.find(key);
    if (chunk == source->second.chunks.end()) {
      return invalid(fmt::format("Chunk {} is not in the chunk store of canister {}", to_hex(hash),
                                 store_id.text()));
    }
    append(module, chunk->second);
  }
  const Bytes wanted = blob_field("wasm_module_hash");
  const Sha256 hash = sha256(module);
  if (!std::equal(wanted.begin(), wanted.end(), hash.begin(), hash.end())) {
    return invalid(fmt::format("Wasm module hash {} does not match given hash {}", to_hex(hash),
                               to_hex(ByteView(wanted))));
  }
  return install(target_->id, std::move(module));
}

Result<Managed> ManagementCall::uninstall_code() {
  target_->wasm.reset();
  target_->certified_data.clear();
  target_->global_timer_ns = 0;
  target_->chunks.clear();
  target_->log.clear();
  target_->log_bytes = 0;
  ++target_->version;
  // Calls that are on their way are still answered, and what is refunded comes back.
  for (auto& [id, context] : target_->contexts) {
    context.deleted = true;
    if (std::exchange(context.replied, true)) continue;
    network_.respond(context.origin, canister_reject("Canister has been uninstalled."),
                     std::exchange(context.available, 0));
  }
  return nothing();
}

Result<Managed> ManagementCall::upload_chunk() {
  Bytes chunk = blob_field("chunk");
  if (chunk.size() > ic::limits::kChunkBytes) {
    return invalid(
        fmt::format("Error from Wasm chunk store: Wasm chunk size {} exceeds the maximum "
                    "chunk size of {}.",
                    chunk.size(), ic::limits::kChunkBytes));
  }
  const Sha256 hash = sha256(chunk);
  const uint64_t most = ic::limits::kChunkStoreBytes / ic::limits::kChunkBytes;
  if (target_->chunks.size() >= most && !target_->chunks.contains(hash)) {
    return invalid(fmt::format(
        "Error from Wasm chunk store: Wasm chunk store has already reached maximum capacity of {} "
        "bytes.",
        ic::limits::kChunkStoreBytes));
  }
  target_->chunks[hash] = std::move(chunk);
  return record(result_type(), {{"hash", blob(hash)}});
}

Result<Managed> ManagementCall::stored_chunks() {
  return Managed(hash_list(result_type(), target_->chunks));
}

Result<Managed> ManagementCall::clear_chunk_store() {
  target_->chunks.clear();
  return nothing();
}

// --- running and stopping
// -------------------------------------------------------------------------

Result<Managed> ManagementCall::start_canister() {
  for (const WaitingStop& call : std::exchange(target_->waiting_for_stop, {})) {
    network_.respond(
        call.origin,
        failure(ic::ErrorCode::kStoppingCancelled,
                fmt::format("Canister {}'s stop request was cancelled.", target_->id.text())),
        call.cycles);
  }
  if (target_->status != RunStatus::kRunning) ++target_->version;
  target_->status = RunStatus::kRunning;
  return nothing();
}

Result<Managed> ManagementCall::stop_canister() {
  if (target_->status == RunStatus::kStopped) return nothing();
  target_->status = RunStatus::kStopping;
  ++target_->version;
  target_->waiting_for_stop.push_back({request_.origin, std::exchange(request_.cycles, 0)});
  answers_later_ = true;
  network_.settle_stop(*target_);
  return nothing();
}

Result<Managed> ManagementCall::deposit_cycles() {
  target_->balance = saturating_add(target_->balance, std::exchange(request_.cycles, 0));
  return nothing();
}

// Not random at all: the same seed gives the same bytes in the same order.
Result<Managed> ManagementCall::raw_rand() {
  std::array<uint8_t, 16> input{};
  store_le(input.data(), network_.options.seed);
  store_le(input.data() + 8, network_.world.random_made++);
  return Managed(blob(sha256(input)));
}

}  // namespace canrec::executor
