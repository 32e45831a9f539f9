// SPDX-License-Identifier: Apache-2.0
// canrec convert: a snapshot directory in the form of another tool or version.
#include "recover/convert.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "base/shell.h"
#include "cli/convert_report.h"
#include "cli/findings.h"
#include "cli/session.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string directory;
  std::string output;
  std::string form = "both";
  std::string snapshot_id;
  bool force = false;
};

std::string_view readers_of(recover::DirectoryForm form) {
  switch (form) {
    case recover::DirectoryForm::kDfx030:
      return "that dfx 0.29.2 to 0.30.2 and icp 0.1 read";
    case recover::DirectoryForm::kDfx029:
      return "that dfx 0.29.0 and 0.29.1 read";
    case recover::DirectoryForm::kJuno:
      return "that Juno reads";
    default:
      return "that icp and dfx read";
  }
}

ExitCode run(Session& session, const Options& options) {
  recover::ConvertRequest request;
  request.from = options.directory;
  request.to = options.output;
  request.form = *recover::directory_form(options.form);
  request.overwrite = options.force ? Overwrite::kYes : Overwrite::kNo;
  if (!options.snapshot_id.empty()) {
    CLI_TRY(request.id, session, "--snapshot-id", snapshot::parse_snapshot_id(options.snapshot_id));
  }
  CLI_TRY(const std::vector<std::string> notes, session, options.directory,
          recover::convert(session.files(), request, session.interrupt()));
  if (session.json) {
    session.print_json(converted_json(request, notes));
    return ExitCode::kDone;
  }
  session.print(
      fmt::format("{} written in the form {}\n", options.output, readers_of(request.form)));
  for (const std::string& note : notes) {
    session.print(fmt::format("  note  {}\n", wrapped(note, 8, session.width())));
  }
  session.print(fmt::format("  next  canrec verify {}\n", shell_word(options.output)));
  return ExitCode::kDone;
}

}  // namespace

void add_convert_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "convert",
      "Write a snapshot directory of icp, dfx (old versions too) or Juno in the form of another.");
  command->add_option("DIR", options->directory, "snapshot directory, whole")->required();
  command->add_option("-o,--output", options->output, "directory to write")->required();
  command
      ->add_option("--to", options->form,
                   "both: what icp and dfx accept; icp, dfx: as they download; dfx-0.30, dfx-0.29: "
                   "for old versions; juno")
      ->check(CLI::IsMember(recover::directory_form_names()))
      ->capture_default_str();
  command->add_option("--snapshot-id", options->snapshot_id,
                      "id of the snapshot, which only Juno's form records");
  command->add_flag("--force", options->force, "replace an existing output directory");
  command->add_flag("--json", session.json, "one JSON object");
  command->footer(
      "EXAMPLE\n  canrec convert .snapshots/0x0000000000000000abcd -o snapshot\n"
      "  canrec convert snapshot -o .snapshots/0x0000000000000000abcd --to juno --snapshot-id "
      "0x0000000000000000abcd");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
