// SPDX-License-Identifier: Apache-2.0
#pragma once

// What mends one failure of a hook: the patch that takes its cause away.

#include <optional>
#include <string>

#include "executor/executor.h"
#include "patch/plan.h"
#include "wasm/load.h"

namespace canrec::recover {

/// A repair of one cause: the plan and how a user types it.
struct Repair {
  patch::Plan plan;
  std::string verb;   ///< "grow-before-write"
  std::string rest;   ///< "canister_pre_upgrade": what stands behind the module
  std::string what;   ///< one sentence
  std::string costs;  ///< what it gives up; empty = nothing known

  /// "canrec patch VERB INPUT REST -o OUTPUT"
  std::string command(std::string_view input, std::string_view output) const;
};

/// What mends this failure of the module in `hook`, if anything does. `heap_limit` as for cause_of.
std::optional<Repair> repair_of(const wasm::LoadedModule& module,
                                const executor::InstallOutcome& outcome, std::string_view hook,
                                uint64_t heap_limit);

}  // namespace canrec::recover
