// SPDX-License-Identifier: Apache-2.0
// canrec autopsy: why the upgrade fails, and which fixes help.
#include "recover/autopsy.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/executor_options.h"
#include "cli/findings.h"
#include "cli/run_report.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string directory;
  std::string upgrade;
  std::string argument;
  std::vector<std::string> checks;
  ExecutorOptions executor;
};

void print_json(Session& session, const recover::Autopsy& autopsy) {
  nlohmann::ordered_json fixes = nlohmann::ordered_json::array();
  for (const recover::Fix& fix : autopsy.fixes) {
    fixes.push_back({{"commands", fix.commands},
                     {"what", fix.what},
                     {"costs", fix.costs},
                     {"succeeds", fix.succeeds},
                     {"answers_same", nullptr},
                     {"words", fix.words},
                     {"module_sha256", to_hex(fix.module_hash)}});
    if (fix.answers_same) fixes.back()["answers_same"] = *fix.answers_same;
  }
  nlohmann::ordered_json out = {{"type", "autopsy"},
                                {"schema", 1},
                                {"version", CANREC_VERSION},
                                {"directory", autopsy.directory},
                                {"upgrade", autopsy.upgrade},
                                {"succeeds", autopsy.succeeds},
                                {"stage", autopsy.stage},
                                {"cause", autopsy.succeeds ? "" : to_string(autopsy.cause)},
                                {"code", autopsy.code},
                                {"words", autopsy.words},
                                {"explanation", autopsy.explanation},
                                {"fixes", fixes}};
  if (autopsy.run) out["run"] = run_json(*autopsy.run);
  session.print_json(out);
}

void print_fix(Session& session, size_t number, const recover::Fix& fix) {
  const Tone tone = !fix.works() ? Tone::kBad : fix.answers_same ? Tone::kGood : Tone::kPlain;
  session.print(fmt::format("\n{:>3}  {}  {}\n", number, session.toned(tone, fix.words),
                            wrapped(fix.what, 5, session.width())));
  if (!fix.costs.empty()) {
    session.print(fmt::format("     costs  {}\n", wrapped(fix.costs, 12, session.width())));
  }
  for (const std::string& command : fix.commands) session.print(fmt::format("     {}\n", command));
}

void print_text(Session& session, const recover::Autopsy& autopsy) {
  session.print(
      fmt::format("canrec autopsy  {}   canrec {}\n\n", autopsy.directory, CANREC_VERSION));
  if (autopsy.succeeds) {
    session.print(session.toned(Tone::kGood, "THE UPGRADE SUCCEEDS") +
                  ": nothing to explain with these limits and this module.\n");
    return;
  }
  session.print(session.toned(Tone::kBad, "THE UPGRADE FAILS") +
                fmt::format(" in {}: {}\n\n  {}\n", autopsy.stage, to_string(autopsy.cause),
                            autopsy.words.substr(0, autopsy.words.find('\n'))));
  if (autopsy.run) session.print(stop_text(*autopsy.run));
  for (const std::string& line : autopsy.explanation) {
    session.print(fmt::format("  - {}\n", wrapped(line, 4, session.width())));
  }
  if (!autopsy.fixes.empty()) session.print("\nTried on a copy:\n");
  size_t number = 0;
  for (const recover::Fix& fix : autopsy.fixes) print_fix(session, ++number, fix);
  if (std::ranges::any_of(autopsy.fixes, &recover::Fix::works)) return;
  session.print(fmt::format(
      "\n{}: change the module (canrec patch edit), or carry the state over (canrec pull, canrec "
      "push)\n",
      autopsy.fixes.empty() ? "no ready fix for this" : "none of these brings the data through"));
}

ExitCode run(Session& session, const Options& options) {
  recover::AutopsyRequest request;
  request.directory = options.directory;
  request.module_name = options.directory + "/wasm_module.bin";
  if (!options.upgrade.empty()) request.upgrade = options.upgrade;
  request.argument = options.argument;
  request.checks = options.checks;
  ProgressSink progress(session);
  CLI_TRY(request.executor, session, "", options.executor.options(session, &progress));
  CLI_TRY(const recover::Autopsy autopsy, session, options.directory, recover::autopsy(request));
  if (session.json) {
    print_json(session, autopsy);
  } else {
    print_text(session, autopsy);
  }
  return autopsy.succeeds ? ExitCode::kDone : ExitCode::kFindings;
}

}  // namespace

void add_autopsy_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "autopsy", "Run the upgrade that fails, explain why, and try every fix that fits on a copy.");
  command->add_option("DIR", options->directory, "snapshot directory; it is only read")->required();
  command->add_option("--upgrade", options->upgrade,
                      "the module to upgrade to; the installed one by default");
  command->add_option("--arg", options->argument, "argument of the upgrade, Candid text");
  command->add_option("--check", options->checks,
                      "a query such as 'get(7)', asked before and after each fix");
  options->executor.add_to(*command);
  command->add_flag("--json", session.json, "one JSON object");
  command->footer(
      "EXAMPLE\n  canrec autopsy ./snapshot --upgrade v2.wasm --check 'get(\"alice\")'");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
