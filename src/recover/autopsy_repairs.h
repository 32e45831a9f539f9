// SPDX-License-Identifier: Apache-2.0
#pragma once

// What may mend one failure of a hook: the patch that takes its cause away, and the functions
// between the failure and the hook, each of which could return at once.

#include <string>
#include <vector>

#include "executor/executor.h"
#include "patch/plan.h"
#include "wasm/load.h"

namespace canrec::recover {

/// One patch: the plan and how a user types it.
struct Repair {
  patch::Plan plan;
  std::string verb;    ///< "grow-before-write"
  std::string rest;    ///< "canister_pre_upgrade": what stands behind the module
  std::string what;    ///< one sentence
  std::string costs;   ///< what it gives up; empty = nothing known
  bool stubs = false;  ///< a function returns at once

  /// "canrec patch VERB INPUT REST -o OUTPUT"
  std::string command(std::string_view input, std::string_view output) const;
};

/// Whether the instruction behind the one at `offset` is `unreachable`: the call there is one that
/// never returns (a panic, an abort), and making it return changes nothing.
bool never_returns(const wasm::Module& module, uint32_t function, uint64_t offset);

/// The repairs for this failure of the module, those that keep most first.
///
/// Shape:   `hook` is the export that ran, or "(start)"; `heap_limit` as for cause_of.
std::vector<Repair> repairs_of(const wasm::LoadedModule& module,
                               const executor::InstallOutcome& outcome, std::string_view hook,
                               uint64_t heap_limit);

}  // namespace canrec::recover
