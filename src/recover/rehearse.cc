// SPDX-License-Identifier: Apache-2.0
// Runs the steps of a rehearsal:
//
//  1. load the directory, ask every `expect-same` query, note the layout of the heap;
//  2. for each step: checkpoint, run, compare memories and the rest of the state;
//  3. a step that failed is rolled back; when a limit was the cause it is tried again without
//     limits, and rolled back once more;
//  4. after a failure that the next step does not expect nothing more runs.
#include "recover/rehearse.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/input_file.h"
#include "base/shell.h"
#include "candid/text.h"
#include "recover/checks.h"
#include "recover/memory_delta.h"
#include "recover/memory_map.h"
#include "recover/stable_map.h"
#include "recover/subject.h"
#include "snapshot/staged_directory.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

bool is_limit(ic::ErrorCode code) {
  return code == ic::ErrorCode::kInstructionLimit || code == ic::ErrorCode::kMemoryAccessLimit ||
         code == ic::ErrorCode::kWasmMemoryLimit;
}

// The state beside the memories, as lines to compare.
std::map<std::string, std::string> other_state(const executor::Canister& canister) {
  std::map<std::string, std::string> out;
  out["canister version"] = std::to_string(canister.version);
  out["certified data"] =
      canister.certified_data.empty() ? "none" : to_hex(canister.certified_data);
  out["global timer"] =
      canister.global_timer_ns == 0 ? "inactive" : fmt::format("{} ns", canister.global_timer_ns);
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
  Rehearser(Subject subject, const RehearseOptions& options)
      : subject_(std::move(subject)), options_(options) {}

  Subject& subject() { return subject_; }

  Result<Rehearsal> run(const fs::path& directory, const std::vector<Step>& steps) {
    CANREC_CHECK(check_script(steps));
    subject_.show_replies_as(options_.replies);
    describe_start(directory);
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
  void describe_start(const fs::path& directory) {
    rehearsal_.directory = directory.string();
    const executor::Canister& canister = subject_.canister();
    if (!canister.wasm) return;
    rehearsal_.module_hash = to_hex(canister.wasm->code->hash());
    rehearsal_.heap_bytes = canister.wasm->heap.size();
    rehearsal_.stable_bytes = canister.wasm->stable.size();
  }

  static std::string step_words(const Step& step) {
    return fmt::format("{} ({})", step.place(), step.text);
  }
  static std::string question(const Step& step) {
    return step.subject + (step.argument.empty() ? "()" : step.argument);
  }

  Status ask_before(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (step.kind != StepKind::kExpectSame) continue;
      auto answer = answer_before(subject_, step.subject, step.argument);
      if (!answer) return fail(std::move(answer).error().in(step_words(step)));
      answers_before_[question(step)] = std::move(*answer);
    }
    return Ok{};
  }

  Status one_step(StepReport& report, bool failure_expected) {
    const executor::Canister& canister = subject_.canister();
    const std::map<std::string, std::string> before = other_state(canister);
    std::optional<PageHashes> heap_before;
    std::optional<PageHashes> stable_before;
    if (canister.wasm) {
      heap_before.emplace(canister.wasm->heap);
      stable_before.emplace(canister.wasm->stable);
      report.heap_before = canister.wasm->heap.size();
      report.stable_before = canister.wasm->stable.size();
    }
    CANREC_TRY(const executor::Checkpoint checkpoint, subject_.executor().checkpoint());
    report.outcome = StepOutcome::kDone;
    CANREC_CHECK(act(report));
    if (report.outcome == StepOutcome::kFailed) {
      CANREC_CHECK(subject_.executor().revert(checkpoint));
      if (limit_was_the_cause_) CANREC_CHECK(try_without_limits(report, checkpoint));
      subject_.refresh_interface();
      if (failure_expected) report.outcome = StepOutcome::kExpected;
    }
    subject_.executor().discard(checkpoint);
    const executor::Canister& now = subject_.canister();
    if (now.wasm) {
      report.heap_after = now.wasm->heap.size();
      report.stable_after = now.wasm->stable.size();
      if (heap_before) {
        report.heap_changed = PageHashes(now.wasm->heap).changed_since(*heap_before);
        report.stable_changed = PageHashes(now.wasm->stable).changed_since(*stable_before);
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
    for (const executor::RunReport& run : report.runs) {
      if (report.step.kind != StepKind::kUpgrade && report.step.kind != StepKind::kInstall) {
        report.instructions += run.instructions;
        report.instruction_limit = std::max(report.instruction_limit, run.instruction_limit);
      }
      report.stable_bytes_written += run.stable_bytes_written;
      for (const auto& [function, count] : run.api_calls) {
        report.api_calls[std::string(ic::info(function).name)] += count;
      }
    }
  }

  Status try_without_limits(StepReport& report, executor::Checkpoint checkpoint) {
    const executor::Profile profile = subject_.executor().profile();
    subject_.executor().set_profile(executor::Profile::no_limits());
    StepReport free;
    free.step = report.step;
    free.outcome = StepOutcome::kDone;
    const Status status = act(free);
    subject_.executor().set_profile(profile);
    CANREC_CHECK(subject_.executor().revert(checkpoint));
    if (!status) return Ok{};  // the first attempt has been reported; this one adds nothing
    summarise(free);
    report.unlimited = Unlimited{free.outcome == StepOutcome::kDone, free.instructions,
                                 free.outcome == StepOutcome::kDone ? "" : free.words};
    return Ok{};
  }

  Status act(StepReport& report) {
    limit_was_the_cause_ = false;
    const Step& step = report.step;
    switch (step.kind) {
      case StepKind::kReplace:
        return replace(report);
      case StepKind::kUpgrade:
      case StepKind::kInstall:
        return install(report);
      case StepKind::kCall:
      case StepKind::kQuery:
        return message(report);
      case StepKind::kAdvanceTime:
        return advance_time(report);
      case StepKind::kCheckpoint: {
        CANREC_TRY(named_[step.subject], subject_.executor().checkpoint());
        return Ok{};
      }
      case StepKind::kRevert: {
        CANREC_CHECK(subject_.executor().revert(named_.at(step.subject)));
        subject_.refresh_interface();
        return Ok{};
      }
      case StepKind::kExpectSame:
        return expect_same(report);
      case StepKind::kExpectTrap:
        expect_trap(report);
        return Ok{};
      case StepKind::kExpectReply:
        return expect_reply(report);
    }
    return Ok{};
  }

  void failed(StepReport& report, const executor::Failure& failure) {
    report.outcome = StepOutcome::kFailed;
    report.code = failure.by_canister ? "" : ic::error_code_text(failure.code);
    report.words = failure.text();
    limit_was_the_cause_ = !failure.by_canister && is_limit(failure.code);
  }

  Status replace(StepReport& report) {
    CANREC_TRY(const InputFile module, InputFile::open(report.step.subject));
    if (Status status = subject_.executor().replace(subject_.id(), module.bytes()); !status) {
      report.outcome = StepOutcome::kFailed;
      report.words = status.error().message();
      report.next = fmt::format("canrec diff OLD {} --route S", report.step.subject);
      return Ok{};
    }
    subject_.refresh_interface();
    report.words = "code replaced, heap and globals kept, nothing ran";
    return Ok{};
  }

  Status install(StepReport& report) {
    const Step& step = report.step;
    CANREC_TRY(const InputFile module, InputFile::open(step.subject));
    CANREC_TRY(Bytes argument, encode_install_argument(module.bytes(), step.argument));
    executor::InstallRequest request;
    request.canister = subject_.id();
    request.mode = step.kind == StepKind::kInstall ? executor::InstallMode::kReinstall
                                                   : executor::InstallMode::kUpgrade;
    request.module = Bytes(module.bytes().begin(), module.bytes().end());
    request.argument = std::move(argument);
    request.skip_pre_upgrade = step.skip_pre_upgrade;
    if (step.memory == KeepMemory::kKeep) request.memory = executor::MemoryPersistence::kKeep;
    if (step.memory == KeepMemory::kReplace) request.memory = executor::MemoryPersistence::kReplace;
    CANREC_TRY(executor::InstallOutcome outcome, subject_.executor().install(request));
    report.runs = std::move(outcome.runs);
    report.instructions = outcome.instructions;
    report.instruction_limit = outcome.instruction_limit;
    report.compile_instructions = outcome.compile_instructions;
    if (outcome.failure) {
      failed(report, *outcome.failure);
      report.stage = outcome.stage;
      report.next =
          outcome.stage == "canister_pre_upgrade"
              ? fmt::format("canrec autopsy {} --upgrade {}{}", shell_word(rehearsal_.directory),
                            shell_word(step.subject),
                            step.argument.empty() ? "" : " --arg " + shell_word(step.argument))
              : fmt::format("it failed in the stage \"{}\"; the canister is as before",
                            outcome.stage);
      return Ok{};
    }
    subject_.refresh_interface();
    report.words = step.kind == StepKind::kInstall ? "installed" : "upgraded";
    return Ok{};
  }

  Status message(StepReport& report) {
    const Step& step = report.step;
    auto outcome = step.kind == StepKind::kQuery ? subject_.query(step.subject, step.argument)
                                                 : subject_.update(step.subject, step.argument);
    if (!outcome) return fail(std::move(outcome).error());
    report.runs = std::move(outcome->runs);
    last_method_ = step.subject;
    last_reply_.reset();
    if (outcome->replied()) {
      last_reply_ = outcome->reply();
      report.words = subject_.reply_text(step.subject, outcome->reply());
    } else {
      failed(report, outcome->failure());
      report.next = "canrec query or call with the same arguments shows the backtrace";
    }
    return Ok{};
  }

  Status advance_time(StepReport& report) {
    CANREC_TRY(std::vector<executor::TaskOutcome> tasks,
               subject_.executor().advance_time(report.step.nanoseconds));
    size_t ran = 0;
    for (executor::TaskOutcome& task : tasks) {
      ran += task.ran ? 1 : 0;
      for (executor::RunReport& run : task.runs) report.runs.push_back(std::move(run));
      if (task.failure && report.outcome == StepOutcome::kDone) failed(report, *task.failure);
    }
    if (report.outcome == StepOutcome::kDone) {
      report.words = fmt::format("{} timer{} ran", ran, ran == 1 ? "" : "s");
    }
    return Ok{};
  }

  Status expect_same(StepReport& report) {
    const Step& step = report.step;
    CANREC_TRY(executor::CallOutcome outcome, subject_.query(step.subject, step.argument));
    const std::string now = subject_.answer_text(step.subject, outcome);
    report.runs = std::move(outcome.runs);
    const std::string& before = answers_before_.at(question(step));
    if (now == before) {
      report.words = "same answer: " + now;
      return Ok{};
    }
    report.outcome = StepOutcome::kNotAsWanted;
    report.words = fmt::format("before: {}\nnow:    {}", before, now);
    report.next = "the data is not as it was: do not do this on the network";
    return Ok{};
  }

  void expect_trap(StepReport& report) {
    const StepReport* last = last_real_step();
    report.words = last->words;
    const bool holds = last->outcome == StepOutcome::kExpected &&
                       last->words.find(report.step.argument) != std::string::npos;
    if (holds) return;
    report.outcome = StepOutcome::kNotAsWanted;
    report.words = last->outcome == StepOutcome::kExpected
                       ? fmt::format("it failed with other words: {}", last->words)
                       : "the step before did not fail";
  }

  Status expect_reply(StepReport& report) {
    const StepReport* last = last_real_step();
    if (!last_reply_ ||
        (last->step.kind != StepKind::kCall && last->step.kind != StepKind::kQuery)) {
      report.outcome = StepOutcome::kNotAsWanted;
      report.words = "the step before did not reply";
      return Ok{};
    }
    // Both sides are printed the same way, so that spelling does not matter. The wanted text takes
    // the types of the reply where it fits them.
    const std::string found = subject_.reply_text(last_method_, *last_reply_);
    CANREC_TRY(const std::string wanted, normalised(report.step.argument));
    report.words = found;
    if (wanted == found) return Ok{};
    report.outcome = StepOutcome::kNotAsWanted;
    report.words = fmt::format("wanted: {}\nfound:  {}", wanted, found);
    return Ok{};
  }

  Result<std::string> normalised(std::string_view text) const {
    const candid::Interface* interface = subject_.interface();
    const candid::Method* method =
        interface == nullptr ? nullptr : candid::find_method(*interface, last_method_);
    Bytes bytes;
    if (method != nullptr) {
      const candid::TypeEnv& env = interface->program.env;
      std::vector<candid::TypeIdx> types;
      for (const candid::Arg& result : env.resolved(method->type).results) {
        types.push_back(result.type);
      }
      CANREC_TRY(const candid::Values values, candid::parse_args(text, env, types));
      CANREC_TRY(bytes, candid::encode(env, types, values.values));
    } else {
      CANREC_TRY(bytes, subject_.encode(last_method_, text));
    }
    return subject_.reply_text(last_method_, bytes);
  }

  const StepReport* last_real_step() const {
    for (auto it = rehearsal_.steps.rbegin(); it != rehearsal_.steps.rend(); ++it) {
      if (it->step.kind != StepKind::kExpectTrap && it->step.kind != StepKind::kExpectReply) {
        return &*it;
      }
    }
    // check_script refuses an expectation without a step before it, but that may be another one.
    return &rehearsal_.steps.front();
  }

  Subject subject_;
  const RehearseOptions& options_;
  Rehearsal rehearsal_;
  // Of the `expect-same` queries, before the first step, by their text.
  std::map<std::string, std::string> answers_before_;
  std::map<std::string, executor::Checkpoint> named_;
  std::vector<MapPiece> map_;
  std::pair<Sha256, uint64_t> map_key_;
  std::string last_method_;
  std::optional<Bytes> last_reply_;
  bool limit_was_the_cause_ = false;
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
  return Rehearser(std::move(subject), options).run(directory, steps);
}

Result<Rehearsal> rehearse_and_save(const fs::path& directory, const std::vector<Step>& steps,
                                    const RehearseOptions& options, FileSystem& system,
                                    const fs::path& output, Overwrite overwrite) {
  CANREC_CHECK(snapshot::StagedDirectory::check(system, output, overwrite));
  CANREC_TRY(Subject subject, Subject::open(directory, options.executor));
  Rehearser rehearser(std::move(subject), options);
  CANREC_TRY(Rehearsal rehearsal, rehearser.run(directory, steps));
  if (rehearsal.succeeded) {
    CANREC_CHECK(
        rehearser.subject().executor().save(rehearser.subject().id(), system, output, overwrite));
  }
  return rehearsal;
}

}  // namespace canrec::recover
