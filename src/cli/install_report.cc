// SPDX-License-Identifier: Apache-2.0
// Reports of installations.
#include "cli/install_report.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/run_report.h"
#include "snapshot/staged_directory.h"

namespace canrec::cli {

ExitCode print_installation(Session& session, std::string_view title,
                            const executor::InstallOutcome& outcome) {
  const ExitCode code = outcome.ok() ? ExitCode::kDone : ExitCode::kTrapped;
  if (session.json) {
    for (const executor::RunReport& run : outcome.runs) session.print_json(run_json(run));
    nlohmann::ordered_json end = {{"type", "installation"},
                                  {"schema", 1},
                                  {"ok", outcome.ok()},
                                  {"compile_instructions", outcome.compile_instructions},
                                  {"instructions", outcome.instructions},
                                  {"instruction_limit", outcome.instruction_limit}};
    if (outcome.cycles) end["cycles"] = executor::cycles_text(*outcome.cycles);
    if (outcome.failure) {
      end["stage"] = outcome.stage;
      end.update(failure_json(*outcome.failure));
    }
    session.print_json(end);
    return code;
  }
  session.print(fmt::format("{}\n", title));
  for (const executor::RunReport& run : outcome.runs) session.print("  " + run_text(run));
  session.print(fmt::format(
      "  in all {} instructions of {}, {} of them for compiling{}\n", grouped(outcome.instructions),
      grouped(outcome.instruction_limit), grouped(outcome.compile_instructions),
      outcome.cycles ? fmt::format(", {} cycles", executor::cycles_text(*outcome.cycles))
                     : std::string()));
  if (outcome.ok()) {
    session.print(session.toned(Tone::kGood, "done") + "\n");
  } else {
    session.print(fmt::format("{} in {}; the canister is unchanged\n{}\n",
                              session.toned(Tone::kBad, "FAILED"), outcome.stage,
                              outcome.failure->text()));
  }
  return code;
}

Status check_output(Session& session, const std::string& path, bool force) {
  if (path.empty()) return Ok{};
  return snapshot::StagedDirectory::check(session.files(), path,
                                          force ? Overwrite::kYes : Overwrite::kNo);
}

ExitCode keep_state(Session& session, const executor::Executor& network,
                    const ic::Principal& canister, const std::string& path, bool force) {
  if (path.empty()) return ExitCode::kDone;
  CLI_CHECK(
      session, path,
      network.save(canister, session.files(), path, force ? Overwrite::kYes : Overwrite::kNo));
  return ExitCode::kDone;
}

}  // namespace canrec::cli
