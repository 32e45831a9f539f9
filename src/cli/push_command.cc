// SPDX-License-Identifier: Apache-2.0
// canrec push: state into a fresh canister through the uploader, on the embedded executor.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/transfer_options.h"
#include "cli/transfer_report.h"
#include "snapshot/store.h"

namespace canrec::cli {
namespace {

struct Options {
  TransferFlags transfer;
  std::string backup;
  std::string module;
  std::vector<std::string> checks;
};

// The id of the backup that is pushed; empty for a snapshot directory.
Result<std::string> chosen_backup(const Options& options) {
  if (!snapshot::Store::is_store(options.transfer.source)) {
    if (options.backup.empty()) return std::string{};
    return fail(Errc::kBadArgument, "--backup names a backup of a chunk store; this is none");
  }
  CANREC_TRY(const snapshot::Store store, snapshot::Store::open(options.transfer.source));
  CANREC_TRY(const snapshot::Manifest manifest,
             options.backup.empty() ? store.newest() : store.backup(options.backup));
  return manifest.id();
}

void print_rest(Session& session, const recover::PushReport& report) {
  if (report.answers.empty()) {
    session.print(
        "  check     none asked (--check): nothing shows that the module reads this heap\n");
  }
  session.print(
      "  not restored  certified data and the global timer (a canister's code cannot write them); "
      "globals have the module's initial values\n");
}

ExitCode run(Session& session, const Options& options) {
  const std::string& source = options.transfer.source;
  recover::PushRequest request;
  CLI_CHECK(session, "", options.transfer.fill(session, request));
  CLI_TRY(request.backup, session, source, chosen_backup(options));
  if (!options.module.empty()) {
    CLI_TRY(request.module, session, options.module, file_bytes(options.module));
  }
  request.checks = options.checks;
  TransferLine line(session);
  request.transfer.progress = line.callback();
  auto report = recover::push_directory(session.files(), request);
  line.clear();
  if (!report) return session.report(source, report.error());
  print_transfer(session, {"push", source, options.transfer.output, report->transfer,
                           request.backup, report->answers, report->layout});
  if (!session.json) print_rest(session, *report);
  return ExitCode::kDone;
}

}  // namespace

void add_push_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "push",
      "Push heap and stable memory of a snapshot directory or a backup into a fresh canister (in "
      "the embedded executor) through the uploader, then install the real module by an upgrade "
      "that keeps memory.");
  command
      ->add_option("SOURCE", options->transfer.source,
                   "snapshot directory or chunk store; it is only read")
      ->required();
  command
      ->add_option("-o,--output", options->transfer.output,
                   "snapshot directory of the new canister")
      ->required();
  command->add_option("--backup", options->backup,
                      "the backup of a store, or the beginning of its id; the newest by default");
  command->add_option("--module", options->module,
                      "the module to install at the end; the source's own by default");
  command->add_option("--check", options->checks,
                      "a query such as 'get(7)', asked of both canisters at the end; the answers "
                      "must be the same");
  options->transfer.add_to(*command, session, "uploader");
  command->footer(
      "Killed or interrupted, the same command goes on where it was; the canister so far lies in\n"
      "OUTPUT.canrec-push.\n\nEXAMPLE\n  canrec push ./pulled -o ./fresh --check "
      "'get(\"x\")'\n  canrec push /backup/ledger -o ./fresh");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
