// SPDX-License-Identifier: Apache-2.0
// Collects call sites with entry points, contexts and hazards.
#include "patch/calls.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/checked.h"
#include "patch/hook_flow.h"
#include "wasm/text.h"

namespace canrec::patch {
namespace {

using ic::Context;
using wasm::FuncIdx;
using wasm::Module;
using wasm::Reach;

constexpr size_t kLinesBefore = 4;
constexpr size_t kLinesAfter = 2;

bool is_hook(const wasm::EntryPoint& entry) { return ic::find_hook(entry.name) != nullptr; }

bool is_32_bit_stable(ic::SystemApi api) {
  return api == ic::SystemApi::kStableSize || api == ic::SystemApi::kStableGrow ||
         api == ic::SystemApi::kStableRead || api == ic::SystemApi::kStableWrite;
}

bool is_write(ic::SystemApi api) {
  return api == ic::SystemApi::kStableWrite || api == ic::SystemApi::kStable64Write;
}

bool is_access(ic::SystemApi api) {
  return is_write(api) || api == ic::SystemApi::kStableRead || api == ic::SystemApi::kStable64Read;
}

// A hook followed in both ways.
struct FollowedHook {
  HookFlow direct;
  HookFlow tables;
};

class Lister {
 public:
  Lister(const Module& module, const wasm::CallGraph& graph)
      : module_(module), graph_(graph), places_(module) {}

  Result<CallList> run(std::string_view from) {
    list_.entries = wasm::entry_points(module_, graph_);
    std::vector<Reach> wanted(module_.functions.size(), Reach::kDirect);
    if (!from.empty()) {
      CANREC_TRY(const FuncIdx root, places_.function(from));
      wanted = graph_.reachable_from(std::span(&root, 1));
    }
    for (const wasm::EntryPoint& entry : list_.entries) {
      auto reach = graph_.reachable_from(entry.functions);
      if (entry.name == "(callbacks)") {
        for (Reach& r : reach) r = r == Reach::kNone ? Reach::kNone : Reach::kThroughTables;
      }
      reach_.push_back(std::move(reach));
    }
    for (uint32_t i = module_.imported_functions; i < module_.functions.size(); ++i) {
      if (wanted[i] != Reach::kNone) CANREC_CHECK(function(FuncIdx{i}));
    }
    return std::move(list_);
  }

 private:
  std::string_view import_name(const Site& call) const {
    return module_.imports[*module_.functions[call.instruction.index()].import].name;
  }

  Status function(FuncIdx fn) {
    std::vector<Site> sites;
    CANREC_CHECK(walk(module_, fn, [&](const Site& site) {
      if (is_import_call(module_, site.instruction)) sites.push_back(site);
    }));
    if (sites.empty()) return Ok{};
    std::map<std::string_view, size_t> of;
    std::map<std::string_view, size_t> number;
    for (const Site& site : sites) ++of[import_name(site)];
    CANREC_TRY(const auto lines, wasm::body_text(module_, places_.names(), fn));
    for (const Site& site : sites) {
      CallSiteInfo info;
      info.site = site;
      const std::string_view name = import_name(site);
      info.place = places_.describe(site, ++number[name], of[name]);
      const auto callee = FuncIdx{narrow<uint32_t>(site.instruction.index())};
      info.import = places_.names().of(callee);
      const wasm::Import& import = module_.imports[*module_.function(callee).import];
      if (import.module == ic::kSystemApiModule) info.api = ic::find_system_api(import.name);
      info.around = around(lines, site);
      find_entries(info);
      CANREC_CHECK(find_hazards(info));
      list_.sites.push_back(std::move(info));
    }
    return Ok{};
  }

  static std::vector<ContextLine> around(const std::vector<wasm::TextLine>& lines,
                                         const Site& site) {
    const auto it =
        std::ranges::lower_bound(lines, site.instruction.offset, {},
                                 [](const wasm::TextLine& line) { return line.range.begin; });
    const auto at = static_cast<size_t>(it - lines.begin());
    std::vector<ContextLine> out;
    for (size_t i = at - std::min(at, kLinesBefore);
         i < std::min(lines.size(), at + kLinesAfter + 1); ++i) {
      out.push_back({lines[i].range.begin,
                     std::string(std::min<size_t>(lines[i].depth, 20) * 2, ' ') + lines[i].text,
                     i == at});
    }
    return out;
  }

