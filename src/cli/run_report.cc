// SPDX-License-Identifier: Apache-2.0
// Texts and JSON of execution reports.
#include "cli/run_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/findings.h"

namespace canrec::cli {
namespace {

using executor::MemoryUse;
using executor::RunReport;

constexpr size_t kShownFrames = 20;

std::string limit_text(uint64_t limit) {
  return limit >= executor::kUnlimited ? "no limit" : grouped(limit);
}

std::string growth_text(std::string_view name, const MemoryUse& use) {
  if (use.before_bytes == use.after_bytes) return {};
  return fmt::format(", {} {} -> {}", name, human_size(use.before_bytes),
                     human_size(use.after_bytes));
}

std::vector<std::pair<ic::SystemApi, uint64_t>> by_count(const RunReport& report) {
  std::vector<std::pair<ic::SystemApi, uint64_t>> rows(report.api_calls.begin(),
                                                       report.api_calls.end());
  std::ranges::stable_sort(rows, std::greater{}, [](const auto& row) { return row.second; });
  return rows;
}

// "5,012,345"
std::string grouped_cycles(executor::Cycles amount) {
  std::string text = executor::cycles_text(amount);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

nlohmann::ordered_json memory_json(const MemoryUse& use) {
  return {{"before_bytes", use.before_bytes},
          {"after_bytes", use.after_bytes},
          {"accessed_os_pages", use.accessed_os_pages},
          {"dirty_os_pages", use.dirty_os_pages}};
}

}  // namespace

std::string run_line(const RunReport& report) {
  std::string line = fmt::format(
      "{}: {} instructions of {}, heap {} pages read {} written, stable {} read {} written",
      report.entry, grouped(report.instructions), limit_text(report.instruction_limit),
      grouped(report.heap.accessed_os_pages), grouped(report.heap.dirty_os_pages),
      grouped(report.stable.accessed_os_pages), grouped(report.stable.dirty_os_pages));
  if (report.cycles) line += fmt::format(", {} cycles", grouped_cycles(*report.cycles));
  line += growth_text("heap", report.heap) + growth_text("stable memory", report.stable);
  if (report.stopped) line += " - STOPPED";
  return line;
}

std::string stop_text(const RunReport& report) {
  if (!report.stopped) return {};
  const executor::StopReport& stopped = *report.stopped;
  std::string out = fmt::format("  {}\n", stopped.stop.message);
  if (stopped.stop.message == executor::trapped(ic::TrapCode::kStackOverflow).message) {
    out += "  not exact: the depth is this engine's; the network's stack ends at another one\n";
  }
  if (!stopped.backtrace.empty()) out += "  backtrace, innermost first:\n";
  for (size_t i = 0; i < std::min(stopped.backtrace.size(), kShownFrames); ++i) {
    const executor::Frame& frame = stopped.backtrace[i];
    out += frame.offset == 0 ? fmt::format("    {} (import {})\n", frame.name, frame.function)
                             : fmt::format("    {} (function {}, 0x{:08x})\n", frame.name,
                                           frame.function, frame.offset);
  }
  if (stopped.backtrace.size() > kShownFrames) {
    out += fmt::format("    and {} more\n", stopped.backtrace.size() - kShownFrames);
  }
  if (!report.last_api_calls.empty()) out += "  last System API calls, oldest first:\n";
  for (const executor::ApiCall& call : report.last_api_calls) {
    out += fmt::format("    {}\n", call.text());
  }
  return out;
}

std::string prints_text(const RunReport& report) {
  std::string out;
  if (report.prints_dropped > 0) {
    out += fmt::format("  ({} earlier lines were printed and not kept)\n",
                       grouped(report.prints_dropped));
  }
  // Each line is marked, so that none can be taken for one of ours.
  for (const std::string& text : report.prints) {
    out += fmt::format("  | {}\n", with_margin(text, "  | "));
  }
  return out;
}

std::string api_text(const RunReport& report) {
  std::string out;
  for (const auto& [function, count] : by_count(report)) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, ic::info(function).name);
  }
  return out;
}

std::string run_text(const RunReport& report) {
  std::string out = run_line(report) + "\n";
  if (!report.api_calls.empty()) out += fmt::format("  calls {}\n", api_text(report));
  return out + prints_text(report) + stop_text(report);
}

nlohmann::ordered_json run_json(const RunReport& report) {
  nlohmann::ordered_json calls = nlohmann::ordered_json::object();
  for (const auto& [function, count] : report.api_calls) calls[ic::info(function).name] = count;
  nlohmann::ordered_json out = {{"type", "run"},
                                {"schema", 1},
                                {"canister", report.canister.text()},
                                {"entry", report.entry},
                                {"context", ic::info(report.context).mode_word},
                                {"instructions", report.instructions},
                                {"instruction_limit", report.instruction_limit},
                                {"heap", memory_json(report.heap)},
                                {"stable", memory_json(report.stable)},
                                {"stable_bytes_read", report.stable_bytes_read},
                                {"stable_bytes_written", report.stable_bytes_written},
                                {"system_api_calls", std::move(calls)},
                                {"prints", report.prints}};
  if (report.prints_dropped > 0) out["prints_dropped"] = report.prints_dropped;
  if (report.cycles) out["cycles"] = executor::cycles_text(*report.cycles);
  if (!report.stopped) return out;
  const executor::StopReport& stopped = *report.stopped;
  nlohmann::ordered_json frames = nlohmann::ordered_json::array();
  for (const executor::Frame& frame : stopped.backtrace) {
    frames.push_back(
        {{"function", frame.function}, {"offset", frame.offset}, {"name", frame.name}});
  }
  nlohmann::ordered_json last = nlohmann::ordered_json::array();
  for (const executor::ApiCall& call : report.last_api_calls) last.push_back(call.text());
  out["stopped"] = {
      {"code", ic::error_code_text(ic::info(stopped.stop.error).code)},
      {"message", stopped.stop.message},
      {"backtrace", std::move(frames)},
      {"last_system_api_calls", std::move(last)},
  };
  return out;
}

nlohmann::ordered_json failure_json(const executor::Failure& failure) {
  return {{"error_code", failure.by_canister ? "" : ic::error_code_text(failure.code)},
          {"reject_code", static_cast<int>(failure.reject_code)},
          {"reject_message", failure.description}};
}

ExitCode report_failure(Session& session, const executor::Failure& failure,
                        const std::vector<executor::RunReport>& runs) {
  session.warn(failure.by_canister
                   ? fmt::format("the canister rejected the call: {}", failure.description)
                   : failure.text());
  for (const RunReport& run : runs) {
    if (!run.stopped) continue;
    std::string text = run_line(run) + "\n" + prints_text(run) + stop_text(run);
    if (text.ends_with('\n')) text.pop_back();
    session.warn(text);
  }
  return ExitCode::kTrapped;
}

}  // namespace canrec::cli
