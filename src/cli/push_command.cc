// SPDX-License-Identifier: Apache-2.0
// canrec push: state into a fresh canister through the uploader, on the embedded executor.
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
  std::string uploader;
  std::string module;
  std::string check;
  std::string check_argument;
  uint64_t chunk = 0;
  bool force = false;
  ExecutorOptions executor;
};

ExitCode run(Session& session, const Options& options) {
  recover::PushRequest request;
  request.source = options.source;
  request.output = options.output;
  if (!options.uploader.empty()) {
    CLI_TRY(request.uploader, session, options.uploader, file_bytes(options.uploader));
  }
  if (!options.module.empty()) {
    CLI_TRY(request.module, session, options.module, file_bytes(options.module));
  }
  request.check_method = options.check;
  request.check_argument = options.check_argument;
  request.overwrite = options.force ? Overwrite::kYes : Overwrite::kNo;
  CLI_TRY(request.executor, session, "", options.executor.options(session, nullptr));
  TransferLine line(session);
  request.transfer.chunk_bytes = options.chunk;
  request.transfer.interrupt = &session.interrupt();
  request.transfer.progress = line.callback();
  auto report = recover::push_directory(session.files(), request);
  line.clear();
  if (!report) return session.report(options.source, report.error());
  print_transfer(session, "push", options.source, options.output, report->transfer);
  if (!session.json) {
    if (!options.check.empty()) {
      session.print(fmt::format("  check     {}{} answers the same in both: {}\n", options.check,
                                options.check_argument, report->answer));
    }
    if (options.check.empty()) {
      session.print(
          "  check     none asked (--check): nothing shows that the module reads this heap\n");
    }
    session.print(
        "  not restored  certified data and the global timer (a canister's code cannot write "
        "them); "
        "globals have the module's initial values\n");
  }
  return ExitCode::kDone;
}

}  // namespace

void add_push_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "push",
      "Push heap and stable memory of a snapshot directory into a fresh canister (in the embedded "
      "executor) through the uploader, then install the real module by an upgrade that keeps "
      "memory.");
  command->add_option("DIR", options->source, "snapshot directory; it is only read")->required();
  command->add_option("-o,--output", options->output, "snapshot directory of the new canister")
      ->required();
  command->add_option("--uploader", options->uploader,
                      "a module written by canrec uploader; otherwise one is generated");
  command->add_option("--module", options->module,
                      "the module to install at the end; the source's own by default");
  command->add_option("--check", options->check,
                      "a query to ask at the end in both canisters; the answers must be the same");
  command->add_option("--check-arg", options->check_argument, "its arguments, Candid text");
  command->add_option("--chunk", options->chunk,
                      "bytes per message, rounded down to whole pages; as much as fits by default");
  command->add_flag("--force", options->force, "replace an existing output directory");
  command->add_flag("--json", session.json, "one JSON object");
  options->executor.add_to(*command);
  command->footer(
      "Interrupted, the same command goes on where it was; the canister so far lies in "
      "OUTPUT.canrec-push.\n\nEXAMPLE\n  canrec push ./pulled -o ./fresh --check get --check-arg "
      "'(\"x\")'");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
