// SPDX-License-Identifier: Apache-2.0
#pragma once

// Everything `canrec inspect` says about a module, gathered in one go.

#include <optional>
#include <vector>

#include "wasm/call_graph.h"
#include "wasm/entry_points.h"
#include "wasm/module.h"
#include "wasm/names.h"
#include "wasm/persisted.h"
#include "wasm/toolchain.h"
#include "wasm/validate.h"

namespace canrec::wasm {

/// Where each fact comes from is told at its type. Views point into the module.
struct ModuleFacts {
  /// Why the module is not valid WebAssembly; then what follows from bodies is missing: entries,
  /// uses, violations.
  std::optional<Error> invalid;
  ToolchainFacts toolchain;
  std::vector<PersistedGlobal> globals;
  std::vector<EntryPoint> entries;
  std::vector<ApiUse> uses;
  std::vector<RuleViolation> violations;
};

/// Gathers the facts; a module that was read always has some.
ModuleFacts inspect_module(const Module& module, const FunctionNames& names);

/// Entries of a section's vector: functions, segments, ...; nothing for custom sections.
std::optional<uint64_t> entry_count(const Module& module, const Section& section);

}  // namespace canrec::wasm
