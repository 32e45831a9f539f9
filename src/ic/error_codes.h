// SPDX-License-Identifier: Apache-2.0
#pragma once

// The network's errors: numeric codes, reject codes, the words of execution errors and of traps.
// The tables are ic/error_codes.def, ic/execution_errors.def and ic/trap_codes.def.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace canrec::ic {

enum class ErrorCode : uint16_t {
#define ERROR_CODE(id, number, words) id = number,
#include "ic/error_codes.def"
#undef ERROR_CODE
};

struct ErrorCodeInfo {
  ErrorCode code;
  std::string_view words;
};
inline constexpr auto kErrorCodes = std::to_array<ErrorCodeInfo>({
#define ERROR_CODE(id, number, words) {ErrorCode::id, words},
#include "ic/error_codes.def"
#undef ERROR_CODE
});

/// The row of a number, or null.
constexpr const ErrorCodeInfo* find_error_code(uint16_t number) {
  for (const ErrorCodeInfo& row : kErrorCodes) {
    if (static_cast<uint16_t>(row.code) == number) return &row;
  }
  return nullptr;
}

/// As `ic0.msg_reject_code` reports it.
enum class RejectCode : uint8_t {
  kNone = 0,
  kSysFatal = 1,
  kSysTransient = 2,
  kDestinationInvalid = 3,
  kCanisterReject = 4,
  kCanisterError = 5,
  kSysUnknown = 6,
};
constexpr RejectCode reject_code(ErrorCode code) {
  return static_cast<RejectCode>(static_cast<uint16_t>(code) / 100);
}
/// For example "CANISTER_ERROR".
std::string_view reject_code_name(RejectCode code);
/// For example "IC0502".
std::string error_code_text(ErrorCode code);

enum class TrapCode : uint8_t {
#define TRAP_CODE(id, words) id,
#include "ic/trap_codes.def"
#undef TRAP_CODE
};
/// For example "heap out of bounds".
std::string_view trap_code_words(TrapCode code);

enum class ExecutionError : uint8_t {
#define EXECUTION_ERROR(id, ...) id,
#include "ic/execution_errors.def"
#undef EXECUTION_ERROR
};
enum class ErrorHelp : uint8_t { kNone, kUser, kToolchain };
struct ExecutionErrorInfo {
  ExecutionError id;
  ErrorCode code;
  /// The network's words; {0}, {1} ... stand for arguments.
  std::string_view message;
  ErrorHelp help;
  std::string_view suggestion;
  /// Place of the error in the documentation page.
  std::string_view anchor;
};
inline constexpr auto kExecutionErrors = std::to_array<ExecutionErrorInfo>({
#define EXECUTION_ERROR(id, code, message, help, suggestion, anchor) \
  {ExecutionError::id, ErrorCode::code, message, ErrorHelp::help, suggestion, anchor},
#include "ic/execution_errors.def"
#undef EXECUTION_ERROR
});
constexpr const ExecutionErrorInfo& info(ExecutionError error) {
  return kExecutionErrors[static_cast<size_t>(error)];
}

/// The message with its arguments filled in; the caller gives as many as the row has.
std::string execution_error_message(ExecutionError error, std::span<const std::string> arguments);

/// The description an agent shows: "Error from Canister ID: MESSAGE", and when there is help a full
/// stop, a new line and the help. A description over limits::kErrorDescriptionBytes loses its
/// middle. `message` is execution_error_message(error, ...), perhaps with a backtrace after it.
std::string describe_execution_error(std::string_view canister_id, ExecutionError error,
                                     std::string_view message);

}  // namespace canrec::ic
