// SPDX-License-Identifier: Apache-2.0
// The HTML report. The map of a memory is a row of cells, each a fixed share of it: coloured by
// what lies there, dark where the step changed bytes.
#include "recover/rehearsal_html.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "recover/memory_map.h"

namespace canrec::recover {
namespace {

constexpr size_t kCells = 256;
constexpr size_t kWordsShown = 4000;  // bytes of one answer

constexpr std::string_view kStyle = R"css(
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24}
h1{font-size:1.4rem}h2{font-size:1.05rem;margin:1.8rem 0 .3rem}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:#f5f6f8;padding:.6rem;overflow:auto;white-space:pre-wrap}
.word{display:inline-block;padding:.05rem .6rem;border-radius:.3rem;color:#fff;font-weight:600}
.good{background:#1a7f37}.bad{background:#b3261e}.dim{background:#6e7781}
table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0;vertical-align:top}
svg{display:block;width:100%;height:28px;margin:.3rem 0}
.key span{display:inline-block;width:.9rem;height:.9rem;margin:0 .3rem 0 1rem;vertical-align:-.1rem}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}pre{background:#161b22}}
)css";

struct Colour {
  std::string_view begins;
  std::string_view colour;
};
constexpr auto kColours = std::to_array<Colour>(
    {{"stack", "#8ab4f8"}, {"data", "#f6c26b"}, {"static", "#c4a7e7"}, {"heap", "#d0d7de"}});
constexpr std::string_view kChanged = "#24292f";
constexpr std::string_view kStable = "#b7d7b0";

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
std::string shown(std::string_view text) {
  const bool cut = text.size() > kWordsShown;
  return escaped(utf8_lossy(as_bytes(text.substr(0, kWordsShown)))) +
         (cut ? fmt::format("\n... {} bytes more", text.size() - kWordsShown) : "");
}

std::string_view colour_of(std::string_view what) {
  for (const Colour& each : kColours) {
    if (what.starts_with(each.begins)) return each.colour;
  }
  return kColours.back().colour;
}

std::string memory_svg(uint64_t bytes, const std::vector<MapPiece>* map,
                       const std::vector<TouchedRange>& changed) {
  if (bytes == 0) return {};
  std::string out = fmt::format("<svg viewBox=\"0 0 {} 28\" preserveAspectRatio=\"none\">", kCells);
  const double scale = static_cast<double>(kCells) / static_cast<double>(bytes);
  if (map == nullptr) {
    out += fmt::format("<rect width=\"{}\" height=\"28\" fill=\"{}\"/>", kCells, kStable);
  } else {
    for (const MapPiece& piece : *map) {
      const double x = static_cast<double>(piece.begin) * scale;
      const double width = static_cast<double>(piece.end - piece.begin) * scale;
      if (width < 0.02) continue;
      out += fmt::format(
          "<rect x=\"{:.2f}\" width=\"{:.2f}\" height=\"28\" fill=\"{}\"><title>{} 0x{:x}..0x{:x}"
          "</title></rect>",
          x, width, colour_of(piece.what), escaped(piece.what), piece.begin, piece.end);
    }
  }
  std::array<bool, kCells> cells{};
  for (const TouchedRange& range : changed) {
    const auto first = static_cast<size_t>(static_cast<double>(range.begin) * scale);
    const auto last = static_cast<size_t>(static_cast<double>(range.end - 1) * scale);
    for (size_t i = first; i <= std::min(last, kCells - 1); ++i) cells[i] = true;
  }
  for (size_t i = 0; i < kCells; ++i) {
    if (!cells[i]) continue;
    out +=
        fmt::format("<rect x=\"{}\" y=\"16\" width=\"1\" height=\"12\" fill=\"{}\"/>", i, kChanged);
  }
  return out + "</svg>";
}

// Data segments can be many: neighbours of one kind are drawn as one.
std::vector<MapPiece> coarse(const std::vector<MapPiece>& map, uint64_t bytes) {
  std::vector<MapPiece> out;
  for (const MapPiece& piece : map) {
    const bool tiny = piece.end - piece.begin < bytes / (kCells * 8);
    if (!out.empty() && (tiny || colour_of(out.back().what) == colour_of(piece.what))) {
      out.back().end = piece.end;
    } else {
      out.push_back(piece);
    }
  }
  return out;
}

std::string_view tone(StepOutcome outcome) {
  if (outcome == StepOutcome::kDone || outcome == StepOutcome::kExpected) return "good";
  return outcome == StepOutcome::kNotRun ? "dim" : "bad";
}

std::string row(std::string_view label, const std::string& text) {
  return text.empty() ? "" : fmt::format("<tr><td>{}</td><td>{}</td></tr>", label, escaped(text));
}

std::string step_html(const Rehearsal& rehearsal, const std::vector<MapPiece>& map, size_t number,
                      const StepReport& step) {
  std::string out =
      fmt::format("<h2>{}. <code>{}</code> <span class=\"word {}\">{}</span></h2>\n", number,
                  shown(step.step.text), tone(step.outcome), to_string(step.outcome));
  if (!step.words.empty()) out += fmt::format("<pre>{}</pre>\n", shown(step.words));
  if (step.outcome == StepOutcome::kNotRun) return out;
  out += "<table>";
  if (step.instructions > 0) {
    out += row("instructions", fmt::format("{} of {}", grouped(step.instructions),
                                           grouped(step.instruction_limit)));
  }
  if (step.unlimited) {
    out += row("without limits",
               step.unlimited->succeeded
                   ? fmt::format("succeeds after {}", grouped(step.unlimited->instructions))
                   : step.unlimited->words);
  }
  out += row("heap",
             fmt::format("{} -> {}", human_size(step.heap_before), human_size(step.heap_after)));
  out += row("stable memory",
             fmt::format("{} -> {}, {} written", human_size(step.stable_before),
                         human_size(step.stable_after), human_size(step.stable_bytes_written)));
  std::string calls;
  for (const auto& [name, count] : step.api_calls) calls += fmt::format("{} x{}  ", name, count);
  out += row("System API", calls);
  for (const std::string& change : step.changes) out += row("changed", change);
  out += row("next", step.next);
  out += "</table>\n";
  out += memory_svg(std::max(step.heap_after, rehearsal.heap_bytes), &map, step.heap_changed);
  out += memory_svg(std::max(step.stable_after, step.stable_before), nullptr, step.stable_changed);
  return out;
}

}  // namespace

