// SPDX-License-Identifier: Apache-2.0
// Each of them is run on the copy before it is proposed.
#include "recover/autopsy_routes.h"

#include <fmt/core.h>

#include "base/shell.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "recover/route_k.h"
#include "recover/script.h"
#include "wasm/toolchain.h"
#include "wasmdiff/compare.h"

namespace canrec::recover {
namespace {

// Why the heap must not be kept under this module; empty when nothing speaks against it.
Result<std::string> against_keeping(Trial& trial, const Bytes& stored, Fix& fix) {
  CANREC_CHECK(trial.revert());
  CANREC_TRY(const wasm::LoadedModule module, wasm::load_module(stored));
  Subject& subject = trial.subject();
  CANREC_TRY(const snapshot::Metadata metadata, subject.executor().metadata(subject.id()));
  const engine::Memory& heap = subject.canister().wasm->heap;
  const ByteView bytes = heap.peek(0, heap.size()).value_or(ByteView{});
  for (const Finding& finding : judge_route_k(module.module, {&metadata, bytes, false})) {
    if (finding.severity == Severity::kError) return finding.what;
    fix.costs += fmt::format("; {}: {}: {}", finding.where, finding.what, finding.why);
  }
  CANREC_TRY(const wasmdiff::Comparison comparison,
             wasmdiff::compare(trial.loaded().module, module.module, {}));
  fix.costs += fmt::format("; layout verdict {} by route K (canrec diff)",
                           to_string(comparison.word(wasmdiff::Route::kK)));
  for (const wasmdiff::Finding& finding : comparison.findings) {
    if (finding.weights.k == wasmdiff::Severity::kUnsafe) return finding.what;
  }
  return std::string();
}

}  // namespace

Result<std::optional<Fix>> over_kept_heap(Trial& trial) {
  Fix fix;
  Bytes module = trial.target();
  std::string name = trial.target_name();
  CANREC_TRY(const wasm::LoadedModule target, wasm::load_module(module));
  if (wasm::find_icp_section(target.module, "enhanced-orthogonal-persistence") == nullptr) {
    const auto plan = patch::prepare_route_k(target, {});
    if (!plan) return std::optional<Fix>();
    CANREC_TRY(patch::Patched patched, patch::apply(target, *plan));
    module = std::move(patched.stored);
    fix.commands.push_back(
        fmt::format("canrec patch prepare-route-k {} -o fixed-1.wasm", shell_word(name)));
    name = "fixed-1.wasm";
  }
  fix.what = "the hook is skipped and the heap kept: the new program goes on with the old data";
  fix.costs = "the new program must read the heap as the old one wrote it";
  CANREC_TRY(const std::string against, against_keeping(trial, module, fix));
  CANREC_CHECK(trial.revert());
  CANREC_TRY(const executor::InstallOutcome outcome,
             trial.install(module, executor::MemoryPersistence::kKeep, true));
  CANREC_CHECK(trial.judge(fix, outcome, module));
  if (outcome.ok() && !against.empty()) {
    fix.succeeds = false;
    fix.words = "the network would do it, but it is not sound: " + against;
  }
  fix.commands.push_back(trial.rehearsal(
      {"upgrade " + script_text(name) + " --skip-pre-upgrade --keep" + trial.argument_text()}));
  return std::optional(std::move(fix));
}

Result<std::optional<Fix>> without_hook(Trial& trial, std::string_view hook) {
  auto plan = patch::drop_hook(trial.loaded(), hook);
  if (!plan) return std::optional<Fix>();
  CANREC_TRY(patch::Patched patched, patch::apply(trial.loaded(), *plan));
  Fix fix;
  fix.commands.push_back(fmt::format("canrec patch drop-hook {} {} -o fixed-1.wasm",
                                     shell_word(trial.request().module_name), hook));
  fix.what = "the hook is dropped, the upgrade runs without it";
  fix.costs = trial.kept() ? "whatever the hook was to save is not saved"
                           : "the upgrade clears the heap, and whatever the hook was to save is "
                             "not saved: data that is in the heap alone is LOST";
  CANREC_TRY(const executor::InstallOutcome outcome, trial.upgrade(patched.stored));
  CANREC_CHECK(trial.judge_upgrade(fix, outcome, patched.stored));
  return std::optional(std::move(fix));
}

}  // namespace canrec::recover
