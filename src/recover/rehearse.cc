// SPDX-License-Identifier: Apache-2.0
// Runs the steps of a rehearsal (what each one does is step_runner.cc):
//
//  1. load the directory, ask every `expect-same` query, note the layout of the heap;
//  2. for each step: checkpoint, run, compare memories and the rest of the state;
//  3. a step that failed is rolled back; when a limit was the cause it is tried again without
//     limits, and rolled back once more;
//  4. after a failure that the next step does not expect nothing more runs.
#include "recover/rehearse.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/checked.h"
#include "recover/memory_delta.h"
#include "recover/memory_map.h"
#include "recover/outside.h"
#include "recover/stable_map.h"
#include "recover/step_runner.h"
#include "snapshot/staged_directory.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

// "2026-01-01T00:00:05.250000000Z"; a time at the very beginning is what "at once" is written as.
std::string utc_text(uint64_t nanoseconds) {
  constexpr uint64_t kSecond = 1'000'000'000;
  if (nanoseconds < kSecond) return "at once";
  namespace chrono = std::chrono;
  const chrono::sys_seconds time{chrono::seconds(nanoseconds / kSecond)};
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (nanoseconds % kSecond != 0) text += fmt::format(".{:09}", nanoseconds % kSecond);
  return text + "Z";
}

// The state beside the memories, as lines to compare.
std::map<std::string, std::string> other_state(const executor::Canister& canister) {
  std::map<std::string, std::string> out;
  out["canister version"] = std::to_string(canister.version);
  out["certified data"] =
      canister.certified_data.empty() ? "none" : to_hex(canister.certified_data);
  out["global timer"] =
      canister.global_timer_ns == 0 ? "inactive" : utc_text(canister.global_timer_ns);
  if (canister.wasm) {
    out["module"] = to_hex(canister.wasm->code->hash());
    const std::vector<snapshot::GlobalValue> globals = executor::persisted_values(*canister.wasm);
    for (size_t i = 0; i < globals.size(); ++i) {
      const snapshot::GlobalValue& global = globals[i];
      out[fmt::format("global {:3}", i)] =
          global.high == 0
              ? fmt::format("{} 0x{:x}", to_string(global.type), global.low)
              : fmt::format("{} 0x{:x}{:016x}", to_string(global.type), global.high, global.low);
    }
  }
  return out;
}

std::vector<std::string> differences(const std::map<std::string, std::string>& before,
                                     const std::map<std::string, std::string>& after) {
  std::vector<std::string> out;
  for (const auto& [name, value] : after) {
    const auto old = before.find(name);
    if (old == before.end()) {
      out.push_back(fmt::format("{}: {}", name, value));
    } else if (old->second != value) {
      out.push_back(fmt::format("{}: {} -> {}", name, old->second, value));
    }
  }
  for (const auto& [name, value] : before) {
    if (!after.contains(name)) out.push_back(fmt::format("{}: {} -> gone", name, value));
  }
  return out;
}

class Rehearser {
 public:
  Rehearser(Subject subject, const fs::path& directory, const RehearseOptions& options)
      : runner_(std::move(subject), directory.string(), rehearsal_.steps),
        subject_(runner_.subject()),
        options_(options) {
    rehearsal_.directory = directory.string();
  }
  Rehearser(const Rehearser&) = delete;

  Subject& subject() { return subject_; }

