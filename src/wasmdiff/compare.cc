// SPDX-License-Identifier: Apache-2.0
// The steps of a comparison in order, and the summary lines.
#include "wasmdiff/compare.h"

#include <fmt/core.h>

#include <algorithm>
#include <future>
#include <optional>

#include "wasm/validate.h"
#include "wasmdiff/proof.h"

namespace canrec::wasmdiff {
namespace {

constexpr const char* kSideNames[] = {"old module", "new module"};

Status scan_both(Subject& subject, const DroppedSegments& dropped) {
  CANREC_TRY(subject.denotations, denote(subject.module(kOld), subject.module(kNew), dropped));
  for (const Which w : {kOld, kNew}) subject.sides[w].denotations = &subject.denotations[w];
  // The scans read nothing of each other, so each has a processor of its own.
  auto other = std::async(std::launch::async, [&] { return scan_code(subject.sides[kOld]); });
  Both<std::optional<Result<CodeScan>>> scans;
  scans[kNew] = scan_code(subject.sides[kNew]);
  scans[kOld] = other.get();
  for (const Which w : {kOld, kNew}) {
    if (!*scans[w]) return fail(std::move(*scans[w]).error().in(kSideNames[w]));
    subject.scans[w] = std::move(**scans[w]);
  }
  return Ok{};
}

Status read_both(Subject& subject) {
  DroppedSegments dropped;
  CANREC_CHECK(scan_both(subject, dropped));
  for (const Which w : {kOld, kNew}) {
    dropped.any |= subject.scans[w].drops_segments;
    dropped.used[w] = subject.scans[w].segment_used;
  }
  // Rare: only then does it matter which of several equal segments an instruction names.
  if (dropped.any) CANREC_CHECK(scan_both(subject, dropped));
  for (const Which w : {kOld, kNew}) {
    subject.layouts[w] = read_layout(subject.sides[w], subject.scans[w], subject.names[w]);
  }
  return Ok{};
}

Column column_of(const Subject& subject) {
  const ToolchainFacts& a = subject.layouts[kOld].toolchain;
  const ToolchainFacts& b = subject.layouts[kNew].toolchain;
  if (a.is_motoko_eop() && b.is_motoko_eop()) return Column::kMotokoEop;
  for (const wasm::Toolchain kind : {a.kind, b.kind}) {
    // Without its section an enhanced program is held to the stricter rules.
    if (kind == wasm::Toolchain::kMotokoClassical || kind == wasm::Toolchain::kMotokoEnhanced) {
      return Column::kMotokoClassical;
    }
  }
  return Column::kNative;
}

// In a comparison of two builds thousands of bodies were rewritten; those are not taken apart. The
// hashes differ, so the bodies differ by more than constants or System API calls.
bool rewritten(const Subject& subject, const Pair& pair) {
  constexpr size_t kFew = 256;
  return subject.pairing.pairs.size() > kFew &&
         subject.scans[kOld].masked[pair.old_fn] != subject.scans[kNew].masked[pair.new_fn] &&
         subject.scans[kOld].skeleton[pair.old_fn] != subject.scans[kNew].skeleton[pair.new_fn];
}

BodyDiff rewritten_body() {
  BodyDiff diff;
  diff.change = BodyChange::kOther;
  diff.reason = "instructions other than System API calls changed";
  return diff;
}

// The comparisons of all pairs, in order. They read nothing of each other, so each half of the work
// has a processor of its own.
std::vector<BodyDiff> compare_pairs(const Subject& subject) {
  const std::vector<Pair>& pairs = subject.pairing.pairs;
  std::vector<BodyDiff> diffs(pairs.size());
  std::vector<uint64_t> work(pairs.size() + 1);  // bytes of the pairs before
  for (size_t i = 0; i < pairs.size(); ++i) {
    const bool skipped = rewritten(subject, pairs[i]);
    if (skipped) diffs[i] = rewritten_body();
    work[i + 1] =
        work[i] + (skipped ? 0 : 1 + subject.module(kOld).functions[pairs[i].old_fn].body.size());
  }
  const auto compare = [&](size_t from, size_t to) {
    BodyComparer comparer(subject.sides, subject.pairing.labels);
    for (size_t i = from; i < to; ++i) {
      if (work[i] != work[i + 1]) diffs[i] = comparer.compare(pairs[i].old_fn, pairs[i].new_fn);
    }
  };
  if (work.back() == 0) return diffs;
  const auto half = std::ranges::lower_bound(work, work.back() / 2);
  const auto middle = static_cast<size_t>(half - work.begin());
  auto first = std::async(std::launch::async, compare, size_t{0}, middle);
  compare(middle, pairs.size());
  first.get();
  return diffs;
}

void pair_and_compare(Subject& subject) {
  subject.identity = identify(subject.sides, subject.scans);
  std::vector<Both<TableImage>> tables;
  const size_t common =
      std::min(subject.layouts[kOld].tables.size(), subject.layouts[kNew].tables.size());
  for (size_t i = 0; i < common; ++i) {
    tables.push_back({{subject.layouts[kOld].tables[i], subject.layouts[kNew].tables[i]}});
  }
  subject.pairing = pair_functions(subject.sides, subject.scans, subject.identity, tables);
  std::vector<BodyDiff> diffs = compare_pairs(subject);
  for (size_t i = 0; i < diffs.size(); ++i) {
    const Pair& pair = subject.pairing.pairs[i];
    BodyDiff& diff = diffs[i];
    if (diff.change == BodyChange::kNone) {
      ++subject.same_but_callees;
    } else {
      subject.changed.push_back({pair.old_fn, pair.new_fn, pair.by, std::move(diff)});
    }
  }
}

FunctionCounts count(const Subject& subject) {
  FunctionCounts out;
  out.changed = static_cast<uint32_t>(subject.changed.size());
  out.callees = subject.same_but_callees;
  out.added = static_cast<uint32_t>(subject.pairing.added.size());
  out.removed = static_cast<uint32_t>(subject.pairing.removed.size());
  const wasm::Module& module = subject.module(kNew);
  const auto defined = static_cast<uint32_t>(module.functions.size()) - module.imported_functions;
  out.same = defined - out.changed - out.callees - out.added;
  return out;
}

// ------------------------------------------------------------------------------------------------

void network_rules(const Subject& subject, std::vector<Finding>& out) {
  const auto violations = wasm::check_network_rules(subject.module(kNew));
  if (violations.empty()) return;
  Place place;
  place.new_offset = violations.front().offset;
  std::vector<std::string> lines;
  for (const wasm::RuleViolation& violation : violations) {
    if (lines.size() == 4) {
      lines.push_back(fmt::format("and {} more", violations.size() - 4));
      break;
    }
    lines.push_back(violation.text);
  }
  out.push_back(
      {.code = "import.refused",
       .area = "import",
       .rows = "28",
       .weights = both(Severity::kUnsafe),
       .what = "the network refuses the new module",
       .evidence = std::move(lines),
       .why = violations.front().why,
       .next = "mend the module before anything else (canrec inspect shows every violation)",
       .place = place});
}

// Rows 31 and 33: other compilers lay out types and runtimes in other ways.
void compiler_rule(const Subject& subject, std::vector<Finding>& out) {
  const ToolchainFacts& a = subject.layouts[kOld].toolchain;
  const ToolchainFacts& b = subject.layouts[kNew].toolchain;
  // Tools strip the sections that name the compiler.
  const bool unknown = a.kind == wasm::Toolchain::kUnknown || b.kind == wasm::Toolchain::kUnknown;
  const bool silent = a.compiler.empty() || b.compiler.empty();
  if (unknown || (a.kind == b.kind && (silent || a.compiler == b.compiler))) return;
  const bool code_changed = !subject.changed.empty() || !subject.pairing.added.empty();
  const auto text = [](const ToolchainFacts& facts) {
    return fmt::format("{}{}{}", to_string(facts.kind), facts.compiler.empty() ? "" : ", ",
                       facts.compiler);
  };
  out.push_back(
      {.code = "code.compiler",
       .area = "code",
       .rows = "31 33",
       .weights = code_changed ? layout_weight(subject, Severity::kUnsafe) : both(Severity::kNote),
       .what = "the modules come from different compilers",
       .evidence = {fmt::format("{} -> {}", text(a), text(b))},
       .why = code_changed ? "the layout of types, the runtime and the allocator differ "
                             "between compilers without a trace in the module"
                           : "no code differs",
       .next = code_changed ? "build the new module with the old compiler, or patch the old "
                              "module (canrec patch)"
                            : "nothing to do",
       .place = {}});
}

void exact_second_look(const Subject& subject, std::vector<Finding>& out) {
  const auto disproof = prove(subject);
  if (!disproof) return;
  out.push_back({.code = "code.collision",
                 .area = "code",
                 .rows = "2",
                 .weights = both(Severity::kReview),
                 .what = "functions that hash alike are not the same",
                 .evidence = {fmt::format("function {} of the {} and {} of the {}", disproof->a,
                                          kSideNames[disproof->a_side], disproof->b,
                                          kSideNames[disproof->b_side])},
                 .why = "somebody made them so",
                 .next = "do not use this module",
                 .place = {}});
}

// ------------------------------------------------------------------------------------------------

std::string functions_fact(const FunctionCounts& counts) {
  std::string text =
      fmt::format("{} the same, {} changed, {} added, {} removed", grouped(counts.same),
                  grouped(counts.changed), grouped(counts.added), grouped(counts.removed));
  if (counts.callees > 0) {
    text += fmt::format("; {} call{} changed ones", grouped(counts.callees),
                        counts.callees == 1 ? "s" : "");
  }
  return text;
}

bool has(const std::vector<Finding>& findings, std::string_view code) {
  return std::ranges::any_of(findings, [&](const Finding& f) { return f.code == code; });
}

std::string data_fact(const Subject& subject, const std::vector<Finding>& findings) {
  const Layout& a = subject.layouts[kOld];
  const Layout& b = subject.layouts[kNew];
  std::string text;
  if (a.image.empty() && b.image.empty()) {
    text = "no active segments";
  } else if (has(findings, "data.changed")) {
    text = fmt::format("0x{:08x}..0x{:08x} -> 0x{:08x}..0x{:08x}, differs", a.image.begin,
                       a.image.end, b.image.begin, b.image.end);
  } else {
    text = fmt::format("0x{:08x}..0x{:08x} identical ({}, {} in the new module)", b.image.begin,
                       b.image.end, counted(subject.module(kOld).data.size(), "segment"),
                       subject.module(kNew).data.size());
  }
  const bool moved = std::ranges::any_of(
      findings, [](const Finding& f) { return f.area == "statics" || f.area == "stack"; });
  text += moved ? "; static area moved" : "; no sign that the static area moved";
  if (b.stack_start) text += fmt::format(" (stack from 0x{:08x} down", *b.stack_start);
  if (b.heap_base) {
    text += fmt::format("{}heap base 0x{:08x}", b.stack_start ? ", " : " (", *b.heap_base);
  }
  if (b.stack_start || b.heap_base) text += ')';
  return text;
}

std::string table_fact(const Subject& subject, const std::vector<Finding>& findings) {
  const auto& tables = subject.layouts[kOld].tables;
  if (tables.empty()) return "none";
  size_t slots = 0;
  for (const TableImage& table : tables) slots += table.size();
  for (const Finding& finding : findings) {
    if (finding.code == "table.slot")
      return fmt::format("{}; {}", counted(slots, "slot"), finding.what);
  }
  if (has(findings, "table.unknown")) return "cannot be laid out";
  const bool changed = has(findings, "table.body");
  return fmt::format("{}, every slot the same function{}", counted(slots, "slot"),
                     changed ? " (some of them changed)" : "");
}

std::string globals_fact(const Subject& subject) {
  const auto& a = subject.layouts[kOld].persisted;
  const auto& b = subject.layouts[kNew].persisted;
  std::string text = fmt::format("{} persisted", b.size());
  if (a.size() != b.size()) text = fmt::format("{} persisted -> {}", a.size(), b.size());
  if (b.size() == 1) text += fmt::format(" ({})", to_string(b[0].type.type));
  const Layout& layout = subject.layouts[kNew];
  if (layout.stack_pointer)
    text += fmt::format(", global {} is the stack pointer", *layout.stack_pointer);
  return text;
}

std::string memory_fact(const Subject& subject) {
  const auto text = [](const wasm::Module& module) -> std::string {
    if (module.memories.empty()) return "none";
    const wasm::Limits& limits = module.memories[0].limits;
    return fmt::format("{}-bit, {}{}", limits.is_64 ? 64 : 32, counted(limits.min, "page"),
                       limits.has_max ? fmt::format(" up to {}", grouped(limits.max)) : "");
  };
  const std::string a = text(subject.module(kOld));
  const std::string b = text(subject.module(kNew));
  return a == b ? a + ", the same" : a + " -> " + b;
}

std::string interface_fact(Clients clients) {
  switch (clients) {
    case Clients::kUntold:
    case Clients::kUnknown:
      return "not compared: whether clients still work is unknown";
    case Clients::kServed:
      return "every client of the old module can use the new one";
    case Clients::kNulled:
      return "values may silently read as null for clients of the old module";
    case Clients::kBroken:
      return "BREAKS clients of the old module";
  }
  return {};
}

// Everything that follows the specification is checked before a mild word is said; a harsh one
// needs no more reasons. The network's own rules are for valid modules.
Status validate_both(const Subject& subject, const CompareOptions& options,
                     std::vector<Finding>& found, Comparison& out) {
  const bool settled =
      word_of(found, Route::kS) == Word::kUnsafe && word_of(found, Route::kK) == Word::kUnsafe;
  if (settled) {
    out.not_seen.emplace_back("whether both modules are valid (unsafe whatever they are)");
    return Ok{};
  }
  for (const Which w : {kOld, kNew}) {
    if (options.validated) break;
    if (Status valid = wasm::validate(subject.module(w)); !valid) {
      return fail(std::move(valid).error().in(kSideNames[w]));
    }
  }
  network_rules(subject, found);
  return Ok{};
}

void not_seen(const Subject& subject, std::vector<std::string>& out) {
  if (!subject.changed.empty() || !subject.pairing.added.empty()) {
    out.emplace_back("whether changed or added code reads the heap as the old code wrote it");
  }
  out.emplace_back("the heap itself (no --state given)");
  if (subject.column == Column::kMotokoEop) {
    out.emplace_back("what a garbage collection in progress has left half done");
  }
}

}  // namespace

void Comparison::add(Finding finding) {
  const auto key = [](const Finding& f) { return f.weights.worst(); };
  const auto at = std::ranges::find_if(
      findings, [&](const Finding& other) { return key(other) < key(finding); });
  findings.insert(at, std::move(finding));
}

Result<Comparison> compare(const wasm::Module& old_module, const wasm::Module& new_module,
                           const CompareOptions& options) {
  Comparison out;
  out.subject = std::make_unique<Subject>();
  Subject& subject = *out.subject;
  subject.sides[kOld].module = &old_module;
  subject.sides[kNew].module = &new_module;
  subject.names.emplace_back(old_module, options.names);
  subject.names.emplace_back(new_module, options.names);
  CANREC_CHECK(read_both(subject));
  subject.column = column_of(subject);
  pair_and_compare(subject);

  std::vector<Finding> found;
  out.clients = judge_interfaces(subject, found);  // first among the notes
  for (const auto rules :
       {memory_rules, table_rules, data_rules, segment_rules, azle_script_rules, static_rules,
        global_rules, code_rules, start_rules, export_rules, import_rules, compiler_rule,
        section_rules, motoko_type_rules, route_k_rules}) {
    rules(subject, found);
  }
  CANREC_CHECK(validate_both(subject, options, found, out));
  const bool may_be_safe =
      word_of(found, Route::kS) == Word::kSafe || word_of(found, Route::kK) == Word::kSafe;
  if (may_be_safe) exact_second_look(subject, found);

  out.counts = count(subject);
  out.facts = {{"functions", functions_fact(out.counts)},
               {"memory", memory_fact(subject)},
               {"data", data_fact(subject, found)},
               {"table", table_fact(subject, found)},
               {"globals", globals_fact(subject)}};
  if (out.clients != Clients::kUntold) {
    out.facts.push_back({"interface", interface_fact(out.clients)});
  }
  not_seen(subject, out.not_seen);
  sort_worst_first(found);
  out.findings = std::move(found);
  return out;
}

}  // namespace canrec::wasmdiff
