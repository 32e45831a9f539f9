// SPDX-License-Identifier: Apache-2.0
// The management canister: canisters, settings, code, randomness.
#include "executor/management.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

#include "base/hash.h"
#include "executor/management_did.h"

namespace canrec::executor {
namespace {

const candid::Program& interface() {
  static const candid::Program program = [] {
    auto parsed = candid::parse_program(kManagementInterface);
    CANREC_ASSERT(parsed.has_value());
    return std::move(*parsed);
  }();
  return program;
}

std::string_view status_tag(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning:
      return "running";
    case RunStatus::kStopping:
      return "stopping";
    case RunStatus::kStopped:
      return "stopped";
  }
  return "stopped";
}

}  // namespace

Bytes empty_arguments() { return {'D', 'I', 'D', 'L', 0, 0}; }

Result<std::optional<Answer>> Network::manage(Request& request) {
  return ManagementCall(*this, request, interface()).answer();
}

const ManagementCall::Row* ManagementCall::find(std::string_view method) {
  using M = ManagementCall;
  static constexpr auto kRows = std::to_array<Row>({
      {"canister_status", &M::canister_status, true},
      {"canister_info", &M::canister_info, false},
      {"update_settings", &M::update_settings, true},
      {"install_code", &M::install_code, true},
      {"install_chunked_code", &M::install_chunked_code, true},
      {"uninstall_code", &M::uninstall_code, true},
      {"upload_chunk", &M::upload_chunk, true},
      {"stored_chunks", &M::stored_chunks, true},
      {"clear_chunk_store", &M::clear_chunk_store, true},
      {"start_canister", &M::start_canister, true},
      {"stop_canister", &M::stop_canister, true},
      {"deposit_cycles", &M::deposit_cycles, false},
      {"raw_rand", &M::raw_rand, false},
      {"take_canister_snapshot", &M::take_snapshot, true},
      {"load_canister_snapshot", &M::load_snapshot, true},
      {"list_canister_snapshots", &M::list_snapshots, true},
      {"delete_canister_snapshot", &M::delete_snapshot, true},
      {"read_canister_snapshot_metadata", &M::read_snapshot_metadata, true},
      {"read_canister_snapshot_data", &M::read_snapshot_data, true},
      {"upload_canister_snapshot_metadata", &M::upload_snapshot_metadata, true},
      {"upload_canister_snapshot_data", &M::upload_snapshot_data, true},
  });
  for (const Row& row : kRows) {
    if (row.method == method) return &row;
  }
  return nullptr;
}

Result<std::optional<Answer>> ManagementCall::answer() {
  const Row* row = find(request_.method);
  if (row == nullptr) {
    return Answer(failure(ic::ErrorCode::kUnknownManagementMessage,
                          fmt::format("Management canister has no method '{}'", request_.method)));
  }
  const candid::TypeEnv& env = interface_.env;
  method_ = candid::find_method(env.resolved(interface_.actor->service), request_.method);
  CANREC_ASSERT(method_ != nullptr);
  std::vector<candid::TypeIdx> wanted;
  for (const candid::Arg& arg : env.resolved(method_->type).args) wanted.push_back(arg.type);
  auto decoded = candid::decode(request_.payload, {&env, wanted});
  if (!decoded) {
    return Answer(failure(ic::ErrorCode::kInvalidManagementPayload,
                          fmt::format("Error decoding candid: {}", decoded.error().message())));
  }
  arguments_ = std::move(*decoded);
  if (!wanted.empty()) {
    if (auto why = find_target()) return Answer(std::move(*why));
    const bool about_itself =
        request_.method == "canister_status" && request_.caller == target_->id;
    if (row->for_controllers && !about_itself && !target_->is_controller(request_.caller)) {
      return Answer(not_controller(*target_, request_.caller));
    }
  }
  CANREC_TRY(Managed managed, (this->*row->handler)());
  if (answers_later_) return std::optional<Answer>();
  if (auto* why = std::get_if<Failure>(&managed)) return Answer(std::move(*why));
  std::vector<candid::TypeIdx> types;
  for (const candid::Arg& result : env.resolved(method_->type).results)
    types.push_back(result.type);
  CANREC_TRY(
      Bytes reply,
      candid::encode(env, types, std::span(&std::get<candid::Value>(managed), types.size())));
  return Answer(std::move(reply));
}

// --- arguments and replies
// ------------------------------------------------------------------------

candid::View ManagementCall::field(std::string_view name) const {
  const candid::TypeEnv& env = interface_.env;
  const candid::View record(env, env.resolved(method_->type).args[0].type, arguments_.values[0]);
  const auto found = record.field(name);
  CANREC_ASSERT(found.has_value());
  return *found;
}

ic::Principal ManagementCall::principal_field(std::string_view name) const {
  return field(name).principal().value_or(ic::Principal());
}

