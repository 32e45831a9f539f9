// SPDX-License-Identifier: Apache-2.0
// What the interfaces of the two modules tell: Candid for clients, stable signatures of Motoko.
#include <fmt/core.h>

#include <optional>

#include "base/shell.h"
#include "candid/interface.h"
#include "candid/motoko_check.h"
#include "candid/upgrade.h"
#include "recover/check_rows.h"
#include "wasm/names.h"
#include "wasm/toolchain.h"
#include "wasmdiff/interface.h"

namespace canrec::recover {
namespace {

std::optional<std::string> stable_types(const wasm::Module& module) {
  const wasm::Section* section = wasm::find_icp_section(module, "motoko:stable-types");
  if (section == nullptr) return std::nullopt;
  return std::string(as_text(module.view(section->payload)));
}

}  // namespace

Status check_candid(const CheckedModules& modules, CheckRow& r) {
  ask(r, "candid", "do clients of the old interface still work?");
  std::string unknown;
  const auto read = [&unknown](const wasm::Module& module, std::string_view side) {
    auto interface = candid::read_module_interface(wasmdiff::section_lookup(module));
    if (interface && *interface) return std::move(*interface);
    unknown += fmt::format("{}the {} module's interface {}", unknown.empty() ? "" : "; ", side,
                           interface ? "is not in it (candid:service)"
                                     : "cannot be read: " + interface.error().message());
    return std::optional<candid::Interface>();
  };
  const auto before = read(modules.old_module(), "old");
  const auto after = read(modules.new_module(), "new");
  if (!before || !after) {
    say(r, Answer::kUnknown, unknown, "canrec candid check OLD.did NEW.did");
    return Ok{};
  }
  CANREC_TRY(const candid::InterfaceVerdict verdict,
             candid::check_upgrade(after->program, before->program));
  if (verdict.strict) {
    say(r, Answer::kGood, "compatible, also strictly");
    return Ok{};
  }
  say(r, verdict.compatible ? Answer::kLook : Answer::kBad,
      verdict.compatible ? "compatible, but values silently become null" : "not compatible",
      fmt::format("canrec candid check {} {}", shell_word(modules.old_path),
                  shell_word(modules.new_path)));
  for (const candid::InterfaceProblem& problem : verdict.problems) {
    r.findings.push_back({problem.breaks ? Severity::kError : Severity::kWarning,
                          std::string(upgrade_problem_words(problem.kind)), problem.path,
                          problem.message,
                          problem.breaks ? "clients of the old interface get errors"
                                         : "clients of the old interface get null without a word",
                          r.next});
  }
  return Ok{};
}

void check_motoko(const CheckedModules& modules, CheckRow& r) {
  ask(r, "motoko", "do Motoko's stable variables carry over?");
  const wasm::FunctionNames names(modules.old_module(), wasm::FunctionNames::Style::kRaw);
  const wasm::Toolchain toolchain =
      wasm::detect_toolchain(modules.old_module(), names, nullptr).toolchain;
  const auto before = stable_types(modules.old_module());
  const auto after = stable_types(modules.new_module());
  const bool is_motoko = toolchain == wasm::Toolchain::kMotokoClassical ||
                         toolchain == wasm::Toolchain::kMotokoEnhanced || before;
  if (!is_motoko) return say(r, Answer::kNotAsked, "not a Motoko module");
  if (!before || !after) {
    return say(
        r, Answer::kUnknown,
        fmt::format("the {} module has no motoko:stable-types section", !before ? "old" : "new"),
        "build with the metadata, or canrec motoko check OLD.most NEW.most");
  }
  const auto verdict = candid::motoko::check_stable(*before, *after);
  if (!verdict) return say(r, Answer::kUnknown, verdict.error().message());
  const bool accepted = verdict->runtime == candid::motoko::Runtime::kAccepts ||
                        toolchain != wasm::Toolchain::kMotokoEnhanced;
  if (verdict->lossless && accepted) return say(r, Answer::kGood, "compatible");
  const bool good = verdict->compatible && accepted;
  say(r, good ? Answer::kLook : Answer::kBad,
      !verdict->compatible ? "not compatible"
      : !accepted          ? "compatible to the compiler, but refused at run time"
      : verdict->data_lost ? "compatible, but values are lost"
                           : "compatible, with warnings",
      fmt::format("canrec motoko check {} {}", shell_word(modules.old_path),
                  shell_word(modules.new_path)));
  for (const candid::motoko::Finding& finding : verdict->findings) {
    r.findings.push_back({finding.severity == candid::motoko::Severity::kError ? Severity::kError
                                                                               : Severity::kWarning,
                          finding.code, finding.path, finding.message,
                          "what the old program stored does not come through as it was", r.next});
  }
}

}  // namespace canrec::recover
