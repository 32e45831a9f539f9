// SPDX-License-Identifier: Apache-2.0
// What executions leave behind: answers, calls on their way, call contexts that end; and tasks,
// which are executions that nobody waits for.
#include <utility>

#include "executor/network.h"
#include "executor/prices.h"

namespace canrec::executor {
namespace {

constexpr std::string_view kLowMemoryHook = "canister_on_low_wasm_memory";

}  // namespace

// --- after an execution
// ---------------------------------------------------------------------------

void Network::apply(Canister& target, uint64_t context, Run& run, Keep keep) {
  if (run.ok()) {
    apply_effects(target, context, run, keep);
    finish(target, context, std::nullopt);
  } else {
    target.contexts.at(context).instructions += run.report.instructions;
    finish(target, context, failure_of(run.report));
  }
}

void Network::apply_effects(Canister& target, uint64_t context_id, Run& run, Keep keep) {
  CallContext& context = target.contexts.at(context_id);
  context.instructions += run.report.instructions;
  Effects& effects = run.effects;
  target.balance = saturating_add(target.balance, effects.accepted);
  target.balance = saturating_sub(target.balance, effects.burned);
  context.available = saturating_sub(context.available, effects.accepted);
  for (OutgoingCall& call : effects.calls) {
    const uint64_t id = target.callbacks_made++;
    const uint64_t sent_bytes = call.method.size() + call.payload.size();
    target.callbacks[id] = {.context = context_id,
                            .callee = call.callee,
                            .cycles = call.cycles,
                            .prepaid_execution = saturating_sub(
                                call.prepaid, transmission_price(options.profile, sent_bytes)),
                            .reply = call.reply,
                            .reject = call.reject,
                            .cleanup = call.cleanup};
    ++context.outstanding;
    ++target.calls_under_way[call.callee];
    target.balance = saturating_sub(target.balance, call.cycles);
    target.balance = saturating_sub(target.balance, call.prepaid);
    const uint64_t timeout_ns = uint64_t{call.timeout_seconds.value_or(0)} * 1'000'000'000;
    world.queue.push(Request{.origin = CanisterOrigin{target.id, id},
                             .caller = target.id,
                             .callee = call.callee,
                             .method = std::move(call.method),
                             .payload = std::move(call.payload),
                             .cycles = call.cycles,
                             .deadline_ns = call.timeout_seconds ? world.time_ns + timeout_ns : 0});
  }
  if (effects.response) {
    context.replied = true;
    respond(context.origin, answer_of(std::move(*effects.response)),
            std::exchange(context.available, 0));
  }
  if (keep == Keep::kNo) return;
  if (effects.certified_data) target.certified_data = std::move(*effects.certified_data);
  if (effects.global_timer_ns) target.global_timer_ns = *effects.global_timer_ns;
  ++target.version;
}

void Network::finish(Canister& target, uint64_t context_id, std::optional<Failure> why) {
  CallContext& context = target.contexts.at(context_id);
  if (context.outstanding != 0) return;
  if (!context.replied) {
    if (!why) {
      why = did_not_reply(target);
    }
    respond(context.origin, std::move(*why), context.available);
  }
  target.contexts.erase(context_id);
  settle_stop(target);
}

void Network::settle_stop(Canister& target) {
  if (target.status != RunStatus::kStopping || !target.contexts.empty()) return;
  target.status = RunStatus::kStopped;
  for (const WaitingStop& call : std::exchange(target.waiting_for_stop, {})) {
    respond(call.origin, empty_arguments(), call.cycles);
  }
}

// --- tasks
// ----------------------------------------------------------------------------------------

Result<TaskOutcome> Network::task(Canister& target, ic::Context kind, std::string_view hook) {
  TaskOutcome outcome;
  if (!target.wasm || target.status != RunStatus::kRunning) return outcome;
  const auto function = target.wasm->code->function(hook);
  if (!function) return outcome;
  auto paid = prepay(target, inputs(target, kind).instructions, 0, ic::Principal());
  if (auto* why = std::get_if<Failure>(&paid)) {
    outcome.failure = std::move(*why);
    return outcome;
  }
  outcome.ran = true;
  const uint64_t context = target.contexts_made++;
  target.contexts[context].origin = TaskOrigin{};
  const Inputs in = inputs(target, kind);
  CANREC_TRY(Run run, execute(*target.wasm, *function, std::string(hook), in, Keep::kYes, &target));
  if (!run.ok()) outcome.failure = failure_of(run.report);
  refund(target, std::get<Cycles>(paid), run.report.instructions);
  apply(target, context, run, Keep::kYes);
  return outcome;
}

Result<TaskOutcome> Network::task_to_the_end(const ic::Principal& id, ic::Context kind,
                                             std::string_view hook) {
  (void)runs.take();
  CANREC_TRY(Canister* const target, canister(id));
  CANREC_TRY(TaskOutcome outcome, task(*target, kind, hook));
  CANREC_CHECK(deliver_all());
  outcome.runs = runs.take();
  return outcome;
}

// The hook runs once, when the heap first comes near its limit.
Status Network::run_hook_if_due(Canister& target) {
  target.update_hook_status();
  if (target.hook_status != HookStatus::kReady || !target.wasm ||
      !target.wasm->code->function(kLowMemoryHook)) {
    return Ok{};
  }
  target.hook_status = HookStatus::kExecuted;
  CANREC_CHECK(task(target, ic::Context::kLowMemory, kLowMemoryHook));
  return Ok{};
}

}  // namespace canrec::executor
