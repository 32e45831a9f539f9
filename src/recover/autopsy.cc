// SPDX-License-Identifier: Apache-2.0
// Runs the upgrade, then tries the fixes that fit:
//
//  1. the repair of the cause (grow before write, 64-bit calls, the call taken out), and when
//     another failure shows behind it the repair of that one, up to kMostRounds;
//  2. the functions between the failure and the hook, each made to return at once;
//  3. past the hook over a kept heap (route K), and without the hook, where that is sound.
//
// Each is the library behind `canrec patch`, so a fix is proven to move nothing else before it
// runs.
#include "recover/autopsy.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/shell.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "recover/autopsy_explain.h"
#include "recover/autopsy_repairs.h"
#include "recover/autopsy_routes.h"
#include "recover/autopsy_trial.h"

namespace canrec::recover {
namespace {

constexpr size_t kMostRounds = 8;
constexpr std::string_view kHook = "canister_pre_upgrade";

class Examiner {
 public:
  explicit Examiner(Trial& trial) : trial_(trial) {}

  Result<Autopsy> run() {
    autopsy_.directory = trial_.request().directory.string();
    if (trial_.request().upgrade) autopsy_.upgrade = trial_.request().upgrade->string();
    CANREC_TRY(const executor::InstallOutcome outcome, trial_.upgrade(std::nullopt));
    if (outcome.ok()) {
      autopsy_.succeeds = true;
      autopsy_.words = "the upgrade succeeds";
      return std::move(autopsy_);
    }
    CANREC_CHECK(describe(outcome));
    if (autopsy_.stage == kHook) {
      CANREC_CHECK(repair_chain(outcome));
      CANREC_CHECK(without_callee(outcome));
      if (!trial_.kept()) CANREC_CHECK(add(over_kept_heap(trial_)));
      // Last: what the others keep, this one may lose.
      CANREC_CHECK(add(without_hook(trial_, kHook)));
    }
    std::ranges::stable_sort(autopsy_.fixes,
                             [](const Fix& a, const Fix& b) { return a.works() > b.works(); });
    return std::move(autopsy_);
  }

 private:
  Status add(Result<std::optional<Fix>> tried) {
    CANREC_TRY(std::optional<Fix> fix, std::move(tried));
    if (fix) autopsy_.fixes.push_back(std::move(*fix));
    return Ok{};
  }

  Status describe(const executor::InstallOutcome& outcome) {
    autopsy_.stage = outcome.stage;
    autopsy_.cause = cause_of(outcome, trial_.heap_limit());
    autopsy_.code = ic::error_code_text(outcome.failure->code);
    autopsy_.words = outcome.failure->text();
    const executor::RunReport* run = stopped_run(outcome);
    if (run == nullptr) return Ok{};
    autopsy_.run = *run;
    CANREC_CHECK(trial_.revert());
    if (autopsy_.stage == kHook) {
      const engine::Memory& heap = trial_.subject().canister().wasm->heap;
      const auto bytes = heap.peek(0, heap.size());
      autopsy_.explanation =
          explain(*run, autopsy_.cause, trial_.loaded().module, bytes ? *bytes : ByteView{});
    } else {  // code of the new module, over a heap that was made for it
      CANREC_TRY(const wasm::LoadedModule target, wasm::load_module(trial_.target()));
      autopsy_.explanation = explain(*run, autopsy_.cause, target.module, {});
    }
    if (autopsy_.cause == Cause::kInstructions) return try_without_limits();
    if (autopsy_.cause == Cause::kMemory) say_heap_limit(*run);
    return Ok{};
  }

  // No option of an installer gives more heap; only the setting can be too low.
  void say_heap_limit(const executor::RunReport& run) {
    const bool setting = run.stopped->stop.error == ic::ExecutionError::kMemoryLimit;
    const bool own = !trial_.loaded().module.memories.empty() &&
                     trial_.loaded().module.memories[0].limits.has_max;
    autopsy_.explanation.push_back(
        setting ? std::string("the limit is the canister's setting wasm_memory_limit: raise it, or "
                              "set it to 0, and upgrade again")
                : fmt::format("the heap can have {} at most, by {}: no option of the upgrade gives "
                              "more",
                              human_size(trial_.heap_limit()),
                              own ? "what the module itself declares"
                                  : "the network's limit for such a module"));
  }

