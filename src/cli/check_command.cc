// SPDX-License-Identifier: Apache-2.0
// canrec check: the checklist before an upgrade.
#include "recover/check.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/executor_options.h"
#include "cli/findings.h"

namespace canrec::cli {
namespace {

using recover::Answer;

struct Options {
  std::string old_module;
  std::string new_module;
  std::string state;
  std::string backup;
  std::string status;
  std::vector<std::string> controllers;
  std::string identity;
  std::string argument;
  bool sarif = false;
  ExecutorOptions executor;
};

Tone tone_of(Answer answer) {
  switch (answer) {
    case Answer::kGood:
      return Tone::kGood;
    case Answer::kLook:
    case Answer::kUnknown:
      return Tone::kWarning;
    case Answer::kBad:
      return Tone::kBad;
    case Answer::kNotAsked:
      return Tone::kDim;
  }
  return Tone::kBad;
}

void print_text(Session& session, const recover::Checklist& list) {
  session.print(fmt::format("canrec check  {} -> {}   canrec {}\n", list.old_path, list.new_path,
                            CANREC_VERSION));
  session.print(
      fmt::format("  old  sha256 {}\n  new  sha256 {}\n\n", list.old_hash, list.new_hash));
  for (const recover::CheckRow& row : list.rows) {
    const std::string word = fmt::format("{:<9}", to_string(row.answer));
    session.print(fmt::format("{}  {:<12} {}\n", session.toned(tone_of(row.answer), word), row.id,
                              row.question));
    session.print(fmt::format("{:24}{}\n", "", wrapped(row.text, 24, session.width())));
    for (const recover::Finding& finding : row.findings) {
      session.print(fmt::format("{:24}- {}{}{}: {}\n", "", finding.code,
                                finding.where.empty() ? "" : " ", finding.where,
                                wrapped(finding.what, 26, session.width())));
    }
    if (!row.next.empty()) {
      session.print(fmt::format("{:24}next: {}\n", "", wrapped(row.next, 30, session.width())));
    }
  }
}

void print_json(Session& session, const recover::Checklist& list) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const recover::CheckRow& row : list.rows) {
    rows.push_back({{"id", row.id},
                    {"question", row.question},
                    {"answer", to_string(row.answer)},
                    {"text", row.text},
                    {"next", row.next},
                    {"findings", findings_json(row.findings)}});
  }
  session.print_json({{"type", "check"},
                      {"schema", 1},
                      {"version", CANREC_VERSION},
                      {"old", {{"path", list.old_path}, {"sha256", list.old_hash}}},
                      {"new", {{"path", list.new_path}, {"sha256", list.new_hash}}},
                      {"state", list.state_path},
                      {"worst", to_string(list.worst())},
                      {"rows", rows}});
}

// A path as a URI reference: everything but unreserved characters and slashes is escaped.
std::string uri_of(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return out;
}

nlohmann::ordered_json sarif_result(std::string_view rule, size_t index, std::string_view level,
                                    const std::string& text, const std::string& path) {
  return {{"ruleId", rule},
          {"ruleIndex", index},
          {"level", level},
          {"message", {{"text", text}}},
          {"locations", {{{"physicalLocation", {{"artifactLocation", {{"uri", uri_of(path)}}}}}}}}};
}

std::string_view sarif_level(recover::Severity severity) {
  switch (severity) {
    case recover::Severity::kNote:
      return "note";
    case recover::Severity::kWarning:
      return "warning";
    case recover::Severity::kError:
      return "error";
  }
  return "error";
}

// SARIF 2.1.0: one result for every row that is not good, and one for every finding in it.
// Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
void print_sarif(Session& session, const recover::Checklist& list) {
  nlohmann::ordered_json rules = nlohmann::ordered_json::array();
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  for (size_t i = 0; i < list.rows.size(); ++i) {
    const recover::CheckRow& row = list.rows[i];
    rules.push_back({{"id", row.id}, {"shortDescription", {{"text", row.question}}}});
    if (row.answer == Answer::kGood || row.answer == Answer::kNotAsked) continue;
    const std::string text = row.text + (row.next.empty() ? "" : ". Next: " + row.next);
    results.push_back(sarif_result(row.id, i, row.answer == Answer::kBad ? "error" : "warning",
                                   text, list.new_path));
    for (const recover::Finding& finding : row.findings) {
      std::string more =
          finding.code + (finding.where.empty() ? "" : " " + finding.where) + ": " + finding.what;
      if (!finding.why.empty()) more += ". " + finding.why;
      results.push_back(
          sarif_result(row.id, i, sarif_level(finding.severity), more, list.new_path));
    }
  }
  const nlohmann::ordered_json driver = {
      {"name", "canrec"}, {"semanticVersion", CANREC_VERSION}, {"rules", rules}};
  const nlohmann::ordered_json run = {
      {"tool", {{"driver", driver}}}, {"columnKind", "unicodeCodePoints"}, {"results", results}};
  session.print_json({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                      {"version", "2.1.0"},
                      {"runs", nlohmann::ordered_json::array({run})}});
}

ExitCode run(Session& session, const Options& options) {
  recover::CheckRequest request;
  request.old_module = options.old_module;
  request.new_module = options.new_module;
  if (!options.state.empty()) request.state = options.state;
  request.backup = options.backup;
  if (!options.status.empty()) request.status = options.status;
  for (const std::string& text : options.controllers) {
    CLI_TRY(ic::Principal controller, session, "--controller", ic::Principal::parse(text));
    request.controllers.push_back(std::move(controller));
  }
  if (!options.identity.empty()) {
    CLI_TRY(request.identity, session, "--identity", ic::Principal::parse(options.identity));
  }
  request.argument = options.argument;
  ProgressSink progress(session);
  CLI_TRY(request.executor, session, "", options.executor.options(session, &progress));
  const Result<recover::Checklist> checked = recover::check(request);
  if (!checked) {  // what is about a module says which
    return session.report(is_of_snapshot(checked.error().code()) ? options.state : "",
                          checked.error());
  }
  const recover::Checklist& list = *checked;
  if (options.sarif) {
    print_sarif(session, list);
  } else if (session.json) {
    print_json(session, list);
  } else {
    print_text(session, list);
  }
  return list.worst() == Answer::kGood ? ExitCode::kDone : ExitCode::kFindings;
}

}  // namespace

void add_check_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "check",
      "The checklist before an upgrade: layout, hooks, interfaces, persistence, headroom.");
  command->add_option("OLD", options->old_module, "module that is installed")->required();
  command->add_option("NEW", options->new_module, "module to upgrade to")->required();
  command->add_option("--state", options->state,
                      "snapshot directory: the upgrade is rehearsed on it");
  command->add_option(
      "--backup", options->backup,
      "the way back, which is looked at: a snapshot directory, STORE or STORE:ID of "
      "canrec backup; or yes, no, which are told and not looked at");
  command->add_option("--status", options->status,
                      "file with what icp canister status ID --json prints: controllers and the "
                      "installed module are looked at");
  command
      ->add_option("--controller", options->controllers,
                   "a controller of the canister, once for each, where there is no --status")
      ->excludes("--status");
  command->add_option("--identity", options->identity, "the principal that will upgrade");
  command->add_option("--arg", options->argument, "argument of the upgrade, Candid text");
  command->add_flag("--json", session.json, "one JSON object");
  command->add_flag("--sarif", options->sarif, "SARIF 2.1.0, for code hosting");
  options->executor.add_to(*command);
  command->footer(
      "EXAMPLE\n  canrec check old.wasm new.wasm --state ./snapshot --backup ./backups");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
