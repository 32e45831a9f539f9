// SPDX-License-Identifier: Apache-2.0
// Builds the graph in one pass over the bodies; floods it with an explicit work list.
#include "wasm/call_graph.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/checked.h"

namespace canrec::wasm {
namespace {

// Equal types get equal numbers, in order of first appearance.
std::vector<uint32_t> classify_types(const Module& module, uint32_t& classes) {
  const auto order = [&](const FuncType* a, const FuncType* b) {
    return std::tie(a->params, a->results) < std::tie(b->params, b->results);
  };
  std::map<const FuncType*, uint32_t, decltype(order)> seen(order);
  std::vector<uint32_t> out;
  out.reserve(module.types.size());
  for (const FuncType& type : module.types) {
    out.push_back(seen.try_emplace(&type, narrow<uint32_t>(seen.size())).first->second);
  }
  classes = narrow<uint32_t>(seen.size());
  return out;
}

template <typename T>
void sort_unique(std::vector<T>& items, size_t from) {
  const auto begin = items.begin() + static_cast<std::ptrdiff_t>(from);
  std::sort(begin, items.end());
  items.erase(std::unique(begin, items.end()), items.end());
}

}  // namespace

template <typename To, typename From>
CallGraph::Rows<To> CallGraph::transpose(const Rows<From>& rows, size_t size) {
  Rows<To> out;
  out.begin.assign(size + 1, 0);
  for (const From item : rows.items) ++out.begin[size_t{std::to_underlying(item)} + 1];
  for (size_t i = 0; i < size; ++i) out.begin[i + 1] += out.begin[i];
  std::vector<uint32_t> next(out.begin.begin(), out.begin.end() - 1);
  out.items.resize(rows.items.size());
  for (uint32_t row = 0; row + 1 < rows.begin.size(); ++row) {
    for (uint32_t i = rows.begin[row]; i < rows.begin[row + 1]; ++i) {
      out.items[next[std::to_underlying(rows.items[i])]++] = To{row};
    }
  }
  return out;
}

Result<CallGraph> CallGraph::build(const Module& module) {
  CallGraph graph;
  uint32_t classes = 0;
  const std::vector<uint32_t> type_class = classify_types(module, classes);
  graph.address_taken_.resize(module.functions.size());
  for (const Function& fn : module.functions) {
    graph.type_of_.push_back(TypeClass{type_class[std::to_underlying(fn.type)]});
  }
  for (const ElementSegment& segment : module.elements) {
    if (segment.mode == SegmentMode::kDeclarative) continue;
    for (const ElementItem& item : read_items(module, segment)) {
      if (item.function) graph.address_taken_[std::to_underlying(*item.function)] = true;
    }
  }
  Instruction in;
  for (const Function& fn : module.functions) {
    const size_t first_callee = graph.callees_.items.size();
    const size_t first_class = graph.indirect_.items.size();
    InstructionReader reader = module.instructions(fn);
    while (!fn.is_import() && !reader.at_end()) {
      CANREC_CHECK(reader.next(in));
      const Opcode op = in.op;
      const bool direct = op == Opcode::kCall || op == Opcode::kReturnCall;
      const bool indirect = op == Opcode::kCallIndirect || op == Opcode::kReturnCallIndirect;
      if (!direct && !indirect && op != Opcode::kRefFunc) continue;
      if (in.index() >= (indirect ? module.types.size() : module.functions.size())) {
        return fail(
            Errc::kWasmIndex, in.offset,
            fmt::format("{}: no {} {}", info(op).text, indirect ? "type" : "function", in.index()));
      }
      const auto index = static_cast<uint32_t>(in.index());
      if (direct) graph.callees_.items.push_back(FuncIdx{index});
      if (indirect) graph.indirect_.items.push_back(TypeClass{type_class[index]});
      if (op == Opcode::kRefFunc) graph.address_taken_[index] = true;
    }
    sort_unique(graph.callees_.items, first_callee);
    sort_unique(graph.indirect_.items, first_class);
    graph.callees_.begin.push_back(narrow<uint32_t>(graph.callees_.items.size()));
    graph.indirect_.begin.push_back(narrow<uint32_t>(graph.indirect_.items.size()));
  }
  Rows<TypeClass> taken;
  for (size_t i = 0; i < graph.size(); ++i) {
    if (graph.address_taken_[i]) taken.items.push_back(graph.type_of_[i]);
    taken.begin.push_back(narrow<uint32_t>(taken.items.size()));
  }
  graph.callers_ = transpose<FuncIdx>(graph.callees_, graph.size());
  graph.indirect_callers_ = transpose<FuncIdx>(graph.indirect_, classes);
  graph.targets_ = transpose<FuncIdx>(taken, classes);
  return graph;
}

std::vector<FuncIdx> CallGraph::targets_like(FuncIdx fn) const {
  const std::span<const FuncIdx> targets = targets_.of(type_of_[std::to_underlying(fn)]);
  return {targets.begin(), targets.end()};
}

template <typename Direct, typename Through>
std::vector<Reach> CallGraph::flood(std::span<const FuncIdx> from, Direct direct,
                                    Through through) const {
  std::vector<Reach> reach(size(), Reach::kNone);
  std::vector<FuncIdx> work;
  const auto mark = [&](std::span<const FuncIdx> functions, Reach how) {
    for (const FuncIdx fn : functions) {
      Reach& known = reach[std::to_underlying(fn)];
      if (known != Reach::kNone) continue;
      known = how;
      work.push_back(fn);
    }
  };
  mark(from, Reach::kDirect);
  for (size_t next = 0; next < work.size(); ++next) mark(direct(work[next]), Reach::kDirect);
  // `work` holds everything marked so far; what follows needs at least one indirect call.
  for (size_t next = 0; next < work.size(); ++next) {
    mark(direct(work[next]), Reach::kThroughTables);
    through(work[next], [&](std::span<const FuncIdx> fns) { mark(fns, Reach::kThroughTables); });
  }
  return reach;
}

std::vector<Reach> CallGraph::reachable_from(std::span<const FuncIdx> roots) const {
  std::vector<bool> followed(targets_.begin.size());
  return flood(
      roots, [&](FuncIdx fn) { return callees(fn); },
      [&](FuncIdx fn, auto mark) {
        for (const TypeClass type : indirect_.of(fn)) {
          if (followed[std::to_underlying(type)]) continue;
          followed[std::to_underlying(type)] = true;
          mark(targets_.of(type));
        }
      });
}

std::vector<Reach> CallGraph::reaching(std::span<const FuncIdx> targets) const {
  std::vector<bool> followed(targets_.begin.size());
  return flood(
      targets, [&](FuncIdx fn) { return callers(fn); },
      [&](FuncIdx fn, auto mark) {
        const TypeClass type = type_of_[std::to_underlying(fn)];
        if (!is_address_taken(fn) || followed[std::to_underlying(type)]) return;
        followed[std::to_underlying(type)] = true;
        mark(indirect_callers_.of(type));
      });
}

Result<std::vector<CallSite>> find_call_sites(const Module& module,
                                              std::span<const FuncIdx> callees) {
  std::vector<bool> wanted(module.functions.size());
  for (const FuncIdx fn : callees) wanted[std::to_underlying(fn)] = true;
  std::vector<CallSite> sites;
  Instruction in;
  for (size_t i = module.imported_functions; i < module.functions.size(); ++i) {
    InstructionReader reader = module.instructions(module.functions[i]);
    while (!reader.at_end()) {
      CANREC_CHECK(reader.next(in));
      if (in.op != Opcode::kCall && in.op != Opcode::kReturnCall) continue;
      if (in.index() >= wanted.size() || !wanted[static_cast<size_t>(in.index())]) continue;
      sites.push_back({FuncIdx{static_cast<uint32_t>(i)},
                       FuncIdx{static_cast<uint32_t>(in.index())}, in.range()});
    }
  }
  return sites;
}

}  // namespace canrec::wasm
