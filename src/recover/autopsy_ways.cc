// SPDX-License-Identifier: Apache-2.0
// Each way is one that can be gone with this state; what cannot is said with its reason.
#include "recover/autopsy_ways.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "base/shell.h"
#include "ic/context.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "recover/autopsy_repairs.h"
#include "recover/autopsy_search.h"
#include "recover/route_k.h"
#include "wasm/names.h"
#include "wasmdiff/toolchain.h"

namespace canrec::recover {
namespace {

std::string with_checks(std::string command, const std::vector<std::string>& checks) {
  for (const std::string& check : checks) command += " --check " + shell_word(check);
  return command;
}

// Names of the methods that a module exports.
std::vector<std::string_view> methods_of(const wasm::Module& module) {
  std::vector<std::string_view> out;
  for (const wasm::Export& each : module.exports) {
    const auto method = ic::parse_method(each.name);
    if (method && !method->name.starts_with("__")) out.push_back(method->name);
  }
  return out;
}

class Ways {
 public:
  Ways(Trial& trial, const Autopsy& autopsy) : trial_(trial), autopsy_(autopsy) {
    directory_ = shell_word(autopsy.directory);
  }

  Result<std::vector<Way>> run() {
    if (!autopsy_.fixes.empty() && autopsy_.fixes.front().works()) {
      onto_the_network(autopsy_.fixes.front());
      return std::move(ways_);
    }
    add("nothing is lost: an upgrade that fails leaves the canister as it was. Keep this copy "
        "before anything else",
        fmt::format("canrec backup create {} --store backups", directory_));
    other_data();
    edit_function();
    other_module();
    CANREC_CHECK(carry_over());
    return std::move(ways_);
  }

 private:
  void add(std::string what, std::string command) {
    ways_.push_back({std::move(what), std::move(command)});
  }

  void onto_the_network(const Fix& fix) {
    switch (fix.goes) {
      case Goes::kBySnapshot:
        add(fix.module_name == target_name()
                ? "onto the network: the package holds the edited snapshot and a runbook"
                : fmt::format("onto the network: the package puts {} in place of the installed "
                              "module and has a runbook; the upgrade to {} follows as rehearsed",
                              fix.module_name, fix.target_name),
            with_checks(fmt::format("canrec package {} {} -o package --route S", directory_,
                                    shell_word(fix.module_name)),
                        trial_.checks()));
        break;
      case Goes::kByKeptHeap:
        add("onto the network: the package holds the module, the argument and a runbook; "
            "CANISTER_ID is the principal of the canister, which the argument names",
            with_checks(fmt::format("canrec package {} {} -o package --route K --canister "
                                    "CANISTER_ID",
                                    directory_, shell_word(fix.module_name)),
                        trial_.checks()));
        break;
      case Goes::kByUpgrade:
        add(fmt::format("onto the network: upgrade to {} in place of {}, by the command that you "
                        "used; before it, the checklist",
                        fix.target_name, target_name()),
            fmt::format("canrec check {} {} --state {}", shell_word(trial_.request().module_name),
                        shell_word(fix.target_name), directory_));
        break;
    }
  }

  std::string target_name() const { return trial_.unpatched().target_name; }

  // Most of these failures depend on what is in the canister.
  void other_data() {
    if (side_of(autopsy_.stage) != Side::kInstalled) return;
    const std::string command =
        fmt::format("canrec call {} METHOD '(...)' -o changed && canrec autopsy changed",
                    directory_) +
        (autopsy_.upgrade.empty() ? "" : " --upgrade " + shell_word(autopsy_.upgrade));
    switch (autopsy_.cause) {
      case Cause::kInstructions:
      case Cause::kMemory:
        add("the network gives no more than this, and the hook needs it for what is in the "
            "canister: if the program has a method that makes its data smaller (delete, archive), "
            "call it before the upgrade, here first",
            command);
        break;
      case Cause::kCalledTrap:
      case Cause::kUnreachable:
        add("the hook stumbles over something in the data: if the program has a method that "
            "changes "
            "or removes that entry, call it before the upgrade, here first",
            command);
        break;
      default:
        break;
    }
  }

  // The function of the program where it failed, to be mended by hand.
  void edit_function() {
    if (!autopsy_.run || autopsy_.run->stopped->backtrace.empty()) return;
    const Side side = side_of(autopsy_.stage);
    if (side == Side::kNeither) return;
    const Attempt modules = trial_.unpatched();
    const bool old_code = side == Side::kInstalled;
    const auto module = wasm::load_module(old_code ? modules.installed : modules.target);
    if (!module) return;
    // What the hook called, or the hook itself when that was a panic.
    const auto& frames = autopsy_.run->stopped->backtrace;
    const executor::Frame& hook = frames.back();
    const bool panics = never_returns(module->module, hook.function, hook.offset);
    const executor::Frame& frame = frames.size() > 1 && !panics ? frames[frames.size() - 2] : hook;
    add(fmt::format("mend {} by hand: change the text, put it back with --from func.wat, and "
                    "rehearse",
                    frame.name),
        fmt::format("canrec patch edit {} {} -o func.wat",
                    shell_word(old_code ? modules.installed_name : modules.target_name),
                    shell_word(fmt::format("#{}", frame.function))));
  }

