// SPDX-License-Identifier: Apache-2.0
// Rules 5, 6, 7, 24, 25 and 26 of the decision table: the memory itself and the tables.
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {
namespace {

constexpr size_t kMostLines = 8;

std::string pages(uint64_t count) {
  return fmt::format("{} page{}", grouped(count), count == 1 ? "" : "s");
}

void limits_rules(const Subject& subject, std::vector<Finding>& out) {
  const wasm::Memory& a = subject.module(kOld).memories[0];
  const wasm::Memory& b = subject.module(kNew).memories[0];
  Place place;
  place.old_offset = a.range.begin;
  place.new_offset = b.range.begin;
  if (a.limits.is_64 != b.limits.is_64) {
    out.push_back({.code = "memory.width",
                   .area = "memory",
                   .rows = "26",
                   .weights = both(Severity::kUnsafe),
                   .what = fmt::format("memory is {}-bit in the old module and {}-bit in the new",
                                       a.limits.is_64 ? 64 : 32, b.limits.is_64 ? 64 : 32),
                   .evidence = {},
                   .why = "every pointer in the heap has the old width",
                   .next = "build the new module for the old memory width",
                   .place = place});
    return;
  }
  if (b.limits.min > a.limits.min) {
    out.push_back({.code = "memory.minimum",
                   .area = "memory",
                   .rows = "24",
                   .weights = both(Severity::kUnsafe),
                   .what = fmt::format("memory minimum raised from {} to {}", pages(a.limits.min),
                                       pages(b.limits.min)),
                   .evidence = {},
                   .why = "the network refuses code whose declared minimum is larger than the kept "
                          "memory, and the kept memory may be as small as the old minimum",
                   .next = "give the snapshot with --state to compare with the real size, or keep "
                           "the old minimum (canrec patch)",
                   .place = place});
  } else if (b.limits.min < a.limits.min) {
    out.push_back({.code = "memory.minimum",
                   .area = "memory",
                   .rows = "24",
                   .weights = both(Severity::kNote),
                   .what = fmt::format("memory minimum lowered from {} to {}", pages(a.limits.min),
                                       pages(b.limits.min)),
                   .evidence = {},
                   .why = "a kept memory is never smaller than the old minimum, so it fits",
                   .next = "nothing to do",
                   .place = place});
  }
  const uint64_t old_max = a.limits.has_max ? a.limits.max : ~uint64_t{0};
  const uint64_t new_max = b.limits.has_max ? b.limits.max : ~uint64_t{0};
  if (new_max == old_max) return;
  const auto shown = [](const wasm::Limits& limits) {
    return limits.has_max ? pages(limits.max) : std::string("none");
  };
  const bool lowered = new_max < old_max;
  out.push_back(
      {.code = "memory.maximum",
       .area = "memory",
       .rows = "25",
       .weights = both(lowered ? Severity::kUnsafe : Severity::kNote),
       .what = fmt::format("memory maximum {} from {} to {}", lowered ? "lowered" : "raised",
                           shown(a.limits), shown(b.limits)),
       .evidence = {},
       .why = lowered ? "a kept memory above the maximum cannot be instantiated: every "
                        "message would fail"
                      : "the kept memory fits, and may grow further than before",
       .next = lowered ? "give the snapshot with --state to compare with the real size, or "
                         "keep the old maximum (canrec patch)"
                       : "nothing to do",
       .place = place});
}

// ------------------------------------------------------------------------------------------------

// What became of a slot that the old module fills.
enum class Slot : uint8_t {
  kSame,
  kChangedBody,
  kOtherFunction,
  kOtherSignature,
  kEmptied,
  kFilled
};

struct SlotChange {
  size_t slot;
  Slot kind;
  std::optional<uint32_t> before;
  std::optional<uint32_t> after;
};

Slot judge(const Subject& subject, std::optional<uint32_t> before, std::optional<uint32_t> after) {
  if (!before && !after) return Slot::kSame;
  if (!before) return Slot::kFilled;
  if (!after) return Slot::kEmptied;
  if (subject.same_class(*before, *after)) return Slot::kSame;
  if (subject.module(kOld).type_of(wasm::FuncIdx{*before}) !=
      subject.module(kNew).type_of(wasm::FuncIdx{*after})) {
    return Slot::kOtherSignature;
  }
  return subject.corresponds(*before, *after) ? Slot::kChangedBody : Slot::kOtherFunction;
}

class TableComparison {
 public:
  TableComparison(const Subject& subject, uint32_t table, std::vector<Finding>& out)
      : subject_(subject),
        table_(table),
        old_(subject.layouts[kOld].tables[table]),
        new_(subject.layouts[kNew].tables[table]),
        out_(out) {}

  void run() {
    for (size_t slot = 0; slot < old_.size(); ++slot) {
      const auto before = at(old_, slot);
      const auto after = at(new_, slot);
      const Slot kind = judge(subject_, before, after);
      if (kind != Slot::kSame) changes_[kind].push_back({slot, kind, before, after});
    }
    report_broken();
    report_filled();
    report_changed_bodies();
    report_appended();
  }

 private:
  static std::optional<uint32_t> at(const TableImage& table, size_t slot) {
    if (slot >= table.size() || !table[slot]) return std::nullopt;
    return std::to_underlying(*table[slot]);
  }

  std::string line(const SlotChange& change) const {
    const std::string before =
        change.before ? subject_.function(kOld, *change.before) : std::string("empty");
    const std::string after =
        change.after ? subject_.function(kNew, *change.after) : std::string("empty");
    std::string text = fmt::format("slot {}: {} -> {}", change.slot, before, after);
    if (change.kind == Slot::kOtherSignature) {
      text += fmt::format(", {} -> {}",
                          to_string(subject_.module(kOld).type_of(wasm::FuncIdx{*change.before})),
                          to_string(subject_.module(kNew).type_of(wasm::FuncIdx{*change.after})));
    }
    return text;
  }

  Place place(const SlotChange& change) const {
    Place place;
    place.slot = change.slot;
    place.table = table_;
    place.old_function = change.before;
    place.new_function = change.after;
    return place;
  }

  void report_broken() {
    std::vector<SlotChange> broken;
    for (const Slot kind : {Slot::kOtherFunction, Slot::kOtherSignature, Slot::kEmptied}) {
      const auto& of_kind = changes_[kind];
      broken.insert(broken.end(), of_kind.begin(), of_kind.end());
    }
    if (broken.empty()) return;
    std::ranges::sort(broken, {}, &SlotChange::slot);
    std::vector<std::string> lines;
    for (const SlotChange& change : broken) {
      if (lines.size() == kMostLines) {
        lines.push_back(fmt::format("and {} slots more", broken.size() - kMostLines));
        break;
      }
      lines.push_back(line(change));
    }
    const bool eop = subject_.column == Column::kMotokoEop;
    out_.push_back(
        {.code = "table.slot",
         .area = "table",
         .rows = "5 6 7",
         .weights = layout_weight(subject_, Severity::kUnsafe),
         .what = fmt::format("{} table slot{} another function", broken.size(),
                             broken.size() == 1 ? " means" : "s mean"),
         .evidence = std::move(lines),
         .why = eop ? "function values in the heap are slot numbers; an upgrade rebuilds them, a "
                      "swapped module does not"
                    : "vtables, closures and function pointers in the heap are slot numbers: the "
                      "wrong code would run on the old data",
         .next = "patch the old module instead of building a new one (canrec patch), so that the "
                 "table stays as it is",
         .place = place(broken.front())});
  }

  void report_changed_bodies() {
    const auto& changed = changes_[Slot::kChangedBody];
    if (changed.empty()) return;
    std::vector<std::string> lines;
    for (const SlotChange& change : changed) {
      if (lines.size() == kMostLines) {
        lines.push_back(fmt::format("and {} slots more", changed.size() - kMostLines));
        break;
      }
      lines.push_back(line(change));
    }
    out_.push_back(
        {.code = "table.body",
         .area = "table",
         .rows = "2 7",
         .weights = both(Severity::kNote),
         .what = fmt::format("{} table slot{} keep{} a function that changed", changed.size(),
                             changed.size() == 1 ? "" : "s", changed.size() == 1 ? "s" : ""),
         .evidence = std::move(lines),
         .why = "the slots mean the functions they meant; what changed in them is judged "
                "under code",
         .next = "nothing to do for the table",
         .place = place(changed.front())});
  }

  void report_filled() {
    const auto& filled = changes_[Slot::kFilled];
    if (filled.empty()) return;
    out_.push_back({.code = "table.filled",
                    .area = "table",
                    .rows = "5",
                    .weights = layout_weight(subject_, Severity::kReview),
                    .what = fmt::format("{} empty table slot{} hold a function now", filled.size(),
                                        filled.size() == 1 ? "" : "s"),
                    .evidence = {line(filled.front())},
                    .why = "a call through a null function pointer trapped and would run now",
                    .next = "look at why the slot is filled",
                    .place = place(filled.front())});
  }

  // The first appended slot whose function code can call: the types agree.
  std::optional<size_t> callable_slot() const {
    const auto& types = subject_.denotations[kNew].types;
    const auto& called = subject_.scans[kNew].called_types;
    for (size_t slot = old_.size(); slot < new_.size(); ++slot) {
      const auto fn = at(new_, slot);
      if (!fn) continue;
      const wasm::Function& function = subject_.module(kNew).functions[*fn];
      if (called.contains(types[std::to_underlying(function.type)])) return slot;
    }
    return std::nullopt;
  }

  void report_appended() {
    if (new_.size() <= old_.size()) return;
    const std::optional<size_t> callable = callable_slot();
    const size_t slot = callable.value_or(old_.size());
    const SlotChange first{slot, Slot::kFilled, std::nullopt, at(new_, slot)};
    out_.push_back(
        {.code = "table.appended",
         .area = "table",
         .rows = "4",
         .weights = both(callable ? Severity::kReview : Severity::kNote),
         .what = fmt::format("{} table slots appended behind the old {}", new_.size() - old_.size(),
                             old_.size()),
         .evidence = {line(first)},
         .why = callable ? "no slot number in a sound heap reaches them, but a call of a number "
                           "beyond the old table trapped and would run now"
                         : "no slot number in the heap reaches them, and code calls no function of "
                           "their types",
         .next =
             callable ? "look at where the slot number of such calls comes from" : "nothing to do",
         .place = place(first)});
  }

  const Subject& subject_;
  uint32_t table_;
  const TableImage& old_;
  const TableImage& new_;
  std::vector<Finding>& out_;
  std::map<Slot, std::vector<SlotChange>> changes_;
};

}  // namespace

void memory_rules(const Subject& subject, std::vector<Finding>& out) {
  const bool had = !subject.module(kOld).memories.empty();
  const bool has = !subject.module(kNew).memories.empty();
  if (had && has) {
    limits_rules(subject, out);
  } else if (had != has) {
    out.push_back(
        {.code = "memory.missing",
         .area = "memory",
         .rows = "24 25",
         .weights = both(had ? Severity::kUnsafe : Severity::kReview),
         .what = had ? "the new module declares no memory"
                     : "the new module declares a memory, the old one has none",
         .evidence = {},
         .why = had ? "the network refuses a module without memory for a heap that is not "
                      "empty"
                    : "there is no heap to keep",
         .next = "compare the right two modules",
         .place = {}});
  }
}

void table_rules(const Subject& subject, std::vector<Finding>& out) {
  for (const Which w : {kOld, kNew}) {
    const auto& problem = subject.layouts[w].table_problem;
    if (!problem) continue;
    Place place;
    (w == kOld ? place.old_offset : place.new_offset) = problem->offset();
    out.push_back({.code = "table.unknown",
                   .area = "table",
                   .rows = "5",
                   .weights = both(Severity::kUnsafe),
                   .what = fmt::format("a table of the {} module cannot be laid out: {}",
                                       w == kOld ? "old" : "new", problem->message()),
                   .evidence = {},
                   .why = "what its slots mean is not known, and instantiation may fail",
                   .next = "look at the element segments (canrec inspect)",
                   .place = place});
  }
  const auto& a = subject.module(kOld).tables;
  const auto& b = subject.module(kNew).tables;
  for (uint32_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    Place place;
    place.table = i;
    place.old_offset = a[i].range.begin;
    place.new_offset = b[i].range.begin;
    if (a[i].type.element != b[i].type.element ||
        a[i].type.limits.is_64 != b[i].type.limits.is_64) {
      out.push_back({.code = "table.type",
                     .area = "table",
                     .rows = "6 26",
                     .weights = layout_weight(subject, Severity::kUnsafe),
                     .what = fmt::format("table {} has another element type or index width", i),
                     .evidence = {},
                     .why = "slot numbers in the heap are read in another way",
                     .next = "keep the old table type",
                     .place = place});
    }
    TableComparison(subject, i, out).run();
    if (a[i].type.limits.min != b[i].type.limits.min && subject.scans[kNew].measures_tables) {
      out.push_back({.code = "table.size",
                     .area = "table",
                     .rows = "4",
                     .weights = both(Severity::kReview),
                     .what = fmt::format(
                         "table {} has {} in place of {}, and code asks for the size", i,
                         counted(b[i].type.limits.min, "slot"), grouped(a[i].type.limits.min)),
                     .evidence = {},
                     .why = "code that is the same computes with another number than before",
                     .next = "look at what code does with the size (table.size), or keep the old "
                             "table",
                     .place = place});
    }
  }
  if (a.size() == b.size()) return;
  const bool removed = a.size() > b.size();
  out.push_back(
      {.code = "table.count",
       .area = "table",
       .rows = "5",
       .weights = both(removed ? Severity::kUnsafe : Severity::kReview),
       .what = fmt::format("{} tables in the old module, {} in the new", a.size(), b.size()),
       .evidence = {},
       .why = removed ? "slot numbers in the heap lose their table"
                      : "calls may go through another table than the heap's slot numbers "
                        "belong to",
       .next = "keep the tables as they are",
       .place = {}});
}

}  // namespace canrec::wasmdiff
