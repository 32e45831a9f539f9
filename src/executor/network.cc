// SPDX-License-Identifier: Apache-2.0
// The canisters that are here, what an execution is given, and what is paid for it.
#include "executor/network.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "executor/prices.h"

namespace canrec::executor {
namespace {

bool is_task(ic::Context context) {
  return context == ic::Context::kHeartbeat || context == ic::Context::kGlobalTimer ||
         context == ic::Context::kLowMemory;
}

}  // namespace

Result<World> World::fork() const {
  World copy;
  for (const auto& [id, canister] : canisters) {
    CANREC_TRY(Canister canister_copy, canister.fork());
    copy.canisters.emplace(id, std::move(canister_copy));
  }
  copy.queue = queue;
  copy.time_ns = time_ns;
  copy.canisters_made = canisters_made;
  copy.ingress_made = ingress_made;
  copy.random_made = random_made;
  return copy;
}

Result<Canister*> Network::canister(const ic::Principal& id) {
  const auto it = world.canisters.find(id);
  if (it == world.canisters.end()) {
    return fail(Errc::kNotFound, fmt::format("there is no canister {} here", id.text()));
  }
  return &it->second;
}

ic::Principal Network::next_canister_id() {
  while (true) {
    const ic::Principal id = ic::Principal::canister(world.canisters_made++);
    if (!world.canisters.contains(id)) return id;
  }
}

Inputs Network::inputs(const Canister& canister, ic::Context context) const {
  using enum ic::Context;
  const Profile& profile = options.profile;
  Inputs in;
  in.context = context;
  in.self = canister.id;
  in.controllers = &canister.settings.controllers;
  in.environment = &canister.settings.environment;
  in.balance = canister.balance;
  if (options.cycles) {
    in.memory_usage = memory_usage(canister);
    in.freezing_seconds = canister.settings.freezing_threshold_seconds;
    in.freezing_threshold = freezing_threshold(profile, in.memory_usage, in.freezing_seconds);
    in.pays = ic::info(context).replicated;
    in.checks_growth = context == kUpdate || is_task(context);
  }
  in.status = canister.status;
  in.version = canister.version;
  in.global_timer_ns = canister.global_timer_ns;
  in.log_bytes_used = canister.log_bytes;
  in.calls_under_way = &canister.calls_under_way;
  const uint64_t most_bytes = profile[Limit::kWaitingMessageBytes];
  in.message_room = most_bytes - std::min(most_bytes, world.queue.bytes());
  in.subnet = default_subnet();
  in.root_key = root_key();
  in.time_ns = world.time_ns;

  in.instructions = profile[Limit::kUpdateInstructions];
  in.slice_instructions = profile[Limit::kUpdateSliceInstructions];
  in.stable_access_os_pages = profile[Limit::kStableAccessPagesUpdate];
  in.reply_bytes = profile[Limit::kReplyBytes];
  switch (context) {
    case kNonReplicatedQuery:
    case kTransform:
    case kCompositeQuery:
      in.reply_bytes = profile[Limit::kQueryReplyBytes];
      [[fallthrough]];
    case kCompositeReply:
    case kCompositeReject:
    case kCompositeCleanup:
      in.instructions = profile[Limit::kQueryInstructions];
      [[fallthrough]];
    case kReplicatedQuery:
      in.slice_instructions = in.instructions;  // queries run in one piece
      in.stable_access_os_pages = profile[Limit::kStableAccessPagesQuery];
      break;
    case kInspect:
      in.instructions = profile[Limit::kInspectInstructions];
      in.slice_instructions = in.instructions;
      in.stable_access_os_pages = profile[Limit::kStableAccessPagesQuery];
      break;
    case kInit:
    case kPreUpgrade:
      in.stable_access_os_pages = profile[Limit::kStableAccessPagesInstall];
      [[fallthrough]];
    case kStart:
      in.instructions = profile[Limit::kInstallInstructions];
      in.slice_instructions = profile[Limit::kInstallSliceInstructions];
      break;
    default:
      break;
  }
  return in;
}

uint64_t Network::memory_limit(const Canister& canister) const {
  return options.profile.enforces_memory_setting() ? canister.settings.wasm_memory_limit : 0;
}

Result<Run> Network::execute(WasmState& state, const Entry& entry, std::string name,
                             const Inputs& in, Keep keep, Canister* log,
                             uint64_t memory_limit_bytes) {
  std::vector<engine::Value> globals = state.globals;
  auto result = run(frame(), state, entry, std::move(name), in, memory_limit_bytes);
  if (result && result->ok() && keep == Keep::kYes) {
    state.commit();
  } else {
    state.rollback();
    state.globals = std::move(globals);
  }
  if (!result) return fail(std::move(result).error());
  if (in.pays) {
    result->report.cycles =
        execution_price(options.profile, result->report.instructions, state.code->is_64());
  }
  if (log != nullptr) {
    log->append_log(result->log_lines, world.time_ns, options.profile[Limit::kLogBytes]);
  }
  runs.add(result->report);
  return result;
}

std::variant<Cycles, Failure> Network::prepay(Canister& target, uint64_t instructions, Cycles more,
                                              const ic::Principal& caller) {
  if (!options.cycles) return Cycles{0};
  const Profile& profile = options.profile;
  const bool is_64 = target.wasm && target.wasm->code->is_64();
  const Cycles price = execution_price(profile, instructions, is_64);
  const Cycles threshold =
      freezing_threshold(profile, memory_usage(target), target.settings.freezing_threshold_seconds);
  if (auto why = out_of_cycles(target, threshold, price + more, target.is_controller(caller))) {
    return failure(ic::ErrorCode::kOutOfCycles, std::move(*why));
  }
  target.balance -= price + more;
  return price;
}

void Network::refund(Canister& target, Cycles prepaid, uint64_t instructions) const {
  if (!options.cycles) return;
  const bool is_64 = target.wasm && target.wasm->code->is_64();
  const Cycles price = execution_price(options.profile, instructions, is_64);
  target.balance = saturating_add(target.balance, saturating_sub(prepaid, price));
}

bool Network::is_frozen(const Canister& target) const {
  return options.cycles &&
         target.balance < freezing_threshold(options.profile, memory_usage(target),
                                             target.settings.freezing_threshold_seconds);
}

}  // namespace canrec::executor
