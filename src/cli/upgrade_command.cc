// SPDX-License-Identifier: Apache-2.0
// canrec upgrade DIR MODULE: what the network would do with this upgrade.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/executor_options.h"
#include "cli/install_report.h"
#include "cli/session.h"
#include "snapshot/directory.h"

namespace canrec::cli {
namespace {

struct UpgradeOptions {
  std::string directory;
  std::string module;
  std::string output;
  bool force = false;
  bool skip_pre_upgrade = false;
  bool keep = false;
  bool replace_memory = false;
  bool running = false;
  uint64_t memory_limit = 0;
  ArgumentOptions argument;
  ExecutorOptions executor;
};

ExitCode run(Session& session, const UpgradeOptions& given) {
  ProgressSink progress(session);
  CLI_TRY(const auto options, session, "", given.executor.options(session, &progress));
  CLI_TRY(const auto caller, session, "--caller", given.executor.user());
  CLI_TRY(auto directory, session, given.directory, snapshot::Directory::open(given.directory));
  CLI_TRY(auto module, session, "", file_bytes(given.module));
  CLI_TRY(auto argument, session, "argument", given.argument.bytes(module, ""));
  CLI_TRY(const auto id, session, "--canister-id", given.executor.canister_id());

  CLI_CHECK(session, given.output, check_output(session, given.output, given.force));
  executor::Executor network(options);
  CLI_TRY(const auto canister, session, given.directory, network.load(std::move(directory), id));
  executor::Settings settings;
  settings.controllers = {caller};
  settings.wasm_memory_limit = given.memory_limit;
  CLI_CHECK(session, "", network.set_settings(canister, std::move(settings)));
  // A canister is stopped for an upgrade, and some ask whether they are.
  const auto during = given.running ? executor::RunStatus::kRunning : executor::RunStatus::kStopped;
  CLI_CHECK(session, "", network.set_status(canister, during));
  executor::InstallRequest request;
  request.canister = canister;
  request.mode = executor::InstallMode::kUpgrade;
  request.module = std::move(module);
  request.argument = std::move(argument);
  request.skip_pre_upgrade = given.skip_pre_upgrade;
  if (given.keep) request.memory = executor::MemoryPersistence::kKeep;
  if (given.replace_memory) request.memory = executor::MemoryPersistence::kReplace;
  request.sender = caller;
  CLI_TRY(const auto outcome, session, given.module, network.install(request));
  CLI_CHECK(session, "", network.set_status(canister, executor::RunStatus::kRunning));
  const ExitCode code = print_installation(
      session, fmt::format("upgrade {} to {}", given.directory, given.module), outcome);
  if (code != ExitCode::kDone) return code;
  return keep_state(session, network, canister, given.output, given.force);
}

}  // namespace

void add_upgrade_command(CLI::App& app, Session& session) {
  auto given = std::make_shared<UpgradeOptions>();
  CLI::App* command = app.add_subcommand("upgrade", "Try an upgrade on a snapshot.");
  command->add_option("DIR", given->directory, "snapshot directory")->required();
  command->add_option("MODULE", given->module, "new module, plain or gzip")->required();
  command->add_option("-o,--output-dir", given->output, "write the new state as a snapshot")
      ->type_name("DIR");
  command->add_flag("--force", given->force, "replace an existing output directory");
  command->add_flag("--skip-pre-upgrade", given->skip_pre_upgrade,
                    "do not run canister_pre_upgrade of the old module");
  auto* keep = command->add_flag("--keep", given->keep, "wasm_memory_persistence = opt keep");
  command
      ->add_flag("--replace-memory", given->replace_memory, "wasm_memory_persistence = opt replace")
      ->excludes(keep);
  command->add_flag("--running", given->running,
                    "upgrade a running canister; else ic0.canister_status says stopped");
  command->add_option("--wasm-memory-limit", given->memory_limit,
                      "the setting of that name in bytes (a snapshot does not record it)");
  given->argument.add_to(*command);
  given->executor.add_to(*command);
  given->executor.add_canister_id_to(*command);
  command->add_flag("--json", session.json, "one JSON object a line: the stages, the end");
  command->footer(
      "The snapshot itself is not changed; a failed upgrade leaves nothing behind.\n"
      "Example:  canrec upgrade SNAPSHOT ledger-v2.wasm -o AFTER");
  command->callback(
      [given, &session] { session.action = [given, &session] { return run(session, *given); }; });
}

}  // namespace canrec::cli
