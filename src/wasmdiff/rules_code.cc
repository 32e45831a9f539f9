// SPDX-License-Identifier: Apache-2.0
// Rules 2 to 4 and 28 to 34 of the decision table: functions.
#include <fmt/core.h>

#include <algorithm>

#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {
namespace {

constexpr size_t kMostLines = 12;
constexpr std::string_view kHarmless =
    "none of them writes into the heap or changes how code reads it";
constexpr std::string_view kNotSaved =
    "none of them writes into the heap or changes how code reads it; what the pre-upgrade hook "
    "wrote "
    "to stable memory it does not write any more, so a later ordinary upgrade restores what lies "
    "there from before, or nothing";

class CodeRules {
 public:
  CodeRules(const Subject& subject, std::vector<Finding>& out) : subject_(subject), out_(out) {}

  void run() {
    for (const ChangedFunction& changed : subject_.changed) {
      if (changed.diff.change == BodyChange::kSystemApi) {
        system_api(changed);
      } else {
        others_.push_back(&changed);
      }
    }
    changed_functions();
    pool_accesses();
    added_functions();
    removed_functions();
  }

 private:
  Place place(const ChangedFunction& changed) const {
    Place place;
    place.old_function = changed.old_fn;
    place.new_function = changed.new_fn;
    place.old_offset = subject_.module(kOld).functions[changed.old_fn].body.begin;
    place.new_offset = subject_.module(kNew).functions[changed.new_fn].body.begin;
    return place;
  }

  // Entry points of the old module that reach a function, other than its pre-upgrade hook.
  bool only_pre_upgrade(uint32_t old_fn) {
    if (reached_by_others_.empty()) {
      std::vector<uint32_t> roots;
      for (const EntryPoint& entry : entry_points(subject_.module(kOld))) {
        if (entry.name != "canister_pre_upgrade") roots.push_back(entry.fn);
      }
      reached_by_others_ = reach(subject_.sides[kOld], subject_.scans[kOld], std::move(roots),
                                 table_functions(subject_.layouts[kOld]));
    }
    return !reached_by_others_[old_fn];
  }

  struct Judgement {
    Severity severity = Severity::kNote;
    std::string why;
  };

  Judgement judge(const ChangedFunction& changed, const ApiEdit& edit) {
    const std::string name(ic::info(edit.function).name);
    const bool only_pre = !edit.added && only_pre_upgrade(changed.old_fn);
    // Where the hook may not call it, the call could only trap: no effect goes with it.
    if (only_pre && !ic::info(edit.function).allowed(ic::Context::kPreUpgrade)) return {};
    switch (effect_of(edit.function)) {
      case ApiEffect::kNone:
        return {};
      case ApiEffect::kTraps:
        if (edit.added || edit.before_unreachable || only_pre) return {};
        return {Severity::kReview,
                "without ic0." + name + " the code behind it runs in cases in which it never ran"};
      case ApiEffect::kWritesHeap:
        return {Severity::kReview, "ic0." + name + " writes into the heap"};
      case ApiEffect::kWritesStable:
        if (only_pre) return {Severity::kNote, std::string(kNotSaved)};
        return {Severity::kReview, "ic0." + name + " writes stable memory"};
      case ApiEffect::kCallsBack:
        return {Severity::kReview,
                "ic0." + name + " is part of a call whose callbacks run on the heap"};
    }
    return {Severity::kReview, ""};
  }

  void system_api(const ChangedFunction& changed) {
    Judgement worst;
    std::vector<std::string> lines;
    for (const ApiEdit& edit : changed.diff.api) {
      std::string line =
          fmt::format("{} call ic0.{} at {} offset 0x{:08x}", edit.added ? '+' : '-',
                      ic::info(edit.function).name, edit.added ? "new" : "old", edit.offset);
      // Several calls of one growing writer are one place.
      if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
      Judgement judgement = judge(changed, edit);
      const bool says_more = worst.why.empty() && !judgement.why.empty();
      if (judgement.severity > worst.severity ||
          (judgement.severity == worst.severity && says_more)) {
        worst = std::move(judgement);
      }
    }
    const bool safe = worst.severity == Severity::kNote;
    out_.push_back({.code = safe ? "code.system-api" : "code.system-api-effect",
                    .area = "code",
                    .rows = "2 28",
                    .weights = both(worst.severity),
                    .what = subject_.function(kNew, changed.new_fn) +
                            (lines.empty() ? std::string(" differs by constants that are dropped")
                                           : std::string(" differs by System API calls only")),
                    .evidence = std::move(lines),
                    .why = !worst.why.empty() ? worst.why : std::string(kHarmless),
                    .next = safe ? "rehearse it on a snapshot (canrec rehearse)"
                                 : "read the function side by side (--code), then rehearse it on a "
                                   "snapshot (canrec rehearse)",
                    .place = place(changed)});
  }

