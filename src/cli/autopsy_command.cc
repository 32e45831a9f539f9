// SPDX-License-Identifier: Apache-2.0
// canrec autopsy: why the upgrade fails, and which fixes help.
#include "recover/autopsy.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

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
                     {"goes_by", recover::to_string(fix.goes)},
                     {"module", fix.module_name},
                     {"upgrade_to", fix.target_name},
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
                                {"answers_same", nullptr},
                                {"checks", autopsy.checks},
                                {"chose_checks", autopsy.chose_checks},
                                {"explanation", autopsy.explanation},
                                {"fixes", fixes},
                                {"tried", autopsy.tried},
                                {"ways", nlohmann::ordered_json::array()}};
  if (autopsy.answers_same) out["answers_same"] = *autopsy.answers_same;
  for (const recover::Way& way : autopsy.ways) {
    out["ways"].push_back({{"what", way.what}, {"command", way.command}});
  }
  if (autopsy.run) out["run"] = run_json(*autopsy.run);
  session.print_json(out);
}

void print_fix(Session& session, size_t number, const recover::Fix& fix) {
  const Tone tone = !fix.works() ? Tone::kBad : fix.answers_same ? Tone::kGood : Tone::kPlain;
  session.print(fmt::format("\n{:>3}  {}\n     {}\n", number,
                            session.toned(tone, wrapped(fix.words, 5, session.width())),
                            wrapped(fix.what, 5, session.width())));
  if (!fix.costs.empty()) {
    session.print(fmt::format("     costs  {}\n", wrapped(fix.costs, 12, session.width())));
  }
  for (const std::string& command : fix.commands) session.print(fmt::format("     {}\n", command));
}

void print_lines(Session& session, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    session.print(fmt::format("  - {}\n", wrapped(line, 4, session.width())));
  }
}

// What the verdicts rest on, when nobody named the queries.
void print_checks(Session& session, const recover::Autopsy& autopsy) {
  if (!autopsy.chose_checks) return;
  const std::string text =
      autopsy.checks.empty()
          ? std::string(
                "Whether the data came through was not asked: name queries whose answers must "
                "survive, --check 'get(7)'.")
          : fmt::format(
                "Asked before and after, because no --check was given: {}. They say nothing of "
                "data that they do not show; name more with --check 'get(7)'.",
                fmt::join(autopsy.checks, ", "));
  session.print(fmt::format("\n{}\n", wrapped(text, 0, session.width())));
}

void print_success(Session& session, const recover::Autopsy& autopsy) {
  if (!autopsy.answers_same.value_or(true)) {
    session.print(
        session.toned(Tone::kBad, "THE UPGRADE RUNS, AND THE DATA DOES NOT COME THROUGH") +
        fmt::format(": {}\n", autopsy.words));
  } else if (autopsy.chose_checks && autopsy.answers_same) {
    session.print(
        "THE UPGRADE RUNS with these limits and this module, and the few queries that were "
        "asked answer as before.\n");
  } else if (autopsy.answers_same) {
    session.print(session.toned(Tone::kGood, "THE UPGRADE SUCCEEDS") +
                  ", and the checks answer as before: nothing to explain with these limits and "
                  "this module.\n");
  } else {
    session.print(session.toned(Tone::kGood, "THE UPGRADE SUCCEEDS") +
                  " with these limits and this module.\n");
  }
  print_lines(session, autopsy.explanation);
}

void print_failure(Session& session, const recover::Autopsy& autopsy) {
  session.print(session.toned(Tone::kBad, "THE UPGRADE FAILS") +
                fmt::format(" in {}: {}\n\n  {}\n", autopsy.stage, to_string(autopsy.cause),
                            autopsy.words.substr(0, autopsy.words.find('\n'))));
  if (autopsy.run) session.print(stop_text(*autopsy.run));
  print_lines(session, autopsy.explanation);
}

void print_ways(Session& session, const recover::Autopsy& autopsy) {
  if (autopsy.ways.empty()) return;
  const bool helped = !autopsy.fixes.empty() && autopsy.fixes.front().works();
  session.print(helped                  ? "\nNext:\n"
                : autopsy.fixes.empty() ? "\nNo ready fix for this. Next:\n"
                                        : "\nNone of these brings the data through. Next:\n");
  for (const recover::Way& way : autopsy.ways) {
    session.print(
        fmt::format("  - {}\n     {}\n", wrapped(way.what, 4, session.width()), way.command));
  }
}

void print_text(Session& session, const recover::Autopsy& autopsy) {
  session.print(
      fmt::format("canrec autopsy  {}   canrec {}\n\n", autopsy.directory, CANREC_VERSION));
  autopsy.succeeds ? print_success(session, autopsy) : print_failure(session, autopsy);
  print_checks(session, autopsy);
  if (!autopsy.fixes.empty()) {
    session.print(fmt::format("\nTried on a copy ({} upgrades in all):\n", autopsy.tried));
  }
  size_t number = 0;
  for (const recover::Fix& fix : autopsy.fixes) print_fix(session, ++number, fix);
  print_ways(session, autopsy);
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
  return autopsy.succeeds && autopsy.answers_same.value_or(true) ? ExitCode::kDone
                                                                 : ExitCode::kFindings;
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
                      "a query such as 'get(7)', asked before and after each fix; by default "
                      "those of the program's own that take no argument and tell of its state");
  options->executor.add_to(*command);
  command->add_flag("--json", session.json, "one JSON object");
  command->footer(
      "EXAMPLE\n  canrec autopsy ./snapshot --upgrade v2.wasm --check 'get(\"alice\")'");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