Bytes ManagementCall::blob_field(std::string_view name) const {
  const ByteView bytes = field(name).blob().value_or(ByteView{});
  return {bytes.begin(), bytes.end()};
}

std::optional<Failure> ManagementCall::find_target() {
  const bool chunked = request_.method == "install_chunked_code";
  const ic::Principal id = principal_field(chunked ? "target_canister" : "canister_id");
  const auto it = network_.world.canisters.find(id);
  if (it == network_.world.canisters.end()) {
    return failure(ic::ErrorCode::kCanisterNotFound,
                   fmt::format("Canister {} not found", id.text()));
  }
  target_ = &it->second;
  return std::nullopt;
}

candid::TypeIdx ManagementCall::result_type() const {
  return interface_.env.resolved(method_->type).results[0].type;
}

candid::TypeIdx ManagementCall::type_in(candid::TypeIdx record, std::string_view name) const {
  for (const candid::Field& field : interface_.env.resolved(record).fields) {
    if (field.name == name) return field.type;
  }
  CANREC_ASSERT(false);
  return record;
}

Result<candid::Value> ManagementCall::record(candid::TypeIdx type, candid::NamedValues fields) {
  return candid::make_record(arena_, interface_.env, type, fields);
}

candid::Value ManagementCall::amount(Cycles value) {
  if (fits_64_bits(value)) return candid::Value::natural(static_cast<uint64_t>(value));
  Bytes leb;
  while (value >= 0x80) {
    leb.push_back(static_cast<uint8_t>(0x80 | static_cast<uint8_t>(value & 0x7f)));
    value >>= 7;
  }
  leb.push_back(static_cast<uint8_t>(value));
  return candid::Value::nat(arena_, candid::BigInt::from_unsigned_leb(leb));
}

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

// --- status and settings
// --------------------------------------------------------------------------

Result<candid::Value> ManagementCall::settings_value(candid::TypeIdx type) {
  const Settings& settings = target_->settings;
  std::vector<candid::Value> controllers;
  for (const ic::Principal& one : settings.controllers) {
    controllers.push_back(candid::Value::principal(arena_, one.bytes()));
  }
  const candid::TypeIdx variables = type_in(type, "environment_variables");
  std::vector<candid::Value> pairs;
  for (const auto& [name, value] : settings.environment) {
    CANREC_TRY(const candid::Value pair, record(interface_.env.resolved(variables).inner,
                                                {{"name", candid::Value::text(arena_, name)},
                                                 {"value", candid::Value::text(arena_, value)}}));
    pairs.push_back(pair);
  }
  CANREC_TRY(
      const candid::Value visible,
      candid::make_variant(arena_, interface_.env, type_in(type, "log_visibility"), "controllers"));
  const auto zero = candid::Value::natural(0);
  return record(
      type, {{"controllers", candid::Value::list(arena_, controllers)},
             {"compute_allocation", zero},
             {"memory_allocation", zero},
             {"freezing_threshold", candid::Value::natural(settings.freezing_threshold_seconds)},
             {"reserved_cycles_limit", candid::Value::natural(5'000'000'000'000)},
             {"log_visibility", visible},
             {"snapshot_visibility", visible},
             {"wasm_memory_limit", candid::Value::natural(settings.wasm_memory_limit)},
             {"wasm_memory_threshold", candid::Value::natural(settings.wasm_memory_threshold)},
             {"environment_variables", candid::Value::list(arena_, pairs)}});
}

Result<Managed> ManagementCall::canister_status() {
  const Canister& it = *target_;
  const auto zero = candid::Value::natural(0);
  const uint64_t chunks = it.chunks.size() * ic::limits::kChunkBytes;
  uint64_t snapshots = 0;
  for (const auto& [id, snapshot] : it.snapshots) snapshots += snapshot.total_size();
  const uint64_t heap = it.wasm ? it.wasm->heap.size() : 0;
  const uint64_t stable = it.wasm ? it.wasm->stable.size() : 0;
  const uint64_t module = it.wasm ? it.wasm->code->stored().size() : 0;
  const uint64_t globals = it.wasm ? 8 * it.wasm->globals.size() : 0;

  const candid::TypeIdx type = result_type();
  CANREC_TRY(
      const candid::Value status,
      candid::make_variant(arena_, interface_.env, type_in(type, "status"), status_tag(it.status)));
  CANREC_TRY(const candid::Value settings, settings_value(type_in(type, "settings")));
  CANREC_TRY(const candid::Value metrics,
             record(type_in(type, "memory_metrics"),
                    {{"wasm_memory_size", candid::Value::natural(heap)},
                     {"stable_memory_size", candid::Value::natural(stable)},
                     {"global_memory_size", candid::Value::natural(globals)},
                     {"wasm_binary_size", candid::Value::natural(module)},
                     {"custom_sections_size", zero},
                     {"canister_history_size", zero},
                     {"wasm_chunk_store_size", candid::Value::natural(chunks)},
                     {"snapshots_size", candid::Value::natural(snapshots)}}));
  CANREC_TRY(const candid::Value queries,
             record(type_in(type, "query_stats"), {{"num_calls_total", zero},
                                                   {"num_instructions_total", zero},
                                                   {"request_payload_bytes_total", zero},
                                                   {"response_payload_bytes_total", zero}}));
  const candid::Value hash =
      it.wasm ? candid::Value::some(arena_, blob(it.wasm->code->hash())) : candid::Value();
  return record(type, {{"status", status},
                       {"ready_for_migration", candid::Value::boolean(false)},
                       {"version", candid::Value::natural(it.version)},
                       {"settings", settings},
                       {"module_hash", hash},
                       {"memory_size", candid::Value::natural(heap + stable + globals + module +
                                                              chunks + snapshots)},
                       {"memory_metrics", metrics},
                       {"cycles", amount(it.balance)},
                       {"reserved_cycles", zero},
                       {"idle_cycles_burned_per_day", zero},
                       {"query_stats", queries}});
}

