// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the network enters a module, and which System API functions each entry leads to.
// Source: system-api.md 1.1 and 1.3.

#include <string>
#include <vector>

#include "ic/system_api.h"
#include "wasm/call_graph.h"
#include "wasm/module.h"

namespace canrec::wasm {

/// One way in.
struct EntryPoint {
  std::string name;                ///< the export, "(start)" or "(callbacks)"
  ic::ContextSet contexts;         ///< in which the network may run it
  std::vector<FuncIdx> functions;  ///< one, or all possible callbacks
};

/// Start, hooks, methods in export order, and, where the module makes calls (imports call_new), one
/// entry for the callbacks: every function of type (pointer) -> () whose address is taken.
std::vector<EntryPoint> entry_points(const Module& module, const CallGraph& graph);

/// An import of the System API and who gets there.
struct ApiUse {
  std::string_view name;  ///< points into the module
  std::vector<FuncIdx> imports;
  const ic::SystemApiFunction* known;  ///< null for a name that the network does not know
  struct From {
    size_t entry;  ///< index into the entry points
    Reach reach;
    /// Contexts of the entry in which the function may not be called.
    ic::ContextSet forbidden;
  };
  std::vector<From> from;  ///< entries that reach it, in their order; empty for unknown names
};
/// One row for each name imported from "ic0", in import order.
std::vector<ApiUse> api_uses(const Module& module, const CallGraph& graph,
                             const std::vector<EntryPoint>& entries);

/// "I", "RQ NRQ TQ": the letters of a set as the specification writes them.
std::string context_letters(const ic::ContextSet& contexts);

}  // namespace canrec::wasm
