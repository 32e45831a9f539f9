// SPDX-License-Identifier: Apache-2.0
// Runs the upgrade, then tries what may help:
//
//  1. repairs of the failure and of those that show behind it (autopsy_search.h);
//  2. the new code under the old state, and over a kept heap, where that is sound;
//  3. without the hook.
//
// Each is the library behind `canrec patch`, so a fix is proven to move nothing else before it
// runs.
#include "recover/autopsy.h"

#include <fmt/core.h>

#include <algorithm>

#include "recover/autopsy_explain.h"
#include "recover/autopsy_routes.h"
#include "recover/autopsy_search.h"
#include "recover/autopsy_trial.h"
#include "recover/autopsy_ways.h"

namespace canrec::recover {
namespace {

// How good a fix is, for sorting: proven by checks, not asked, failing, and last what runs and
// loses data.
int rank(const Fix& fix) {
  if (!fix.succeeds) return 2;
  if (!fix.answers_same) return 1;
  return *fix.answers_same ? 0 : 3;
}

class Examiner {
 public:
  explicit Examiner(Trial& trial) : trial_(trial) {}

  Result<Autopsy> run() {
    const AutopsyRequest& request = trial_.request();
    autopsy_.directory = request.directory.string();
    if (request.upgrade) autopsy_.upgrade = request.upgrade->string();
    autopsy_.checks = trial_.checks();
    autopsy_.chose_checks = request.checks.empty();
    autopsy_.explanation = remarks_on_modules(trial_);
    CANREC_TRY(const executor::InstallOutcome outcome, trial_.upgrade(trial_.unpatched()));
    if (outcome.ok()) {
      CANREC_CHECK(judge_success());
      if (autopsy_.answers_same.value_or(true)) return std::move(autopsy_);
    } else {
      CANREC_CHECK(describe(outcome));
      CANREC_TRY(Found found, search_repairs(trial_, outcome));
      if (!found.exhausted) {
        autopsy_.explanation.emplace_back(
            "more changes of the hook could be tried; the search ended because it had tried "
            "enough");
      }
      add(std::move(found.fixes));
    }
    CANREC_CHECK(add(over_kept_heap(trial_, autopsy_.stage)));
    CANREC_CHECK(add(by_snapshot(trial_)));
    // Last: what the others keep, this one may lose.
    if (!outcome.ok()) CANREC_CHECK(add(without_hook(trial_, autopsy_.stage)));
    std::ranges::stable_sort(autopsy_.fixes, {}, rank);
    autopsy_.tried = trial_.tried();
    CANREC_TRY(autopsy_.ways, ways_on(trial_, autopsy_));
    return std::move(autopsy_);
  }

 private:
  void add(std::vector<Fix> fixes) {
    for (Fix& fix : fixes) autopsy_.fixes.push_back(std::move(fix));
  }
  Status add(Result<std::vector<Fix>> tried) {
    CANREC_TRY(std::vector<Fix> fixes, std::move(tried));
    add(std::move(fixes));
    return Ok{};
  }

  // An upgrade that runs is no success yet: an upgrade clears the heap.
  Status judge_success() {
    autopsy_.succeeds = true;
    autopsy_.words = "the upgrade succeeds; whether the data came through was not asked";
    if (trial_.checks().empty()) return Ok{};
    CANREC_TRY(const auto other, trial_.other_answer());
    autopsy_.answers_same = !other.has_value();
    autopsy_.words = other ? "the checks do not answer as before: " + *other
                           : "the upgrade succeeds, and the checks answer as before";
    return Ok{};
  }

