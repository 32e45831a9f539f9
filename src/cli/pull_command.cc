// SPDX-License-Identifier: Apache-2.0
// canrec pull: state out of a canister through the downloader, on the embedded executor.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/executor_options.h"
#include "cli/transfer_report.h"
#include "recover/transfer_flow.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string source;
  std::string output;
  std::string older;
  std::string downloader;
  uint64_t chunk = 0;
  bool force = false;
  ExecutorOptions executor;
};

ExitCode run(Session& session, const Options& options) {
  recover::PullRequest request;
  request.source = options.source;
  request.output = options.output;
  if (!options.older.empty()) request.older = options.older;
  if (!options.downloader.empty()) {
    CLI_TRY(request.downloader, session, options.downloader, file_bytes(options.downloader));
  }
  request.overwrite = options.force ? Overwrite::kYes : Overwrite::kNo;
  CLI_TRY(request.executor, session, "", options.executor.options(session, nullptr));
  TransferLine line(session);
  request.transfer.chunk_bytes = options.chunk;
  request.transfer.interrupt = &session.interrupt();
  request.transfer.progress = line.callback();
  auto report = recover::pull_directory(session.files(), request);
  line.clear();
  if (!report) return session.report(options.source, report.error());
  print_transfer(session, "pull", options.source, options.output, *report);
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
  command->add_option("DIR", options->source, "snapshot directory; it is only read")->required();
  command->add_option("-o,--output", options->output, "snapshot directory to write")->required();
  command->add_option("--base", options->older,
                      "an older copy of the same canister: only chunks that differ are fetched");
  command->add_option("--downloader", options->downloader,
                      "a module written by canrec downloader; otherwise one is generated");
  command->add_option("--chunk", options->chunk,
                      "bytes per message, rounded down to whole pages; as much as fits by default");
  command->add_flag("--force", options->force, "replace an existing output directory");
  command->add_flag("--json", session.json, "one JSON object");
  options->executor.add_to(*command);
  command->footer(
      "Interrupted, the same command goes on where it was; the work lies in OUTPUT.canrec-pull.\n\n"
      "EXAMPLE\n  canrec pull ./snapshot -o ./pulled && canrec verify ./pulled");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
