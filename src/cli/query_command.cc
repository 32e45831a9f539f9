// SPDX-License-Identifier: Apache-2.0
// canrec query DIR METHOD: ask a canister from its snapshot.
#include <CLI/CLI.hpp>

#include "cli/message_command.h"
#include "cli/session.h"

namespace canrec::cli {

void add_query_command(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("query", "Run a query method on a snapshot.");
  add_message_options(*command, session, false);
  command->footer(
      "A composite query may call other canisters: give their snapshots with --with.\n"
      "Example:  canrec query SNAPSHOT get --arg '(7)'");
}

}  // namespace canrec::cli
