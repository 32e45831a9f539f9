// SPDX-License-Identifier: Apache-2.0
// canrec motoko: what an upgrade does to the stable variables of a Motoko program.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/interface_input.h"
#include "cli/motoko_check.h"
#include "cli/session.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string previous;
  std::string next;
};

// A text file is a stable signature; modules and snapshots carry one.
Result<InterfaceInput> open_signature(const std::string& path) {
  CANREC_TRY(InterfaceInput input, open_interface(path, false));
  if (input.kind == "text") input.texts.stable_types = input.text;
  return input;
}

ExitCode run_check(Session& session, const Options& options) {
  CLI_TRY(const InterfaceInput previous, session, options.previous,
          open_signature(options.previous));
  CLI_TRY(const InterfaceInput next, session, options.next, open_signature(options.next));
  const MotokoCheck check = check_motoko(previous.texts, next.texts);
  if (session.json) {
    nlohmann::ordered_json object = {{"type", "motoko_check"},
                                     {"schema", 1},
                                     {"version", CANREC_VERSION},
                                     {"old", input_json(previous)},
                                     {"new", input_json(next)}};
    object.update(motoko_check_json(check));
    session.print_json(object);
  } else {
    session.print(fmt::format("canrec motoko check   canrec {}\n", CANREC_VERSION));
    session.print(input_line("old", previous) + input_line("new", next) + "\n");
    print_motoko_check(session, check);
  }
  if (!check.known()) session.warn("UNKNOWN: " + check.unknown);
  return check.clean() ? ExitCode::kDone : ExitCode::kFindings;
}

}  // namespace

void add_motoko_command(CLI::App& app, Session& session) {
  CLI::App* motoko = app.add_subcommand("motoko", "Stable variables of Motoko programs.");
  motoko->require_subcommand(1);
  motoko->footer("EXAMPLE\n  canrec motoko check counter-v1.wasm counter-v2.wasm");
  const auto options = std::make_shared<Options>();
  CLI::App* check = motoko->add_subcommand(
      "check", "Do the stable variables of OLD survive an upgrade to NEW? Says what is lost.");
  check->add_option("OLD", options->previous, ".most file, module or snapshot directory")
      ->required();
  check->add_option("NEW", options->next, ".most file, module or snapshot directory")->required();
  check->add_flag("--json", session.json, "one JSON object");
  check->footer("EXAMPLE\n  canrec motoko check counter-v1.wasm counter-v2.wasm");
  check->callback([options, &session] {
    session.action = [options, &session] { return run_check(session, *options); };
  });
}

}  // namespace canrec::cli
