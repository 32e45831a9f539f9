// SPDX-License-Identifier: Apache-2.0
// The functions of a scope, through the call graph.
#include "patch/reach.h"

#include <fmt/core.h>

#include "wasm/call_graph.h"

namespace canrec::patch {

Result<ScopeFunctions> in_scope(const Places& places, const Scope& scope) {
  const wasm::Module& module = places.module();
  if (scope.function && scope.from) {
    return fail(Errc::kBadArgument, "a function and --from exclude each other");
  }
  ScopeFunctions found;
  if (scope.function) {
    CANREC_TRY(const wasm::FuncIdx fn, places.defined(*scope.function));
    found.functions.push_back(fn);
    return found;
  }
  std::vector<wasm::Reach> reach(module.functions.size(), wasm::Reach::kDirect);
  if (scope.from) {
    CANREC_TRY(const wasm::FuncIdx root, places.function(*scope.from));
    CANREC_TRY(const wasm::CallGraph graph, wasm::CallGraph::build(module));
    reach = graph.reachable_from(std::span(&root, 1));
  }
  for (uint32_t i = module.imported_functions; i < module.functions.size(); ++i) {
    if (reach[i] == wasm::Reach::kNone) continue;
    found.functions.push_back(wasm::FuncIdx{i});
    if (reach[i] == wasm::Reach::kThroughTables) ++found.through_tables;
  }
  return found;
}

}  // namespace canrec::patch
