// SPDX-License-Identifier: Apache-2.0
// Stops and failures.
#include "executor/stop.h"

#include <span>
#include <utility>

#include <fmt/core.h>

namespace canrec::executor {

Stop stop(ic::ExecutionError error, std::initializer_list<std::string> arguments) {
  std::string message = ic::execution_error_message(error, std::span(arguments));
  std::string log = message;
  return {error, std::move(message), std::move(log)};
}

Stop trapped(ic::TrapCode code) {
  return stop(ic::ExecutionError::kTrapped, {std::string(ic::trap_code_words(code))});
}

Stop toolchain_violation(std::string text) {
  return stop(ic::ExecutionError::kToolchainContractViolation, {std::move(text)});
}

Stop violation(std::string text) {
  return stop(ic::ExecutionError::kUserContractViolation, {std::move(text)});
}

std::string Failure::text() const {
  if (by_canister) return description;
  return fmt::format("{}: {}", ic::error_code_text(code), description);
}

Failure failure(ic::ErrorCode code, std::string description) {
  return {code, ic::reject_code(code), std::move(description)};
}

Failure canister_reject(std::string message) {
  return {ic::ErrorCode::kCanisterRejectedMessage, ic::RejectCode::kCanisterReject,
          std::move(message), true};
}

Failure failure_of(const Stop& stop, std::string_view canister_id, std::string_view backtrace) {
  const ic::ErrorCode code = ic::info(stop.error).code;
  return failure(code, ic::describe_execution_error(canister_id, stop.error,
                                                    fmt::format("{}{}", stop.message, backtrace)));
}

}  // namespace canrec::executor

namespace canrec {

std::unexpected<executor::Stop> fail(executor::Stop&& stop) {
  return std::unexpected<executor::Stop>(std::move(stop));
}

}  // namespace canrec
