// SPDX-License-Identifier: Apache-2.0
// Rules 1, 16, 17, 28 and 29 of the decision table: start function, hooks, methods, imports, custom
// sections; and what route K runs and asks for.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "ic/context.h"
#include "wasmdiff/stack_frames.h"
#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {
namespace {

constexpr size_t kMostLines = 12;

std::optional<uint32_t> start_of(const wasm::Module& module) {
  if (!module.start) return std::nullopt;
  return std::to_underlying(*module.start);
}

// Exported functions that the network enters, by export name.
std::map<std::string_view, uint32_t> entries_of(const wasm::Module& module) {
  std::map<std::string_view, uint32_t> out;
  for (const wasm::Export& e : module.exports) {
    if (e.kind != wasm::ExternKind::kFunc) continue;
    if (ic::find_hook(e.name) != nullptr || ic::parse_method(e.name)) out.emplace(e.name, e.index);
  }
  return out;
}

bool any_in_reach(const Subject& subject, Which w, uint32_t root, bool FunctionFacts::*fact) {
  const std::vector<bool> seen =
      reach(subject.sides[w], subject.scans[w], {root}, table_functions(subject.layouts[w]));
  const auto& facts = subject.scans[w].facts;
  for (size_t fn = 0; fn < facts.size(); ++fn) {
    if (seen[fn] && facts[fn].*fact) return true;
  }
  return false;
}

void start_difference(const Subject& subject, std::vector<Finding>& out) {
  const auto a = start_of(subject.module(kOld));
  const auto b = start_of(subject.module(kNew));
  if (!a && !b) return;
  if (a && b && subject.same_class(*a, *b)) return;
  Place place;
  place.old_function = a;
  place.new_function = b;
  if (a) place.old_offset = subject.module(kOld).start_range.begin;
  if (b) place.new_offset = subject.module(kNew).start_range.begin;
  const std::string before = a ? subject.function(kOld, *a) : "none";
  const std::string after = b ? subject.function(kNew, *b) : "none";
  // Motoko's upgrade runs it again, and what changed in it is judged under code. Another function
  // in its place was never meant to run there.
  const bool rebuilt =
      subject.column == Column::kMotokoEop && a && b && subject.corresponds(*a, *b);
  out.push_back({.code = "start.changed",
                 .area = "start",
                 .rows = "16 17",
                 .weights = {Severity::kReview, rebuilt ? Severity::kNote : Severity::kReview},
                 .what = !a   ? "a start function was added"
                         : !b ? "the start function was removed"
                              : "the start function changed",
                 .evidence = {fmt::format("{} -> {}", before, after)},
                 .why = "route S does not run it: what the old one did to the heap stays, what the "
                        "new one would do is missing",
                 .next = "read it (--code) and rehearse on a snapshot (canrec rehearse)",
                 .place = place});
}

// ------------------------------------------------------------------------------------------------

class ExportComparison {
 public:
  ExportComparison(const Subject& subject, std::vector<Finding>& out)
      : subject_(subject),
        out_(out),
        old_(entries_of(subject.module(kOld))),
        new_(entries_of(subject.module(kNew))) {}

  void run() {
    moved();
    added();
    removed();
    others();
  }

 private:
  static bool is_hook(std::string_view name) { return ic::find_hook(name) != nullptr; }

  void moved() {
    for (const auto& [name, fn] : old_) {
      const auto found = new_.find(name);
      if (found == new_.end() || subject_.corresponds(fn, found->second)) continue;
      report("export.moved", is_hook(name) ? "hook" : "export", both(Severity::kReview),
             fmt::format("\"{}\" is another function now", printable(as_bytes(name))),
             {fmt::format("{} -> {}", subject_.function(kOld, fn),
                          subject_.function(kNew, found->second))},
             "other code than before answers to the name",
             "read the new function (--code) and rehearse on a snapshot (canrec rehearse)");
    }
  }

  // Kind of the entry points of the old module that are the same function, if one is.
  bool known_entry(std::string_view name, uint32_t fn) const {
    const auto method = ic::parse_method(name);
    if (!method) return false;
    for (const auto& [other, old_fn] : old_) {
      const auto old_method = ic::parse_method(other);
      if (old_method && old_method->kind == method->kind && subject_.corresponds(old_fn, fn)) {
        return true;
      }
    }
    return false;
  }

