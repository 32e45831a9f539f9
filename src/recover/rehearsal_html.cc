// SPDX-License-Identifier: Apache-2.0
// The HTML report, from top to bottom.
#include "recover/rehearsal_html.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/bytes.h"
#include "recover/memory_map.h"
#include "recover/memory_strip.h"
#include "recover/step_text.h"

namespace canrec::recover {
namespace {

constexpr size_t kWordsShown = 4000;  // bytes of one answer
constexpr size_t kFramesShown = 12;
constexpr size_t kCallsShown = 8;
constexpr size_t kLinesShown = 64;        // of one step's changes, and of what it printed
constexpr size_t kPrintShown = 300;       // bytes of one line that the canister printed
constexpr size_t kRowsShown = 300;        // of the table of steps
constexpr size_t kRegionsShown = 24;      // of one step's stable memory
constexpr size_t kPiecesShown = 12;       // of a heap in words
constexpr size_t kRangesShown = 4;        // of what changed in one of them
constexpr size_t kDetailBytes = 1200000;  // of all steps' details; the rest of 2 MB is the table's

constexpr std::string_view kStyle = R"css(
:root{--text:#1b1f24;--soft:#57606a;--line:#d8dee4;--box:#f6f8fa;--page:#fff}
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9aa4ae;--line:#30363d;--box:#161b22;--page:#0d1117}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1.2rem;color:var(--text);background:var(--page)}
h1{font-size:1.45rem;margin:0 0 .4rem}
h2{font-size:1.05rem;margin:0 0 .4rem}
section{border-top:1px solid var(--line);margin-top:1.6rem;padding-top:1.2rem}
code,pre,.ends{font:13px/1.45 ui-monospace,monospace}
pre{background:var(--box);border-radius:.4rem;padding:.6rem .8rem;margin:.5rem 0;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere}
.word{display:inline-block;white-space:nowrap;padding:0 .6rem;border-radius:.3rem;color:#fff;font-weight:600;font-size:.85em}
.good{background:#1a7f37}.bad{background:#b3261e}.dim{background:#6e7781}
table{border-collapse:collapse}
td,th{padding:.15rem 1.2rem .15rem 0;vertical-align:top;text-align:left;overflow-wrap:anywhere}
th,.facts td:first-child{color:var(--soft);font-weight:400;white-space:nowrap}
.steps{width:100%;margin-top:.8rem}.steps td,.steps th{border-bottom:1px solid var(--line);padding:.35rem 1rem .35rem 0}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.bar{height:5px;width:9rem;background:var(--line);border-radius:3px;overflow:hidden;margin-left:auto}
.bar i{display:block;height:100%;background:#0969da}.bar i.over{background:#b3261e}
svg{display:block;width:100%;height:34px;margin-top:.25rem}
.ends{display:flex;justify-content:space-between;color:var(--soft);font-size:11px;margin-bottom:.5rem}
.map{color:var(--soft);margin-top:.7rem;font-size:13px}
.regions{width:100%;font-size:13px;table-layout:fixed}.regions td,.regions th{padding-right:1rem}
.regions th:nth-child(1){width:.9rem}.regions th:nth-child(2){width:11rem}.regions th:nth-child(4){width:12rem}.regions th:nth-child(5){width:16rem}
.swatch{display:inline-block;width:.85rem;height:.85rem;border-radius:.15rem;vertical-align:-.1rem}
svg.line{height:9px;width:16rem;margin:.3rem 0 .1rem}
.key{font-size:13px;color:var(--soft)}
.key span{display:inline-block;width:.85rem;height:.85rem;border-radius:.15rem;margin:0 .35rem 0 1.1rem;vertical-align:-.1rem}
)css";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

// Text of a canister may be any bytes, and long.
std::string shown(std::string_view text, size_t most = kWordsShown) {
  const bool cut = text.size() > most;
  return escaped(utf8_lossy(as_bytes(text.substr(0, most)))) +
         (cut ? fmt::format("\n... {} bytes more", grouped(text.size() - most)) : "");
}

std::string_view tone(StepOutcome outcome) {
  if (outcome == StepOutcome::kDone || outcome == StepOutcome::kExpected) return "good";
  return outcome == StepOutcome::kNotRun ? "dim" : "bad";
}

bool failed(const StepReport& step) {
  return step.outcome == StepOutcome::kFailed || step.outcome == StepOutcome::kNotAsWanted;
}

std::string row(std::string_view label, const std::string& text) {
  return text.empty() ? "" : fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", label, shown(text));
}

std::string page_head(const Rehearsal& rehearsal) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>canrec rehearsal: {}</title><style>{}</style></head>"
      "<body><main>\n",
      shown(rehearsal.directory), kStyle);
  const bool fits = rehearsal.succeeded && !has_misfit(rehearsal);
  out += fmt::format("<h1>Rehearsal of {} <span class=\"word {}\">{}</span></h1>\n",
                     shown(rehearsal.directory), fits ? "good" : "bad",
                     !rehearsal.succeeded ? "not as wanted"
                     : fits               ? "as wanted"
                                          : "unsafe layout");
  out += fmt::format(
      "<p>{} The steps ran on a copy: the snapshot directory was only read, nothing was sent "
      "anywhere.</p>\n",
      verdict_text(rehearsal));
  out += fmt::format("<table class=\"facts\">{}{}{}{}</table>\n",
                     row("module", "sha256 " + rehearsal.module_hash),
                     row("heap", human_size(rehearsal.heap_bytes)),
                     row("stable memory", human_size(rehearsal.stable_bytes)),
                     row("written by", std::string("canrec ") + CANREC_VERSION));
  return out;
}

std::string instructions_cell(const StepReport& step) {
  if (step.instructions == 0) return "<td></td>";
  std::string out = fmt::format("<td class=\"n\">{}", grouped(step.instructions));
  if (has_limit(step)) {
    const double share = 100.0 * static_cast<double>(step.most_instructions) /
                         static_cast<double>(step.instruction_limit);
    out += fmt::format(
        "<div class=\"bar\" role=\"img\" aria-label=\"{:.1f} % of the limit\"><i{} "
        "style=\"width:{:.1f}%\"></i></div>",
        share, step.unlimited ? " class=\"over\"" : "", std::clamp(share, 0.7, 100.0));
  }
  return out + "</td>";
}

std::string changed_cell(const std::vector<TouchedRange>& changed) {
  const uint64_t bytes = bytes_of(changed);
  return bytes == 0 ? "<td></td>" : fmt::format("<td class=\"n\">{}</td>", human_size(bytes));
}

std::string steps_table(const Rehearsal& rehearsal) {
  std::string out =
      "<table class=\"steps\"><tr><th scope=\"col\" colspan=\"2\">step</th><th "
      "scope=\"col\">outcome"
      "</th><th scope=\"col\" class=\"n\">instructions</th><th scope=\"col\" class=\"n\">heap "
      "changed</th><th scope=\"col\" class=\"n\">stable changed</th></tr>\n";
  for (size_t i = 0; i < rehearsal.steps.size(); ++i) {
    const StepReport& step = rehearsal.steps[i];
    if (i >= kRowsShown && !failed(step)) continue;
    out += fmt::format(
        "<tr><td>{}</td><td><a href=\"#s{}\" style=\"color:inherit\"><code>{}</code></a></td><td>"
        "<span class=\"word {}\">{}</span></td>{}{}{}</tr>\n",
        i + 1, i + 1,
        escaped(utf8_lossy(as_bytes(std::string_view(step.step.text).substr(0, 200)))),
        tone(step.outcome), to_string(step.outcome), instructions_cell(step),
        changed_cell(step.heap_changed), changed_cell(step.stable_changed));
  }
  out += "</table>\n";
  if (rehearsal.steps.size() > kRowsShown) {
    out += fmt::format("<p>Of {} steps {} are listed; canrec rehearse --json has all.</p>\n",
                       grouped(rehearsal.steps.size()), grouped(kRowsShown));
  }
  return out;
}

std::string legend() {
  std::string out =
      "<p class=\"key\">Each bar below is a memory from its first byte to its last; the marks "
      "under "
      "it are what the step changed. The heap holds the program's variables, stable memory what "
      "it keeps itself across upgrades.</p>\n<p class=\"key\">heap:";
  for (const StripKind& kind : strip_kinds()) {
    out += fmt::format("<span style=\"background:{}\"></span>{}", kind.colour, kind.name);
  }
  return out + fmt::format("<span style=\"background:{}\"></span>changed by the step</p>\n",
                           kStripChanged);
}

// Where the trap happened and what the program asked of the system last.
std::string trap_html(const StepReport& step) {
  const auto run = std::ranges::find_if(
      step.runs, [](const executor::RunReport& each) { return each.stopped.has_value(); });
  if (run == step.runs.end()) return {};
  std::string text;
  const std::vector<executor::Frame>& frames = run->stopped->backtrace;
  for (size_t i = 0; i < std::min(frames.size(), kFramesShown); ++i) {
    text += fmt::format("{:<5}{} (function {}, 0x{:08x})\n", i == 0 ? "in" : "from", frames[i].name,
                        frames[i].function, frames[i].offset);
  }
  if (frames.size() > kFramesShown) {
    text += fmt::format("     {} more frames\n", frames.size() - kFramesShown);
  }
  const auto& calls = run->last_api_calls;
  const size_t first = calls.size() > kCallsShown ? calls.size() - kCallsShown : 0;
  for (size_t i = first; i < calls.size(); ++i) {
    text += fmt::format("{:<5}{}\n", i == first ? "call" : "then", calls[i].text());
  }
  return text.empty() ? "" : fmt::format("<pre>{}</pre>\n", shown(text));
}

std::string lines_html(std::string_view label, const std::vector<std::string>& lines, size_t most) {
  std::string out;
  for (size_t i = 0; i < std::min(lines.size(), kLinesShown); ++i) {
    out += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", i == 0 ? label : "",
                       shown(lines[i], most));
  }
  if (lines.size() <= kLinesShown) return out;
  return out + row("", fmt::format("{} more lines; canrec rehearse --json has all",
                                   grouped(lines.size() - kLinesShown)));
}

std::string facts_html(const StepReport& step) {
  std::string out = "<table class=\"facts\">\n";
  out += row("layout", step.layout);
  out += row("instructions", instructions_text(step));
  out += row("beyond the limit", beyond_text(step));
  out += row("heap", heap_text(step));
  out += row("", kinds_text(step));
  out += row("stable memory", stable_text(step));
  std::string calls;
  for (const auto& [name, count] : step.api_calls) {
    calls += fmt::format("{}{} ×{}", calls.empty() ? "" : ", ", name, grouped(count));
  }
  out += row("System API", calls);
  out += lines_html("changed", step.changes, kWordsShown);
  std::vector<std::string> prints;
  for (const executor::RunReport& run : step.runs) {
    if (run.prints_dropped > 0) {
      prints.push_back(
          fmt::format("({} earlier lines were not kept)", grouped(run.prints_dropped)));
    }
    prints.insert(prints.end(), run.prints.begin(), run.prints.end());
  }
  out += lines_html("printed", prints, kPrintShown);
  out += row("next", step.next);
  return out + "</table>\n";
}

// "8,192 bytes at 0x00000000, 0x00012000 and 3 more places", in the region's own addresses.
std::string places(const std::vector<TouchedRange>& changed) {
  std::string out = human_size(bytes_of(changed)) + " at ";
  for (size_t i = 0; i < std::min(changed.size(), kRangesShown); ++i) {
    out += fmt::format("{}0x{:08x}", i == 0 ? "" : ", ", changed[i].begin);
  }
  if (changed.size() <= kRangesShown) return out;
  return out + fmt::format(" and {} more places", grouped(changed.size() - kRangesShown));
}

// One line a region; of many regions those that changed come first.
std::string regions_html(const std::vector<StableRegion>& regions) {
  std::vector<size_t> shown_ones(regions.size());
  for (size_t i = 0; i < regions.size(); ++i) shown_ones[i] = i;
  if (regions.size() > kRegionsShown) {
    std::ranges::stable_partition(shown_ones,
                                  [&](size_t i) { return !regions[i].changed.empty(); });
    shown_ones.resize(kRegionsShown);
  }
  std::string out =
      "<table class=\"regions\"><tr><th scope=\"col\" aria-label=\"colour\"></th><th "
      "scope=\"col\">region</th><th scope=\"col\">what is in it</th><th scope=\"col\" "
      "class=\"n\">size</th><th scope=\"col\">changed by this step</th></tr>\n";
  for (const size_t i : shown_ones) {
    const StableRegion& region = regions[i];
    const std::string colour = region_colour(regions, i);
    out += fmt::format(
        "<tr><td><span class=\"swatch\" style=\"background:{}\"></span></td><td>{}</td><td>{}</td>"
        "<td class=\"n\">{}</td><td>",
        colour, region.region.name, shown(region.contents), human_size(region.region.bytes));
    out += region.changed.empty()
               ? "nothing"
               : change_strip(region.region.bytes, colour, region.changed) + places(region.changed);
    out += "</td></tr>\n";
  }
  out += "</table>\n";
  if (regions.size() > kRegionsShown) {
    out += fmt::format("<p class=\"key\">{} more regions; canrec rehearse --json has all</p>\n",
                       grouped(regions.size() - kRegionsShown));
  }
  return out;
}

std::string map_head(const std::string& what, const std::vector<TouchedRange>& changed,
                     bool replaced) {
  std::string_view how;
  if (replaced) {
    how = " (replaced as a whole)";
  } else if (changed.empty()) {
    how = " (nothing changed)";
  }
  return fmt::format("<div class=\"map\">{}{}</div>\n", shown(what), how);
}

// The strip in words, for whoever cannot tell its colours apart.
std::string pieces_text(const std::vector<MapPiece>& map) {
  std::string out;
  size_t pieces = 0;
  for (size_t i = 0; i < map.size(); ++i) {
    const std::string kind = kind_of(map[i]);
    if (i + 1 < map.size() && kind_of(map[i + 1]) == kind) continue;  // goes on
    if (++pieces > kPiecesShown) return out + ", and so on";
    out +=
        fmt::format("{}{} to 0x{:08x}", out.empty() ? "From the left: " : ", ", kind, map[i].end);
  }
  return out;
}

// The memories after the step; the part below the dynamic heap once more where it would be a few
// cells wide.
std::string maps_html(const StepReport& step) {
  if (step.map.empty()) return {};
  const StripMap heap = heap_strip(step.map);
  std::string out = map_head("heap", step.heap_changed, step.heap_replaced);
  out += memory_strip(0, step.heap_after, heap, step.heap_changed);
  out += fmt::format("<p class=\"key\">{}</p>\n", pieces_text(step.map));
  uint64_t static_end = 0;
  for (const MapPiece& piece : step.map) {
    if (piece.what != "heap") static_end = piece.end;
  }
  if (static_end > 0 && static_end < step.heap_after / 4) {
    out += "<div class=\"map\">its beginning, enlarged</div>\n";
    out += memory_strip(0, static_end, heap, step.heap_changed);
  }
  if (step.stable_after > 0) {
    out += map_head(
        "stable memory" + (step.stable_container.empty() ? "" : ": " + step.stable_container),
        step.stable_changed, step.stable_replaced);
    out +=
        memory_strip(0, step.stable_after, stable_strip(step.stable_regions), step.stable_changed);
    out += regions_html(step.stable_regions);
  }
  return out;
}

std::string step_html(size_t number, const StepReport& step) {
  std::string out = fmt::format(
      "<section id=\"s{}\"><h2>{}. <code>{}</code> <span class=\"word {}\">{}</span></h2>\n",
      number, number, shown(step.step.text), tone(step.outcome), to_string(step.outcome));
  if (!step.words.empty()) out += fmt::format("<pre>{}</pre>\n", shown(step.words));
  if (step.outcome != StepOutcome::kNotRun) {
    out += trap_html(step);
    out += facts_html(step);
    out += maps_html(step);
  }
  return out + "</section>\n";
}

}  // namespace

std::string rehearsal_html(const Rehearsal& rehearsal) {
  std::string out = page_head(rehearsal) + steps_table(rehearsal) + legend();
  size_t details = 0;
  size_t left_out = 0;
  for (size_t i = 0; i < rehearsal.steps.size(); ++i) {
    const StepReport& step = rehearsal.steps[i];
    if (details > kDetailBytes && !failed(step)) {
      ++left_out;
      continue;
    }
    const std::string html = step_html(i + 1, step);
    details += html.size();
    out += html;
  }
  if (left_out > 0) {
    out += fmt::format(
        "<p>The details of {} steps are left out; canrec rehearse --json has all.</p>\n",
        grouped(left_out));
  }
  return out + "</main></body></html>\n";
}

}  // namespace canrec::recover