  Status try_without_limits() {
    const executor::Profile profile = trial_.subject().executor().profile();
    executor::Profile bounded = executor::Profile::no_limits();
    bounded.set(executor::Limit::kInstallInstructions,
                profile[executor::Limit::kInstallInstructions] * kBeyondLimit);
    trial_.subject().executor().set_profile(bounded);
    auto outcome = trial_.upgrade(std::nullopt);
    trial_.subject().executor().set_profile(profile);
    CANREC_TRY(const executor::InstallOutcome free, std::move(outcome));
    autopsy_.unlimited =
        Unlimited{free.ok(), !free.ok() && free.failure->code == ic::ErrorCode::kInstructionLimit,
                  free.instructions, free.ok() ? "" : free.failure->text()};
    autopsy_.explanation.push_back(
        free.ok()
            ? fmt::format("with a larger limit it would succeed: it needs {} instructions, {} "
                          "are allowed",
                          grouped(free.instructions),
                          grouped(profile[executor::Limit::kInstallInstructions]))
            : fmt::format("not even {} times the limit is enough", kBeyondLimit));
    return Ok{};
  }

  Status repair_chain(const executor::InstallOutcome& first) {
    Bytes module = trial_.original();
    Fix fix;
    std::vector<std::string> verbs;
    std::optional<executor::InstallOutcome> outcome;
    const executor::InstallOutcome* failed = &first;
    for (size_t round = 0; round < kMostRounds; ++round) {
      CANREC_TRY(const wasm::LoadedModule loaded, wasm::load_module(module));
      auto repair = repair_of(loaded, *failed, kHook, trial_.heap_limit());
      if (!repair) break;
      const std::string verb = repair->verb + " " + repair->rest;
      if (std::ranges::find(verbs, verb) != verbs.end()) break;
      auto patched = patch::apply(loaded, repair->plan);
      if (!patched) break;
      add_step(fix, *repair, verbs.size());
      verbs.push_back(verb);
      module = std::move(patched->stored);
      auto next = trial_.upgrade(module);
      if (!next) return fail(std::move(next).error());
      outcome.emplace(std::move(*next));
      failed = &*outcome;
      if (failed->ok() || failed->stage != kHook) break;
    }
    if (verbs.empty()) return Ok{};
    return finish(std::move(fix), *failed, module);
  }

  Status finish(Fix fix, const executor::InstallOutcome& outcome, const Bytes& module) {
    CANREC_CHECK(trial_.judge_upgrade(fix, outcome, module));
    autopsy_.fixes.push_back(std::move(fix));
    return Ok{};
  }

  // Appends the command for a repair; each one reads what the one before wrote.
  void add_step(Fix& fix, const Repair& repair, size_t index) const {
    const std::string input =
        index == 0 ? trial_.request().module_name : fmt::format("fixed-{}.wasm", index);
    fix.commands.push_back(repair.command(input, fmt::format("fixed-{}.wasm", index + 1)));
    if (!fix.what.empty()) fix.what += ", and then ";
    fix.what += repair.what;
    if (!repair.costs.empty()) fix.costs += (fix.costs.empty() ? "" : "; ") + repair.costs;
  }

  // A program that gives up does so in a function of its own (a user's preupgrade, a check), called
  // by the hook that also saves the data: that function alone is made to return.
  Status without_callee(const executor::InstallOutcome& failed) {
    const Cause cause = cause_of(failed, trial_.heap_limit());
    const executor::RunReport* run = stopped_run(failed);
    const bool gives_up = cause == Cause::kCalledTrap || cause == Cause::kUnreachable ||
                          cause == Cause::kOther || cause == Cause::kStackOverflow;
    if (!gives_up || run == nullptr) return Ok{};
    const std::vector<executor::Frame>& frames = run->stopped->backtrace;
    std::set<uint32_t> tried;
    // The last frame is the hook itself.
    for (size_t i = 0; i + 1 < frames.size() && tried.size() < kMostRounds; ++i) {
      const uint32_t function = frames[i].function;
      if (function == frames.back().function || !tried.insert(function).second) continue;
      const std::string name = fmt::format("#{}", function);
      const auto plan = patch::stub(trial_.loaded(), name, {});
      if (!plan) continue;
      const auto patched = patch::apply(trial_.loaded(), *plan);
      if (!patched) continue;
      CANREC_TRY(const executor::InstallOutcome outcome, trial_.upgrade(patched->stored));
      if (!outcome.ok()) continue;
      Fix fix;
      fix.commands.push_back(fmt::format("canrec patch stub {} {} -o fixed-1.wasm",
                                         shell_word(trial_.request().module_name),
                                         shell_word(name)));
      fix.what = fmt::format("{} (function {}) returns at once, the rest of the hook runs",
                             frames[i].name, function);
      fix.costs = "whatever else that function does is left out; read it with canrec patch edit";
      CANREC_CHECK(finish(std::move(fix), outcome, patched->stored));
    }
    return Ok{};
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