  void find_entries(CallSiteInfo& info) const {
    const auto fn = std::to_underlying(info.site.function);
    for (size_t e = 0; e < list_.entries.size(); ++e) {
      if (reach_[e][fn] == Reach::kNone) continue;
      ReachedFrom from{e, reach_[e][fn], {}};
      for (const ic::ContextInfo& row : ic::kContexts) {
        if (list_.entries[e].contexts.contains(row.context) && info.api != nullptr &&
            !info.api->allowed(row.context)) {
          from.forbidden.add(row.context);
        }
      }
      if (from.reach == Reach::kDirect && !from.forbidden.empty() && info.site.reachable) {
        std::string remove = fmt::format("remove MODULE @0x{:08x}", info.site.instruction.offset);
        for (size_t i = 0; i < info.api->results.size(); ++i) remove += " --result 0";
        add_remedy(info, std::move(remove));
      }
      info.reached_from.push_back(std::move(from));
    }
  }

  static void add_remedy(CallSiteInfo& info, std::string remedy) {
    if (std::ranges::find(info.remedies, remedy) == info.remedies.end()) {
      info.remedies.push_back(std::move(remedy));
    }
  }

  Status find_hazards(CallSiteInfo& info) {
    if (!info.site.reachable) {
      info.hazards.emplace_back("is never reached: it stands behind a branch or return");
      return Ok{};
    }
    if (info.api == nullptr) {
      info.hazards.emplace_back("the network has no such function: the module is refused");
      return Ok{};
    }
    const ic::SystemApi api = info.api->id;
    for (const ReachedFrom& from : info.reached_from) {
      const wasm::EntryPoint& entry = list_.entries[from.entry];
      const bool query = entry.contexts.contains(Context::kNonReplicatedQuery) ||
                         entry.contexts.contains(Context::kCompositeQuery);
      if (is_32_bit_stable(api) && (is_hook(entry) || query)) {
        info.hazards.push_back(fmt::format(
            "32-bit stable API in {}: it traps once stable memory is larger than 4 GiB{}",
            entry.name, possibly(from)));
        add_remedy(info, is_hook(entry) ? fmt::format("retarget MODULE --from {}", entry.name)
                                        : std::string("retarget MODULE"));
      }
      if (is_hook(entry) && is_access(api)) CANREC_CHECK(hook_hazards(info, from));
    }
    return Ok{};
  }

  static std::string_view possibly(const ReachedFrom& from) {
    return from.reach == Reach::kThroughTables ? " (if an indirect call comes here)" : "";
  }

  Status hook_hazards(CallSiteInfo& info, const ReachedFrom& from) {
    const wasm::EntryPoint& entry = list_.entries[from.entry];
    CANREC_TRY(const FollowedHook* hook, followed(from.entry));
    const uint64_t offset = info.site.instruction.offset;
    const auto direct = hook->direct.at(info.site.function, offset);
    const auto tables = hook->tables.at(info.site.function, offset);
    if (!tables) return Ok{};
    if (is_write(info.api->id) && !(direct && direct->grown)) {
      info.hazards.push_back(
          tables->grown
              ? fmt::format("stable write in {}: stable memory grows before it only if an indirect "
                            "call does that",
                            entry.name)
              : fmt::format("stable write in {} with no stable grow before it on any path{}",
                            entry.name, possibly(from)));
      add_remedy(info, fmt::format("grow-before-write MODULE {}", entry.name));
    }
    const uint64_t loop = direct && direct->loop != 0 ? direct->loop : tables->loop;
    if (loop != 0) {
      info.hazards.push_back(fmt::format(
          "in {} this runs in the loop at 0x{:08x}, whose length is not constant: it grows with "
          "the state towards the instruction limit{}",
          entry.name, loop,
          direct && direct->loop != 0 ? "" : " (if an indirect call comes here)"));
    }
    return Ok{};
  }

  Result<const FollowedHook*> followed(size_t entry) {
    const auto it = hooks_.find(entry);
    if (it != hooks_.end()) return &it->second;
    const FuncIdx root = list_.entries[entry].functions[0];
    CANREC_TRY(HookFlow direct, HookFlow::build(module_, graph_, root, HookFlow::Follow::kDirect));
    CANREC_TRY(HookFlow tables, HookFlow::build(module_, graph_, root, HookFlow::Follow::kTables));
    return &hooks_.emplace(entry, FollowedHook{std::move(direct), std::move(tables)}).first->second;
  }

  const Module& module_;
  const wasm::CallGraph& graph_;
  Places places_;
  CallList list_;
  std::vector<std::vector<Reach>> reach_;
  std::map<size_t, FollowedHook> hooks_;
};

}  // namespace

Result<CallList> list_calls(const Module& module, std::string_view from) {
  CANREC_TRY(const wasm::CallGraph graph, wasm::CallGraph::build(module));
  return Lister(module, graph).run(from);
}

}  // namespace canrec::patch
