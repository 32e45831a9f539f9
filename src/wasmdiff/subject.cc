// SPDX-License-Identifier: Apache-2.0
// Names and reachability for the rules.
#include "wasmdiff/subject.h"

#include <fmt/core.h>

#include "ic/context.h"

namespace canrec::wasmdiff {

std::string Subject::name(Which w, uint32_t fn) const { return names[w].of(wasm::FuncIdx{fn}); }

std::string Subject::function(Which w, uint32_t fn) const {
  return fmt::format("function {} ({})", fn, name(w, fn));
}

std::vector<uint32_t> table_functions(const Layout& layout, size_t slots) {
  std::vector<uint32_t> out;
  for (const TableImage& table : layout.tables) {
    for (size_t slot = 0; slot < table.size() && slot < slots; ++slot) {
      if (table[slot]) out.push_back(std::to_underlying(*table[slot]));
    }
  }
  return out;
}

std::vector<bool> reach(const Side& side, const CodeScan& scan, std::vector<uint32_t> roots,
                        const std::vector<uint32_t>& table_functions) {
  std::vector<bool> seen(side.nodes());
  bool tables_done = false;
  const auto visit = [&](Node node) {
    if (node == kNoNode || seen[node]) return;
    seen[node] = true;
    roots.push_back(node);
  };
  std::vector<uint32_t> first;
  first.swap(roots);
  for (const uint32_t fn : first) visit(fn);
  while (!roots.empty()) {
    const Node node = roots.back();
    roots.pop_back();
    for (const Node target : scan.references(node)) visit(target);
    const bool indirect = node < scan.facts.size() && scan.facts[node].indirect;
    if (indirect && !tables_done) {
      tables_done = true;
      for (const uint32_t fn : table_functions) visit(fn);
    }
  }
  return seen;
}

std::vector<EntryPoint> entry_points(const wasm::Module& module) {
  std::vector<EntryPoint> out;
  for (const wasm::Export& e : module.exports) {
    if (e.kind != wasm::ExternKind::kFunc) continue;
    if (ic::find_hook(e.name) == nullptr && !ic::parse_method(e.name)) continue;
    out.push_back({std::string(e.name), e.index});
  }
  if (module.start) out.push_back({"(start)", std::to_underlying(*module.start)});
  return out;
}

}  // namespace canrec::wasmdiff