  Status describe(const executor::InstallOutcome& outcome) {
    // Code of the new module runs over a heap that was made for it.
    const bool old_code = side_of(outcome.stage) == Side::kInstalled;
    autopsy_.stage = outcome.stage;
    autopsy_.code = ic::error_code_text(outcome.failure->code);
    autopsy_.words = outcome.failure->text();
    const executor::RunReport* run = stopped_run(outcome);
    if (run == nullptr) {
      autopsy_.cause = Cause::kRefused;
      autopsy_.explanation.emplace_back(
          "the network refuses this before any code of the canister could fail: no hook is to be "
          "mended, the module or the way it is installed is");
      return Ok{};
    }
    autopsy_.run = *run;
    CANREC_TRY(const wasm::LoadedModule module,
               wasm::load_module(old_code ? trial_.original() : trial_.target()));
    const uint64_t limit = heap_limit(module.module);
    autopsy_.cause = cause_of(outcome, limit);
    CANREC_CHECK(trial_.revert());
    ByteView heap;
    if (old_code) {
      const engine::Memory& memory = trial_.subject().canister().wasm->heap;
      heap = memory.peek(0, memory.size()).value_or(ByteView{});
    }
    for (std::string& line : explain(*run, autopsy_.cause, module.module, heap)) {
      autopsy_.explanation.push_back(std::move(line));
    }
    if (autopsy_.cause == Cause::kInstructions) return try_without_limits();
    if (autopsy_.cause == Cause::kMemory) say_heap_limit(*run, module.module, limit);
    return Ok{};
  }

  // No option of an installer gives more heap; only the setting can be too low.
  void say_heap_limit(const executor::RunReport& run, const wasm::Module& module, uint64_t limit) {
    const bool setting = run.stopped->stop.error == ic::ExecutionError::kMemoryLimit;
    const bool own = !module.memories.empty() && module.memories[0].limits.has_max;
    autopsy_.explanation.push_back(
        setting ? std::string("the limit is the canister's setting wasm_memory_limit: raise it, or "
                              "set it to 0, and upgrade again")
                : fmt::format("the heap can have {} at most, by {}: no option of the upgrade gives "
                              "more",
                              human_size(limit),
                              own ? "what the module itself declares"
                                  : "the network's limit for such a module"));
  }

  Status try_without_limits() {
    const executor::Profile profile = trial_.subject().executor().profile();
    const uint64_t limit = profile[executor::Limit::kInstallInstructions];
    executor::Profile bounded = executor::Profile::no_limits();
    bounded.set(executor::Limit::kInstallInstructions, limit * kBeyondLimit);
    trial_.subject().executor().set_profile(bounded);
    auto outcome = trial_.upgrade(trial_.unpatched());
    trial_.subject().executor().set_profile(profile);
    CANREC_TRY(const executor::InstallOutcome free, std::move(outcome));
    autopsy_.unlimited =
        Unlimited{free.ok(), !free.ok() && free.failure->code == ic::ErrorCode::kInstructionLimit,
                  free.instructions, free.ok() ? "" : free.failure->text()};
    autopsy_.explanation.push_back(beyond_limit(free, limit));
    return Ok{};
  }

  static std::string beyond_limit(const executor::InstallOutcome& free, uint64_t limit) {
    if (free.ok()) {
      return fmt::format(
          "with a larger limit it would succeed: it needs {} instructions, {} are allowed, {} too "
          "few ({:.1f} times the limit)",
          grouped(free.instructions), grouped(limit), grouped(free.instructions - limit),
          static_cast<double>(free.instructions) / static_cast<double>(limit));
    }
    if (const executor::RunReport* run = stopped_run(free);
        run != nullptr && run->stopped->stop.error != ic::ExecutionError::kOutOfInstructions &&
        run->stopped->stop.error != ic::ExecutionError::kSliceOverrun) {
      return fmt::format(
          "with a larger limit than the {} instructions that are allowed it would "
          "fail of something else in {}: {}",
          grouped(limit), free.stage, run->stopped->stop.message);
    }
    return fmt::format("not even {} times the limit of {} instructions is enough: it may never end",
                       kBeyondLimit, grouped(limit));
  }

  Trial& trial_;
  Autopsy autopsy_;
};

}  // namespace

Result<Autopsy> autopsy(const AutopsyRequest& request) {
  CANREC_TRY(Trial trial, Trial::open(request));
  return Examiner(trial).run();
}

}  // namespace canrec::recover