  std::string line(const ChangedFunction& changed) const {
    std::string text = subject_.function(kNew, changed.new_fn);
    const std::string before = subject_.name(kOld, changed.old_fn);
    if (before != subject_.name(kNew, changed.new_fn)) {
      text += fmt::format(", was {}", subject_.function(kOld, changed.old_fn));
    }
    if (changed.diff.change == BodyChange::kConstants) {
      const auto& constants = changed.diff.constants;
      if (constants.empty()) return text + ": other globals";
      text += fmt::format(": {} constant{}", constants.size(), constants.size() == 1 ? "" : "s");
      return text + fmt::format(", first {} -> {}", static_cast<int64_t>(constants[0].before),
                                static_cast<int64_t>(constants[0].after));
    }
    return text + ": " + changed.diff.reason;
  }

  void changed_functions() {
    if (others_.empty()) return;
    std::vector<std::string> lines;
    for (const ChangedFunction* changed : others_) {
      if (lines.size() == kMostLines) {
        lines.push_back(fmt::format("and {} functions more (--json lists them all)",
                                    others_.size() - kMostLines));
        break;
      }
      lines.push_back(line(*changed));
    }
    out_.push_back(
        {.code = "code.changed",
         .area = "code",
         .rows = "2 30 31",
         .weights = both(Severity::kReview),
         .what = fmt::format("{} function{} changed by more than System API calls", others_.size(),
                             others_.size() == 1 ? "" : "s"),
         .evidence = std::move(lines),
         .why = "code that reads one word of the heap as another leaves data, table and globals as "
                "they are: the bytes cannot tell",
         .next = "read each of them side by side (--code FUNC), make sure that no type in the heap "
                 "changed its layout, and rehearse on a snapshot (canrec rehearse)",
         .place = place(*others_.front())});
  }

  // Motoko names pooled literals and variables by number: `i64.const 57; call get_static_variable`.
  void pool_accesses() {
    if (subject_.column != Column::kMotokoEop) return;
    std::vector<std::string> lines;
    const ChangedFunction* first = nullptr;
    for (const ChangedFunction* changed : others_) {
      for (const ConstantChange& change : changed->diff.constants) {
        if (change.callee == kNoNode || !is_pool_accessor(change.callee)) continue;
        if (first == nullptr) first = changed;
        if (lines.size() < kMostLines) {
          lines.push_back(fmt::format("{} uses pool slot {} where it used {}",
                                      subject_.function(kNew, changed->new_fn), change.after,
                                      change.before));
        }
        break;
      }
    }
    if (first == nullptr) return;
    out_.push_back({.code = "code.pool",
                    .area = "code",
                    .rows = "34",
                    .weights = {Severity::kUnsafe, Severity::kNote},
                    .what = "slots of Motoko's static pool shifted",
                    .evidence = std::move(lines),
                    .why =
                        "the pool is in the kept heap and is rebuilt by an upgrade only: code of "
                        "a swapped module finds other objects in the slots",
                    .next = "use route K, with canister_pre_upgrade run",
                    .place = place(*first)});
  }

  bool is_pool_accessor(Node callee) const {
    if (callee >= subject_.module(kOld).functions.size()) return false;
    const std::string_view name = subject_.names[kOld].raw(wasm::FuncIdx{callee});
    return name == "get_static_variable" || name == "@get_static_variable";
  }

