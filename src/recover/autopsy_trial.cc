// SPDX-License-Identifier: Apache-2.0
// Going back, upgrading, asking.
#include "recover/autopsy_trial.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"
#include "base/input_file.h"
#include "base/shell.h"
#include "recover/script.h"
#include "wasm/toolchain.h"

namespace canrec::recover {

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
  CANREC_TRY(trial.checks_, Checks::ask(trial.subject_, request.checks));
  CANREC_TRY(trial.start_, trial.subject_.executor().checkpoint());
  return trial;
}

std::string Trial::target_name() const {
  return request_->upgrade ? request_->upgrade->string() : request_->module_name;
}

std::optional<executor::MemoryPersistence> Trial::kept() const {
  const auto target = wasm::load_module(target_);
  if (!target) return std::nullopt;
  const bool both =
      wasm::find_icp_section(target->module, "enhanced-orthogonal-persistence") != nullptr &&
      wasm::find_icp_section(loaded_.module, "enhanced-orthogonal-persistence") != nullptr;
  return both ? std::optional(executor::MemoryPersistence::kKeep) : std::nullopt;
}

uint64_t Trial::heap_limit() const {
  const executor::Profile& profile = request_->executor.profile;
  if (loaded_.module.memories.empty()) return 0;
  const wasm::Limits& limits = loaded_.module.memories[0].limits;
  const uint64_t network =
      profile[limits.is_64 ? executor::Limit::kHeapBytes64 : executor::Limit::kHeapBytes32];
  if (!limits.has_max) return network;
  return std::min(network, checked_mul(limits.max, wasm::kPageSize).value_or(network));
}

Result<executor::InstallOutcome> Trial::upgrade(const std::optional<Bytes>& patched) {
  CANREC_CHECK(revert());
  if (patched) CANREC_CHECK(subject_.executor().replace(subject_.id(), *patched));
  return install(target_, kept(), false);
}

Result<executor::InstallOutcome> Trial::install(const Bytes& module,
                                                std::optional<executor::MemoryPersistence> memory,
                                                bool skip_pre_upgrade) {
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

Status Trial::judge(Fix& fix, const executor::InstallOutcome& outcome, const Bytes& module) {
  fix.module_hash = sha256(module);
  fix.succeeds = outcome.ok();
  if (!outcome.ok()) {
    const std::string words = outcome.failure->text();
    fix.words = fmt::format("this one still fails in {}: {}", outcome.stage,
                            words.substr(0, words.find('\n')));
    return Ok{};
  }
  if (checks_.empty()) {
    fix.words = "the upgrade succeeds; whether the data came through was not asked (--check)";
    return Ok{};
  }
  CANREC_TRY(const std::vector<CheckedAnswer> answers, checks_.again(subject_));
  const CheckedAnswer* other = first_other(answers);
  fix.answers_same = other == nullptr;
  fix.words = other == nullptr ? "this one succeeds, and the checks answer as before"
                               : fmt::format(
                                     "this one succeeds, but the checks do not answer as before: "
                                     "{} was {} and is {}",
                                     other->query, other->before, other->after);
  return Ok{};
}

Status Trial::judge_upgrade(Fix& fix, const executor::InstallOutcome& outcome,
                            const Bytes& module) {
  CANREC_CHECK(judge(fix, outcome, module));
  const std::string last = fmt::format("fixed-{}.wasm", fix.commands.size());
  const bool keep = kept() == executor::MemoryPersistence::kKeep;
  fix.commands.push_back(
      rehearsal({"replace " + last, "upgrade " + script_text(target_name()) +
                                        (keep ? " --keep" : "") + argument_text()}));
  return Ok{};
}

std::string Trial::argument_text() const {
  return request_->argument.empty() ? std::string() : " --arg " + request_->argument;
}

std::string Trial::rehearsal(std::vector<std::string> steps) const {
  for (const std::string& each : request_->checks) steps.push_back("expect-same " + each);
  std::string out = "canrec rehearse " + shell_word(request_->directory.string());
  for (const std::string& step : steps) out += " " + shell_word(step);
  return out;
}

}  // namespace canrec::recover
