// SPDX-License-Identifier: Apache-2.0
// The management canister: what a canister is, and its settings.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "executor/management.h"

namespace canrec::executor {
namespace {

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

}  // namespace canrec::executor
