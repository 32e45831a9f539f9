// SPDX-License-Identifier: Apache-2.0
// System API: cycles, and calls of other canisters.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/checked.h"
#include "executor/prices.h"
#include "executor/system_calls.h"

namespace canrec::executor {
namespace {

constexpr std::string_view kCyclesMintingCanister = "rkp4c-7iaaa-aaaaa-aaaca-cai";

}  // namespace

Cycles SystemCalls::available() const {
  const bool answered = in_.already_replied || effects_.response.has_value();
  return answered ? 0 : saturating_sub(in_.cycles_available, effects_.accepted);
}

// What is left after the cycles that go out with calls, one under construction included.
Cycles SystemCalls::balance() const {
  Cycles amount = saturating_add(in_.balance, effects_.accepted);
  amount = saturating_sub(amount, effects_.burned);
  for (const OutgoingCall& call : effects_.calls) {
    amount = saturating_sub(amount, call.cycles);
    amount = saturating_sub(amount, call.prepaid);
  }
  return call_ ? saturating_sub(amount, call_->cycles) : amount;
}

Cycles SystemCalls::liquid_balance() const { return saturating_sub(balance(), threshold()); }

Cycles SystemCalls::threshold() const {
  if (!in_.pays) return in_.freezing_threshold;
  return freezing_threshold(profile_, in_.memory_usage + grown_bytes_, in_.freezing_seconds);
}

// What call_perform sets aside: sending, the largest reply, the longest callback.
Cycles SystemCalls::call_price(uint64_t bytes) const {
  return transmission_price(profile_, bytes) +
         execution_price(profile_, profile_[Limit::kUpdateInstructions], machine_->is_64);
}

OrStop<Ok> SystemCalls::pay_for_growth(uint64_t bytes) {
  if (!in_.pays || !in_.checks_growth) return Ok{};
  grown_bytes_ += bytes;
  const Cycles needed = threshold();
  if (balance() >= needed) return Ok{};
  grown_bytes_ -= bytes;
  Stop end = stop(ic::ExecutionError::kNoCyclesToGrow, {std::to_string(bytes)});
  if (in_.caller_controls) {
    end.message += fmt::format(" At least {} additional cycles are required.",
                               cycles_text(needed - balance()));
  }
  return fail(std::move(end));
}

Cycles SystemCalls::accept(Cycles most) {
  const Cycles amount = std::min({most, available(), kMaxCycles - balance()});
  effects_.accepted += amount;
  return amount;
}

Cycles SystemCalls::burn(Cycles most) {
  const Cycles amount = std::min(most, liquid_balance());
  effects_.burned += amount;
  return amount;
}

SystemCalls::Value SystemCalls::in_64_bits(Cycles amount) {
  if (!fits_64_bits(amount)) return fail(trapped(ic::TrapCode::kCyclesExceed64Bits));
  return static_cast<uint64_t>(amount);
}

SystemCalls::Value SystemCalls::cycles_call(ic::SystemApi function, Arguments a) {
  using enum ic::SystemApi;
  const std::string_view name = ic::info(function).name;
  switch (function) {
    case kMsgCyclesAvailable:
      return in_64_bits(available());
    case kMsgCyclesAvailable128:
      return write_amount(name, a[0], available());
    case kMsgCyclesRefunded:
      return in_64_bits(in_.cycles_refunded);
    case kMsgCyclesRefunded128:
      return write_amount(name, a[0], in_.cycles_refunded);
    case kMsgCyclesAccept:
      return in_64_bits(accept(a[0]));
    case kMsgCyclesAccept128:
      return write_amount(name, a[2], accept(cycles_from(a[0], a[1])));
    case kCyclesBurn128:
      return write_amount(name, a[2], burn(cycles_from(a[0], a[1])));
    case kCanisterCycleBalance:
      return in_64_bits(balance());
    case kCanisterCycleBalance128:
      return write_amount(name, a[0], balance());
    case kCanisterLiquidCycleBalance128:
      return write_amount(name, a[0], liquid_balance());
    default:
      // No snapshot is of that canister: its cycles are no part of one.
      return fail(violation(
          fmt::format("ic0.{} cannot be executed on non Cycles Minting Canister: {} != {}", name,
                      in_.self.text(), kCyclesMintingCanister)));
  }
}

OrStop<OutgoingCall*> SystemCalls::under_construction(std::string_view function) {
  if (!call_) {
    return fail(toolchain_violation(
        fmt::format("ic0.{} called when no call is under construction.", function)));
  }
  return &*call_;
}

SystemCalls::Value SystemCalls::call_new(Arguments a) {
  if (call_) message_bytes_ -= call_->payload.size();
  call_.reset();  // its cycles were only set aside
  const uint64_t limit = profile_[Limit::kCallMethodNameBytes];
  if (a[3] > limit) {
    return fail(violation(
        fmt::format("Size of method_name {} exceeds the allowed limit of {}.", a[3], limit)));
  }
  CANREC_TRY(const ByteView name, heap_read("ic0.call_new method_name", a[2], a[3]));
  std::string method = utf8_lossy(name);
  CANREC_TRY(const ic::Principal callee, principal_at("ic0.call_new callee_src", a[0], a[1]));
  OutgoingCall& call = call_.emplace();
  call.callee = callee;
  call.method = std::move(method);
  call.reply = {a[4], a[5]};
  call.reject = {a[6], a[7]};
  return std::nullopt;
}

SystemCalls::Value SystemCalls::call_on_cleanup(Continuation cleanup) {
  CANREC_TRY(OutgoingCall* const call, under_construction("call_on_cleanup"));
  if (call->cleanup) {
    return fail(toolchain_violation(
        "ic0.call_on_cleanup can be called at most once between `ic0.call_new` and "
        "`ic0.call_perform`"));
  }
  call->cleanup = cleanup;
  return std::nullopt;
}

SystemCalls::Value SystemCalls::call_data_append(uint64_t from, uint64_t length) {
  CANREC_TRY(OutgoingCall* const call, under_construction("call_data_append"));
  const uint64_t limit = profile_[Limit::kCallBytesSameSubnet];
  const uint64_t total = checked_add(uint64_t{call->payload.size() + call->method.size()}, length)
                             .value_or(UINT64_MAX);
  if (total > limit) {
    return fail(violation(fmt::format(
        "Request to {}:{} has a payload size of {}, which exceeds the allowed limit of {}.",
        call->callee.text(), call->method, total, limit)));
  }
  CANREC_TRY(const ByteView bytes, heap_read("ic0.call_data_append", from, length));
  CANREC_CHECK(take_message_room(length));
  append(call->payload, bytes);
  return std::nullopt;
}

// The stop ends the execution; it is never shown, since the command ends with an error of ours.
OrStop<Ok> SystemCalls::take_message_room(uint64_t bytes) {
  message_bytes_ += bytes;
  if (message_bytes_ <= in_.message_room) return Ok{};
  out_of_message_room_ = true;
  return fail(stop(ic::ExecutionError::kEngineError, {"too many messages"}));
}

SystemCalls::Value SystemCalls::call_with_best_effort_response(uint32_t seconds) {
  CANREC_TRY(OutgoingCall* const call, under_construction("call_with_best_effort_response"));
  if (call->timeout_seconds) {
    return fail(toolchain_violation(
        "ic0_call_with_best_effort_response failed because a timeout is already set."));
  }
  const uint64_t most = profile_[Limit::kBestEffortSeconds];
  call->timeout_seconds = static_cast<uint32_t>(std::min(uint64_t{seconds}, most));
  return std::nullopt;
}

SystemCalls::Value SystemCalls::call_cycles_add(std::string_view function, Cycles amount) {
  CANREC_TRY(OutgoingCall* const call, under_construction(function));
  if (amount > liquid_balance()) {
    return fail(stop(ic::ExecutionError::kCanisterOutOfCycles, {in_.self.text()}));
  }
  call->cycles = saturating_add(call->cycles, amount);
  return std::nullopt;
}

SystemCalls::Value SystemCalls::call_perform() {
  CANREC_TRY(OutgoingCall* const call, under_construction("call_perform"));
  uint64_t under_way = 0;
  if (in_.calls_under_way != nullptr) {
    const auto it = in_.calls_under_way->find(call->callee);
    if (it != in_.calls_under_way->end()) under_way = it->second;
  }
  for (const OutgoingCall& other : effects_.calls) {
    under_way += other.callee == call->callee ? 1 : 0;
  }
  // A full queue, or too few cycles, is a number and not a stop; the cycles go back with the call.
  bool fits = under_way < profile_[Limit::kQueueMessages];
  if (fits && in_.pays) {
    const Cycles price = call_price(call->method.size() + call->payload.size());
    fits = balance() >= saturating_add(threshold(), price);
    call->prepaid = price;
  }
  if (fits) {
    CANREC_CHECK(take_message_room(kMessageBytes + call->method.size()));
    effects_.calls.push_back(std::move(*call));
  } else {
    message_bytes_ -= call->payload.size();
  }
  call_.reset();
  return fits ? uint64_t{0} : uint64_t{static_cast<uint8_t>(ic::RejectCode::kSysTransient)};
}

}  // namespace canrec::executor
