// SPDX-License-Identifier: Apache-2.0
// Going back, upgrading, asking.
#include "recover/autopsy_trial.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"
#include "base/input_file.h"
#include "base/shell.h"
#include "ic/limits.h"
#include "recover/autopsy_checks.h"
#include "recover/script.h"
#include "wasm/toolchain.h"

namespace canrec::recover {

void Attempt::say(std::string_view what, std::string_view costs) {
  if (!fix.what.empty()) fix.what += ", and then ";
  fix.what += what;
  if (fix.costs.find(costs) != std::string::npos) return;
  if (!fix.costs.empty()) fix.costs += "; ";
  fix.costs += costs;
}

void Attempt::name_modules(Goes goes) {
  fix.goes = goes;
  fix.module_name = patches_installed ? installed_name : target_name;
  fix.target_name = target_name;
}

Result<Trial> Trial::open(const AutopsyRequest& request) {
  CANREC_TRY(Subject subject, Subject::open(request.directory, request.executor));
  Trial trial(request, std::move(subject));
  const ByteView installed = *trial.subject_.module_bytes();
  trial.original_ = Bytes(installed.begin(), installed.end());
  CANREC_TRY(trial.loaded_, wasm::load_module(trial.original_));
  trial.target_ = trial.original_;
  if (request.upgrade) {
    CANREC_TRY(const InputFile file, InputFile::open(*request.upgrade));
    trial.target_ = Bytes(file.bytes().begin(), file.bytes().end());
  }
  trial.queries_ = request.checks;
  if (trial.queries_.empty()) {
    CANREC_TRY(trial.queries_, choose_checks(trial.subject_, request.directory, request.executor));
  }
  CANREC_TRY(trial.checks_, Checks::ask(trial.subject_, trial.queries_));
  CANREC_TRY(trial.start_, trial.subject_.executor().checkpoint());
  return trial;
}

Attempt Trial::unpatched() const {
  Attempt attempt;
  attempt.installed = original_;
  attempt.target = target_;
  attempt.installed_name = request_->module_name;
  attempt.target_name = request_->upgrade ? request_->upgrade->string() : request_->module_name;
  return attempt;
}

std::optional<executor::MemoryPersistence> Trial::kept(ByteView stored) const {
  const auto target = wasm::load_module(stored);
  if (!target) return std::nullopt;
  const bool both =
      wasm::find_icp_section(target->module, "enhanced-orthogonal-persistence") != nullptr &&
      wasm::find_icp_section(loaded_.module, "enhanced-orthogonal-persistence") != nullptr;
  return both ? std::optional(executor::MemoryPersistence::kKeep) : std::nullopt;
}

uint64_t heap_limit(const wasm::Module& module) {
  if (module.memories.empty()) return 0;
  const wasm::Limits& limits = module.memories[0].limits;
  const uint64_t network = limits.is_64 ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32;
  if (!limits.has_max) return network;
  return std::min(network, checked_mul(limits.max, wasm::kPageSize).value_or(network));
}

Result<executor::InstallOutcome> Trial::upgrade(const Attempt& attempt) {
  CANREC_CHECK(revert());
  if (attempt.patches_installed) {
    CANREC_CHECK(subject_.executor().replace(subject_.id(), attempt.installed));
  }
  return install(attempt.target, kept(attempt.target), false);
}

Result<executor::InstallOutcome> Trial::upgrade_keeping(const Bytes& module,
                                                        bool skip_pre_upgrade) {
  CANREC_CHECK(revert());
  return install(module, executor::MemoryPersistence::kKeep, skip_pre_upgrade);
}

Result<executor::InstallOutcome> Trial::install(const Bytes& module,
                                                std::optional<executor::MemoryPersistence> memory,
                                                bool skip_pre_upgrade) {
  ++tried_;
  CANREC_TRY(Bytes argument, encode_install_argument(module, request_->argument));
  executor::InstallRequest request;
  request.canister = subject_.id();
  request.mode = executor::InstallMode::kUpgrade;
  request.module = module;
  request.argument = std::move(argument);
  request.memory = memory;
  request.skip_pre_upgrade = skip_pre_upgrade;
  auto outcome = subject_.executor().install(request);
  subject_.refresh_interface();
  return outcome;
}

Status Trial::judge(Attempt& attempt, const executor::InstallOutcome& outcome) {
  Fix& fix = attempt.fix;
  fix.succeeds = outcome.ok();
  if (!outcome.ok()) {
    const std::string words = outcome.failure->text();
    fix.words = fmt::format("this one still fails in {}: {}", outcome.stage,
                            words.substr(0, words.find('\n')));
    return Ok{};
  }
  CANREC_CHECK(judge_answers(fix));
  if (!attempt.patches_installed || !fix.answers_same.value_or(false)) return Ok{};
  CANREC_CHECK(revert());
  CANREC_CHECK(subject_.executor().replace(subject_.id(), attempt.installed));
  subject_.refresh_interface();
  CANREC_TRY(const auto other, other_answer());
  if (!other) return Ok{};
  fix.answers_same = false;
  fix.words =
      "the upgrade succeeds with its data, but until then the patched program does not work: what "
      "is patched is used outside of the hook too, " +
      *other;
  return Ok{};
}

Result<std::optional<std::string>> Trial::other_answer() {
  CANREC_TRY(const std::vector<CheckedAnswer> answers, checks_.again(subject_));
  const CheckedAnswer* other = first_other(answers);
  if (other == nullptr) return std::optional<std::string>();
  return std::optional(
      fmt::format("{} was {} and is {}", other->query, other->before, other->after));
}

Status Trial::judge_answers(Fix& fix) {
  if (checks_.empty()) {
    fix.words = "the upgrade succeeds; whether the data came through was not asked (--check)";
    return Ok{};
  }
  CANREC_TRY(const auto other, other_answer());
  fix.answers_same = !other.has_value();
  fix.words =
      other ? "DATA IS LOST: this one succeeds, but the checks do not answer as before: " + *other
            : "this one succeeds, and the checks answer as before";
  return Ok{};
}

std::string Trial::argument_text() const {
  return request_->argument.empty() ? std::string() : " --arg " + request_->argument;
}

std::string Trial::rehearsal(std::vector<std::string> steps) const {
  for (const std::string& each : queries_) steps.push_back("expect-same " + each);
  std::string out = "canrec rehearse " + shell_word(request_->directory.string());
  for (const std::string& step : steps) out += " " + shell_word(step);
  return out;
}

std::string Trial::rehearsal(const Attempt& attempt) const {
  std::vector<std::string> steps;
  if (attempt.patches_installed) steps.push_back("replace " + script_text(attempt.installed_name));
  const bool keep = kept(attempt.target) == executor::MemoryPersistence::kKeep;
  steps.push_back("upgrade " + script_text(attempt.target_name) + (keep ? " --keep" : "") +
                  argument_text());
  return rehearsal(std::move(steps));
}

}  // namespace canrec::recover
