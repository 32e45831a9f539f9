// SPDX-License-Identifier: Apache-2.0
// Each of them is run on the copy before it is proposed.
#include "recover/autopsy_routes.h"

#include <fmt/core.h>

#include "base/shell.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "recover/autopsy_search.h"
#include "recover/route_k.h"
#include "recover/script.h"
#include "wasm/toolchain.h"
#include "wasmdiff/compare.h"

namespace canrec::recover {
namespace {

constexpr std::string_view kPostUpgrade = "canister_post_upgrade";

bool has_hook(const wasm::Module& module, std::string_view hook) {
  return module.find_export(hook) != nullptr;
}

// What a comparison of the modules says against a route, and its verdict for the costs.
Result<std::string> against_layout(const Trial& trial, const wasm::Module& module,
                                   wasmdiff::Route route, Fix& fix) {
  CANREC_TRY(const wasmdiff::Comparison comparison,
             wasmdiff::compare(trial.loaded().module, module, {}));
  fix.costs +=
      fmt::format("; layout verdict {} by route {} (canrec diff)",
                  to_string(comparison.word(route)), route == wasmdiff::Route::kK ? "K" : "S");
  for (const wasmdiff::Finding& finding : comparison.findings) {
    const wasmdiff::Severity weight =
        route == wasmdiff::Route::kK ? finding.weights.k : finding.weights.s;
    if (weight == wasmdiff::Severity::kUnsafe) return finding.what;
  }
  return std::string();
}

// Why the heap must not be kept under this module; empty when nothing speaks against it.
Result<std::string> against_keeping(Trial& trial, const Bytes& stored, bool pre_upgrade_runs,
                                    Fix& fix) {
  CANREC_CHECK(trial.revert());
  CANREC_TRY(const wasm::LoadedModule module, wasm::load_module(stored));
  Subject& subject = trial.subject();
  CANREC_TRY(const snapshot::Metadata metadata, subject.executor().metadata(subject.id()));
  const engine::Memory& heap = subject.canister().wasm->heap;
  const ByteView bytes = heap.peek(0, heap.size()).value_or(ByteView{});
  for (const Finding& finding :
       judge_route_k(module.module, {&metadata, bytes, pre_upgrade_runs})) {
    if (finding.severity == Severity::kError) return finding.what;
    fix.costs += fmt::format("; {}: {}: {}", finding.where, finding.what, finding.why);
  }
  return against_layout(trial, module.module, wasmdiff::Route::kK, fix);
}

void not_sound(Fix& fix, std::string_view against) {
  fix.succeeds = false;
  fix.answers_same.reset();
  fix.words = fmt::format("not sound, whether the network does it or not: {}", against);
}

// Makes the module ready for a kept heap; false when it cannot be.
Result<bool> prepare(Attempt& attempt, bool drop_post_upgrade) {
  CANREC_TRY(const wasm::LoadedModule target, wasm::load_module(attempt.target));
  const bool ready =
      wasm::find_icp_section(target.module, "enhanced-orthogonal-persistence") != nullptr;
  if (ready && !drop_post_upgrade) return true;
  const auto plan = ready ? patch::drop_hook(target, kPostUpgrade)
                          : patch::prepare_route_k(target, {.drop_post_upgrade = drop_post_upgrade,
                                                            .heap_bytes = std::nullopt,
                                                            .state = std::nullopt});
  if (!plan) return false;
  auto patched = patch::apply(target, *plan);
  if (!patched) return false;
  const std::string output = attempt.next_file();
  const std::string input = shell_word(attempt.target_name);
  attempt.fix.commands.push_back(
      ready ? fmt::format("canrec patch drop-hook {} {} -o {}", input, kPostUpgrade, output)
            : fmt::format("canrec patch prepare-route-k {}{} -o {}", input,
                          drop_post_upgrade ? " --drop-post-upgrade" : "", output));
  attempt.target = std::move(patched->stored);
  attempt.target_name = output;
  return true;
}

struct Kept {
  Fix fix;
  bool sound = false;  ///< nothing speaks against a heap that is kept, whatever the hooks then do
};

Result<std::optional<Kept>> keeping(Trial& trial, bool skips_pre_upgrade, bool drop_post_upgrade) {
  Attempt attempt = trial.unpatched();
  CANREC_TRY(const bool ready, prepare(attempt, drop_post_upgrade));
  if (!ready) return std::optional<Kept>();
  attempt.say(
      fmt::format(
          "the heap is kept{}{}: the new program goes on with the old data",
          skips_pre_upgrade ? ", the old hook skipped" : "",
          drop_post_upgrade ? ", and the new program's canister_post_upgrade left out" : ""),
      "the new program must read the heap as the old one wrote it");
  if (drop_post_upgrade) {
    attempt.fix.costs +=
        "; what canister_post_upgrade is for does not happen: timers that it sets, certified data, "
        "tables that it builds or migrates, and what it would have read from stable memory";
  }
  Fix& fix = attempt.fix;
  fix.module_hash = sha256(attempt.target);
  CANREC_TRY(const std::string against,
             against_keeping(trial, attempt.target, !skips_pre_upgrade, fix));
  CANREC_TRY(const executor::InstallOutcome outcome,
             trial.upgrade_keeping(attempt.target, skips_pre_upgrade));
  CANREC_CHECK(trial.judge(attempt, outcome));
  if (!against.empty()) not_sound(fix, against);
  fix.commands.push_back(trial.rehearsal({"upgrade " + script_text(attempt.target_name) +
                                          (skips_pre_upgrade ? " --skip-pre-upgrade" : "") +
                                          " --keep" + trial.argument_text()}));
  attempt.name_modules(Goes::kByKeptHeap);
  return std::optional(Kept{std::move(fix), against.empty()});
}

}  // namespace

Result<std::vector<Fix>> over_kept_heap(Trial& trial, std::string_view stage) {
  std::vector<Fix> fixes;
  const bool skips = side_of(stage) == Side::kInstalled;
  CANREC_TRY(std::optional<Kept> whole, keeping(trial, skips, false));
  CANREC_TRY(const wasm::LoadedModule target, wasm::load_module(trial.target()));
  const bool proven = whole && whole->fix.succeeds && whole->fix.answers_same == true;
  if (whole) fixes.push_back(std::move(whole->fix));
  if (!whole || !whole->sound || proven || !has_hook(target.module, kPostUpgrade)) return fixes;
  CANREC_TRY(std::optional<Kept> without, keeping(trial, skips, true));
  if (without) fixes.push_back(std::move(without->fix));
  return fixes;
}

Result<std::vector<Fix>> by_snapshot(Trial& trial) {
  std::vector<Fix> fixes;
  if (trial.to_itself()) return fixes;
  Attempt attempt = trial.unpatched();
  attempt.say(
      "the new module takes the place of the old one in a snapshot, which is loaded: no "
      "hook runs, heap, stable memory and globals stay",
      "the new program must read the heap as the old one wrote it; what "
      "canister_post_upgrade is for does not happen");
  Fix& fix = attempt.fix;
  fix.module_hash = sha256(attempt.target);
  CANREC_TRY(const wasm::LoadedModule target, wasm::load_module(attempt.target));
  CANREC_TRY(const std::string against,
             against_layout(trial, target.module, wasmdiff::Route::kS, fix));
  CANREC_CHECK(trial.revert());
  Subject& subject = trial.subject();
  const Status replaced = subject.executor().replace(subject.id(), attempt.target);
  subject.refresh_interface();
  if (!replaced) {
    fix.words = "this one cannot be: " + replaced.error().message();
  } else {
    fix.succeeds = true;
    CANREC_CHECK(trial.judge_answers(fix));
    if (!against.empty()) not_sound(fix, against);
  }
  std::string command =
      fmt::format("canrec package {} {} -o package --route S",
                  shell_word(trial.request().directory.string()), shell_word(attempt.target_name));
  for (const std::string& check : trial.checks()) command += " --check " + shell_word(check);
  fix.commands.push_back(std::move(command));
  fix.commands.push_back(
      trial.rehearsal(std::vector<std::string>{"replace " + script_text(attempt.target_name)}));
  attempt.name_modules(Goes::kBySnapshot);
  fixes.push_back(std::move(fix));
  return fixes;
}

Result<std::vector<Fix>> without_hook(Trial& trial, std::string_view stage) {
  std::vector<Fix> fixes;
  const Side side = side_of(stage);
  if (side == Side::kNeither || stage == "(start)") return fixes;
  Attempt attempt = trial.unpatched();
  const bool old_hook = side == Side::kInstalled;
  Bytes& stored = old_hook ? attempt.installed : attempt.target;
  std::string& name = old_hook ? attempt.installed_name : attempt.target_name;
  CANREC_TRY(const wasm::LoadedModule module, wasm::load_module(stored));
  const auto plan = patch::drop_hook(module, stage);
  if (!plan) return fixes;
  CANREC_TRY(patch::Patched patched, patch::apply(module, *plan));
  const std::string output = attempt.next_file();
  attempt.fix.commands.push_back(
      fmt::format("canrec patch drop-hook {} {} -o {}", shell_word(name), stage, output));
  attempt.fix.module_hash = sha256(patched.stored);
  const bool kept = trial.kept(attempt.target).has_value();
  if (old_hook) {
    attempt.say("the hook is dropped, the upgrade runs without it",
                kept ? "whatever the hook was to save is not saved"
                     : "the upgrade clears the heap, and whatever the hook was to save is not "
                       "saved: data that is in the heap alone is LOST");
  } else {
    attempt.say("the new module's canister_post_upgrade is dropped, the upgrade runs without it",
                kept ? "what that hook sets up or migrates is not done"
                     : "the heap begins empty: what the old hook saved stays in stable memory and "
                       "nobody reads it, until the next upgrade overwrites it");
  }
  stored = std::move(patched.stored);
  name = output;
  attempt.patches_installed = old_hook;
  CANREC_TRY(const executor::InstallOutcome outcome, trial.upgrade(attempt));
  CANREC_CHECK(trial.judge(attempt, outcome));
  attempt.fix.commands.push_back(trial.rehearsal(attempt));
  attempt.name_modules(old_hook ? Goes::kBySnapshot : Goes::kByUpgrade);
  fixes.push_back(std::move(attempt.fix));
  return fixes;
}

}  // namespace canrec::recover
