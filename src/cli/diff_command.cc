// SPDX-License-Identifier: Apache-2.0
// canrec diff, also called wasm-layout-diff: may the new module run on a heap of the old one?
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <future>
#include <memory>

#include "cli/diff_report.h"
#include "snapshot/directory.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string old_path;
  std::string new_path;
  std::string route;
  std::string code;
  wasmdiff::Gates gates;
  bool raw_names = false;
  std::string state;
  bool scan_heap = false;
};

// Examines the snapshot directory of --state.
ExitCode examine(Session& session, const Options& options, wasmdiff::Comparison& comparison,
                 DiffReport& report) {
  CLI_TRY(const snapshot::Directory directory, session, options.state,
          snapshot::Directory::open(options.state));
  CLI_TRY(const auto module, session, options.state + "/wasm_module.bin",
          wasm::load_module(directory.module()));
  const wasmdiff::State state{module.module.bytes, directory.heap(), directory.metadata().globals};
  CLI_TRY(report.evidence, session, options.state,
          wasmdiff::examine(comparison, state, options.scan_heap, session.interrupt()));
  report.state_path = options.state;
  return ExitCode::kDone;
}

bool passed(const DiffReport& report) {
  for (const wasmdiff::GateResult& gate : report.gates) {
    if (!gate.passed) return false;
  }
  return report.verdict() == wasmdiff::Word::kSafe && !report.hurts_clients();
}

ExitCode run(Session& session, const Options& options) {
  auto opening =
      std::async(std::launch::async, [&] { return wasm::open_module(options.new_path); });
  auto old_result = wasm::open_module(options.old_path);
  auto new_result = opening.get();
  CLI_TRY(const auto old_file, session, options.old_path, std::move(old_result));
  CLI_TRY(const auto new_file, session, options.new_path, std::move(new_result));
  wasmdiff::CompareOptions compare_options;
  if (options.raw_names) compare_options.names = wasm::FunctionNames::Style::kRaw;
  CLI_TRY(auto comparison, session, fmt::format("{} -> {}", options.old_path, options.new_path),
          wasmdiff::compare(old_file.module(), new_file.module(), compare_options));

  DiffReport report{.old_path = options.old_path,
                    .new_path = options.new_path,
                    .old_module = &old_file.loaded,
                    .new_module = &new_file.loaded,
                    .comparison = &comparison,
                    .route = std::nullopt,
                    .gates = {},
                    .code = std::nullopt,
                    .state_path = {},
                    .evidence = std::nullopt};
  if (!options.route.empty()) {
    report.route = options.route == "S" ? wasmdiff::Route::kS : wasmdiff::Route::kK;
  }
  if (!options.state.empty()) {
    const ExitCode examined = examine(session, options, comparison, report);
    if (examined != ExitCode::kDone) return examined;
  }
  CLI_TRY(report.gates, session, "", wasmdiff::apply_gates(comparison, options.gates));
  if (!options.code.empty()) {
    CLI_TRY(report.code, session, "", wasmdiff::side_by_side(comparison, options.code));
  }
  if (session.json) {
    print_diff_json(session, report);
  } else if (report.code) {
    print_side_by_side(session, report);
  } else {
    print_diff_text(session, report);
  }
  return passed(report) ? ExitCode::kDone : ExitCode::kFindings;
}

}  // namespace

void add_diff_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "diff", "May NEW run on the heap that OLD has left? (Also called wasm-layout-diff.)");
  command->add_option("OLD", options->old_path, "module that made the heap, perhaps gzip'd")
      ->required();
  command->add_option("NEW", options->new_path, "module to put in its place")->required();
  command
      ->add_option("--route", options->route,
                   "only this route counts: S (edited snapshot) or K (upgrade that keeps memory)")
      ->check(CLI::IsMember({"S", "K"}));
  CLI::Option* state = command->add_option(
      "--state", options->state, "snapshot directory: use what the heap says as evidence");
  command
      ->add_flag("--scan-heap", options->scan_heap,
                 "count the heap's references to what changed (reads the whole image)")
      ->needs(state);
  command->add_option("--max-changed-functions", options->gates.max_changed_functions,
                      "fail when more functions than this were changed, added or removed");
  command->add_option(
      "--only-in", options->gates.only_in,
      "fail when another entry point than these exports reaches a changed function");
  command->add_option("--code", options->code,
                      "show one function side by side: an export, a name, or #NUMBER");
  command->add_flag("--raw-names", options->raw_names, "do not demangle names");
  command->add_flag("--json", session.json, "one JSON object (docs/formats/diff-json.md)");
  command->footer(
      "The verdict is safe, review or unsafe, for route S and for route K; without --route the "
      "better one\ncounts. Status 0 means safe, every gate passed and no client of the old "
      "interface hurt, 1 everything "
      "else.\n\n"
      "EXAMPLE\n  wasm-layout-diff ledger.wasm ledger-fixed.wasm --only-in canister_pre_upgrade");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
