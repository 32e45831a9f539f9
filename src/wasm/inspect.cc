// SPDX-License-Identifier: Apache-2.0
// Calls the parts in turn.
#include "wasm/inspect.h"

namespace canrec::wasm {

ModuleFacts inspect_module(const Module& module, const FunctionNames& names) {
  ModuleFacts facts;
  facts.globals = persisted_globals(module);
  if (Status valid = validate(module); !valid) {
    facts.invalid = std::move(valid).error();
    facts.toolchain = detect_toolchain(module, names, nullptr);
    return facts;
  }
  const Result<CallGraph> graph = CallGraph::build(module);
  // A valid module names only functions and types that it has.
  CANREC_ASSERT(graph.has_value());
  facts.toolchain = detect_toolchain(module, names, &*graph);
  facts.entries = entry_points(module, *graph);
  facts.uses = api_uses(module, *graph, facts.entries);
  facts.violations = check_network_rules(module);
  return facts;
}

std::optional<uint64_t> entry_count(const Module& module, const Section& section) {
  switch (section.id) {
    case SectionId::kType:
      return module.types.size();
    case SectionId::kImport:
      return module.imports.size();
    case SectionId::kFunction:
    case SectionId::kCode:
      return module.functions.size() - module.imported_functions;
    case SectionId::kTable:
      return module.tables.size() - module.imported_tables;
    case SectionId::kMemory:
      return module.memories.size() - module.imported_memories;
    case SectionId::kGlobal:
      return module.globals.size() - module.imported_globals;
    case SectionId::kExport:
      return module.exports.size();
    case SectionId::kElement:
      return module.elements.size();
    case SectionId::kData:
    case SectionId::kDataCount:
      return module.data.size();
    case SectionId::kCustom:
    case SectionId::kStart:
      break;
  }
  return std::nullopt;
}

}  // namespace canrec::wasm
