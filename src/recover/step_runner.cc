// SPDX-License-Identifier: Apache-2.0
// What each step does.
#include "recover/step_runner.h"

#include <fmt/core.h>

#include "base/input_file.h"
#include "base/shell.h"
#include "candid/text.h"
#include "recover/checks.h"
#include "wasm/load.h"
#include "wasmdiff/compare.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

bool is_limit(ic::ErrorCode code) {
  return code == ic::ErrorCode::kInstructionLimit || code == ic::ErrorCode::kMemoryAccessLimit ||
         code == ic::ErrorCode::kWasmMemoryLimit;
}

constexpr std::string_view kPreUpgrade = "canister_pre_upgrade";

// What to try next after a message that failed.
std::string next_after_message(const executor::Failure& failure, std::string_view directory) {
  if (failure.by_canister) return "the canister refused by itself; its words say why";
  switch (failure.code) {
    case ic::ErrorCode::kMethodNotFound:
      return fmt::format("canrec inspect {} lists the methods", shell_word(directory));
    case ic::ErrorCode::kInstructionLimit:
      return "ask for less in one message, or split the work in the program";
    default:
      return "the backtrace above is where it stopped; expect-trap behind this step lets the "
             "others "
             "run";
  }
}

bool asks(StepKind kind) {
  return kind == StepKind::kCall || kind == StepKind::kQuery || kind == StepKind::kExpectSame;
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
  Status status = carry_out(report);
  if (status || status.error().code() != Errc::kMessageLimit) return status;
  // Messages without end, or too large: the network would not take them or never be done.
  report.outcome = StepOutcome::kFailed;
  report.words = status.error().message();
  report.next =
      "find out who calls whom: canrec call with the same arguments and --limit "
      "command-messages=100 stops sooner";
  return Ok{};
}

