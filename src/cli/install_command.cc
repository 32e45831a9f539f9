// SPDX-License-Identifier: Apache-2.0
// canrec install MODULE -o DIR: a fresh canister, as a snapshot directory.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/executor_options.h"
#include "cli/install_report.h"
#include "cli/session.h"

namespace canrec::cli {
namespace {

struct InstallOptions {
  std::string module;
  std::string output;
  bool force = false;
  ArgumentOptions argument;
  ExecutorOptions executor;
};

ExitCode run(Session& session, const InstallOptions& given) {
  ProgressSink progress(session);
  CLI_TRY(const auto options, session, "", given.executor.options(session, &progress));
  CLI_TRY(const auto caller, session, "--caller", given.executor.user());
  CLI_TRY(auto module, session, "", file_bytes(given.module));
  CLI_TRY(auto argument, session, "argument", given.argument.bytes(module, ""));
  CLI_TRY(const auto id, session, "--canister-id", given.executor.canister_id());

  CLI_CHECK(session, given.output, check_output(session, given.output, given.force));
  executor::Executor network(options);
  const ic::Principal canister = id.value_or(ic::Principal::canister(0));
  executor::Settings settings;
  settings.controllers = {caller};
  CLI_CHECK(session, "", network.create_canister(canister, std::move(settings)));
  executor::InstallRequest request;
  request.canister = canister;
  request.module = std::move(module);
  request.argument = std::move(argument);
  request.sender = caller;
  CLI_TRY(const auto outcome, session, given.module, network.install(request));
  const ExitCode code =
      print_installation(session, fmt::format("install {}", given.module), outcome);
  if (code != ExitCode::kDone) return code;
  return keep_state(session, network, canister, given.output, given.force);
}

}  // namespace

void add_install_command(CLI::App& app, Session& session) {
  auto given = std::make_shared<InstallOptions>();
  CLI::App* command = app.add_subcommand("install", "Install a module into a fresh canister.");
  command->add_option("MODULE", given->module, "module, plain or gzip")->required();
  command->add_option("-o,--output-dir", given->output, "write the state as a snapshot")
      ->type_name("DIR");
  command->add_flag("--force", given->force, "replace an existing output directory");
  given->argument.add_to(*command);
  given->executor.add_to(*command);
  given->executor.add_canister_id_to(*command);
  command->add_flag("--json", session.json, "one JSON object a line: the stages, the end");
  command->footer("Example:  canrec install ledger.wasm --arg '(record {})' -o SNAPSHOT");
  command->callback(
      [given, &session] { session.action = [given, &session] { return run(session, *given); }; });
}

}  // namespace canrec::cli
