// SPDX-License-Identifier: Apache-2.0
// The words of a rehearsed step that all reports share.
#include "recover/step_text.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/bytes.h"
#include "executor/profile.h"
#include "recover/memory_map.h"

namespace canrec::recover {
namespace {

// "0.3 %", and "under 0.1 %" for what would be shown as none.
std::string share(uint64_t part, uint64_t whole) {
  const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  return part > 0 && percent < 0.1 ? "under 0.1 %" : fmt::format("{:.1f} %", percent);
}

std::string memory_line(uint64_t before, uint64_t after, uint64_t changed, bool replaced) {
  std::string line = human_size(before);
  if (after > before) line += fmt::format(" -> {}", human_size(after));
  if (after < before) line += fmt::format(" -> {} (smaller)", human_size(after));
  if (replaced) return line + ", replaced as a whole";
  if (changed > 0) line += fmt::format(", {} changed", human_size(changed));
  return line;
}

}  // namespace

std::string verdict_text(const Rehearsal& rehearsal) {
  const size_t count = rehearsal.steps.size();
  const auto bad = std::ranges::find_if(rehearsal.steps, [](const StepReport& step) {
    return step.outcome == StepOutcome::kFailed || step.outcome == StepOutcome::kNotAsWanted;
  });
  if (bad == rehearsal.steps.end()) {
    std::string text = count == 1 ? "The step went as wanted."
                                  : fmt::format("All {} steps went as wanted.", grouped(count));
    if (has_misfit(rehearsal)) {
      text += " But the heap that was kept does not fit the new code (layout, below).";
    }
    return text;
  }
  const auto number = static_cast<size_t>(bad - rehearsal.steps.begin()) + 1;
  return fmt::format("Step {} of {} {}{}.", grouped(number), grouped(count),
                     bad->outcome == StepOutcome::kFailed ? "failed and was rolled back"
                                                          : "is an expectation that does not hold",
                     number < count ? "; the steps behind it did not run" : "");
}

bool has_misfit(const Rehearsal& rehearsal) {
  return std::ranges::any_of(rehearsal.steps,
                             [](const StepReport& step) { return !step.layout.empty(); });
}

uint64_t bytes_of(const std::vector<TouchedRange>& ranges) {
  uint64_t total = 0;
  for (const TouchedRange& range : ranges) total += range.end - range.begin;
  return total;
}

bool has_limit(const StepReport& step) {
  return step.instruction_limit > 0 && step.instruction_limit < executor::kUnlimited / 2;
}

std::string instructions_text(const StepReport& step) {
  if (step.instructions == 0) return {};
  std::string line = grouped(step.instructions);
  if (step.executions > 1) {
    line += fmt::format(" in {} executions", grouped(step.executions));
    if (has_limit(step)) {
      line += fmt::format(", at most {} of {} in one ({})", grouped(step.most_instructions),
                          grouped(step.instruction_limit),
                          share(step.most_instructions, step.instruction_limit));
    }
  } else if (has_limit(step)) {
    line += fmt::format(" of {} ({})", grouped(step.instruction_limit),
                        share(step.instructions, step.instruction_limit));
  }
  if (step.compile_instructions > 0) {
    line += fmt::format(", {} of them for compiling", grouped(step.compile_instructions));
  }
  return line;
}

std::string beyond_text(const StepReport& step) {
  if (!step.unlimited) return {};
  const Unlimited& free = *step.unlimited;
  if (free.still_running) {
    return fmt::format("it was still running at {} times the limit and was stopped there",
                       kBeyondLimit);
  }
  if (!free.succeeded) return "without limits it still fails: " + free.words;
  std::string line =
      fmt::format("without limits it succeeds after {} instructions", grouped(free.instructions));
  if (step.executions == 1 && has_limit(step)) {
    line +=
        fmt::format(", {:.2f} times the limit", static_cast<double>(free.instructions) /
                                                    static_cast<double>(step.instruction_limit));
  }
  return line;
}

std::string kinds_text(const StepReport& step) {
  if (step.heap_replaced) return {};
  std::string line;
  for (const std::string& kind : kinds_in(step.map, step.heap_changed)) {
    line += (line.empty() ? "in pages of: " : ", ") + kind;
  }
  return line;
}

std::string heap_text(const StepReport& step) {
  if (step.heap_before == step.heap_after && step.heap_changed.empty()) return {};
  return memory_line(step.heap_before, step.heap_after, bytes_of(step.heap_changed),
                     step.heap_replaced);
}

std::string stable_text(const StepReport& step) {
  if (step.stable_before == step.stable_after && step.stable_changed.empty() &&
      step.stable_bytes_written == 0) {
    return {};
  }
  std::string text = memory_line(step.stable_before, step.stable_after,
                                 bytes_of(step.stable_changed), step.stable_replaced);
  if (step.stable_bytes_written > 0) {
    const bool undone =
        step.outcome == StepOutcome::kFailed || step.outcome == StepOutcome::kExpected;
    text += fmt::format(", {} written{}", human_size(step.stable_bytes_written),
                        undone ? " and rolled back" : "");
  }
  return text;
}

}  // namespace canrec::recover
