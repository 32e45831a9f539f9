// SPDX-License-Identifier: Apache-2.0
#pragma once

// One execution of canister code as data: what it is given, and what it wants changed. The effects
// are applied by the caller when the execution ends well and dropped when it does not.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "executor/cycles.h"
#include "ic/context.h"
#include "ic/error_codes.h"
#include "ic/principal.h"

namespace canrec::executor {

/// What each message on its way counts for besides its bytes.
inline constexpr uint64_t kMessageBytes = 512;

/// A place to continue at: an index into table 0 and a value for the function there.
struct Continuation {
  uint64_t function = 0;
  uint64_t environment = 0;
};

/// What a canister leaves behind with call_perform.
struct OutgoingCall {
  ic::Principal callee;
  std::string method;
  Bytes payload;
  Cycles cycles = 0;
  Continuation reply;
  Continuation reject;
  std::optional<Continuation> cleanup;
  std::optional<uint32_t> timeout_seconds;  ///< of a best-effort call
  Cycles prepaid = 0;                       ///< for sending it, its reply and its callback
};

/// The answer that a canister gave with msg_reject.
struct CanisterReject {
  std::string message;
};
/// A reply's bytes, or a reject.
using CanisterResponse = std::variant<Bytes, CanisterReject>;

/// How a canister stands, as ic0.canister_status reports it.
enum class RunStatus : uint8_t { kRunning = 1, kStopping = 2, kStopped = 3 };

/// What an execution may look at. Views live as long as the execution.
struct Inputs {
  ic::Context context{};
  // the message
  ic::Principal caller;
  ByteView argument;  ///< call or install argument, ingress argument, or reply payload
  ic::RejectCode reject_code = ic::RejectCode::kNone;
  std::string_view reject_message;
  std::string_view method_name;  ///< for inspection
  uint64_t deadline_ns = 0;
  Cycles cycles_available = 0;
  Cycles cycles_refunded = 0;
  bool already_replied = false;
  uint64_t context_instructions = 0;  ///< of earlier executions of the same call context
  // the canister
  ic::Principal self;
  const std::vector<ic::Principal>* controllers = nullptr;
  const std::map<std::string, std::string>* environment = nullptr;
  Cycles balance = 0;
  Cycles freezing_threshold = 0;
  bool pays = false;              ///< growing memory and calling needs cycles
  bool checks_growth = false;     ///< ... growing memory in this context
  bool caller_controls = false;   ///< and so may learn how many cycles are missing
  uint64_t memory_usage = 0;      ///< when the execution began, as the network counts it
  uint64_t freezing_seconds = 0;  ///< the setting
  RunStatus status = RunStatus::kRunning;
  uint64_t version = 0;
  uint64_t global_timer_ns = 0;
  uint64_t log_bytes_used = 0;
  const std::map<ic::Principal, uint64_t>* calls_under_way = nullptr;  ///< by destination
  uint64_t message_room = UINT64_MAX;  ///< bytes for calls, beside what is on its way
  // the network
  ic::Principal subnet;
  ByteView root_key;
  uint64_t time_ns = 0;
  // the limits of this execution
  uint64_t instructions = 0;
  uint64_t slice_instructions = 0;
  uint64_t reply_bytes = 0;
  uint64_t stable_access_os_pages = 0;
};

/// What an execution wants changed beside its memories and globals.
struct Effects {
  std::optional<CanisterResponse> response;
  std::vector<OutgoingCall> calls;
  Cycles accepted = 0;
  Cycles burned = 0;
  std::optional<Bytes> certified_data;
  std::optional<uint64_t> global_timer_ns;
  bool message_accepted = false;  ///< by inspection
};

}  // namespace canrec::executor