std::string rehearsal_html(const Rehearsal& rehearsal) {
  const std::vector<MapPiece> map = coarse(rehearsal.map, rehearsal.heap_bytes);
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>canrec rehearsal"
      "</title><style>{}</style></head><body>\n",
      kStyle);
  out += fmt::format("<h1>Rehearsal of {} <span class=\"word {}\">{}</span></h1>\n",
                     shown(rehearsal.directory), rehearsal.succeeded ? "good" : "bad",
                     rehearsal.succeeded ? "as wanted" : "not as wanted");
  out += fmt::format("<table>{}{}{}{}</table>\n", row("canrec", CANREC_VERSION),
                     row("module sha256", rehearsal.module_hash),
                     row("heap", human_size(rehearsal.heap_bytes)),
                     row("stable memory", human_size(rehearsal.stable_bytes)));
  out += "<p class=\"key\">heap map:";
  for (const Colour& each : kColours) {
    out += fmt::format("<span style=\"background:{}\"></span>{}", each.colour, each.begins);
  }
  out += fmt::format(
      "<span style=\"background:{}\"></span>stable memory<span style=\"background:{}\"></span>"
      "bytes the step changed</p>\n",
      kStable, kChanged);
  size_t number = 0;
  for (const StepReport& step : rehearsal.steps) out += step_html(rehearsal, map, ++number, step);
  return out + "</body></html>\n";
}

}  // namespace canrec::recover