  void added_functions() {
    const auto& added = subject_.pairing.added;
    if (added.empty()) return;
    // Old slots only: no slot number in the heap names a new one, and code that takes the address
    // of a new function is itself new or changed.
    std::vector<uint32_t> roots;
    for (const EntryPoint& entry : entry_points(subject_.module(kNew))) roots.push_back(entry.fn);
    size_t old_slots = 0;
    for (const TableImage& table : subject_.layouts[kOld].tables) {
      old_slots = std::max(old_slots, table.size());
    }
    const std::vector<bool> live =
        reach(subject_.sides[kNew], subject_.scans[kNew], std::move(roots),
              table_functions(subject_.layouts[kNew], old_slots));
    std::vector<uint32_t> running;
    std::vector<uint32_t> idle;
    std::vector<uint32_t> growing;
    const std::vector<bool> named = named_by_data();
    for (const uint32_t fn : added) {
      const bool grows =
          live[fn] && !named[fn] && growing_writer(subject_.module(kNew), fn).has_value();
      (grows ? growing : live[fn] ? running : idle).push_back(fn);
    }
    report_added({.code = "code.added",
                  .area = "code",
                  .rows = "4",
                  .weights = both(Severity::kReview),
                  .what = {},
                  .evidence = {},
                  .why = "nothing moved for them, but they have never read this heap",
                  .next = "read them (--code FUNC) and rehearse on a snapshot (canrec rehearse)",
                  .place = {}},
                 running, "");
    report_added({.code = "code.unreachable",
                  .area = "code",
                  .rows = "4",
                  .weights = both(Severity::kNote),
                  .what = {},
                  .evidence = {},
                  .why = "they do not run",
                  .next = "nothing to do",
                  .place = {}},
                 idle, " that no old code and no entry point reaches");
    report_added({.code = "code.growing-writer",
                  .area = "code",
                  .rows = "4",
                  .weights = both(Severity::kNote),
                  .what = {},
                  .evidence = {},
                  .why = "it touches no memory, global or table; each call of it does the write "
                         "that stood there, with the same operands",
                  .next = "rehearse it on a snapshot (canrec rehearse)",
                  .place = {}},
                 growing, " that grows stable memory, then writes what it is given");
  }

  // Functions of the new module that exports, element segments or globals name: they can be entered
  // in other ways than by the calls that are judged one by one.
  std::vector<bool> named_by_data() const {
    const wasm::Module& module = subject_.module(kNew);
    std::vector<bool> named(module.functions.size(), false);
    for (const wasm::Export& entry : module.exports) {
      if (entry.kind == wasm::ExternKind::kFunc) named[entry.index] = true;
    }
    for (Node node = static_cast<Node>(named.size()); node < subject_.sides[kNew].nodes(); ++node) {
      for (const Node fn : subject_.scans[kNew].references(node)) {
        if (fn < named.size()) named[fn] = true;
      }
    }
    return named;
  }

  void report_added(Finding finding, const std::vector<uint32_t>& added, std::string_view which) {
    if (added.empty()) return;
    std::vector<std::string> lines;
    for (const uint32_t fn : added) {
      if (lines.size() == kMostLines) {
        lines.push_back(fmt::format("and {} more", added.size() - kMostLines));
        break;
      }
      lines.push_back(subject_.function(kNew, fn));
    }
    finding.what =
        fmt::format("{} function{} added{}", added.size(), added.size() == 1 ? "" : "s", which);
    finding.evidence = std::move(lines);
    finding.place.new_function = added.front();
    finding.place.new_offset = subject_.module(kNew).functions[added.front()].body.begin;
    out_.push_back(std::move(finding));
  }

  void removed_functions() {
    const auto& removed = subject_.pairing.removed;
    if (removed.empty()) return;
    std::vector<std::string> lines;
    for (const uint32_t fn : removed) {
      if (lines.size() == kMostLines) {
        lines.push_back(fmt::format("and {} more", removed.size() - kMostLines));
        break;
      }
      lines.push_back(subject_.function(kOld, fn));
    }
    Place place;
    place.old_function = removed.front();
    place.old_offset = subject_.module(kOld).functions[removed.front()].body.begin;
    out_.push_back(
        {.code = "code.removed",
         .area = "code",
         .rows = "38",
         .weights = both(Severity::kNote),
         .what =
             fmt::format("{} function{} removed", removed.size(), removed.size() == 1 ? "" : "s"),
         .evidence = std::move(lines),
         .why = "what still referred to them would be listed as changed, and a table slot "
                "that held one as another function",
         .next = "nothing to do",
         .place = place});
  }

  const Subject& subject_;
  std::vector<Finding>& out_;
  std::vector<const ChangedFunction*> others_;
  std::vector<bool> reached_by_others_;
};

}  // namespace

void code_rules(const Subject& subject, std::vector<Finding>& out) {
  CodeRules(subject, out).run();
}

}  // namespace canrec::wasmdiff