Status StepRunner::carry_out(StepReport& report) {
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
      CANREC_TRY(const executor::Checkpoint made, subject_.executor().checkpoint());
      if (const auto old = named_.find(step.subject); old != named_.end()) {
        subject_.executor().discard(old->second);
      }
      named_[step.subject] = made;
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

// Equal answers do not show that the code reads the whole heap as the old one wrote it.
Status StepRunner::judge_layout(StepReport& report, const Bytes& before,
                                wasmdiff::Route route) const {
  if (before.empty()) return Ok{};  // nothing was installed
  CANREC_TRY(const wasm::LoadedModule old, wasm::load_module(before));
  CANREC_TRY(const wasm::LoadedModule now, wasm::load_module(*subject_.module_bytes()));
  CANREC_TRY(const wasmdiff::Comparison comparison, wasmdiff::compare(old.module, now.module, {}));
  if (comparison.word(route) != wasmdiff::Word::kUnsafe) return Ok{};
  size_t unsafe = 0;
  for (const wasmdiff::Finding& finding : comparison.findings) {
    if ((route == wasmdiff::Route::kS ? finding.weights.s : finding.weights.k) !=
        wasmdiff::Severity::kUnsafe) {
      continue;
    }
    if (unsafe++ == 0) {
      report.layout =
          fmt::format("unsafe by route {}: {}; {}", to_string(route), finding.what, finding.why);
    }
  }
  if (unsafe > 1) report.layout += fmt::format(" (and {} more)", grouped(unsafe - 1));
  report.next = fmt::format(
      "do not do this on the network: answers that are the same here do not show the rest of the "
      "heap. canrec diff OLD {} --route {} has the places",
      shell_word(report.step.subject), to_string(route));
  return Ok{};
}

Status StepRunner::replace(StepReport& report) {
  CANREC_TRY(const InputFile module, InputFile::open(report.step.subject));
  const std::optional<ByteView> installed = subject_.module_bytes();
  const Bytes before = installed ? Bytes(installed->begin(), installed->end()) : Bytes();
  if (Status status = subject_.executor().replace(subject_.id(), module.bytes()); !status) {
    report.outcome = StepOutcome::kFailed;
    report.words = status.error().message();
    report.next = fmt::format(
        "the canister is as before; canrec diff {} {} --route S tells what else differs",
        shell_word((fs::path(directory_) / "wasm_module.bin").string()),
        shell_word(report.step.subject));
    return Ok{};
  }
  subject_.refresh_interface();
  report.words = "code replaced, heap and globals kept, nothing ran";
  return judge_layout(report, before, wasmdiff::Route::kS);
}

Result<Bytes> StepRunner::argument_of(const Step& step, ByteView module) const {
  switch (step.argument_form) {
    case ArgumentForm::kText:
      return encode_install_argument(module, step.argument);
    case ArgumentForm::kHex: {
      Bytes bytes;
      CANREC_ASSERT(from_hex(step.argument, bytes));  // the parser has looked at it
      return bytes;
    }
    case ArgumentForm::kFile:
      break;
  }
  CANREC_TRY(const InputFile file, InputFile::open(step.argument));
  return Bytes(file.bytes().begin(), file.bytes().end());
}

// What to try next after an installation that failed.
std::string StepRunner::next_after_installation(const Step& step,
                                                const executor::InstallOutcome& outcome) const {
  const std::string& said = outcome.failure->description;
  if (outcome.stage.starts_with("canister_") || outcome.stage == "(start)") {
    if (step.kind == StepKind::kInstall) return "the canister is as before; the module is at fault";
    const bool in_text = step.argument_form == ArgumentForm::kText && !step.argument.empty();
    const std::string argument = in_text ? " --arg " + shell_word(step.argument) : "";
    return fmt::format("canrec autopsy {} --upgrade {}{}", shell_word(directory_),
                       shell_word(step.subject), argument);
  }
  if (said.find("Missing upgrade option") != std::string::npos) {
    return "add --keep to this step (icp and dfx do so by themselves): this canister's heap is its "
           "memory across upgrades; --replace-memory would throw it away";
  }
  if (said.find("Invalid upgrade option") != std::string::npos) {
    return fmt::format(
        "leave out --keep, then the heap begins anew and only what the hooks save comes through; "
        "or prepare the module: canrec patch prepare-route-k {} -o PREPARED.wasm",
        shell_word(step.subject));
  }
  return fmt::format("look at the module: canrec inspect {}; the canister is as before",
                     shell_word(step.subject));
}

Status StepRunner::install(StepReport& report) {
  const Step& step = report.step;
  CANREC_TRY(const InputFile module, InputFile::open(step.subject));
  CANREC_TRY(Bytes argument, argument_of(step, module.bytes()));
  executor::InstallRequest request;
  request.canister = subject_.id();
  request.mode = step.kind == StepKind::kInstall ? executor::InstallMode::kReinstall
                                                 : executor::InstallMode::kUpgrade;
  request.module = Bytes(module.bytes().begin(), module.bytes().end());
  request.argument = std::move(argument);
  request.skip_pre_upgrade = step.skip_pre_upgrade;
  if (step.memory == KeepMemory::kKeep) request.memory = executor::MemoryPersistence::kKeep;
  if (step.memory == KeepMemory::kReplace) request.memory = executor::MemoryPersistence::kReplace;
  const auto& old = subject_.canister().wasm;
  const bool had_hook = old && old->code->function(kPreUpgrade).has_value();
  const std::optional<ByteView> installed = subject_.module_bytes();
  const Bytes before = installed ? Bytes(installed->begin(), installed->end()) : Bytes();
  CANREC_TRY(executor::InstallOutcome outcome, subject_.executor().install(request));
  report.runs = std::move(outcome.runs);
  report.instructions = outcome.instructions;
  report.instruction_limit = outcome.instruction_limit;
  report.compile_instructions = outcome.compile_instructions;
  if (outcome.failure) {
    failed(report, *outcome.failure);
    report.stage = outcome.stage;
    report.next = next_after_installation(step, outcome);
    return Ok{};
  }
  subject_.refresh_interface();
  if (step.kind == StepKind::kInstall) {
    report.words = "installed: heap and stable memory began anew";
  } else if (step.memory == KeepMemory::kKeep) {
    report.words = "upgraded: the heap was kept";
    CANREC_CHECK(judge_layout(report, before, wasmdiff::Route::kK));
  } else {
    report.words = "upgraded: the heap began anew, stable memory was kept";
    if (step.skip_pre_upgrade && had_hook) {
      report.next =
          "canister_pre_upgrade did not run, so what it would have saved of the heap is lost: ask "
          "for that data now (query, expect-same), or keep the heap with --keep and a module from "
          "canrec patch prepare-route-k";
    }
  }
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
    report.next = next_after_message(outcome->failure(), directory_);
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
  last_method_ = step.subject;
  last_reply_.reset();
  if (outcome.replied()) last_reply_ = outcome.reply();
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
  report.next = "if that is what should happen, leave this expectation out";
  report.words = last->outcome == StepOutcome::kExpected
                     ? fmt::format("it failed with other words: {}", last->words)
                     : "the step before did not fail";
}

Status StepRunner::expect_reply(StepReport& report) {
  const StepReport* last = last_real_step();
  if (!last_reply_ || !asks(last->step.kind)) {
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