  Result<Rehearsal> run(const std::vector<Step>& steps) {
    CANREC_CHECK(check_script(steps));
    subject_.show_replies_as(options_.replies);
    describe_start();
    CANREC_CHECK(ask_before(steps));
    rehearsal_.succeeded = true;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (options_.on_step) options_.on_step(i, steps[i]);
      if (const Interrupt* interrupt = options_.executor.interrupt; interrupt != nullptr) {
        CANREC_CHECK(interrupt->check());
      }
      StepReport report;
      report.step = steps[i];
      if (rehearsal_.succeeded) {
        const bool expected = i + 1 < steps.size() && steps[i + 1].kind == StepKind::kExpectTrap;
        if (Status status = one_step(report, expected); !status) {
          return fail(std::move(status).error().in(step_words(steps[i])));
        }
        const bool good =
            report.outcome == StepOutcome::kDone || report.outcome == StepOutcome::kExpected;
        rehearsal_.succeeded = good;
      }
      rehearsal_.steps.push_back(std::move(report));
    }
    return std::move(rehearsal_);
  }

 private:
  void describe_start() {
    const executor::Canister& canister = subject_.canister();
    if (!canister.wasm) return;
    rehearsal_.module_hash = to_hex(canister.wasm->code->hash());
    rehearsal_.heap_bytes = canister.wasm->heap.size();
    rehearsal_.stable_bytes = canister.wasm->stable.size();
  }

  static std::string step_words(const Step& step) {
    return fmt::format("{} ({})", step.place(), step.text);
  }

  Status ask_before(const std::vector<Step>& steps) {
    for (size_t i = 0; i < steps.size(); ++i) {
      const Step& step = steps[i];
      if (step.kind != StepKind::kExpectSame) continue;
      if (options_.on_step) options_.on_step(i, step);
      if (Status asked = runner_.ask_before(step); !asked) {
        return fail(std::move(asked).error().in(step_words(step)));
      }
    }
    return Ok{};
  }

  Status one_step(StepReport& report, bool failure_expected) {
    const executor::Canister& canister = subject_.canister();
    const std::map<std::string, std::string> before = other_state(canister);
    std::optional<PageHashes> heap_before;
    std::optional<PageHashes> stable_before;
    if (canister.wasm) {
      heap_before.emplace(canister.wasm->heap, canister.wasm->heap_file);
      stable_before.emplace(canister.wasm->stable, canister.wasm->stable_file);
      report.heap_before = canister.wasm->heap.size();
      report.stable_before = canister.wasm->stable.size();
    }
    CANREC_TRY(const executor::Checkpoint checkpoint, subject_.executor().checkpoint());
    report.outcome = StepOutcome::kDone;
    CANREC_CHECK(runner_.act(report));
    if (report.outcome == StepOutcome::kFailed) {
      CANREC_CHECK(subject_.executor().revert(checkpoint));
      if (runner_.limit_was_the_cause()) CANREC_CHECK(try_without_limits(report, checkpoint));
      subject_.refresh_interface();
      if (failure_expected) report.outcome = StepOutcome::kExpected;
    }
    subject_.executor().discard(checkpoint);
    const executor::Canister& now = subject_.canister();
    if (now.wasm) {
      report.heap_after = now.wasm->heap.size();
      report.stable_after = now.wasm->stable.size();
      if (heap_before) {
        const PageHashes heap(now.wasm->heap, now.wasm->heap_file);
        const PageHashes stable(now.wasm->stable, now.wasm->stable_file);
        report.heap_changed = heap.changed_since(*heap_before);
        report.heap_replaced = heap.is_replacement_of(*heap_before);
        report.stable_changed = stable.changed_since(*stable_before);
        report.stable_replaced = stable.is_replacement_of(*stable_before);
      }
      const bool moved = !report.heap_changed.empty() || !report.stable_changed.empty() ||
                         report.heap_before != report.heap_after ||
                         report.stable_before != report.stable_after;
      if (moved || changes_code(report.step.kind)) {
        report.map = map_of(*now.wasm);
        const stable::Regions regions =
            stable::read_regions(now.wasm->stable.size(), peek_of(now.wasm->stable));
        report.stable_container = regions.container;
        report.stable_regions = stable_map(now.wasm->stable, regions, report.stable_changed);
      }
    }
    report.changes = differences(before, other_state(now));
    summarise(report);
    return Ok{};
  }

  // The last map, made anew when code or heap size are other ones.
  const std::vector<MapPiece>& map_of(const executor::WasmState& state) {
    const std::pair<Sha256, uint64_t> key{state.code->hash(), state.heap.size()};
    if (map_.empty() || key != map_key_) {
      map_ = memory_map(state.code->module(), state.heap.size());
      map_key_ = key;
    }
    return map_;
  }

  static void summarise(StepReport& report) {
    const bool installs =
        report.step.kind == StepKind::kUpgrade || report.step.kind == StepKind::kInstall;
    if (installs) {
      report.executions = 1;
      report.most_instructions = report.instructions;
    }
    for (const executor::RunReport& run : report.runs) {
      if (!installs) {
        const uint64_t most = run.executions == 1 ? run.instructions : run.most_instructions;
        report.instructions += run.instructions;
        report.executions += run.executions;
        if (nearer(most, run.instruction_limit, report)) {
          report.most_instructions = most;
          report.instruction_limit = run.instruction_limit;
        }
      }
      report.stable_bytes_written += run.stable_bytes_written;
      for (const auto& [function, count] : run.api_calls) {
        report.api_calls[std::string(ic::info(function).name)] += count;
      }
    }
  }
  // Whether an execution came nearer to its limit than the one that the report names.
  static bool nearer(uint64_t instructions, uint64_t limit, const StepReport& report) {
    const auto share = [](uint64_t part, uint64_t whole) {
      return whole == 0 ? -1.0 : static_cast<double>(part) / static_cast<double>(whole);
    };
    return share(instructions, limit) > share(report.most_instructions, report.instruction_limit);
  }

  Status try_without_limits(StepReport& report, executor::Checkpoint checkpoint) {
    const executor::Profile profile = subject_.executor().profile();
    executor::Profile free_profile = executor::Profile::no_limits();
    for (const executor::Limit limit :
         {executor::Limit::kUpdateInstructions, executor::Limit::kQueryInstructions,
          executor::Limit::kCompositeTreeInstructions, executor::Limit::kInspectInstructions,
          executor::Limit::kInstallInstructions}) {
      const auto bound = checked_mul(profile[limit], kBeyondLimit);
      free_profile.set(limit, std::min(bound.value_or(executor::kUnlimited), executor::kUnlimited));
    }
    subject_.executor().set_profile(free_profile);
    StepReport free;
    free.step = report.step;
    free.outcome = StepOutcome::kDone;
    const Status status = runner_.act(free);
    subject_.executor().set_profile(profile);
    CANREC_CHECK(subject_.executor().revert(checkpoint));
    if (!status) {
      if (status.error().code() == Errc::kInterrupted) return fail(status.error().copy());
      return Ok{};  // the first attempt has been reported; this one adds nothing
    }
    summarise(free);
    const bool done = free.outcome == StepOutcome::kDone;
    report.unlimited =
        Unlimited{done, !done && free.code == "IC0522", free.instructions, done ? "" : free.words};
    return Ok{};
  }

  Rehearsal rehearsal_;
  StepRunner runner_;
  Subject& subject_;
  const RehearseOptions& options_;
  std::vector<MapPiece> map_;
  std::pair<Sha256, uint64_t> map_key_;
};

}  // namespace

