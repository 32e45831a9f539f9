// SPDX-License-Identifier: Apache-2.0
// The report of canrec diff for people: the word first, for which route and why; then what was
// compared; then every finding with what to do next.
#include <fmt/core.h>

#include <algorithm>

#include "cli/diff_report.h"
#include "cli/findings.h"

namespace canrec::cli {
namespace {

using wasmdiff::Finding;
using wasmdiff::Route;
using wasmdiff::Severity;
using wasmdiff::Word;

Tone tone_of(Severity severity) {
  switch (severity) {
    case Severity::kUnsafe:
      return Tone::kBad;
    case Severity::kReview:
      return Tone::kWarning;
    default:
      return Tone::kNote;
  }
}
Tone tone_of(Word word) {
  if (word == Word::kSafe) return Tone::kGood;
  return word == Word::kReview ? Tone::kWarning : Tone::kBad;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

std::string flowed(const Session& session, std::string_view text, size_t indent) {
  return wrapped(text, indent, session.width());
}

std::string module_line(const char* which, const wasm::LoadedModule& loaded,
                        const wasmdiff::Layout& layout) {
  const wasm::Module& module = loaded.module;
  const bool unknown = layout.toolchain.kind == wasm::Toolchain::kUnknown;
  std::string line = fmt::format("  {}  sha256 {}  {} bytes{}  {}{}", which, to_hex(loaded.hash),
                                 grouped(loaded.stored_size), loaded.gzipped ? " (gzip)" : "",
                                 to_string(layout.toolchain.kind), unknown ? " toolchain" : "");
  if (!layout.toolchain.compiler.empty()) line += fmt::format(" ({})", layout.toolchain.compiler);
  if (!module.memories.empty()) {
    line += fmt::format(", {}-bit memory, {}", module.is_64() ? 64 : 32,
                        wasmdiff::counted(module.memories[0].limits.min, "page"));
  }
  return line + "\n";
}

// Why the word is what it is, in a few words.
std::string reason(const DiffReport& report, Route route) {
  const auto& comparison = *report.comparison;
  const Word word = comparison.word(route);
  if (word != Word::kSafe) {
    const Severity deciding = word == Word::kUnsafe ? Severity::kUnsafe : Severity::kReview;
    size_t count = 0;
    const Finding* first = nullptr;
    for (const Finding& finding : comparison.findings) {
      if (finding.weights.of(route) != deciding) continue;
      if (first == nullptr) first = &finding;
      ++count;
    }
    std::string text = first->what;
    if (count > 1) text += fmt::format(" (and {} finding{} more)", count - 1, count > 2 ? "s" : "");
    return text;
  }
  const auto& counts = comparison.counts;
  if (counts.changed > 0) {
    return fmt::format("{} function{} changed, by System API calls only", counts.changed,
                       counts.changed == 1 ? "" : "s");
  }
  if (counts.removed > 0 || counts.added > 0) {
    return "every function that can run is the same, and nothing moved";
  }
  return "every function is the same, and nothing moved";
}

std::string route_words(const DiffReport& report, Route route) {
  // Motoko's upgrade needs its hook; the headline must not be read without that.
  const bool eop = report.comparison->subject->column == wasmdiff::Column::kMotokoEop;
  if (route == Route::kK && eop) return "by route K with canister_pre_upgrade run";
  return fmt::format("by route {}", to_string(route));
}

void print_headline(Session& session, const DiffReport& report) {
  const auto line = [&](std::string_view routes, Word word, Route route) {
    const std::string why = reason(report, route);
    session.print(fmt::format("{} {}: {}.\n", session.toned(tone_of(word), upper(to_string(word))),
                              routes, flowed(session, why, 0)));
  };
  const auto& comparison = *report.comparison;
  if (report.route) {
    line(route_words(report, *report.route), comparison.word(*report.route), *report.route);
    return;
  }
  const Word s = comparison.word(Route::kS);
  const Word k = comparison.word(Route::kK);
  if (s == k && reason(report, Route::kS) == reason(report, Route::kK)) {
    line(route_words(report, Route::kS) + " and " + route_words(report, Route::kK), s, Route::kS);
    return;
  }
  const bool k_first = k < s;
  line(route_words(report, k_first ? Route::kK : Route::kS), k_first ? k : s,
       k_first ? Route::kK : Route::kS);
  line(route_words(report, k_first ? Route::kS : Route::kK), k_first ? s : k,
       k_first ? Route::kS : Route::kK);
}

// Beside the word on the heap: whoever reads only the first lines must not miss it.
void print_clients(Session& session, const DiffReport& report) {
  if (!report.hurts_clients()) return;
  const auto found = std::ranges::find(report.comparison->findings, "interface", &Finding::area);
  const bool breaks = report.comparison->clients == wasmdiff::Clients::kBroken;
  session.print(fmt::format("{}: {}.\n",
                            session.toned(breaks ? Tone::kBad : Tone::kWarning,
                                          breaks ? "CLIENTS BREAK" : "CLIENTS READ NULL"),
                            flowed(session, found->what, 0)));
}

void print_facts(Session& session, const DiffReport& report) {
  session.print("\n");
  const auto line = [&](std::string_view name, std::string_view text) {
    session.print(fmt::format("  {:<10} {}\n", name, flowed(session, text, 13)));
  };
  for (const wasmdiff::Fact& fact : report.comparison->facts) line(fact.name, fact.text);
  std::string_view name = "not seen";
  for (const std::string& text : report.comparison->not_seen) {
    line(name, text);
    name = "";
  }
  for (const wasmdiff::GateResult& gate : report.gates) {
    line("gate",
         fmt::format("{}: {}, {}", gate.gate, gate.passed ? "passed" : "FAILED", gate.text));
  }
}

std::string place_text(const wasmdiff::Place& place) {
  std::string text;
  const auto add = [&](const std::string& piece) { text += (text.empty() ? "" : ", ") + piece; };
  if (place.address) add(fmt::format("address 0x{:08x}", *place.address));
  if (place.slot) add(fmt::format("table {} slot {}", place.table.value_or(0), *place.slot));
  if (place.persisted) add(fmt::format("persisted global {}", *place.persisted));
  if (place.old_offset) add(fmt::format("old file 0x{:08x}", *place.old_offset));
  if (place.new_offset) add(fmt::format("new file 0x{:08x}", *place.new_offset));
  return text;
}

// The weight of a finding, and by which route when they differ.
std::string weight_text(const DiffReport& report, const Finding& finding, Severity shown) {
  if (report.route || finding.weights.s == finding.weights.k) return {};
  const Severity other = finding.weights.s == shown ? finding.weights.k : finding.weights.s;
  const Route route = finding.weights.s == shown ? Route::kS : Route::kK;
  if (other == Severity::kNone) return fmt::format("  route {}", to_string(route));
  return fmt::format("  route {} ({} by route {})", to_string(route), to_string(other),
                     to_string(route == Route::kS ? Route::kK : Route::kS));
}

void print_finding(Session& session, const DiffReport& report, const Finding& finding) {
  const Severity shown = report.route ? finding.weights.of(*report.route) : finding.weights.worst();
  if (shown == Severity::kNone) return;
  const std::string word = upper(to_string(shown));
  session.print(fmt::format(
      "\n{}{}  {}{}\n", session.toned(tone_of(shown), word), std::string(6 - word.size(), ' '),
      session.toned(Tone::kBold, finding.code), weight_text(report, finding, shown)));
  session.print(fmt::format("      {}\n", flowed(session, finding.what, 6)));
  for (const std::string& line : finding.evidence) {
    session.print(fmt::format("        {}\n", flowed(session, line, 10)));
  }
  const auto labelled = [&](std::string_view label, std::string_view text) {
    if (text.empty()) return;
    session.print(fmt::format("      {:<5} {}\n", label, flowed(session, text, 12)));
  };
  labelled("where", place_text(finding.place));
  labelled("why", finding.why);
  labelled("next", finding.next);
}

// What was compared, and the word: every report begins with it.
void print_header(Session& session, const DiffReport& report) {
  session.print(fmt::format("wasm-layout-diff  {} -> {}   canrec {}\n", report.old_path,
                            report.new_path, CANREC_VERSION));
  const auto& subject = *report.comparison->subject;
  session.print(module_line("old", *report.old_module, subject.layouts[wasmdiff::kOld]));
  session.print(module_line("new", *report.new_module, subject.layouts[wasmdiff::kNew]));
  if (report.evidence) {
    session.print(fmt::format("  state {}  heap {} bytes\n", report.state_path,
                              grouped(report.evidence->heap_bytes)));
  }
  session.print("\n");
  print_headline(session, report);
}

// The column of the old code: half of a terminal; elsewhere as wide as its longest line, so that
// nothing is cut off in a report that is saved.
size_t old_column(const Session& session, const wasmdiff::SideBySide& code, size_t title) {
  if (session.is_terminal()) return std::max<size_t>(30, (session.width() - 3) / 2);
  size_t column = title;
  for (const wasmdiff::CodeRow& row : code.rows) column = std::max(column, row.old_text.size());
  return column;
}

}  // namespace

void print_diff_text(Session& session, const DiffReport& report) {
  print_header(session, report);
  print_clients(session, report);
  print_facts(session, report);
  for (const Finding& finding : report.comparison->findings) {
    print_finding(session, report, finding);
  }
}

void print_side_by_side(Session& session, const DiffReport& report) {
  print_header(session, report);
  const auto& subject = *report.comparison->subject;
  const wasmdiff::SideBySide& code = *report.code;
  const std::string old_title =
      code.old_fn ? "old " + subject.function(wasmdiff::kOld, *code.old_fn) : "no old function";
  const std::string new_title =
      code.new_fn ? "new " + subject.function(wasmdiff::kNew, *code.new_fn) : "no new function";
  const size_t column = old_column(session, code, old_title.size());
  const auto cell = [&](const std::string& text) {
    if (text.size() > column) return text.substr(0, column - 3) + "...";
    return text + std::string(column - text.size(), ' ');
  };
  session.print("\n" + session.toned(Tone::kBold, cell(old_title) + "   " + new_title) + "\n");
  for (const wasmdiff::CodeRow& row : code.rows) {
    const bool both = row.old_offset && row.new_offset;
    const char* mark = row.same ? " " : both ? "|" : row.old_offset ? "<" : ">";
    const std::string line = fmt::format("{} {} {}", cell(row.old_text), mark, row.new_text);
    const Tone tone = row.same ? Tone::kPlain : Tone::kWarning;
    session.print(session.toned(tone, line) + "\n");
  }
}

}  // namespace canrec::cli
