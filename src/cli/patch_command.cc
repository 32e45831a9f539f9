// SPDX-License-Identifier: Apache-2.0
// canrec patch: changes single calls, functions and sections of a module, and proves that nothing
// else moved.
#include "cli/patch_command.h"

#include <fmt/core.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/input_file.h"
#include "base/shell.h"
#include "cli/findings.h"
#include "recover/script.h"

namespace canrec::cli {
namespace {

using nlohmann::ordered_json;
using patch::Evidence;

std::string verdict_text(const Session& session, std::string_view route,
                         const patch::RouteVerdict& verdict) {
  const Tone tone = verdict.word == "safe"     ? Tone::kGood
                    : verdict.word == "review" ? Tone::kWarning
                                               : Tone::kBad;
  std::string out = fmt::format("route {}: {}\n", route, session.toned(tone, verdict.word));
  for (const patch::VerdictReason& reason : verdict.reasons) {
    out += fmt::format("  {}\n", wrapped(reason.what, 2, session.width()));
    out += fmt::format("    why   {}\n", wrapped(reason.why, 10, session.width()));
    out += fmt::format("    next  {}\n", wrapped(reason.next, 10, session.width()));
  }
  return out;
}

std::string note_text(const Session& session, std::string_view note) {
  return fmt::format("\n{}  {}\n", session.toned(Tone::kNote, "NOTE"),
                     wrapped(note, 6, session.width()));
}

std::string report_text(const Session& session, const PatchOutput& options,
                        const Evidence& evidence) {
  const bool written = !options.dry_run;
  std::string out = fmt::format("canrec patch  {} -> {}    canrec {}\n", options.module,
                                written ? options.output : "(nothing: --dry-run)", CANREC_VERSION);
  out += fmt::format("  input   sha256 {}  {}\n", to_hex(evidence.input),
                     human_size(evidence.input_size));
  out += fmt::format("  output  sha256 {}  {}\n\n", to_hex(evidence.output),
                     human_size(evidence.output_size));
  const auto functions = [](uint32_t n) {
    return fmt::format("{} {}", grouped(n), n == 1 ? "function" : "functions");
  };
  if (evidence.changes.empty()) {
    out += session.toned(Tone::kGood, "NOTHING CHANGED") + ": the output is the input.\n";
  } else {
    out += session.toned(Tone::kGood, "PROVEN");
    out += fmt::format(": {} changed, {} the same", functions(evidence.functions_changed),
                       grouped(evidence.functions_same));
    if (evidence.functions_added > 0) out += fmt::format(", {} added", evidence.functions_added);
    if (evidence.imports_added > 0) out += fmt::format(", {} imported", evidence.imports_added);
    out += "; memory, tables, globals, data and every other section are as they were.\n\n";
    out += changes_text(session, evidence.changes);
  }
  for (const std::string& note : evidence.notes) {
    out += note_text(session, note);
  }
  out += "\n";
  out += verdict_text(session, "S (snapshot with the new module)", evidence.route_s);
  out += verdict_text(session, "K (upgrade, heap kept)", evidence.route_k);
  if (written && options.output != "-") {
    out += fmt::format("next  canrec rehearse SNAPSHOT {} 'upgrade NEXT.wasm'\n",
                       shell_word("replace " + recover::script_text(options.output)));
  }
  return out;
}

ordered_json verdict_json(const patch::RouteVerdict& verdict) {
  ordered_json reasons = ordered_json::array();
  for (const patch::VerdictReason& reason : verdict.reasons) {
    reasons.push_back(
        {{"code", reason.code}, {"what", reason.what}, {"why", reason.why}, {"next", reason.next}});
  }
  return {{"verdict", verdict.word}, {"reasons", std::move(reasons)}};
}

ordered_json report_json(const PatchOutput& options, const Evidence& evidence) {
  return {
      {"type", "patch_report"},
      {"schema", 1},
      {"canrec", CANREC_VERSION},
      {"input",
       {{"path", options.module},
        {"sha256", to_hex(evidence.input)},
        {"size", evidence.input_size}}},
      {"output",
       {{"path", options.dry_run ? ordered_json(nullptr) : ordered_json(options.output)},
        {"sha256", to_hex(evidence.output)},
        {"size", evidence.output_size}}},
      {"functions",
       {{"same", evidence.functions_same},
        {"changed", evidence.functions_changed},
        {"added", evidence.functions_added},
        {"imported", evidence.imports_added}}},
      {"changes", changes_json(evidence.changes)},
      {"notes", evidence.notes},
      {"routes", {{"S", verdict_json(evidence.route_s)}, {"K", verdict_json(evidence.route_k)}}}};
}

// The input is never written, not even when the output names it and --force is given.
bool is_input(const PatchOutput& options) {
  std::error_code ignored;
  return options.output != "-" &&
         std::filesystem::equivalent(options.module, options.output, ignored);
}

ExitCode apply_and_report(Session& session, const PatchOutput& options,
                          const wasm::LoadedModule& input, const patch::Plan& plan) {
  if (!options.dry_run && options.output.empty()) {
    return session.usage("-o OUTPUT is wanted (or --dry-run)");
  }
  if (!options.dry_run && is_input(options)) {
    return session.usage("the output is the input; inputs are never touched");
  }
  CLI_TRY(const patch::Patched patched, session, options.module, patch::apply(input, plan));
  if (!options.dry_run) {
    CLI_CHECK(session, options.output,
              session.write_output(options.output, patched.stored, options.force));
  }
  if (options.json && options.output != "-") {
    session.print_json(report_json(options, patched.evidence));
  } else if (options.output == "-" && !options.dry_run) {
    session.warn(report_text(session, options, patched.evidence));
  } else {
    session.print(report_text(session, options, patched.evidence));
  }
  return ExitCode::kDone;
}

struct ApplyOptions {
  std::string plan;
  PatchOutput output;
};

ExitCode run_with_plan(Session& session, const ApplyOptions& options, bool only_show) {
  CLI_TRY(const InputFile file, session, options.plan, InputFile::open(options.plan));
  CLI_TRY(const patch::Plan plan, session, options.plan,
          patch::plan_from_json(as_text(file.bytes())));
  session.json = options.output.json;
  CLI_TRY(const wasm::ModuleFile module, session, options.output.module,
          wasm::open_module(options.output.module));
  if (!only_show) return apply_and_report(session, options.output, module.loaded, plan);
  CLI_CHECK(session, options.output.module, patch::check_fits(plan, module.loaded));
  const auto changes = patch::show_changes(module.module(), plan);
  if (options.output.json) {
    session.print_json({{"type", "patch_diff"},
                        {"schema", 1},
                        {"command", plan.command},
                        {"input", to_hex(plan.input)},
                        {"changes", changes_json(changes)},
                        {"notes", plan.notes}});
    return ExitCode::kDone;
  }
  session.print(fmt::format("{}\n  input   sha256 {}  {}\n\n", plan.command, to_hex(plan.input),
                            human_size(plan.input_size)));
  session.print(changes_text(session, changes));
  for (const std::string& note : plan.notes) session.print(note_text(session, note));
  return ExitCode::kDone;
}

void add_apply(CLI::App& patch, Session& session) {
  const auto options = std::make_shared<ApplyOptions>();
  CLI::App* command = patch.add_subcommand(
      "apply", "Apply a plan to the module it was made for, prove the result, write it.");
  command->add_option("PLAN", options->plan, "plan (JSON) from `canrec patch plan`")->required();
  add_patch_output(*command, options->output);
  command->footer("EXAMPLE\n  canrec patch apply plan.json old.wasm -o fixed.wasm");
  command->callback([options, &session] {
    session.action = [options, &session] { return run_with_plan(session, *options, false); };
  });
}

void add_show_diff(CLI::App& patch, Session& session) {
  const auto options = std::make_shared<ApplyOptions>();
  CLI::App* command =
      patch.add_subcommand("show-diff", "Show the changes of a plan as instructions.");
  command->add_option("PLAN", options->plan, "plan (JSON) from `canrec patch plan`")->required();
  command->add_option("MODULE", options->output.module, "module the plan is for")->required();
  command->add_flag("--json", options->output.json, "one JSON object");
  command->footer("EXAMPLE\n  canrec patch show-diff plan.json old.wasm");
  command->callback([options, &session] {
    session.action = [options, &session] { return run_with_plan(session, *options, true); };
  });
}

}  // namespace

void add_patch_output(CLI::App& command, PatchOutput& options) {
  command.add_option("MODULE", options.module, "module (.wasm or gzip'd)")->required();
  if (options.plan_only) {
    command.add_option("-o,--output", options.output, "file for the plan; default stdout");
    command.add_flag("--force", options.force, "replace an existing output");
    return;
  }
  command.add_option("-o,--output", options.output, "file to write, - for stdout");
  command.add_flag("--force", options.force, "replace an existing output");
  command.add_flag("--dry-run", options.dry_run, "prove and report, write nothing");
  command.add_flag("--json", options.json, "the report as one JSON object");
}

ExitCode run_patch(Session& session, const PatchOutput& options, const MakePlan& make) {
  session.json = options.json;
  CLI_TRY(const wasm::ModuleFile file, session, options.module, wasm::open_module(options.module));
  CLI_TRY(const patch::Plan plan, session, options.module, make(file.loaded));
  if (!options.plan_only) return apply_and_report(session, options, file.loaded, plan);
  const std::string output = options.output.empty() ? "-" : options.output;
  CLI_CHECK(session, output,
            session.write_output(output, as_bytes(patch::to_json(plan)), options.force));
  return ExitCode::kDone;
}

std::string changes_text(const Session& session, const std::vector<patch::ShownChange>& changes) {
  std::string out;
  const auto add = [&](const patch::ShownChange& change) {
    out += fmt::format("  0x{:08x}  {}    {}\n", change.offset,
                       session.toned(Tone::kBold, change.where),
                       session.toned(Tone::kDim, change.reason));
    for (const std::string& line : change.before) {
      out += fmt::format("              {}\n", session.toned(Tone::kBad, "- " + line));
    }
    for (const std::string& line : change.after) {
      out += fmt::format("              {}\n", session.toned(Tone::kGood, "+ " + line));
    }
  };
  // What was meant first, then the lists that it stands in.
  for (const patch::ShownChange& change : changes) {
    if (!change.follows) add(change);
  }
  bool first = true;
  for (const patch::ShownChange& change : changes) {
    if (!change.follows) continue;
    if (std::exchange(first, false)) out += "\n  and in the module's lists:\n";
    add(change);
  }
  return out;
}

ordered_json changes_json(const std::vector<patch::ShownChange>& changes) {
  ordered_json list = ordered_json::array();
  for (const patch::ShownChange& change : changes) {
    list.push_back({{"offset", change.offset},
                    {"length", change.length},
                    {"where", change.where},
                    {"reason", change.reason},
                    {"follows", change.follows},
                    {"old", change.before},
                    {"new", change.after}});
  }
  return list;
}

void add_patch_command(CLI::App& app, Session& session) {
  CLI::App* patch = app.add_subcommand(
      "patch",
      "Change one call, function or section of a module and prove that nothing else moved.");
  patch->require_subcommand(1);
  patch->footer(
      "EXAMPLE\n"
      "  canrec patch calls old.wasm --from canister_pre_upgrade\n"
      "  canrec patch grow-before-write old.wasm canister_pre_upgrade -o fixed.wasm\n\n"
      "PLACES\n"
      "  FUNC   export, name, #17 (index)\n"
      "  SITE   FUNC:stable_write, FUNC:stable_write#2, stable_write (if the only one), @0x2a10");
  add_patch_calls(*patch, session);
  add_patch_operations(*patch, session, false);
  add_patch_edit(*patch, session, false);
  CLI::App* plan = patch->add_subcommand("plan", "Print the plan of a patch as JSON.");
  plan->require_subcommand(1);
  plan->footer(
      "EXAMPLE\n  canrec patch plan remove old.wasm canister_pre_upgrade:stable_write -o "
      "plan.json");
  add_patch_operations(*plan, session, true);
  add_patch_edit(*plan, session, true);
  add_apply(*patch, session);
  add_show_diff(*patch, session);
}

}  // namespace canrec::cli
