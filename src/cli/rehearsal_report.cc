// SPDX-License-Identifier: Apache-2.0
// Rehearsals for people and for scripts.
#include "cli/rehearsal_report.h"

#include <fmt/core.h>

#include <algorithm>

#include "cli/findings.h"
#include "recover/step_text.h"

namespace canrec::cli {
namespace {

using recover::StepOutcome;
using recover::StepReport;

constexpr size_t kFramesShown = 8;
constexpr size_t kCallsShown = 4;
constexpr size_t kRegionsShown = 12;
constexpr std::string_view kMargin = "             ";  // under a step's words

Tone tone_of(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::kDone:
    case StepOutcome::kExpected:
      return Tone::kGood;
    case StepOutcome::kFailed:
    case StepOutcome::kNotAsWanted:
      return Tone::kBad;
    case StepOutcome::kNotRun:
      return Tone::kDim;
  }
  return Tone::kBad;
}

std::string calls_line(const StepReport& step) {
  std::string line;
  for (const auto& [name, count] : step.api_calls) {
    line += fmt::format("{}{} x{}", line.empty() ? "" : ", ", name, grouped(count));
  }
  return line;
}

const executor::RunReport* stopped_run(const StepReport& step) {
  for (const executor::RunReport& run : step.runs) {
    if (run.stopped) return &run;
  }
  return nullptr;
}

void print_trap(Session& session, const executor::RunReport& run) {
  session.print(fmt::format("      in     {}\n", run.entry));
  const std::vector<executor::Frame>& frames = run.stopped->backtrace;
  for (size_t i = 0; i < std::min(frames.size(), kFramesShown); ++i) {
    session.print(fmt::format("      {}  {} (function {}, 0x{:08x})\n", i == 0 ? "at   " : "from ",
                              frames[i].name, frames[i].function, frames[i].offset));
  }
  if (frames.size() > kFramesShown) {
    session.print(fmt::format("             {} more frames\n", frames.size() - kFramesShown));
  }
  const auto& calls = run.last_api_calls;
  const size_t first = calls.size() > kCallsShown ? calls.size() - kCallsShown : 0;
  for (size_t i = first; i < calls.size(); ++i) {
    session.print(fmt::format("      last   {}\n", calls[i].text()));
  }
}

// The changed regions of a stable memory that is divided into some.
void print_regions(Session& session, const StepReport& step) {
  if (step.stable_container.empty()) return;
  size_t changed = 0;
  for (const recover::StableRegion& region : step.stable_regions) {
    if (region.changed.empty() || ++changed > kRegionsShown) continue;
    session.print(fmt::format(
        "             {} of {} in {} ({})\n", human_size(recover::bytes_of(region.changed)),
        human_size(region.region.bytes), region.region.name, region.contents));
  }
  if (changed > kRegionsShown) {
    session.print(fmt::format("             {} more regions changed\n", changed - kRegionsShown));
  }
}

// A step may carry an argument of any size.
std::string text_of(const StepReport& step) {
  constexpr size_t kShown = 400;
  const std::string& text = step.step.text;
  if (text.size() <= kShown) return text;
  return fmt::format("{}... ({} bytes more)", text.substr(0, kShown),
                     grouped(text.size() - kShown));
}

void print_step(Session& session, size_t number, const StepReport& step) {
  session.print(fmt::format("\n{:>3}  {}  {}\n", number,
                            session.toned(tone_of(step.outcome), to_string(step.outcome)),
                            text_of(step)));
  const auto line = [&](std::string_view label, std::string_view text) {
    if (!text.empty()) session.print(fmt::format("      {:<6} {}\n", label, text));
  };
  line("says", with_margin(step.words, kMargin));
  line("layout", wrapped(step.layout, 13, session.width()));
  if (step.outcome == StepOutcome::kNotRun) return;
  if (const executor::RunReport* run = stopped_run(step)) print_trap(session, *run);
  line("cost", recover::instructions_text(step));
  line("beyond", with_margin(recover::beyond_text(step), kMargin));
  if (step.heap_before != step.heap_after || !step.heap_changed.empty()) {
    line("heap", recover::heap_text(step));
    line("", recover::kinds_text(step));
  }
  if (step.stable_before != step.stable_after || !step.stable_changed.empty()) {
    line("stable", recover::stable_text(step));
    print_regions(session, step);
  }
  line("calls", wrapped(calls_line(step), 13, session.width()));
  for (const std::string& change : step.changes) line("change", change);
  for (const executor::RunReport& run : step.runs) {
    if (run.prints_dropped > 0) {
      line("prints", fmt::format("({} earlier lines are not kept)", grouped(run.prints_dropped)));
    }
    for (const std::string& text : run.prints) line("prints", with_margin(text, kMargin));
  }
  line("next", wrapped(step.next, 13, session.width()));
}

nlohmann::ordered_json ranges_json(const std::vector<recover::TouchedRange>& ranges) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const recover::TouchedRange& range : ranges) out.push_back({range.begin, range.end});
  return out;
}

