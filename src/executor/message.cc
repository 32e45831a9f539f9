// SPDX-License-Identifier: Apache-2.0
// Update calls and responses: how messages become executions, and what executions leave behind.
// Source: https://internetcomputer.org/docs/references/ic-interface-spec, "Abstract behavior".
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "executor/network.h"
#include "executor/prices.h"

namespace canrec::executor {
namespace {

constexpr std::string_view kInspectHook = "canister_inspect_message";
constexpr std::string_view kLowMemoryHook = "canister_on_low_wasm_memory";

bool is_task(ic::Context context) {
  return context == ic::Context::kHeartbeat || context == ic::Context::kGlobalTimer ||
         context == ic::Context::kLowMemory;
}

// What a public method runs as when it is called by a message.
struct Method {
  wasm::FuncIdx function;
  ic::Context context;
  std::string entry;
};

std::string entry_name(ic::MethodKind kind, std::string_view name) {
  return fmt::format("{}{}", ic::kMethodPrefixes[static_cast<size_t>(kind)].prefix, name);
}

std::variant<Method, Failure> find_method(const Canister& canister, std::string_view name) {
  const Code& code = *canister.wasm->code;
  using enum ic::MethodKind;
  if (const auto fn = code.method(kUpdate, name)) {
    return Method{*fn, ic::Context::kUpdate, entry_name(kUpdate, name)};
  }
  if (const auto fn = code.method(kQuery, name)) {
    return Method{*fn, ic::Context::kReplicatedQuery, entry_name(kQuery, name)};
  }
  if (code.method(kCompositeQuery, name)) {
    return failure(ic::ErrorCode::kCompositeInReplicatedMode,
                   "Composite query cannot be called in replicated mode");
  }
  return no_method(canister, "update", name);
}

// What the caller of a call pays for as its answer.
uint64_t payload_bytes(const Answer& answer) {
  if (const auto* reply = std::get_if<Bytes>(&answer)) return reply->size();
  return std::get<Failure>(answer).text().size();
}

}  // namespace

Answer answer_of(CanisterResponse&& response) {
  if (auto* reply = std::get_if<Bytes>(&response)) return std::move(*reply);
  return canister_reject(std::move(std::get<CanisterReject>(response).message));
}

Error argument_too_large(uint64_t bytes, uint64_t limit) {
  return {Errc::kLimit, std::nullopt,
          fmt::format("the argument of {} is over the limit of {} for a message from outside",
                      human_size(bytes), human_size(limit))};
}

Failure failure_of(const RunReport& report) {
  return failure_of(report.stopped->stop, report.canister.text(),
                    report.stopped->network_backtrace);
}

Failure no_method(const Canister& canister, std::string_view kind, std::string_view name) {
  return failure_of(stop(ic::ExecutionError::kNoSuchMethod, {std::string(kind), std::string(name)}),
                    canister.id.text(), {});
}

Failure not_controller(const Canister& canister, const ic::Principal& sender) {
  std::string controllers;
  for (const ic::Principal& one : canister.settings.controllers) {
    controllers += (controllers.empty() ? "" : " ") + one.text();
  }
  return failure(ic::ErrorCode::kInvalidController,
                 fmt::format("Only the controllers of the canister {} can control it.\n"
                             "Canister's controllers: {}\nSender's ID: {}",
                             canister.id.text(), controllers, sender.text()));
}

Failure did_not_reply(const Canister& canister) {
  return failure(ic::ErrorCode::kDidNotReply,
                 fmt::format("Canister {} did not reply to the call", canister.id.text()));
}

std::optional<Failure> not_running(const Canister& canister) {
  switch (canister.status) {
    case RunStatus::kRunning:
      break;
    case RunStatus::kStopped:
      return failure(ic::ErrorCode::kStopped,
                     fmt::format("Canister {} is stopped", canister.id.text()));
    case RunStatus::kStopping:
      return failure(ic::ErrorCode::kStopping,
                     fmt::format("Canister {} is stopping", canister.id.text()));
  }
  return std::nullopt;
}

Failure no_module(const Canister& canister) {
  return failure_of(stop(ic::ExecutionError::kNoModule), canister.id.text(), {});
}

Failure not_found(Network& network, const ic::Principal& callee) {
  if (callee != ic::Principal()) network.absent.insert(callee);
  return failure(ic::ErrorCode::kCanisterNotFound,
                 fmt::format("Canister {} not found", callee.text()));
}

Network::Network(const Options& given) : options(given) { world.time_ns = given.time_ns; }

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
  runs.push_back(result->report);
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

// --- ingress
// --------------------------------------------------------------------------------------

Result<CallOutcome> Network::inspect(const Call& call) {
  runs.clear();
  CANREC_TRY(Canister* const target, canister(call.canister));
  if (!target->wasm) return CallOutcome{no_module(*target), {}, {}};
  const auto function = target->wasm->code->function(kInspectHook);
  if (!function) return CallOutcome{Bytes{}, {}, {}};
  Inputs in = inputs(*target, ic::Context::kInspect);
  in.caller = call.caller;
  in.argument = call.argument;
  in.method_name = call.method;
  CANREC_TRY(Run run,
             execute(*target->wasm, *function, std::string(kInspectHook), in, Keep::kNo, nullptr));
  Answer answer = Bytes{};
  if (!run.ok()) {
    answer = failure_of(run.report);
  } else if (!run.effects.message_accepted) {
    answer = failure(ic::ErrorCode::kCanisterRejectedMessage, "Canister rejected the message");
  }
  return CallOutcome{std::move(answer), std::exchange(runs, {}), {}};
}

Result<CallOutcome> Network::update(const Call& call) {
  const uint64_t limit = options.profile[Limit::kIngressBytes];
  if (call.argument.size() > limit) return fail(argument_too_large(call.argument.size(), limit));
  CANREC_CHECK(canister(call.canister));
  std::vector<RunReport> all;
  if (options.inspect_ingress) {
    CANREC_TRY(CallOutcome inspected, inspect(call));
    if (!inspected.replied()) return inspected;
    all = std::move(inspected.runs);
  }
  runs = std::move(all);
  absent.clear();
  const uint64_t ingress = world.ingress_made++;
  world.queue.push_back(Request{.origin = IngressOrigin{ingress},
                                .caller = call.caller,
                                .callee = call.canister,
                                .method = call.method,
                                .payload = call.argument});
  CANREC_CHECK(deliver_all());
  CallOutcome outcome{failure(ic::ErrorCode::kDidNotReply,
                              "the call waits for something that does not happen here"),
                      std::exchange(runs, {}),
                      {absent.begin(), absent.end()}};
  if (auto node = answers.extract(ingress)) outcome.answer = std::move(node.mapped());
  return outcome;
}

// --- delivery
// -------------------------------------------------------------------------------------

Status Network::deliver_all() {
  uint64_t delivered = 0;
  while (!world.queue.empty()) {
    if (options.interrupt != nullptr) CANREC_CHECK(options.interrupt->check());
    if (++delivered > options.most_deliveries) {
      return fail(
          Errc::kLimit,
          fmt::format("still busy after {} messages: calls set off calls without end, as it "
                      "seems; nothing they did is kept",
                      grouped(delivered - 1)));
    }
    Message message = std::move(world.queue.front());
    world.queue.pop_front();
    if (auto* request = std::get_if<Request>(&message)) {
      CANREC_CHECK(deliver(std::move(*request)));
    } else {
      CANREC_CHECK(deliver(std::move(std::get<Response>(message))));
    }
  }
  return Ok{};
}

void Network::respond(const Origin& origin, Answer answer, Cycles refund) {
  if (const auto* ingress = std::get_if<IngressOrigin>(&origin)) {
    answers.insert_or_assign(ingress->ingress, std::move(answer));
  } else if (const auto* caller = std::get_if<CanisterOrigin>(&origin)) {
    world.queue.push_back(Response{*caller, std::move(answer), refund});
  }
}

Status Network::deliver(Request request) {
  if (request.callee == ic::Principal()) {
    CANREC_TRY(auto answer, manage(request));
    if (answer) respond(request.origin, std::move(*answer), request.cycles);
    return Ok{};
  }
  const auto it = world.canisters.find(request.callee);
  if (it == world.canisters.end()) {
    respond(request.origin, not_found(*this, request.callee), request.cycles);
    return Ok{};
  }
  return run_method(it->second, std::move(request));
}

Status Network::run_method(Canister& target, Request request) {
  const auto refuse = [&](Failure why) {
    respond(request.origin, std::move(why), request.cycles);
    return Ok{};
  };
  if (auto why = not_running(target)) return refuse(std::move(*why));
  if (!target.wasm) return refuse(no_module(target));
  auto found = find_method(target, request.method);
  if (auto* why = std::get_if<Failure>(&found)) return refuse(std::move(*why));
  Method& method = std::get<Method>(found);
  const bool from_outside = std::holds_alternative<IngressOrigin>(request.origin);
  auto paid = prepay(target, inputs(target, method.context).instructions,
                     from_outside ? ingress_price(options.profile, request.payload.size()) : 0,
                     request.caller);
  if (auto* why = std::get_if<Failure>(&paid)) return refuse(std::move(*why));

  const uint64_t context = target.contexts_made++;
  target.contexts[context] = {.origin = request.origin,
                              .caller = request.caller,
                              .available = request.cycles,
                              .deadline_ns = request.deadline_ns};
  Inputs in = inputs(target, method.context);
  in.caller = request.caller;
  in.caller_controls = target.is_controller(request.caller);
  in.argument = request.payload;
  in.cycles_available = request.cycles;
  in.deadline_ns = request.deadline_ns;
  const bool is_update = method.context == ic::Context::kUpdate;
  const Keep keep = is_update ? Keep::kYes : Keep::kNo;
  CANREC_TRY(Run run, execute(*target.wasm, method.function, std::move(method.entry), in, keep,
                              &target, is_update ? memory_limit(target) : 0));
  refund(target, std::get<Cycles>(paid), run.report.instructions);
  apply(target, context, run, keep);
  CANREC_CHECK(run_hook_if_due(target));
  return Ok{};
}

Status Network::deliver(Response response) {
  const auto found = world.canisters.find(response.to.canister);
  if (found == world.canisters.end()) return Ok{};
  Canister& target = found->second;
  auto node = target.callbacks.extract(response.to.callback);
  if (!node) return Ok{};  // the canister was uninstalled meanwhile
  const Callback callback = std::move(node.mapped());
  if (--target.calls_under_way[callback.callee] == 0) {
    target.calls_under_way.erase(callback.callee);
  }
  target.balance = saturating_add(target.balance, response.refund);
  if (options.cycles) {
    target.balance = saturating_add(
        target.balance, transmission_refund(options.profile, payload_bytes(response.answer)));
  }
  CallContext& context = target.contexts.at(callback.context);
  --context.outstanding;
  if (!target.wasm) {
    refund(target, callback.prepaid_execution, 0);
    finish(target, callback.context, no_module(target));
    return Ok{};
  }

  const auto* reply = std::get_if<Bytes>(&response.answer);
  Inputs in = inputs(target, reply ? ic::Context::kReply : ic::Context::kReject);
  std::string reject_message;
  if (reply != nullptr) {
    in.argument = *reply;
  } else {
    const Failure& why = std::get<Failure>(response.answer);
    reject_message = why.text();
    in.reject_code = why.reject_code;
    in.reject_message = reject_message;
  }
  in.caller = context.caller;
  in.cycles_available = context.available;
  in.cycles_refunded = response.refund;
  in.deadline_ns = context.deadline_ns;
  in.already_replied = context.replied;
  in.context_instructions = context.instructions;
  const uint64_t whole = in.instructions;
  if (callback.cleanup) {
    in.instructions -= whole / 100 * options.profile[Limit::kCleanupReservePercent];
  }
  const Continuation& place = reply ? callback.reply : callback.reject;
  CANREC_TRY(Run run, execute(*target.wasm, place, reply ? "reply callback" : "reject callback", in,
                              Keep::kYes, &target));
  if (run.ok() || !callback.cleanup) {
    refund(target, callback.prepaid_execution, run.report.instructions);
    apply(target, callback.context, run, Keep::kYes);
    return run_hook_if_due(target);
  }

  // The callback was undone; its cleanup may still tidy up, with what is left of the budget.
  Failure why = failure_of(run.report);
  context.instructions += run.report.instructions;
  Inputs cleanup = inputs(target, ic::Context::kCleanup);
  cleanup.caller = context.caller;
  cleanup.reject_code = in.reject_code;
  cleanup.already_replied = context.replied;
  cleanup.context_instructions = context.instructions;
  cleanup.instructions = whole - std::min(whole, run.report.instructions);
  CANREC_TRY(Run tidied, execute(*target.wasm, *callback.cleanup, "cleanup callback", cleanup,
                                 Keep::kYes, &target));
  refund(target, callback.prepaid_execution, run.report.instructions + tidied.report.instructions);
  if (tidied.ok()) {
    tidied.effects.response.reset();
    apply_effects(target, callback.context, tidied, Keep::kYes);
  } else {
    why.description = fmt::format("{}\n\ncall_on_cleanup also failed:\n\n{}", why.description,
                                  failure_of(tidied.report).description);
  }
  finish(target, callback.context, std::move(why));
  return run_hook_if_due(target);
}

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
    world.queue.push_back(
        Request{.origin = CanisterOrigin{target.id, id},
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
  for (const Origin& origin : std::exchange(target.waiting_for_stop, {})) {
    respond(origin, empty_arguments(), 0);
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
  runs.clear();
  CANREC_TRY(Canister* const target, canister(id));
  CANREC_TRY(TaskOutcome outcome, task(*target, kind, hook));
  CANREC_CHECK(deliver_all());
  outcome.runs = std::exchange(runs, {});
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
