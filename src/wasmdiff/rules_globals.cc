// SPDX-License-Identifier: Apache-2.0
// Rules 18 to 23 of the decision table: the globals as the network persists them.
#include <fmt/core.h>

#include <algorithm>

#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {
namespace {

std::string type_text(const wasm::GlobalType& type) {
  return fmt::format("{}{}", type.is_mutable ? "mutable " : "", to_string(type.type));
}

std::string value_text(const wasm::Module& module, uint32_t global) {
  const wasm::Instruction& init = module.globals[global].init.instruction;
  if (module.globals[global].import) return "imported";
  switch (init.op) {
    case wasm::Opcode::kI32Const:
    case wasm::Opcode::kI64Const:
      return fmt::format("{}", static_cast<int64_t>(init.imm[0].value));
    case wasm::Opcode::kF32Const:
    case wasm::Opcode::kF64Const:
      return fmt::format("bits 0x{:x}", init.imm[0].value);
    case wasm::Opcode::kV128Const:
      return "0x" + to_hex(init.raw);
    default:
      return std::string(wasm::info(init.op).text);
  }
}

// Whether the initial values are known to be equal.
bool same_value(const Subject& subject, uint32_t a, uint32_t b) {
  const wasm::Global& x = subject.module(kOld).globals[a];
  const wasm::Global& y = subject.module(kNew).globals[b];
  if (x.import || y.import) return false;
  const wasm::Instruction& i = x.init.instruction;
  const wasm::Instruction& j = y.init.instruction;
  if (i.op != j.op) return false;
  switch (i.op) {
    case wasm::Opcode::kI32Const:
    case wasm::Opcode::kI64Const:
    case wasm::Opcode::kF32Const:
    case wasm::Opcode::kF64Const:
    case wasm::Opcode::kRefNull:
      return i.imm[0].value == j.imm[0].value;
    case wasm::Opcode::kV128Const:
      return std::ranges::equal(i.raw, j.raw);
    case wasm::Opcode::kGlobalGet:
      return subject.denotations[kOld].globals[i.index()] ==
             subject.denotations[kNew].globals[j.index()];
    default:
      return false;
  }
}

std::string entry_text(const wasm::Module& module, const wasm::PersistedGlobal& entry) {
  std::string text =
      fmt::format("global {} {}", std::to_underlying(entry.global), type_text(entry.type));
  if (!entry.export_name.empty()) {
    text += fmt::format(" \"{}\"", printable(as_bytes(entry.export_name)));
  }
  return text + " = " + value_text(module, std::to_underlying(entry.global));
}

void list_rule(const Subject& subject, std::vector<Finding>& out) {
  const auto& a = subject.layouts[kOld].persisted;
  const auto& b = subject.layouts[kNew].persisted;
  size_t same = 0;
  while (same < std::min(a.size(), b.size()) && a[same].type == b[same].type) ++same;
  if (same == a.size() && same == b.size()) return;
  Place place;
  place.persisted = same;
  const auto at = [&](Which w, const std::vector<wasm::PersistedGlobal>& list) {
    return same < list.size() ? entry_text(subject.module(w), list[same]) : std::string("nothing");
  };
  out.push_back(
      {.code = "global.list",
       .area = "global",
       .rows = "18 22",
       .weights = {Severity::kUnsafe, Severity::kNote},
       .what = fmt::format("persisted globals do not match: {} in the old module, {} in the new",
                           a.size(), b.size()),
       .evidence = {fmt::format("place {}: {} -> {}", same, at(kOld, a), at(kNew, b))},
       .why = "a snapshot carries the old list; the network refuses to load it under a module with "
              "another number or other types",
       .next = "add no mutable or exported global and remove none; or edit `globals` in "
               "metadata.json to the new list, knowing what every value means",
       .place = place});
}

// A constant that says where the static data ends, or the heap begins, is another one.
Finding end_moved(const Subject& subject, std::string what, std::vector<std::string> evidence,
                  const Place& place) {
  const bool eop = subject.column == Column::kMotokoEop;
  return {.code = "statics.end",
          .area = "statics",
          .rows = "21",
          .weights = eop ? Weights{Severity::kReview, Severity::kNote} : both(Severity::kUnsafe),
          .what = std::move(what),
          .evidence = std::move(evidence),
          .why =
              "such constants are addresses that the linker gave (__heap_base, __data_end); the "
              "old heap was laid out for the old ones",
          .next = "keep the static area as it is",
          .place = place};
}

// Places whose type is the same: other names, other initial values. Also behind a place that does
// not match: code names a mutable global by its place, and route K starts every one of them anew,
// whatever the lists look like.
void entry_rules(const Subject& subject, std::vector<Finding>& out) {
  const Layout& old_layout = subject.layouts[kOld];
  const Layout& new_layout = subject.layouts[kNew];
  const auto& a = old_layout.persisted;
  const auto& b = new_layout.persisted;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].type != b[i].type) continue;
    const uint32_t x = std::to_underlying(a[i].global);
    const uint32_t y = std::to_underlying(b[i].global);
    Place place;
    place.persisted = i;
    place.old_offset = subject.module(kOld).globals[x].range.begin;
    place.new_offset = subject.module(kNew).globals[y].range.begin;
    const std::string line =
        fmt::format("place {}: {} -> {}", i, entry_text(subject.module(kOld), a[i]),
                    entry_text(subject.module(kNew), b[i]));
    if (a[i].export_name != b[i].export_name) {
      out.push_back({.code = "global.order",
                     .area = "global",
                     .rows = "19 22",
                     .weights = {Severity::kUnsafe, Severity::kNote},
                     .what = "a place in the list of persisted globals belongs to another global",
                     .evidence = {line},
                     .why = "values are matched by place alone: one global would get the value of "
                            "another, and nothing would complain",
                     .next = "keep the exports of globals in their old order",
                     .place = place});
      // Of a constant the value counts, which code names, and not the place.
      if (!a[i].type.is_mutable) continue;
    }
    if (same_value(subject, x, y)) continue;
    const bool stack = old_layout.stack_pointer == x || new_layout.stack_pointer == y;
    if (stack) {
      out.push_back({.code = "stack.start",
                     .area = "stack",
                     .rows = "23",
                     .weights = both(Severity::kUnsafe),
                     .what = "the stack begins at another address",
                     .evidence = {line},
                     .why = "static data and heap lie behind the stack and were placed for the old "
                            "one: the new stack would run into them, or they moved",
                     .next = "build with the old stack size",
                     .place = place});
    } else if (a[i].type.is_mutable) {
      out.push_back({.code = "global.initial",
                     .area = "global",
                     .rows = "20",
                     .weights = {Severity::kReview, Severity::kReview},
                     .what = "a mutable global has another initial value",
                     .evidence = {line},
                     .why = "a snapshot carries the old global's last value, so the new initial "
                            "value is not used; an upgrade that keeps memory uses it",
                     .next = "look at what the global is for",
                     .place = place});
    } else {
      out.push_back(
          end_moved(subject, "an exported constant global has another value", {line}, place));
    }
  }
}

