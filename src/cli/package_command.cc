// SPDX-License-Identifier: Apache-2.0
// canrec package: everything for the one try on the network, rehearsed, with a runbook.
#include "recover/package.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/named_error.h"
#include "cli/executor_options.h"
#include "cli/findings.h"
#include "ic/limits.h"
#include "recover/runbook.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string directory;
  std::string module;
  std::string output;
  std::string route;
  std::string canister;
  std::string network = "ic";
  std::string argument;
  std::vector<std::string> checks;
  uint32_t subnet_nodes = 0;
  bool force = false;
  ExecutorOptions executor;
};

// Decimal digits, as cycles need not fit into a number of JSON.
nlohmann::ordered_json costs_json(const recover::Costs& costs) {
  const auto digits = [](executor::Cycles cycles) { return executor::cycles_text(cycles); };
  return {{"take_snapshot", digits(costs.take)},
          {"download", digits(costs.download)},
          {"upload", digits(costs.upload)},
          {"restore", digits(costs.restore)},
          {"install", digits(costs.install)},
          {"way_back", digits(costs.way_back)},
          {"canister_per_day", digits(costs.canister_day)},
          {"snapshot_per_day", digits(costs.snapshot_day)},
          {"new_snapshot_per_day", digits(costs.new_snapshot_day)},
          {"reserve_before", digits(costs.reserve_before)},
          {"reserve_during", digits(costs.reserve_during)}};
}

void print_json(Session& session, const recover::Package& package, const std::string& output) {
  nlohmann::ordered_json answers = nlohmann::ordered_json::array();
  for (const recover::ExpectedAnswer& each : package.answers) {
    answers.push_back({{"query", each.query}, {"answer", each.answer}});
  }
  session.print_json(
      {{"type", "package"},
       {"schema", 1},
       {"version", CANREC_VERSION},
       {"output", output},
       {"route", to_string(package.route)},
       {"verdict", to_string(package.word)},
       {"canister", package.canister},
       {"module_sha256", package.module_hash},
       {"old_module_sha256", package.old_module_hash},
       {"files", package.files},
       {"answers", answers},
       {"cycles", costs_json(package.costs)},
       {"subnet_nodes", package.subnet_nodes != 0 ? package.subnet_nodes : ic::limits::kPriceNodes},
       {"findings", findings_json(package.findings)}});
}

void print_text(Session& session, const recover::Package& package, const std::string& output) {
  session.print(fmt::format("canrec package  {}   canrec {}\n\n", output, CANREC_VERSION));
  // Without a question the package was only loaded (route S) or installed (route K).
  const bool asked = !package.answers.empty();
  session.print(
      session.toned(asked ? Tone::kGood : Tone::kWarning, asked ? "REHEARSED" : "LOADED") +
      fmt::format(": route {}, layout verdict {}; {}:\n", to_string(package.route),
                  to_string(package.word),
                  asked ? "loaded from these files, the answers are the same"
                        : "the executor takes these files, but no query was asked "
                          "(--check), so nothing shows that the data can be read"));
  for (const std::string& file : package.files) {
    session.print(fmt::format("  {}\n", (std::filesystem::path(output) / file).string()));
  }
  for (const recover::ExpectedAnswer& each : package.answers) {
    session.print(fmt::format("  same answer  {} -> {}\n", each.query, each.answer));
  }
  print_findings(session, package.findings);
  session.print(fmt::format("  next    read {} to its end before you begin\n",
                            (std::filesystem::path(output) / "runbook.txt").string()));
}

ExitCode run(Session& session, const Options& options) {
  recover::PackageRequest request;
  request.directory = options.directory;
  request.module = options.module;
  request.output = options.output;
  if (!options.route.empty()) {
    request.route = options.route == "S" ? wasmdiff::Route::kS : wasmdiff::Route::kK;
  }
  if (!options.canister.empty()) {
    CLI_TRY(request.canister, session, "--canister", ic::Principal::parse(options.canister));
  }
  request.network = options.network;
  request.subnet_nodes = options.subnet_nodes;
  request.checks = options.checks;
  request.argument = options.argument;
  request.overwrite = options.force ? Overwrite::kYes : Overwrite::kNo;
  ProgressSink progress(session);
  CLI_TRY(request.executor, session, "", options.executor.options(session, &progress));
  const Result<recover::Package> made = recover::package(session.files(), request);
  if (!made) {
    const bool of_module = names_file(made.error(), options.module);
    return session.report(of_module ? options.module : options.directory, made.error());
  }
  const recover::Package& package = *made;
  if (session.json) {
    print_json(session, package, options.output);
  } else {
    print_text(session, package, options.output);
  }
  return package.findings.empty() ? ExitCode::kDone : ExitCode::kFindings;
}

}  // namespace

void add_package_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "package",
      "Write what the network needs to put a new module over this state, with a runbook; rehearsed "
      "from its own files.");
  command->add_option("DIR", options->directory, "snapshot directory; it is only read")->required();
  command->add_option("NEW", options->module, "the module to run on that state")->required();
  command->add_option("-o,--output", options->output, "directory to write")->required();
  command
      ->add_option("--route", options->route,
                   "S: edited snapshot; K: upgrade that keeps memory; the sound one by default")
      ->check(CLI::IsMember({"S", "K"}));
  command->add_option("--canister", options->canister, "principal of the canister");
  command
      ->add_option("--network", options->network, "name of the network in the runbook's commands")
      ->capture_default_str();
  command->add_option("--check", options->checks,
                      "a query such as 'get(7)'; its answer must stay the same and goes into the "
                      "runbook");
  command
      ->add_option("--subnet-nodes", options->subnet_nodes,
                   "nodes of the canister's subnet, for the prices; without it the runbook has a "
                   "table of the usual sizes")
      ->check(CLI::Range(1, 1000));
  command->add_option("--arg", options->argument,
                      "argument of post-upgrade (route K), Candid text");
  command->add_flag("--force", options->force, "replace an existing output directory");
  command->add_flag("--json", session.json, "one JSON object");
  options->executor.add_to(*command);
  command->footer("EXAMPLE\n  canrec package ./snapshot fixed.wasm -o ./package --check 'get(7)'");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