  void added() {
    std::vector<std::string> renamed;
    std::vector<std::string> fresh;
    for (const auto& [name, fn] : new_) {
      if (old_.contains(name)) continue;
      const std::string line =
          fmt::format("\"{}\" = {}", printable(as_bytes(name)), subject_.function(kNew, fn));
      if (is_hook(name)) {
        hook_added(name, line);
      } else {
        (known_entry(name, fn) ? renamed : fresh).push_back(line);
      }
    }
    if (!renamed.empty()) {
      report("export.renamed", "export", both(Severity::kNote),
             fmt::format("{} method name{} added for functions that were methods before",
                         renamed.size(), renamed.size() == 1 ? "" : "s"),
             renamed, "the heap does not know method names, callers do", "tell the callers");
    }
    if (!fresh.empty()) {
      report(
          "export.added", "export", both(Severity::kReview),
          fmt::format("{} method{} added", fresh.size(), fresh.size() == 1 ? "" : "s"), fresh,
          "code that could not be called from outside can be now, in the mode that the name says",
          "read the functions (--code) and rehearse on a snapshot (canrec rehearse)");
    }
  }

  void hook_added(std::string_view name, const std::string& line) {
    const bool init = name == "canister_init";
    report("hook.added", "hook", both(init ? Severity::kNote : Severity::kReview),
           fmt::format("hook {} added", name), {line},
           init ? "neither route runs it"
                : "the network runs it by itself, on a heap it has never seen",
           init ? "nothing to do" : "rehearse it on a snapshot (canrec rehearse)");
  }

  void removed() {
    std::vector<std::string> methods;
    for (const auto& [name, fn] : old_) {
      if (new_.contains(name)) continue;
      const std::string line =
          fmt::format("\"{}\" = {}", printable(as_bytes(name)), subject_.function(kOld, fn));
      if (is_hook(name)) {
        hook_removed(name, line);
      } else {
        methods.push_back(line);
      }
    }
    if (methods.empty()) return;
    report("export.removed", "export", both(Severity::kNote),
           fmt::format("{} method{} removed", methods.size(), methods.size() == 1 ? "" : "s"),
           methods, "nothing in the heap refers to a method name; callers lose it",
           "tell the callers");
  }

  void hook_removed(std::string_view name, const std::string& line) {
    const bool upgrade = name == "canister_pre_upgrade" || name == "canister_post_upgrade";
    // Without its pre-upgrade hook Motoko hands no variables to the next program.
    const bool loses = subject_.column == Column::kMotokoEop && upgrade;
    Severity weight = Severity::kReview;
    if (upgrade || name == "canister_init") weight = Severity::kNote;
    if (loses) weight = Severity::kReview;
    report(upgrade ? "hook.upgrade-removed" : "hook.removed", "export", both(weight),
           fmt::format("hook {} removed", name), {line},
           upgrade ? "the heap does not need it, but later ordinary upgrades save or restore "
                     "nothing: their state would be lost"
                   : "what it did or refused no longer happens",
           upgrade ? "take a snapshot before every later upgrade, and put a working hook back"
                   : "make sure that nobody relies on it");
  }

  // Functions, memories and tables under names that the network does not look at.
  void others() {
    const auto names = [](const wasm::Module& module) {
      std::set<std::string_view> out;
      for (const wasm::Export& e : module.exports) {
        if (e.kind == wasm::ExternKind::kFunc &&
            (ic::find_hook(e.name) != nullptr || ic::parse_method(e.name))) {
          continue;
        }
        out.insert(e.name);
      }
      return out;
    };
    const auto a = names(subject_.module(kOld));
    const auto b = names(subject_.module(kNew));
    std::vector<std::string> lines;
    for (const auto name : a) {
      if (!b.contains(name)) lines.push_back(fmt::format("- \"{}\"", printable(as_bytes(name))));
    }
    for (const auto name : b) {
      if (!a.contains(name)) lines.push_back(fmt::format("+ \"{}\"", printable(as_bytes(name))));
    }
    if (lines.empty()) return;
    report("export.other", "export", both(Severity::kNote),
           fmt::format("{} export{} that the network does not call differ", lines.size(),
                       lines.size() == 1 ? "" : "s"),
           lines, "the network does not enter them; exported globals are judged under globals",
           "nothing to do");
  }

  void report(std::string_view code, std::string_view area, Weights weights, std::string what,
              std::vector<std::string> lines, std::string_view why, std::string_view next) {
    if (lines.size() > kMostLines) {
      const size_t more = lines.size() - kMostLines;
      lines.resize(kMostLines);
      lines.push_back(fmt::format("and {} more", more));
    }
    out_.push_back({.code = code,
                    .area = area,
                    .rows = "29",
                    .weights = weights,
                    .what = std::move(what),
                    .evidence = std::move(lines),
                    .why = std::string(why),
                    .next = std::string(next),
                    .place = {}});
  }