bool is_constant(const Subject& subject, const GlobalChange& change) {
  return !subject.module(kOld).globals[change.old_global].type.is_mutable &&
         !subject.module(kNew).globals[change.new_global].type.is_mutable;
}

// The functions that use another global, one line each; `constants` chooses which globals count.
struct Uses {
  std::vector<std::string> lines;
  Place place;
};
Uses changed_uses(const Subject& subject, bool constants) {
  Uses uses;
  for (const ChangedFunction& changed : subject.changed) {
    for (const GlobalChange& change : changed.diff.globals) {
      if (is_constant(subject, change) != constants) continue;
      if (uses.lines.empty()) {
        uses.place.old_function = changed.old_fn;
        uses.place.new_function = changed.new_fn;
      }
      const std::string value =
          constants ? fmt::format(": {} -> {}", value_text(subject.module(kOld), change.old_global),
                                  value_text(subject.module(kNew), change.new_global))
                    : "";
      if (uses.lines.size() < 8) {
        uses.lines.push_back(fmt::format("{} uses global {} where it used global {}{}",
                                         subject.function(kNew, changed.new_fn), change.new_global,
                                         change.old_global, value));
      }
      break;
    }
  }
  return uses;
}

// A function that is the same but for the constants it takes from globals. No list shows those: a
// constant is persisted only when it is exported.
void constant_rule(const Subject& subject, std::vector<Finding>& out) {
  Uses uses = changed_uses(subject, true);
  if (uses.lines.empty()) return;
  out.push_back(end_moved(subject, "code uses a constant global that has another value",
                          std::move(uses.lines), uses.place));
}

// A function that is the same but for the places of the globals it uses: globals of equal type and
// value changed places, which the list cannot show.
void swapped_rule(const Subject& subject, std::vector<Finding>& out) {
  Uses uses = changed_uses(subject, false);
  if (uses.lines.empty()) return;
  out.push_back({.code = "global.swapped",
                 .area = "global",
                 .rows = "19",
                 .weights = {Severity::kUnsafe, Severity::kReview},
                 .what = "code uses a mutable global at another place of the persisted list",
                 .evidence = std::move(uses.lines),
                 .why = "values are matched by place alone: the code would find the value of "
                        "another global, and nothing would complain",
                 .next = "keep mutable globals in their old order",
                 .place = uses.place});
}

// A reference in a global cannot be carried by a snapshot.
void reference_rule(const Subject& subject, std::vector<Finding>& out) {
  for (const Which w : {kOld, kNew}) {
    for (const wasm::PersistedGlobal& entry : subject.layouts[w].persisted) {
      if (!is_reference(entry.type.type)) continue;
      out.push_back({.code = "global.reference",
                     .area = "global",
                     .rows = "18",
                     .weights = both(Severity::kUnsafe),
                     .what = fmt::format("the {} module persists a global that holds a reference",
                                         w == kOld ? "old" : "new"),
                     .evidence = {entry_text(subject.module(w), entry)},
                     .why = "a snapshot has no form for references",
                     .next = "keep references in tables",
                     .place = {}});
      return;
    }
  }
}

}  // namespace

void global_rules(const Subject& subject, std::vector<Finding>& out) {
  list_rule(subject, out);
  entry_rules(subject, out);
  swapped_rule(subject, out);
  constant_rule(subject, out);
  reference_rule(subject, out);
}

}  // namespace canrec::wasmdiff