  void other_module() {
    const std::string installed = shell_word(trial_.request().module_name);
    if (side_of(autopsy_.stage) == Side::kInstalled) {
      add("build the installed program once more with nothing changed but the hook, by the same "
          "compiler; if its layout is the same, it takes the old module's place without any hook",
          fmt::format(
              "canrec diff {0} NEW.wasm --route S && canrec package {1} NEW.wasm -o package "
              "--route S",
              installed, directory_));
      return;
    }
    add(side_of(autopsy_.stage) == Side::kTarget
            ? "it is the new module that fails, the old hook ran: mend it in its source, and look "
              "first whether it is the next version of this program"
            : "it is the new module that does not fit: build the next version of this program for "
              "the same memory and persistence as the installed one, and look what speaks against "
              "it",
        fmt::format("canrec check {} NEW.wasm --state {}", installed, directory_));
  }

  // Into a fresh canister, where a heap can be taken over by the program that made it.
  Status carry_over() {
    CANREC_CHECK(trial_.revert());
    const std::string against = against_carrying();
    if (!against.empty()) {
      add("the state cannot be carried into a fresh canister by canrec push, because " + against +
              "; a snapshot holds all of it and can be loaded into this canister again. To read "
              "the data out",
          fmt::format("canrec pull {} -o pulled", directory_));
      return Ok{};
    }
    add("carry the state into a fresh canister, under the program that made it (canrec downloader "
        "and canrec uploader are what runs on the network; docs/recovery.md, the second story)",
        fmt::format(
            "canrec patch prepare-route-k {} -o kept.wasm && canrec pull {} -o pulled && "
            "{}",
            shell_word(trial_.request().module_name), directory_,
            with_checks("canrec push pulled -o fresh --module kept.wasm", trial_.checks())));
    return Ok{};
  }

  std::string against_carrying() {
    const auto plan = patch::prepare_route_k(trial_.loaded(), {});
    if (!plan) return plan.error().message();
    const auto patched = patch::apply(trial_.loaded(), *plan);
    if (!patched) return patched.error().message();
    const auto module = wasm::load_module(patched->stored);
    Subject& subject = trial_.subject();
    const auto metadata = subject.executor().metadata(subject.id());
    if (!module || !metadata) return "the module cannot be made ready for it";
    const engine::Memory& heap = subject.canister().wasm->heap;
    const ByteView bytes = heap.peek(0, heap.size()).value_or(ByteView{});
    for (const Finding& finding : judge_route_k(module->module, {&*metadata, bytes, false})) {
      if (finding.severity == Severity::kError) return finding.what + " (" + finding.why + ")";
    }
    return {};
  }

  Trial& trial_;
  const Autopsy& autopsy_;
  std::string directory_;
  std::vector<Way> ways_;
};

}  // namespace

Result<std::vector<Way>> ways_on(Trial& trial, const Autopsy& autopsy) {
  return Ways(trial, autopsy).run();
}

std::vector<std::string> remarks_on_modules(const Trial& trial) {
  std::vector<std::string> out;
  if (trial.to_itself()) {
    out.push_back(trial.request().upgrade
                      ? "the module to upgrade to is the installed one, byte for byte: an upgrade "
                        "to it mends nothing, it only shows whether its hooks run"
                      : "this was an upgrade of the installed module to itself, because no other "
                        "was named (--upgrade): it shows whether its hooks run, and a patch of the "
                        "hook is gone again when the same module is installed anew");
    return out;
  }
  const auto target = wasm::load_module(trial.target());
  if (!target) return out;
  const std::vector<std::string_view> before = methods_of(trial.loaded().module);
  const std::vector<std::string_view> after = methods_of(target->module);
  std::vector<std::string_view> gone;
  std::ranges::copy_if(before, std::back_inserter(gone), [&](std::string_view name) {
    return std::ranges::find(after, name) == after.end();
  });
  if (!gone.empty()) {
    const size_t shown = std::min<size_t>(gone.size(), 5);
    out.push_back(fmt::format(
        "{} of the {} methods of the installed program are not in the new module ({}{}): is it the "
        "next version of this program, or another canister's?",
        gone.size(), before.size(),
        fmt::join(gone.begin(), gone.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
        gone.size() > shown ? ", ..." : ""));
  }
  const auto kind = [](const wasm::Module& module) {
    const wasm::FunctionNames names(module, wasm::FunctionNames::Style::kReadable);
    return wasmdiff::recognise_toolchain(module, names).kind;
  };
  const wasm::Toolchain old_kind = kind(trial.loaded().module);
  const wasm::Toolchain new_kind = kind(target->module);
  if (old_kind != new_kind && old_kind != wasm::Toolchain::kUnknown &&
      new_kind != wasm::Toolchain::kUnknown) {
    out.push_back(fmt::format("the installed program was made by {}, the new module by {}",
                              to_string(old_kind), to_string(new_kind)));
  }
  return out;
}

}  // namespace canrec::recover