Result<Managed> ManagementCall::canister_info() {
  std::vector<candid::Value> controllers;
  for (const ic::Principal& one : target_->settings.controllers) {
    controllers.push_back(candid::Value::principal(arena_, one.bytes()));
  }
  const candid::Value hash = target_->wasm
                                 ? candid::Value::some(arena_, blob(target_->wasm->code->hash()))
                                 : candid::Value();
  // The history is not part of a snapshot, so none is told.
  return record(result_type(), {{"total_num_changes", candid::Value::natural(0)},
                                {"recent_changes", candid::Value::list(arena_, {})},
                                {"module_hash", hash},
                                {"controllers", candid::Value::list(arena_, controllers)}});
}

Result<Managed> ManagementCall::update_settings() {
  const candid::View wanted = field("settings");
  Settings settings = target_->settings;
  const auto number = [&](std::string_view name, uint64_t& into) {
    if (const auto value = wanted.field(name)->some()) into = value->natural().value_or(UINT64_MAX);
  };
  number("freezing_threshold", settings.freezing_threshold_seconds);
  number("wasm_memory_limit", settings.wasm_memory_limit);
  number("wasm_memory_threshold", settings.wasm_memory_threshold);
  const uint64_t most = ic::limits::kMemorySettingMax;
  if (settings.wasm_memory_limit > most || settings.wasm_memory_threshold > most) {
    return invalid(fmt::format("memory settings are at most {} bytes", most));
  }
  if (const auto list = wanted.field("controllers")->some()) {
    if (list->size() > ic::limits::kControllers) {
      return invalid(fmt::format("at most {} controllers", ic::limits::kControllers));
    }
    settings.controllers.clear();
    for (size_t i = 0; i < list->size(); ++i) {
      settings.controllers.push_back(list->at(i)->principal().value_or(ic::Principal()));
    }
    std::sort(settings.controllers.begin(), settings.controllers.end());
  }
  if (const auto list = wanted.field("environment_variables")->some()) {
    if (list->size() > ic::limits::kEnvironmentVariables) {
      return invalid(
          fmt::format("at most {} environment variables", ic::limits::kEnvironmentVariables));
    }
    settings.environment.clear();
    for (size_t i = 0; i < list->size(); ++i) {
      const auto pair = *list->at(i);
      const std::string name(pair.field("name")->text().value_or(""));
      const std::string value(pair.field("value")->text().value_or(""));
      if (name.size() > ic::limits::kEnvironmentNameBytes ||
          value.size() > ic::limits::kEnvironmentValueBytes) {
        return invalid(fmt::format("environment variable {} is too long", name));
      }
      settings.environment[name] = value;
    }
  }
  target_->settings = std::move(settings);
  ++target_->version;
  target_->update_hook_status();
  return nothing();
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
  for (auto& [id, context] : std::exchange(target_->contexts, {})) {
    if (context.replied) continue;
    network_.respond(context.origin, canister_reject("Canister has been uninstalled."),
                     context.available);
  }
  target_->callbacks.clear();
  target_->calls_under_way.clear();
  network_.settle_stop(*target_);
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
  for (const Origin& origin : std::exchange(target_->waiting_for_stop, {})) {
    network_.respond(
        origin,
        failure(ic::ErrorCode::kStoppingCancelled,
                fmt::format("Canister {}'s stop request was cancelled.", target_->id.text())),
        0);
  }
  if (target_->status != RunStatus::kRunning) ++target_->version;
  target_->status = RunStatus::kRunning;
  return nothing();
}

Result<Managed> ManagementCall::stop_canister() {
  if (target_->status == RunStatus::kStopped) return nothing();
  target_->status = RunStatus::kStopping;
  ++target_->version;
  target_->waiting_for_stop.push_back(request_.origin);
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
