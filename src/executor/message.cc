// SPDX-License-Identifier: Apache-2.0
// Update calls and responses: how messages become executions.
// Source: https://internetcomputer.org/docs/references/ic-interface-spec, "Abstract behavior".
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "executor/network.h"
#include "executor/prices.h"

namespace canrec::executor {
namespace {

constexpr std::string_view kInspectHook = "canister_inspect_message";

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

uint64_t payload_bytes(const Answer& answer) {
  if (const auto* reply = std::get_if<Bytes>(&answer)) return reply->size();
  return std::get<Failure>(answer).text().size();
}

}  // namespace

uint64_t MessageQueue::bytes_of(const Message& message) {
  if (const auto* request = std::get_if<Request>(&message)) {
    return kMessageBytes + request->method.size() + request->payload.size();
  }
  return kMessageBytes + payload_bytes(std::get<Response>(message).answer);
}

void MessageQueue::push(Message message) {
  bytes_ += bytes_of(message);
  messages_.push_back(std::move(message));
}

Message MessageQueue::pop() {
  Message message = std::move(messages_.front());
  messages_.pop_front();
  bytes_ -= bytes_of(message);
  return message;
}

// --- ingress
// --------------------------------------------------------------------------------------

Result<CallOutcome> Network::inspect(const Call& call) {
  (void)runs.take();
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
  return CallOutcome{std::move(answer), runs.take(), {}};
}

Result<CallOutcome> Network::update(const Call& call) {
  const uint64_t limit = options.profile[Limit::kIngressBytes];
  if (call.argument.size() > limit) return fail(argument_too_large(call.argument.size(), limit));
  CANREC_CHECK(canister(call.canister));
  (void)runs.take();
  if (options.inspect_ingress) {
    CANREC_TRY(CallOutcome inspected, inspect(call));
    if (!inspected.replied()) return inspected;
    for (RunReport& run : inspected.runs) runs.add(std::move(run));
  }
  absent.clear();
  const uint64_t ingress = world.ingress_made++;
  world.queue.push(Request{.origin = IngressOrigin{ingress},
                           .caller = call.caller,
                           .callee = call.canister,
                           .method = call.method,
                           .payload = call.argument});
  CANREC_CHECK(deliver_all());
  CallOutcome outcome{failure(ic::ErrorCode::kDidNotReply,
                              "the call waits for something that does not happen here"),
                      runs.take(),
                      {absent.begin(), absent.end()}};
  if (auto node = answers.extract(ingress)) outcome.answer = std::move(node.mapped());
  return outcome;
}

// --- delivery
// -------------------------------------------------------------------------------------

Status Network::deliver_all() {
  const uint64_t most = options.profile[Limit::kCommandMessages];
  uint64_t delivered = 0;
  while (!world.queue.empty()) {
    if (options.interrupt != nullptr) CANREC_CHECK(options.interrupt->check());
    if (++delivered > most) {
      return fail(Errc::kMessageLimit,
                  fmt::format("still busy after {} messages: calls set off calls without end, as "
                              "it seems; nothing they did is kept (--limit command-messages=N "
                              "allows more)",
                              grouped(most)));
    }
    if (world.queue.bytes() > options.profile[Limit::kWaitingMessageBytes]) {
      return fail(too_many_waiting(options.profile));
    }
    Message message = world.queue.pop();
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
    world.queue.push(Response{*caller, std::move(answer), refund});
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
  if (!node) return Ok{};
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
  if (context.deleted) {  // only the cycles come back
    refund(target, callback.prepaid_execution, 0);
    finish(target, callback.context, std::nullopt);
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

}  // namespace canrec::executor
