// SPDX-License-Identifier: Apache-2.0
// canrec call DIR METHOD: an update call on a snapshot, with everything that it sets off.
#include <CLI/CLI.hpp>

#include "cli/message_command.h"
#include "cli/session.h"

namespace canrec::cli {

void add_call_command(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("call", "Run an update method on a snapshot.");
  const auto given = add_message_options(*command, session, true);
  command->add_option("-o,--output-dir", given->output, "write the new state as a snapshot")
      ->type_name("DIR");
  command->add_flag("--force", given->force, "replace an existing output directory");
  command->footer(
      "Everything the call sets off runs to its end, also in the canisters of --with; the "
      "snapshots\n"
      "themselves are not changed. -o and --output-with write new states, one whole directory "
      "after\n"
      "the other, and only when the call was answered with a reply.\n"
      "Example:  canrec call SNAPSHOT put --arg '(7, \"seven\")' -o AFTER");
}

}  // namespace canrec::cli
