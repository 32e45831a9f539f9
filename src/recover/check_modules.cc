// SPDX-License-Identifier: Apache-2.0
// What the two modules alone tell: rules, persistence, layout, hooks, methods.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/shell.h"
#include "patch/calls.h"
#include "recover/check_rows.h"
#include "wasm/call_graph.h"
#include "wasm/entry_points.h"
#include "wasm/validate.h"
#include "wasmdiff/compare.h"

namespace canrec::recover {
namespace {

bool keeps_heap(const wasm::Module& module) {
  return wasm::find_icp_section(module, "enhanced-orthogonal-persistence") != nullptr;
}

// What is known to trap in a hook: calls that the network forbids there, and what `canrec patch
// calls` warns of. Warnings that differ only in their place are one finding. False when the calls
// cannot be listed.
bool hazards_of(CheckRow& r, const wasm::Module& module, const std::string& path,
                std::string_view hook) {
  if (module.find_export(hook) == nullptr) return true;
  const auto calls = patch::list_calls(module, hook);
  if (!calls) return false;
  const std::string shows = fmt::format("canrec patch calls {} --from {}", shell_word(path), hook);
  struct Warned {
    std::string words, place;  // of the first call site
    size_t others = 0;
  };
  std::map<std::string, Warned> seen;  // by the warning, wherever it stands
  for (const patch::CallSiteInfo& site : calls->sites) {
    for (const patch::ReachedFrom& from : site.reached_from) {
      if (calls->entries[from.entry].name != hook || from.forbidden.empty() ||
          from.reach != wasm::Reach::kDirect) {
        continue;
      }
      r.findings.push_back({Severity::kError, "forbidden-call", site.place,
                            fmt::format("{} calls {}", hook, site.import),
                            "the network traps this call there",
                            shows + " shows its site, canrec patch remove takes it out"});
    }
    for (const std::string& hazard : site.hazards) {
      if (hazard.find(hook) == std::string::npos) continue;
      const auto [it, is_first] = seen.try_emplace(hazard.substr(0, hazard.find(" at 0x")));
      if (is_first) it->second = {hazard, site.place};
      if (!is_first) ++it->second.others;
    }
  }
  for (const auto& [kind, warned] : seen) {
    std::string words = warned.words;
    if (warned.others > 0) {
      words += fmt::format(" (and {} more place{})", warned.others, warned.others == 1 ? "" : "s");
    }
    r.findings.push_back({Severity::kWarning, "hazard", warned.place, std::move(words),
                          "hooks have trapped for this", shows});
  }
  return true;
}

std::set<std::string> methods_of(const wasm::Module& module) {
  std::set<std::string> out;
  for (const wasm::Export& entry : module.exports) {
    if (entry.kind != wasm::ExternKind::kFunc) continue;
    for (const std::string_view kind :
         {"canister_update ", "canister_query ", "canister_composite_query "}) {
      if (entry.name.starts_with(kind)) out.insert(std::string(entry.name));
    }
  }
  return out;
}

}  // namespace

bool CheckedModules::kept() const { return keeps_heap(old_module()) && keeps_heap(new_module()); }

void check_network(const CheckedModules& modules, CheckRow& r) {
  ask(r, "network", "does the network accept the new module?");
  if (const Status valid = wasm::validate(modules.new_module()); !valid) {
    say(r, Answer::kBad, valid.error().message(), "build it again; canrec inspect shows the place");
    return;
  }
  const std::vector<wasm::RuleViolation> broken = wasm::check_network_rules(modules.new_module());
  if (broken.empty()) return say(r, Answer::kGood, "valid, and all rules kept");
  say(r, Answer::kBad, broken.front().text, "canrec inspect lists all of them");
}

void check_persistence(const CheckedModules& modules, CheckRow& r) {
  ask(r, "persistence", "which upgrade option must the installer give?");
  const bool was = keeps_heap(modules.old_module());
  const bool is = keeps_heap(modules.new_module());
  if (was && is) {
    return say(r, Answer::kLook,
               "wasm_memory_persistence = keep; without it the network refuses, "
               "with replace the heap is lost",
               "dfx and icp give keep by themselves");
  }
  if (was) {
    return say(r, Answer::kBad,
               "the old module keeps its heap over upgrades, the new one cannot: only replace is "
               "accepted, and the heap is lost",
               "build the new module with enhanced orthogonal persistence");
  }
  if (is) {
    return say(r, Answer::kLook,
               "none: the heap starts anew and what the program needs must come through stable "
               "memory; keep would put the new program over the old heap",
               "canrec diff OLD NEW --route K tells whether keep is sound");
  }
  say(r, Answer::kGood, "none: the heap starts anew, stable memory stays");
}

Status check_layout(const CheckedModules& modules, CheckRow& r) {
  ask(r, "layout", "does the kept heap fit the new module?");
  if (!modules.kept()) {
    say(r, Answer::kNotAsked, "the heap is not kept by this upgrade");
    return Ok{};
  }
  CANREC_TRY(const wasmdiff::Comparison comparison,
             wasmdiff::compare(modules.old_module(), modules.new_module(), {}));
  const wasmdiff::Word word = comparison.word(wasmdiff::Route::kK);
  const Answer answer = word == wasmdiff::Word::kSafe     ? Answer::kGood
                        : word == wasmdiff::Word::kReview ? Answer::kLook
                                                          : Answer::kBad;
  say(r, answer, fmt::format("{} by route K", to_string(word)),
      answer == Answer::kGood
          ? ""
          : fmt::format("canrec diff {} {} --route K", shell_word(modules.old_path),
                        shell_word(modules.new_path)));
  for (const wasmdiff::Finding& finding : comparison.findings) {
    if (finding.weights.k < wasmdiff::Severity::kReview) continue;
    r.findings.push_back(
        {finding.weights.k == wasmdiff::Severity::kUnsafe ? Severity::kError : Severity::kWarning,
         std::string(finding.code), "", finding.what, finding.why, finding.next});
  }
  return Ok{};
}

void check_hooks(const CheckedModules& modules, CheckRow& r) {
  ask(r, "hooks", "can the hooks trap for a known reason?");
  const wasm::Export* pre = modules.old_module().find_export("canister_pre_upgrade");
  const wasm::Export* post = modules.new_module().find_export("canister_post_upgrade");
  std::string text = fmt::format(
      "{} canister_pre_upgrade in the old module, {} "
      "canister_post_upgrade in the new one",
      pre != nullptr ? "a" : "no", post != nullptr ? "a" : "no");
  if (!modules.kept() && pre == nullptr && post == nullptr) {
    return say(r, Answer::kLook, text + ": nothing carries heap data over",
               "fine when all data is in stable memory; canrec rehearse tells");
  }
  if (pre != nullptr && post == nullptr && !modules.kept()) {
    return say(r, Answer::kBad, text + ": what the old module saves is never read back",
               "add canister_post_upgrade to the new module");
  }
  const bool old_listed =
      hazards_of(r, modules.old_module(), modules.old_path, "canister_pre_upgrade");
  const size_t of_old = r.findings.size();
  const bool listed =
      old_listed && hazards_of(r, modules.new_module(), modules.new_path, "canister_post_upgrade");
  if (!listed) {
    return say(r, Answer::kUnknown, text + "; their calls could not be listed",
               "a rehearsal (--state) shows whether they trap");
  }
  if (r.findings.empty()) return say(r, Answer::kGood, text + "; no known hazard in them");
  const bool certain = worst(r.findings) == Severity::kError;
  std::vector<std::string> commands;
  if (of_old > 0) {
    commands.push_back(fmt::format("canrec patch calls {} --from canister_pre_upgrade",
                                   shell_word(modules.old_path)));
  }
  if (r.findings.size() > of_old) {
    commands.push_back(fmt::format("canrec patch calls {} --from canister_post_upgrade",
                                   shell_word(modules.new_path)));
  }
  say(r, certain ? Answer::kBad : Answer::kLook,
      text + (certain ? "; one of them calls what traps there"
                      : "; whether these strike depends on the state"),
      fmt::format("{} show{} the places; a rehearsal (--state) whether they strike",
                  fmt::join(commands, " and "), commands.size() == 1 ? "s" : ""));
}

void check_methods(const CheckedModules& modules, CheckRow& r) {
  ask(r, "methods", "are methods gone that callers may use?");
  const std::set<std::string> before = methods_of(modules.old_module());
  const std::set<std::string> after = methods_of(modules.new_module());
  std::vector<std::string> gone;
  std::ranges::set_difference(before, after, std::back_inserter(gone));
  if (gone.empty()) {
    return say(r, Answer::kGood, fmt::format("all {} are still there", before.size()));
  }
  std::string names;
  for (const std::string& name : gone) names += (names.empty() ? "" : ", ") + name;
  say(r, Answer::kLook, fmt::format("{} gone: {}", gone.size(), names),
      "make sure that nobody calls them");
}

}  // namespace canrec::recover
