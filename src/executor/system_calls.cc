// SPDX-License-Identifier: Apache-2.0
// The frame of every System API call: log, charge, context, dispatch; and the helpers that check
// ranges of the heap in the network's order and words.
#include "executor/system_calls.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/checked.h"

namespace canrec::executor {
namespace {

// Bytes that a call pays for, by its arguments.
uint64_t paid_bytes(ic::SystemApi function, std::span<const uint64_t> a) {
  switch (function) {
    case ic::SystemApi::kCallNew:
      return checked_add(a[1], a[3]).value_or(UINT64_MAX);
    case ic::SystemApi::kEnvVarValueCopy:
      return checked_add(a[1], a[4]).value_or(UINT64_MAX);
    case ic::SystemApi::kIsController:
    case ic::SystemApi::kCostSignWithEcdsa:
    case ic::SystemApi::kCostSignWithSchnorr:
    case ic::SystemApi::kCostVetkdDeriveKey:
    case ic::SystemApi::kCostHttpRequestV2:
    case ic::SystemApi::kEnvVarNameExists:
    case ic::SystemApi::kEnvVarValueSize:
      return a[1];
    default:
      return a.empty() ? 0 : a.back();  // (src, size) and (dst, offset, size)
  }
}

uint64_t saturating_mul(uint64_t a, uint64_t b) { return checked_mul(a, b).value_or(UINT64_MAX); }

// [at, at + length) in [0, size), in the network's words.
OrStop<Ok> range_check(const Place& place, uint64_t at, uint64_t length, uint64_t size) {
  if (!checked_add(at, length)) {
    return fail(toolchain_violation(
        fmt::format("{}: src={} + length={} is an invalid address", place.text(), at, length)));
  }
  if (!in_bounds(at, length, size)) {
    return fail(toolchain_violation(fmt::format("{}: src={} + length={} exceeds the slice size={}",
                                                place.text(), at, length, size)));
  }
  return Ok{};
}

}  // namespace

Stop slice_overrun(const Inputs& inputs, uint64_t instructions) {
  const uint64_t limit = std::min(inputs.slice_instructions, inputs.instructions);
  return stop(ic::ExecutionError::kSliceOverrun,
              {std::to_string(instructions), std::to_string(limit)});
}

std::string Place::text() const {
  return fmt::format("{}{}{}{}", prefix, function, part.empty() ? "" : " ", part);
}

OrStop<std::optional<uint64_t>> SystemCalls::call(ic::SystemApi function,
                                                  std::span<const uint64_t> arguments,
                                                  Machine& machine) {
  ++report_.api_calls[function];
  if (report_.last_api_calls.size() == kKeptApiCalls) report_.last_api_calls.pop_front();
  ApiCall& record = report_.last_api_calls.emplace_back();
  record.function = function;
  std::copy(arguments.begin(), arguments.end(), record.arguments.begin());

  machine_ = &machine;
  Value result = perform(function, arguments);
  machine_ = nullptr;
  if (result) record.result = *result;
  return result;
}

SystemCalls::Value SystemCalls::perform(ic::SystemApi function, Arguments a) {
  CANREC_CHECK(charge(function, a));
  const ic::SystemApiFunction& row = ic::info(function);
  if (!row.allowed(in_.context)) {
    return fail(violation(fmt::format("\"ic0_{}\" cannot be executed in {} mode", row.name,
                                      ic::info(in_.context).mode_word)));
  }
  Value result = dispatch(function, a);
  // Touching pages may have used up the rest.
  if (result) CANREC_CHECK(check_budget());
  return result;
}

OrStop<Ok> SystemCalls::charge(ic::SystemApi function, Arguments a) {
  const ic::SystemApiFunction& row = ic::info(function);
  const uint64_t bytes = paid_bytes(function, a);
  const uint64_t capacity = profile_[Limit::kLogBytes];
  const uint64_t room = capacity - std::min(capacity, log_bytes_);
  const uint64_t logging = 2 * std::min(bytes, capacity) + 50 * std::min(bytes, room);
  uint64_t variable = 0;
  switch (row.charge) {
    case ic::SystemApiCharge::kNone:
      break;
    case ic::SystemApiCharge::kBytes:
      variable = bytes;
      break;
    case ic::SystemApiCharge::kBytes50:
      variable = saturating_mul(bytes, 50);
      break;
    case ic::SystemApiCharge::kLog:
      variable = logging;
      break;
    case ic::SystemApiCharge::kBytesLog:
      variable = checked_add(bytes, logging).value_or(UINT64_MAX);
      break;
  }
  return spend(checked_add(variable, uint64_t{row.fixed_instructions}).value_or(UINT64_MAX));
}

OrStop<Ok> SystemCalls::spend(uint64_t instructions) {
  machine_->meter.take(instructions);
  return check_budget();
}

OrStop<Ok> SystemCalls::check_budget() {
  switch (machine_->meter.look()) {
    case engine::BudgetState::kLeft:
      break;
    case engine::BudgetState::kSpent:
      return fail(stop(ic::ExecutionError::kOutOfInstructions, {std::to_string(in_.instructions)}));
    case engine::BudgetState::kSliceOverrun:
      return fail(slice_overrun(in_, machine_->meter.slice_overrun()));
  }
  return Ok{};
}

OrStop<Ok> SystemCalls::heap_check(const Place& place, uint64_t at, uint64_t length) {
  if (machine_->heap == nullptr) {
    return fail(toolchain_violation("WebAssembly module must define memory"));
  }
  return range_check(place, at, length, machine_->heap->size());
}

OrStop<ByteView> SystemCalls::heap_read(const Place& place, uint64_t from, uint64_t length) {
  CANREC_CHECK(heap_check(place, from, length));
  return machine_->heap->read(from, length);
}

SystemCalls::Value SystemCalls::copy_out(std::string_view function, std::string_view source_name,
                                         ByteView source, uint64_t to, uint64_t offset,
                                         uint64_t length) {
  CANREC_CHECK(heap_check(Place(function, "heap"), to, length));
  CANREC_CHECK(range_check(Place(function, source_name), offset, length, source.size()));
  const std::span<uint8_t> target = machine_->heap->write(to, length);
  const ByteView part = source.subspan(offset, length);
  std::copy(part.begin(), part.end(), target.begin());
  return std::nullopt;
}

SystemCalls::Value SystemCalls::write_amount(std::string_view function, uint64_t to,
                                             Cycles amount) {
  constexpr uint64_t kSize = 16;
  if (machine_->heap == nullptr) {
    return fail(toolchain_violation("WebAssembly module must define memory"));
  }
  if (!in_bounds(to, kSize, machine_->heap->size())) {
    return fail(
        toolchain_violation(fmt::format("ic0_{} failed because dst + size is out of bounds.Found "
                                        "dst = {} and size = {} while must be "
                                        "<= {}",
                                        function, to, kSize, machine_->heap->size())));
  }
  const auto bytes = cycles_bytes(amount);
  std::copy(bytes.begin(), bytes.end(), machine_->heap->write(to, kSize).begin());
  return std::nullopt;
}

OrStop<ic::Principal> SystemCalls::principal_at(const Place& place, uint64_t from,
                                                uint64_t length) {
  CANREC_TRY(const ByteView bytes, heap_read(place, from, length));
  auto principal = ic::Principal::from_bytes(bytes);
  if (!principal) return fail(stop(ic::ExecutionError::kInvalidPrincipal));
  return *principal;
}

// One line a function; what is more than a line has a name.
SystemCalls::Value SystemCalls::dispatch(ic::SystemApi function, Arguments a) {
  using enum ic::SystemApi;
  const std::string_view name = ic::info(function).name;
  const auto copy = [&](std::string_view source_name, ByteView source) {
    return copy_out(name, source_name, source, a[0], a[1], a[2]);
  };
  switch (function) {
    case kMsgArgDataSize:
      return in_.argument.size();
    case kMsgArgDataCopy:
      return copy("payload", in_.argument);
    case kMsgCallerSize:
      return in_.caller.size();
    case kMsgCallerCopy:
      return copy("id", in_.caller.bytes());
    case kMsgCallerInfoDataSize:
    case kMsgCallerInfoSignerSize:
      return uint64_t{0};  // no request that is imitated here carries sender_info
    case kMsgCallerInfoDataCopy:
    case kMsgCallerInfoSignerCopy:
      return copy("payload", {});
    case kMsgRejectCode:
      return static_cast<uint64_t>(in_.reject_code);
    case kMsgRejectMsgSize:
      return in_.reject_message.size();
    case kMsgRejectMsgCopy:
      return copy("msg", as_bytes(in_.reject_message));
    case kMsgDeadline:
      return in_.deadline_ns;
    case kMsgReplyDataAppend:
      return reply_data_append(a[0], a[1]);
    case kMsgReply:
      return reply();
    case kMsgReject:
      return reject(a[0], a[1]);
    case kMsgMethodNameSize:
      return in_.method_name.size();
    case kMsgMethodNameCopy:
      return copy("method_name", as_bytes(in_.method_name));
    case kAcceptMessage:
      return accept_message();
    case kMsgCyclesAvailable:
    case kMsgCyclesAvailable128:
    case kMsgCyclesRefunded:
    case kMsgCyclesRefunded128:
    case kMsgCyclesAccept:
    case kMsgCyclesAccept128:
    case kCyclesBurn128:
    case kCanisterCycleBalance:
    case kCanisterCycleBalance128:
    case kCanisterLiquidCycleBalance128:
    case kMintCycles128:
      return cycles_call(function, a);
    case kCanisterSelfSize:
      return in_.self.size();
    case kCanisterSelfCopy:
      return copy("id", in_.self.bytes());
    case kSubnetSelfSize:
      return in_.subnet.size();
    case kSubnetSelfCopy:
      return copy("id", in_.subnet.bytes());
    case kCanisterStatus:
      return static_cast<uint64_t>(in_.status);
    case kCanisterVersion:
      return in_.version;
    case kCallNew:
      return call_new(a);
    case kCallOnCleanup:
      return call_on_cleanup({a[0], a[1]});
    case kCallDataAppend:
      return call_data_append(a[0], a[1]);
    case kCallWithBestEffortResponse:
      return call_with_best_effort_response(static_cast<uint32_t>(a[0]));
    case kCallCyclesAdd:
      return call_cycles_add(name, a[0]);
    case kCallCyclesAdd128:
      return call_cycles_add(name, cycles_from(a[0], a[1]));
    case kCallPerform:
      return call_perform();
    case kStableSize:
    case kStable64Size:
      return stable_size(function == kStableSize);
    case kStableGrow:
    case kStable64Grow:
      return stable_grow(a[0], function == kStableGrow);
    case kStableRead:
    case kStable64Read:
      return stable_read(a[0], a[1], a[2], function == kStableRead);
    case kStableWrite:
    case kStable64Write:
      return stable_write(a[0], a[1], a[2], function == kStableWrite);
    case kRootKeySize:
      return in_.root_key.size();
    case kRootKeyCopy:
      return copy("root_key", in_.root_key);
    case kCertifiedDataSet:
      return certified_data_set(a[0], a[1]);
    case kDataCertificatePresent:
      return uint64_t{0};  // a certificate comes from a network
    case kDataCertificateSize:
    case kDataCertificateCopy:
      return fail(toolchain_violation(fmt::format("ic0.{} is not available", name)));
    case kTime:
      return in_.time_ns;
    case kGlobalTimerSet:
      return global_timer_set(a[0]);
    case kPerformanceCounter:
      return performance_counter(static_cast<uint32_t>(a[0]));
    case kIsController:
      return is_controller(a[0], a[1]);
    case kInReplicatedExecution:
      return uint64_t{ic::info(in_.context).replicated};
    case kCostCall:
    case kCostCreateCanister:
    case kCostHttpRequest:
    case kCostHttpRequestV2:
      return cost(function, a);
    case kCostSignWithEcdsa:
    case kCostVetkdDeriveKey:
      return cost_sign(function, a, 1);
    case kCostSignWithSchnorr:
      return cost_sign(function, a, 2);
    case kEnvVarCount:
    case kEnvVarNameSize:
    case kEnvVarNameCopy:
    case kEnvVarNameExists:
    case kEnvVarValueSize:
    case kEnvVarValueCopy:
      return variables_call(function, a);
    case kDebugPrint:
      return debug_print(a[0], a[1]);
    case kTrap:
      return trap(a[0], a[1]);
  }
  return fail(toolchain_violation(fmt::format("ic0.{} is unknown", name)));
}

}  // namespace canrec::executor
