// SPDX-License-Identifier: Apache-2.0
// canrec convert: a snapshot directory of another tool or version in the form read today.
#include "recover/convert.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/session.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string directory;
  std::string output;
  bool force = false;
};

ExitCode run(Session& session, const Options& options) {
  CLI_CHECK(
      session, options.directory,
      recover::convert(session.files(), options.directory, options.output,
                       options.force ? Overwrite::kYes : Overwrite::kNo, session.interrupt()));
  session.print(
      fmt::format("{} written in the form that icp and dfx read\n  next  canrec verify {}\n",
                  options.output, options.output));
  return ExitCode::kDone;
}

}  // namespace

void add_convert_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "convert",
      "Write a snapshot directory of dfx 0.29, Juno, icp or dfx in the form that icp and dfx read "
      "today.");
  command->add_option("DIR", options->directory, "snapshot directory, whole")->required();
  command->add_option("-o,--output", options->output, "directory to write")->required();
  command->add_flag("--force", options->force, "replace an existing output directory");
  command->footer("EXAMPLE\n  canrec convert .snapshots/0x0000000000000000abcd -o snapshot");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
