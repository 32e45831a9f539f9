// SPDX-License-Identifier: Apache-2.0
// canrec pull: state out of a canister through the downloader, on the embedded executor.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/backup_command.h"
#include "cli/transfer_options.h"
#include "cli/transfer_report.h"

namespace canrec::cli {
namespace {

struct Options {
  TransferFlags transfer;
  std::string older;
  BackupOptions backup;
};

Result<recover::StoreTarget> store_target(const Options& options) {
  CANREC_TRY(const snapshot::Directory source, snapshot::Directory::open(options.transfer.source));
  recover::StoreTarget out;
  out.path = options.backup.store;
  out.chunk_size = options.backup.chunk_size.value_or(
      snapshot::suitable_chunk_size(source.heap().size() + source.stable().size()));
  CANREC_TRY(out.options, create_options(options.backup, source));
  return out;
}

ExitCode run(Session& session, const Options& options) {
  const std::string& source = options.transfer.source;
  const std::string& store = options.backup.store;
  if (options.transfer.output.empty() == store.empty()) {
    return session.usage("give -o DIR for a snapshot directory, or --store STORE for a backup");
  }
  recover::PullRequest request;
  CLI_CHECK(session, "", options.transfer.fill(session, request));
  if (!options.older.empty()) request.older = options.older;
  if (!store.empty()) {
    CLI_TRY(request.store, session, source, store_target(options));
  }
  TransferLine line(session);
  request.transfer.progress = line.callback();
  auto report = recover::pull_directory(session.files(), request);
  line.clear();
  if (!report) return session.report(source, report.error());
  print_transfer(session, {"pull", source, store.empty() ? options.transfer.output : store, *report,
                           report->backup ? report->backup->id : std::string{}});
  return ExitCode::kDone;
}

}  // namespace

void add_pull_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("pull",
                         "Install the downloader over a canister that cannot be upgraded (in the "
                         "embedded executor) and "
                         "pull heap and stable memory out, every chunk compared by hash.");
  command->add_option("DIR", options->transfer.source, "snapshot directory; it is only read")
      ->required();
  command->add_option("-o,--output", options->transfer.output, "snapshot directory to write");
  command->add_option("--store", options->backup.store,
                      "chunk store that takes the state as a backup instead; made when missing");
  command->add_option("--base", options->older,
                      "an older copy of the same canister: only chunks that differ are fetched");
  options->transfer.add_to(*command, session, "downloader");
  add_create_options(*command, options->backup);
  command->footer(
      "Killed or interrupted, the same command goes on where it was; the work lies in\n"
      "OUTPUT.canrec-pull or STORE.canrec-pull.\n\n"
      "EXAMPLE\n  canrec pull ./snapshot -o ./pulled && canrec verify ./pulled\n"
      "  canrec pull ./snapshot --store /backup/ledger");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
