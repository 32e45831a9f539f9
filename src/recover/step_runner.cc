// SPDX-License-Identifier: Apache-2.0
// What each step does.
#include "recover/step_runner.h"

#include <fmt/core.h>

#include "base/input_file.h"
#include "base/shell.h"
#include "candid/text.h"
#include "recover/checks.h"

namespace canrec::recover {
namespace {

bool is_limit(ic::ErrorCode code) {
  return code == ic::ErrorCode::kInstructionLimit || code == ic::ErrorCode::kMemoryAccessLimit ||
         code == ic::ErrorCode::kWasmMemoryLimit;
}

std::string question(const Step& step) {
  return step.subject + (step.argument.empty() ? "()" : step.argument);
}

}  // namespace

Status StepRunner::ask_before(const Step& step) {
  CANREC_TRY(answers_before_[question(step)], answer_before(subject_, step.subject, step.argument));
  return Ok{};
}

Status StepRunner::act(StepReport& report) {
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

void StepRunner::failed(StepReport& report, const executor::Failure& failure) {
  report.outcome = StepOutcome::kFailed;
  report.code = failure.by_canister ? "" : ic::error_code_text(failure.code);
  report.words = failure.text();
  limit_was_the_cause_ = !failure.by_canister && is_limit(failure.code);
}

Status StepRunner::replace(StepReport& report) {
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

Status StepRunner::install(StepReport& report) {
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
            ? fmt::format("canrec autopsy {} --upgrade {}{}", shell_word(directory_),
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

Status StepRunner::message(StepReport& report) {
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

Status StepRunner::advance_time(StepReport& report) {
  CANREC_TRY(executor::TimeOutcome outcome,
             subject_.executor().advance_time(report.step.nanoseconds));
  report.runs = std::move(outcome.runs);
  report.words =
      fmt::format("{} timer{} ran", grouped(outcome.timers), outcome.timers == 1 ? "" : "s");
  if (outcome.failure) failed(report, *outcome.failure);
  return Ok{};
}

Status StepRunner::expect_same(StepReport& report) {
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

void StepRunner::expect_trap(StepReport& report) {
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

Status StepRunner::expect_reply(StepReport& report) {
  const StepReport* last = last_real_step();
  if (!last_reply_ || (last->step.kind != StepKind::kCall && last->step.kind != StepKind::kQuery)) {
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

Result<std::string> StepRunner::normalised(std::string_view text) const {
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

const StepReport* StepRunner::last_real_step() const {
  for (auto it = done_.rbegin(); it != done_.rend(); ++it) {
    if (it->step.kind != StepKind::kExpectTrap && it->step.kind != StepKind::kExpectReply) {
      return &*it;
    }
  }
  // check_script refuses an expectation without a step before it, but that may be another one.
  return &done_.front();
}

}  // namespace canrec::recover