nlohmann::ordered_json regions_json(const std::vector<recover::StableRegion>& regions) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const recover::StableRegion& region : regions) {
    nlohmann::ordered_json extents = nlohmann::ordered_json::array();
    for (const stable::Extent& extent : region.region.extents) {
      extents.push_back({extent.begin, extent.end});
    }
    out.push_back({{"name", region.region.name},
                   {"contents", region.contents},
                   {"bytes", region.region.bytes},
                   {"extents", extents},
                   {"changed", ranges_json(region.changed)}});
  }
  return out;
}

nlohmann::ordered_json map_json(const std::vector<recover::MapPiece>& map) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const recover::MapPiece& piece : map) {
    out.push_back({{"begin", piece.begin}, {"end", piece.end}, {"what", piece.what}});
  }
  return out;
}

nlohmann::ordered_json trap_json(const executor::RunReport& run) {
  nlohmann::ordered_json frames = nlohmann::ordered_json::array();
  for (const executor::Frame& frame : run.stopped->backtrace) {
    frames.push_back(
        {{"name", frame.name}, {"function", frame.function}, {"offset", frame.offset}});
  }
  nlohmann::ordered_json calls = nlohmann::ordered_json::array();
  for (const executor::ApiCall& call : run.last_api_calls) calls.push_back(call.text());
  return {{"entry", run.entry}, {"backtrace", frames}, {"last_api_calls", calls}};
}

nlohmann::ordered_json step_json(const StepReport& step) {
  nlohmann::ordered_json out = {{"step", step.step.text},
                                {"line", step.step.line},
                                {"outcome", to_string(step.outcome)},
                                {"code", step.code},
                                {"words", step.words},
                                {"stage", step.stage},
                                {"instructions", step.instructions},
                                {"instruction_limit", step.instruction_limit},
                                {"executions", step.executions},
                                {"most_instructions", step.most_instructions},
                                {"heap_before", step.heap_before},
                                {"heap_after", step.heap_after},
                                {"heap_changed", ranges_json(step.heap_changed)},
                                {"heap_replaced", step.heap_replaced},
                                {"heap_map", map_json(step.map)},
                                {"stable_before", step.stable_before},
                                {"stable_after", step.stable_after},
                                {"stable_changed", ranges_json(step.stable_changed)},
                                {"stable_replaced", step.stable_replaced},
                                {"stable_container", step.stable_container},
                                {"stable_regions", regions_json(step.stable_regions)},
                                {"stable_bytes_written", step.stable_bytes_written},
                                {"api_calls", step.api_calls},
                                {"changes", step.changes},
                                {"layout", step.layout},
                                {"next", step.next}};
  nlohmann::ordered_json prints = nlohmann::ordered_json::array();
  uint64_t dropped = 0;
  for (const executor::RunReport& run : step.runs) {
    for (const std::string& text : run.prints) prints.push_back(text);
    dropped += run.prints_dropped;
  }
  out["prints"] = std::move(prints);
  if (dropped > 0) out["prints_dropped"] = dropped;
  if (step.unlimited) {
    out["without_limits"] = {{"succeeded", step.unlimited->succeeded},
                             {"still_running", step.unlimited->still_running},
                             {"instructions", step.unlimited->instructions},
                             {"words", step.unlimited->words}};
  }
  if (const executor::RunReport* run = stopped_run(step)) out["trap"] = trap_json(*run);
  return out;
}

}  // namespace

void print_rehearsal(Session& session, const recover::Rehearsal& rehearsal) {
  session.print(
      fmt::format("canrec rehearse  {}   canrec {}\n", rehearsal.directory, CANREC_VERSION));
  session.print(fmt::format("  module  sha256 {}\n  heap    {}\n  stable  {}\n\n",
                            rehearsal.module_hash, human_size(rehearsal.heap_bytes),
                            human_size(rehearsal.stable_bytes)));
  session.print(fmt::format("{}: {} The snapshot directory was only read.\n",
                            !rehearsal.succeeded ? session.toned(Tone::kBad, "NOT AS WANTED")
                            : recover::has_misfit(rehearsal)
                                ? session.toned(Tone::kBad, "UNSAFE LAYOUT")
                                : session.toned(Tone::kGood, "AS WANTED"),
                            recover::verdict_text(rehearsal)));
  size_t number = 0;
  for (const StepReport& step : rehearsal.steps) print_step(session, ++number, step);
}

nlohmann::ordered_json rehearsal_json(const recover::Rehearsal& rehearsal) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const StepReport& step : rehearsal.steps) steps.push_back(step_json(step));
  return {{"type", "rehearsal"},
          {"schema", 1},
          {"version", CANREC_VERSION},
          {"directory", rehearsal.directory},
          {"module_sha256", rehearsal.module_hash},
          {"succeeded", rehearsal.succeeded},
          {"steps", steps}};
}

ExitCode exit_code_of_rehearsal(const recover::Rehearsal& rehearsal) {
  if (rehearsal.succeeded) {
    return recover::has_misfit(rehearsal) ? ExitCode::kFindings : ExitCode::kDone;
  }
  const bool trapped = std::ranges::any_of(
      rehearsal.steps, [](const StepReport& step) { return step.outcome == StepOutcome::kFailed; });
  return trapped ? ExitCode::kTrapped : ExitCode::kVerification;
}

}  // namespace canrec::cli