std::string_view to_string(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::kDone:
      return "done";
    case StepOutcome::kFailed:
      return "failed";
    case StepOutcome::kExpected:
      return "failed as expected";
    case StepOutcome::kNotAsWanted:
      return "not as wanted";
    case StepOutcome::kNotRun:
      return "not run";
  }
  return "not run";
}

Result<Rehearsal> rehearse(const fs::path& directory, const std::vector<Step>& steps,
                           const RehearseOptions& options) {
  CANREC_TRY(Subject subject, Subject::open(directory, options.executor));
  return Rehearser(std::move(subject), directory, options).run(steps);
}

Result<Rehearsal> rehearse_and_save(const fs::path& directory, const std::vector<Step>& steps,
                                    const RehearseOptions& options, FileSystem& system,
                                    const fs::path& output, Overwrite overwrite) {
  CANREC_CHECK(check_outside(directory, output));
  CANREC_CHECK(snapshot::StagedDirectory::check(system, output, overwrite));
  CANREC_TRY(Subject subject, Subject::open(directory, options.executor));
  Rehearser rehearser(std::move(subject), directory, options);
  CANREC_TRY(Rehearsal rehearsal, rehearser.run(steps));
  if (rehearsal.succeeded) {
    CANREC_CHECK(
        rehearser.subject().executor().save(rehearser.subject().id(), system, output, overwrite));
  }
  return rehearsal;
}

}  // namespace canrec::recover
