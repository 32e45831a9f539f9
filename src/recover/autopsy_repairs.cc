// SPDX-License-Identifier: Apache-2.0
// From a cause to the patch for it.
#include "recover/autopsy_repairs.h"

#include <fmt/core.h>

#include "base/shell.h"
#include "patch/operations.h"
#include "recover/autopsy_explain.h"

namespace canrec::recover {
namespace {

std::vector<std::string> results_of(const executor::ApiCall& call) {
  const bool has_result = !ic::info(call.function).results.empty();
  return has_result ? std::vector<std::string>{"0"} : std::vector<std::string>{};
}

// The failing call is the last one, and stands in the innermost frame.
Result<patch::Plan> take_out(const wasm::LoadedModule& module, const executor::RunReport& run,
                             Repair& repair) {
  if (run.stopped->backtrace.empty()) return fail(Errc::kPatchSite, "no backtrace");
  const executor::ApiCall& call = run.last_api_calls.back();
  const std::string site = fmt::format("@0x{:08x}", run.stopped->backtrace.front().offset);
  const std::string name(ic::info(call.function).name);
  repair.verb = "remove";
  repair.rest = site;
  for (const std::string& result : results_of(call)) repair.rest += " --result " + result;
  repair.what = fmt::format("the call of ic0.{} at {} is taken out", name, site);
  repair.costs = name == "trap" ? "the check behind the trap is gone: the hook goes on with "
                                  "what it meant to refuse"
                                : fmt::format("what ic0.{} was to do does not happen", name);
  return patch::remove_call(module, site, results_of(call));
}

}  // namespace

std::string Repair::command(std::string_view input, std::string_view output) const {
  return fmt::format("canrec patch {} {} {} -o {}", verb, shell_word(input), rest,
                     shell_word(output));
}

std::optional<Repair> repair_of(const wasm::LoadedModule& module,
                                const executor::InstallOutcome& outcome, std::string_view hook,
                                uint64_t heap_limit) {
  const executor::RunReport* run = stopped_run(outcome);
  if (run == nullptr) return std::nullopt;
  Repair repair;
  Result<patch::Plan> plan = fail(Errc::kPatchSite, "nothing mends this");
  switch (cause_of(outcome, heap_limit)) {
    case Cause::kStableOutOfBounds:
      plan = patch::grow_before_write(module, {std::nullopt, std::string(hook)});
      repair.verb = "grow-before-write";
      repair.rest = hook;
      repair.what = "stable memory grows before each write of the hook";
      break;
    case Cause::kStable32Bit:
      plan = patch::retarget(module, {std::nullopt, std::string(hook)});
      repair.verb = "retarget";
      repair.rest = fmt::format("--from {}", hook);
      repair.what = "the hook's stable calls become 64-bit ones";
      repair.costs = "offsets stay 32-bit: the hook still reaches only the first 4 GiB";
      break;
    case Cause::kForbiddenCall:
    case Cause::kCalledTrap:
      plan = take_out(module, *run, repair);
      break;
    default:
      break;
  }
  if (!plan) return std::nullopt;
  repair.plan = std::move(*plan);
  return repair;
}

}  // namespace canrec::recover
