// SPDX-License-Identifier: Apache-2.0
#pragma once

// Running one export, or one callback, over a canister's state. Memories and globals are changed in
// place; the caller commits or rolls them back.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "executor/canister.h"
#include "executor/events.h"
#include "executor/execution.h"
#include "executor/profile.h"
#include "executor/report.h"

namespace canrec::executor {

/// Where an execution begins: a function of the module, or a slot of table 0 with its argument.
using Entry = std::variant<wasm::FuncIdx, Continuation>;

/// What stays the same from run to run.
struct RunFrame {
  const Profile& profile;
  EventSink* events = nullptr;           ///< may be null
  const Interrupt* interrupt = nullptr;  ///< may be null
};

/// How a run ended. `report.stopped` tells whether it ended well.
struct Run {
  RunReport report;
  Effects effects;                     ///< only meaningful when it ended well
  std::vector<std::string> log_lines;  ///< for the canister's log; they stay in any case
  bool ok() const { return !report.stopped.has_value(); }
};

/// More bytes of messages on their way than memory is given for. Code: kMessageLimit.
Error too_many_waiting(const Profile& profile);

/// Runs an entry to its end.
///
/// Shape:  `inputs` carries the limits of this execution; `memory_limit_bytes` is the setting where
///         it is enforced, 0 where it is not.
/// Errors: kInterrupted, kMessageLimit; everything that canister code can bring about is in the
/// report.
Result<Run> run(const RunFrame& frame, WasmState& state, const Entry& entry, std::string name,
                const Inputs& inputs, uint64_t memory_limit_bytes);

}  // namespace canrec::executor
