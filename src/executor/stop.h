// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why an execution ended before its time, and how the network tells the caller. A Stop is a value
// of the machine that is being imitated, not an error of ours: it carries a row of
// ic/execution_errors.def and the words of that row with its arguments filled in.

#include <expected>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "ic/error_codes.h"

namespace canrec::executor {

/// An execution that was stopped; its effects are dropped.
struct Stop {
  ic::ExecutionError error;
  /// The network's words without prefix and help: "Canister trapped: unreachable".
  std::string message;
  /// What the canister's log says of it: the text of ic0.trap, or the message.
  std::string log;
};

/// A value, or the end of the execution.
template <typename T>
using OrStop = std::expected<T, Stop>;

Stop stop(ic::ExecutionError error, std::initializer_list<std::string> arguments = {});
/// IC0502 with one of the trap codes.
Stop trapped(ic::TrapCode code);
/// IC0504, reported as a mistake of the tools that made the module.
Stop toolchain_violation(std::string text);
/// IC0504 without advice.
Stop violation(std::string text);

/// What a caller gets in place of a reply.
struct Failure {
  ic::ErrorCode code;
  ic::RejectCode reject_code;
  std::string description;
  bool by_canister = false;  ///< said with ic0.msg_reject; the description is the canister's own

  /// "IC0503: Error from Canister ...", or a canister's own words as they are.
  std::string text() const;
};

/// A failure of that code with its usual reject code.
Failure failure(ic::ErrorCode code, std::string description);
/// The answer of a canister that called ic0.msg_reject.
Failure canister_reject(std::string message);
/// The description an agent shows; `backtrace` is empty or stands behind the message.
Failure failure_of(const Stop& stop, std::string_view canister_id, std::string_view backtrace);

}  // namespace canrec::executor

namespace canrec {
/// Lets CANREC_TRY and CANREC_CHECK pass a Stop on as they pass an Error on.
std::unexpected<executor::Stop> fail(executor::Stop&& stop);
}  // namespace canrec
