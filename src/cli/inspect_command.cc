// SPDX-License-Identifier: Apache-2.0
// canrec inspect: what a module, or the module of a snapshot directory, is made of.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/inspect_report.h"
#include "cli/session.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string input;
  bool json = false;
  bool bytes = false;
  bool raw_names = false;
  bool all = false;
};

void print_bytes(Session& session, const wasm::Module& module) {
  for (const wasm::LabelledRange& piece : wasm::coverage(module)) {
    if (session.json) {
      session.print_json({{"type", "range"},
                          {"schema", 1},
                          {"begin", piece.range.begin},
                          {"end", piece.range.end},
                          {"label", piece.label}});
    } else {
      session.print(fmt::format("0x{:08x}..0x{:08x} {:>12}  {}\n", piece.range.begin,
                                piece.range.end, grouped(piece.range.size()),
                                printable(as_bytes(piece.label))));
    }
  }
}

bool has_findings(const wasm::ModuleFacts& facts, const InspectInput& input) {
  if (!facts.violations.empty() || !globals_match(input)) return true;
  return input.survey != nullptr && !input.survey->findings.empty();
}

ExitCode show(Session& session, const Options& options, const wasm::LoadedModule& loaded,
              const snapshot::Survey* survey) {
  if (options.bytes) {
    print_bytes(session, loaded.module);
    return ExitCode::kDone;
  }
  using Style = wasm::FunctionNames::Style;
  const wasm::FunctionNames names(loaded.module,
                                  options.raw_names ? Style::kRaw : Style::kReadable);
  const wasm::ModuleFacts facts = wasm::inspect_module(loaded.module, names);
  const InspectInput input{options.input, loaded, facts, names, survey, options.all};
  if (options.json) {
    session.print_json(inspect_json(input));
  } else {
    print_inspect_text(session, input);
  }
  if (facts.invalid) return session.report(options.input, *facts.invalid);
  return has_findings(facts, input) ? ExitCode::kFindings : ExitCode::kDone;
}

ExitCode inspect_directory(Session& session, const Options& options) {
  CLI_TRY(const snapshot::Survey survey, session, options.input, snapshot::survey(options.input));
  if (!survey.directory) return session.report(options.input, survey.findings.at(0).error);
  const InputFile* file = survey.directory->module_file();
  const std::string path = file != nullptr ? file->path().string() : options.input;
  CLI_TRY(const wasm::LoadedModule loaded, session, path,
          wasm::load_module(survey.directory->module()));
  return show(session, options, loaded, &survey);
}

ExitCode inspect(Session& session, const Options& options) {
  session.json = options.json;
  std::error_code ignored;
  if (std::filesystem::is_directory(options.input, ignored)) {
    return inspect_directory(session, options);
  }
  CLI_TRY(const wasm::ModuleFile file, session, options.input, wasm::open_module(options.input));
  return show(session, options, file.loaded, nullptr);
}

}  // namespace

void add_inspect_command(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "inspect", "Show what a module, or the module of a snapshot directory, is made of.");
  auto options = std::make_shared<Options>();
  command
      ->add_option("input", options->input,
                   "a Wasm module, perhaps gzip'd, or a snapshot directory")
      ->required();
  command->add_flag("--json", options->json, "one JSON object (docs/formats/inspect-json.md)");
  command->add_flag("--bytes", options->bytes, "only the labelled ranges that cover every byte");
  command->add_flag("--raw-names", options->raw_names, "names as they stand in the module");
  command->add_flag("--all", options->all, "do not shorten long lists");
  command->footer(
      "Example: canrec inspect ledger.wasm\n\n"
      "A finding is a rule of the network that the module breaks, or something wrong\n"
      "with the snapshot directory.");
  command->callback([&session, options] {
    session.action = [&session, options] { return inspect(session, *options); };
  });
}

}  // namespace canrec::cli