  const Subject& subject_;
  std::vector<Finding>& out_;
  std::map<std::string_view, uint32_t> old_;
  std::map<std::string_view, uint32_t> new_;
};

}  // namespace

void start_rules(const Subject& subject, std::vector<Finding>& out) {
  start_difference(subject, out);
}

void export_rules(const Subject& subject, std::vector<Finding>& out) {
  ExportComparison(subject, out).run();
}

// ------------------------------------------------------------------------------------------------

void import_rules(const Subject& subject, std::vector<Finding>& out) {
  const auto names = [](const wasm::Module& module) {
    std::map<std::string, uint64_t> list;
    for (const wasm::Import& import : module.imports) {
      list.emplace(fmt::format("{}.{}", printable(as_bytes(import.module)),
                               printable(as_bytes(import.name))),
                   import.range.begin);
    }
    return list;
  };
  const auto a = names(subject.module(kOld));
  const auto b = names(subject.module(kNew));
  std::vector<std::string> lines;
  Place place;
  for (const auto& [name, offset] : a) {
    if (b.contains(name)) continue;
    if (!place.old_offset) place.old_offset = offset;
    lines.push_back("- " + name);
  }
  for (const auto& [name, offset] : b) {
    if (a.contains(name)) continue;
    if (!place.new_offset) place.new_offset = offset;
    lines.push_back("+ " + name);
  }
  if (lines.empty()) return;
  const size_t count = lines.size();
  if (count > kMostLines) {
    lines.resize(kMostLines);
    lines.push_back(fmt::format("and {} more", count - kMostLines));
  }
  out.push_back({.code = "import.list",
                 .area = "import",
                 .rows = "28",
                 .weights = both(Severity::kNote),
                 .what = fmt::format("{} import{} added or removed", count, count == 1 ? "" : "s"),
                 .evidence = std::move(lines),
                 .why = "imports shift function numbers only, and the heap holds none",
                 .next = "nothing to do",
                 .place = place});
}

void section_rules(const Subject& subject, std::vector<Finding>& out) {
  const auto sections = [](const wasm::Module& module) {
    std::multimap<std::string_view, const wasm::Section*> list;
    for (const wasm::Section& section : module.sections) {
      if (section.id == wasm::SectionId::kCustom) list.emplace(section.name, &section);
    }
    return list;
  };
  const auto a = sections(subject.module(kOld));
  const auto b = sections(subject.module(kNew));
  std::set<std::string_view> names;
  for (const auto& [name, section] : a) names.insert(name);
  for (const auto& [name, section] : b) names.insert(name);
  std::vector<std::string> lines;
  for (const auto name : names) {
    const auto in_a = a.find(name);
    const auto in_b = b.find(name);
    const std::string shown = printable(as_bytes(name));
    if (in_b == b.end()) {
      lines.push_back(fmt::format("- \"{}\"", shown));
    } else if (in_a == a.end()) {
      lines.push_back(fmt::format("+ \"{}\"", shown));
    } else if (!std::ranges::equal(subject.module(kOld).view(in_a->second->payload),
                                   subject.module(kNew).view(in_b->second->payload))) {
      lines.push_back(fmt::format("\"{}\" has other bytes", shown));
    }
  }
  if (lines.empty()) return;
  const size_t count = lines.size();
  if (count > kMostLines) {
    lines.resize(kMostLines);
    lines.push_back(fmt::format("and {} more", count - kMostLines));
  }
  out.push_back({.code = "section.custom",
                 .area = "section",
                 .rows = "1 38",
                 .weights = both(Severity::kNote),
                 .what = fmt::format("{} custom section{} differ{}", count, count == 1 ? "" : "s",
                                     count == 1 ? "s" : ""),
                 .evidence = std::move(lines),
                 .why = "custom sections are no part of execution",
                 .next = "nothing to do",
                 .place = {}});
}

// ------------------------------------------------------------------------------------------------

