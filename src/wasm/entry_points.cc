// SPDX-License-Identifier: Apache-2.0
// Entry points from exports, their contexts from the tables of src/ic.
#include "wasm/entry_points.h"

#include <algorithm>
#include <unordered_map>

namespace canrec::wasm {
namespace {

ic::ContextSet contexts_of(std::initializer_list<ic::Context> contexts) {
  ic::ContextSet set;
  for (const ic::Context context : contexts) set.add(context);
  return set;
}

ic::ContextSet method_contexts(ic::MethodKind kind) {
  using enum ic::Context;
  switch (kind) {
    case ic::MethodKind::kUpdate:
      return contexts_of({kUpdate});
    case ic::MethodKind::kQuery:
      return contexts_of({kReplicatedQuery, kNonReplicatedQuery, kTransform});
    case ic::MethodKind::kCompositeQuery:
      return contexts_of({kCompositeQuery});
  }
  return {};
}

ic::ContextSet callback_contexts() {
  using enum ic::Context;
  return contexts_of(
      {kReply, kReject, kCleanup, kCompositeReply, kCompositeReject, kCompositeCleanup});
}

std::vector<FuncIdx> possible_callbacks(const Module& module, const CallGraph& graph) {
  const ValType pointer = module.is_64() ? ValType::kI64 : ValType::kI32;
  std::vector<FuncIdx> out;
  for (uint32_t i = 0; i < module.functions.size(); ++i) {
    const FuncIdx fn{i};
    if (!graph.is_address_taken(fn)) continue;
    const FuncType& type = module.type_of(fn);
    if (type.results.empty() && type.params.size() == 1 && type.params[0] == pointer) {
      out.push_back(fn);
    }
  }
  return out;
}

bool imports_call_new(const Module& module) {
  return std::ranges::any_of(module.imports, [](const Import& import) {
    return import.kind == ExternKind::kFunc && import.module == ic::kSystemApiModule &&
           import.name == ic::info(ic::SystemApi::kCallNew).name;
  });
}

}  // namespace

std::vector<EntryPoint> entry_points(const Module& module, const CallGraph& graph) {
  std::vector<EntryPoint> entries;
  if (module.start) {
    entries.push_back({"(start)", contexts_of({ic::Context::kStart}), {*module.start}});
  }
  for (const Export& entry : module.exports) {
    if (entry.kind != ExternKind::kFunc) continue;
    ic::ContextSet contexts;
    if (const ic::Hook* hook = ic::find_hook(entry.name)) {
      contexts = contexts_of({hook->context});
    } else if (const auto method = ic::parse_method(entry.name)) {
      contexts = method_contexts(method->kind);
    } else {
      continue;
    }
    entries.push_back({std::string(entry.name), contexts, {FuncIdx{entry.index}}});
  }
  if (imports_call_new(module)) {
    std::vector<FuncIdx> callbacks = possible_callbacks(module, graph);
    if (!callbacks.empty()) {
      entries.push_back({"(callbacks)", callback_contexts(), std::move(callbacks)});
    }
  }
  return entries;
}

std::vector<ApiUse> api_uses(const Module& module, const CallGraph& graph,
                             const std::vector<EntryPoint>& entries) {
  std::vector<ApiUse> uses;
  std::unordered_map<std::string_view, size_t> rows;
  for (const Import& import : module.imports) {
    if (import.kind != ExternKind::kFunc || import.module != ic::kSystemApiModule) continue;
    const auto [row, is_new] = rows.try_emplace(import.name, uses.size());
    if (is_new) uses.push_back({import.name, {}, ic::find_system_api(import.name), {}});
    uses[row->second].imports.push_back(FuncIdx{import.index});
  }
  for (ApiUse& use : uses) {
    if (use.known == nullptr) continue;
    const std::vector<Reach> reach = graph.reaching(use.imports);
    for (size_t i = 0; i < entries.size(); ++i) {
      ApiUse::From from{i, Reach::kNone, {}};
      for (const FuncIdx fn : entries[i].functions) {
        from.reach = std::max(from.reach, reach[std::to_underlying(fn)]);
      }
      if (from.reach == Reach::kNone) continue;
      for (const ic::ContextInfo& row : ic::kContexts) {
        if (entries[i].contexts.contains(row.context) && !use.known->allowed(row.context)) {
          from.forbidden.add(row.context);
        }
      }
      use.from.push_back(from);
    }
  }
  return uses;
}

std::string context_letters(const ic::ContextSet& contexts) {
  std::string out;
  std::string_view last;
  for (const ic::ContextInfo& row : ic::kContexts) {
    if (!contexts.contains(row.context) || row.letter == last) continue;
    if (!out.empty()) out += ' ';
    out += row.letter;
    last = row.letter;
  }
  return out;
}

}  // namespace canrec::wasm