namespace {

void refused_without_section(const Subject& subject, std::vector<Finding>& out) {
  if (subject.layouts[kNew].toolchain.has_eop_section) return;
  out.push_back(
      {.code = "section.route-k",
       .area = "section",
       .rows = "1",
       .weights = {Severity::kNone, Severity::kUnsafe},
       .what = "the new module lacks the section \"icp:private enhanced-orthogonal-persistence\"",
       .evidence = {},
       .why = "the network refuses an upgrade that keeps memory without it (IC0504)",
       .next = "use route S, or add the section (canrec patch prepare-route-k)",
       .place = {}});
}

// Of the globals that code writes, as a stack pointer or otherwise, which function may leave them
// moved.
std::vector<std::optional<uint32_t>> left_moved(const Subject& subject, Which w,
                                                bool stack_pointers) {
  const auto& globals = subject.scans[w].globals;
  std::vector<bool> wanted(globals.size());
  for (uint32_t i = 0; i < globals.size(); ++i) {
    wanted[i] = globals[i].written && globals[i].is_stack_pointer() == stack_pointers;
  }
  return moved_for_good(subject.module(w), wanted);
}

// Globals that code writes otherwise than a stack pointer and does not put back: under route K they
// start anew.
std::vector<uint32_t> state_globals(const Subject& subject, Which w) {
  std::vector<uint32_t> out;
  const auto moved = left_moved(subject, w, false);
  for (uint32_t i = 0; i < moved.size(); ++i) {
    if (moved[i]) out.push_back(i);
  }
  return out;
}

void lost_globals(const Subject& subject, std::vector<Finding>& out) {
  if (subject.column == Column::kMotokoEop) return;
  const auto a = state_globals(subject, kOld);
  const auto b = state_globals(subject, kNew);
  if (a.empty() && b.empty()) return;
  const bool lost = !a.empty() && !b.empty();
  Place place;
  if (!a.empty()) place.old_offset = subject.module(kOld).globals[a.front()].range.begin;
  if (!b.empty()) place.new_offset = subject.module(kNew).globals[b.front()].range.begin;
  out.push_back(
      {.code = "global.restart",
       .area = "global",
       .rows = "18 20",
       .weights = {Severity::kNone, lost ? Severity::kUnsafe : Severity::kReview},
       .what = fmt::format("{} mutable global{} beside the stack pointer hold{} state",
                           std::max(a.size(), b.size()), b.size() == 1 ? "" : "s",
                           b.size() == 1 ? "s" : ""),
       .evidence = {fmt::format("first: global {} of the {} module",
                                b.empty() ? a.front() : b.front(), b.empty() ? "old" : "new")},
       .why = "route K starts every global with the new module's initial value; what the "
              "old one kept there (in classical Motoko the end of the heap) is lost",
       .next = "use route S, which carries the globals",
       .place = place});
}

// A global that is used as a stack pointer loses nothing under route K if every function puts it
// back. A heap that grows downwards may be used alike.
void stack_pointers_at_rest(const Subject& subject, std::vector<Finding>& out) {
  if (subject.column == Column::kMotokoEop) return;
  // Without its section the route is closed anyway.
  if (!subject.layouts[kNew].toolchain.has_eop_section) return;
  const auto moved = left_moved(subject, kOld, true);
  for (uint32_t i = 0; i < moved.size(); ++i) {
    if (!moved[i]) continue;
    Place place;
    place.old_function = moved[i];
    place.old_offset = subject.module(kOld).functions[*moved[i]].body.begin;
    out.push_back(
        {.code = "global.not-restored",
         .area = "global",
         .rows = "18 20",
         .weights = {Severity::kNone, Severity::kReview},
         .what = fmt::format("global {} looks like a stack pointer, and a function may leave it "
                             "moved",
                             i),
         .evidence = {subject.function(kOld, *moved[i])},
         .why = "route K starts the global anew; if it holds more than the stack's place, such as "
                "the end of the heap, that is lost",
         .next = "read the function (--code), or use route S, which carries the globals",
         .place = place});
    return;
  }
}

void start_runs(const Subject& subject, std::vector<Finding>& out) {
  if (subject.column == Column::kMotokoEop) return;
  const auto start = start_of(subject.module(kNew));
  if (!start) return;
  const bool writes = any_in_reach(subject, kNew, *start, &FunctionFacts::writes_memory);
  Place place;
  place.new_function = start;
  place.new_offset = subject.module(kNew).start_range.begin;
  out.push_back({.code = "start.runs",
                 .area = "start",
                 .rows = "17",
                 .weights = {Severity::kNone, Severity::kReview},
                 .what = fmt::format("route K runs the start function over the kept heap{}",
                                     writes ? ", and it writes memory" : ""),
                 .evidence = {subject.function(kNew, *start)},
                 .why = "it was written for a fresh memory",
                 .next = "use route S, or read it (--code) and rehearse on a snapshot (canrec "
                         "rehearse)",
                 .place = place});
}

// The verdict is about the heap as it is now; the old hook would be the first to touch it. Of
// interest where the route is open: the last rule.
void pre_upgrade_runs(const Subject& subject, std::vector<Finding>& out) {
  if (subject.column == Column::kMotokoEop || word_of(out, Route::kK) == Word::kUnsafe) return;
  const wasm::Export* hook = subject.module(kOld).find_export("canister_pre_upgrade");
  if (hook == nullptr || hook->kind != wasm::ExternKind::kFunc) return;
  Place place;
  place.old_function = hook->index;
  place.old_offset = hook->range.begin;
  out.push_back({.code = "hook.skip-pre-upgrade",
                 .area = "hook",
                 .rows = "17",
                 .weights = {Severity::kNone, Severity::kNote},
                 .what =
                     "route K runs the old module's canister_pre_upgrade first unless it is told "
                     "to skip it",
                 .evidence = {subject.function(kOld, hook->index)},
                 .why = "a trap in it ends the upgrade, and a hook that moves the state out of the "
                        "heap to save it leaves a heap without state",
                 .next = "upgrade with wasm_memory_persistence = keep and skip_pre_upgrade = true",
                 .place = place});
}

void post_upgrade_runs(const Subject& subject, std::vector<Finding>& out) {
  if (subject.column == Column::kMotokoEop) return;
  const wasm::Export* hook = subject.module(kNew).find_export("canister_post_upgrade");
  if (hook == nullptr || hook->kind != wasm::ExternKind::kFunc) return;
  const bool reads = any_in_reach(subject, kNew, hook->index, &FunctionFacts::reads_stable);
  Place place;
  place.new_function = hook->index;
  place.new_offset = hook->range.begin;
  out.push_back({.code = "hook.post-upgrade-runs",
                 .area = "hook",
                 .rows = "17",
                 .weights = {Severity::kNone, Severity::kReview},
                 .what = "route K runs canister_post_upgrade over the kept heap",
                 .evidence = {fmt::format("{}{}", subject.function(kNew, hook->index),
                                          reads ? " reads stable memory" : "")},
                 .why = reads
                            ? "with the old pre-upgrade hook skipped it decodes what an earlier "
                              "upgrade left in stable memory, and puts that in place of the heap's "
                              "newer state"
                            : "it was written to run on a fresh heap",
                 .next = "use route S, or remove the hook (canrec patch drop-hook)",
                 .place = place});
}

// Motoko's own upgrade: what makes it work, and what cannot be seen from the modules.
void motoko_upgrade(const Subject& subject, std::vector<Finding>& out) {
  const ToolchainFacts& a = subject.layouts[kOld].toolchain;
  const ToolchainFacts& b = subject.layouts[kNew].toolchain;
  if (subject.column != Column::kMotokoEop) return;
  if (a.eop != b.eop) {
    out.push_back({.code = "section.layout-version",
                   .area = "section",
                   .rows = "33",
                   .weights = both(Severity::kUnsafe),
                   .what = "the modules declare different layouts of the persistent heap",
                   .evidence = {fmt::format("\"{}\" -> \"{}\"", printable(as_bytes(a.eop)),
                                            printable(as_bytes(b.eop)))},
                   .why = "the new runtime reads the heap in another layout",
                   .next = "use a compiler of the same layout version",
                   .place = {}});
  }
  out.push_back({.code = "hook.keep-pre-upgrade",
                 .area = "hook",
                 .rows = "33 35",
                 .weights = {Severity::kNone, Severity::kNote},
                 .what = "route K of a Motoko module needs canister_pre_upgrade to run",
                 .evidence = {},
                 .why = "the hook hands the stable variables to the new program; with "
                        "skip_pre_upgrade they all start anew, without a trap",
                 .next = "upgrade with wasm_memory_persistence = keep and without skip_pre_upgrade",
                 .place = {}});
}

}  // namespace

void route_k_rules(const Subject& subject, std::vector<Finding>& out) {
  refused_without_section(subject, out);
  lost_globals(subject, out);
  stack_pointers_at_rest(subject, out);
  start_runs(subject, out);
  post_upgrade_runs(subject, out);
  motoko_upgrade(subject, out);
  pre_upgrade_runs(subject, out);
}

}  // namespace canrec::wasmdiff
