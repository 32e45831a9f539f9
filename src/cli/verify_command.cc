// SPDX-License-Identifier: Apache-2.0
// canrec verify: everything that is wrong, doubtful or missing in a snapshot directory.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/convert_report.h"
#include "cli/findings.h"
#include "cli/session.h"
#include "recover/canister_status.h"
#include "recover/convert.h"
#include "recover/verify.h"

namespace canrec::cli {
namespace {

struct Options {
  std::string directory;
  std::optional<uint64_t> limit;
  std::optional<uint64_t> threshold;
  std::string module_hash;
  std::string status;
  bool repair = false;
  std::string output;
  bool force = false;
};

void print_json(Session& session, const recover::VerifyReport& report, bool whole) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const recover::VerifiedFile& file : report.files) {
    files.push_back({{"name", file.name}, {"size", file.size}, {"sha256", to_hex(file.hash)}});
  }
  nlohmann::ordered_json missing = nlohmann::ordered_json::array();
  for (const snapshot::MissingRange& range : report.missing) {
    missing.push_back({{"file", range.file}, {"begin", range.begin}, {"end", range.end}});
  }
  session.print_json({{"type", "verify"},
                      {"schema", 1},
                      {"version", CANREC_VERSION},
                      {"directory", report.path.string()},
                      {"form", report.form},
                      {"whole", whole},
                      {"files", files},
                      {"missing", missing},
                      {"findings", findings_json(report.findings)},
                      {"not_checked", report.not_checked}});
}

// Notes are worth knowing and no reason to look twice.
size_t doubts(const recover::VerifyReport& report) {
  return static_cast<size_t>(std::ranges::count_if(report.findings, [](const auto& finding) {
    return finding.severity != recover::Severity::kNote;
  }));
}

void print_text(Session& session, const recover::VerifyReport& report, bool whole) {
  session.print(
      fmt::format("canrec verify  {}   canrec {}\n", report.path.string(), CANREC_VERSION));
  if (report.metadata) {
    const snapshot::Metadata& metadata = *report.metadata;
    session.print(fmt::format("  form     {}, canister version {}, {} globals, {} chunks\n",
                              report.form, metadata.canister_version, metadata.globals.size(),
                              metadata.wasm_chunk_store.size()));
  }
  for (const recover::VerifiedFile& file : report.files) {
    session.print(fmt::format("  {:<18} {}  sha256 {}\n", file.name, human_size(file.size),
                              to_hex(file.hash)));
  }
  session.print("\n");
  const size_t count = doubts(report);
  if (whole && count == 0) {
    session.print(session.toned(Tone::kGood, "WHOLE") +
                  ": every file has its length, no slice looks unfetched, and module, globals "
                  "and sizes fit each other.\n");
  } else if (whole) {
    session.print(session.toned(Tone::kWarning, "LOOK FIRST") +
                  fmt::format(": nothing is certainly wrong, {} finding{} to look at.\n", count,
                              count == 1 ? "" : "s"));
  } else {
    session.print(session.toned(Tone::kBad, "DO NOT UPLOAD") +
                  ": an upload of this directory fails or loses data.\n");
  }
  print_findings(session, report.findings);
  for (const std::string& line : report.not_checked) {
    session.print(fmt::format("  not checked  {}\n", line));
  }
}

ExitCode repair(Session& session, const Options& options) {
  recover::ConvertRequest request;
  request.from = options.directory;
  request.to = options.output;
  request.overwrite = options.force ? Overwrite::kYes : Overwrite::kNo;
  CLI_TRY(const std::vector<std::string> notes, session, options.directory,
          recover::convert(session.files(), request, session.interrupt()));
  if (session.json) session.print_json(converted_json(request, notes));
  for (const std::string& note : notes) session.warn(note);
  session.warn(fmt::format("wrote {} in today's form; the input was not touched", options.output));
  return ExitCode::kDone;
}

// 64 hex digits, with 0x or without, as icp and dfx print a module hash.
std::optional<Sha256> parse_hash(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  Bytes bytes;
  Sha256 hash{};
  if (!from_hex(text, bytes) || bytes.size() != hash.size()) return std::nullopt;
  std::ranges::copy(bytes, hash.begin());
  return hash;
}

ExitCode run(Session& session, const Options& options) {
  if (options.repair && options.output.empty()) return session.usage("--repair needs -o DIR");
  recover::VerifyOptions wanted;
  if (!options.module_hash.empty()) {
    wanted.module_hash = parse_hash(options.module_hash);
    if (!wanted.module_hash) return session.usage("--module-hash is 64 hex digits");
  }
  wanted.wasm_memory_limit = options.limit;
  wanted.wasm_memory_threshold = options.threshold;
  if (!options.status.empty()) {
    CLI_TRY(const recover::CanisterStatus status, session, options.status,
            recover::read_canister_status(options.status));
    wanted.wasm_memory_limit = status.wasm_memory_limit;
    wanted.wasm_memory_threshold = status.wasm_memory_threshold;
    wanted.module_hash = status.module_hash;
  }
  wanted.interrupt = &session.interrupt();
  Progress progress(session, "hashing", 0);
  wanted.progress = [&](uint64_t bytes) { progress.update(bytes); };
  CLI_TRY(const recover::VerifyReport report, session, options.directory,
          recover::verify(options.directory, wanted));
  const bool whole = recover::worst(report.findings) != recover::Severity::kError;
  if (session.json) {
    print_json(session, report, whole);
  } else {
    print_text(session, report, whole);
  }
  if (options.repair) {
    if (const ExitCode code = repair(session, options); code != ExitCode::kDone) return code;
  }
  if (!whole) return ExitCode::kVerification;
  return doubts(report) == 0 ? ExitCode::kDone : ExitCode::kFindings;
}

}  // namespace

void add_verify_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "verify", "Find everything that is wrong, doubtful or missing in a snapshot directory.");
  command->add_option("DIR", options->directory, "snapshot directory of icp, dfx or Juno")
      ->required();
  CLI::Option* const limit =
      command->add_option("--wasm-memory-limit", options->limit,
                          "setting of the canister it is to be loaded on, bytes; 0 is no limit");
  CLI::Option* const threshold =
      command->add_option("--wasm-memory-threshold", options->threshold,
                          "setting of the canister it is to be loaded on, bytes");
  CLI::Option* const hash =
      command->add_option("--module-hash", options->module_hash,
                          "hash of the module that the network reports for the canister");
  command
      ->add_option("--status", options->status,
                   "file with what icp canister status ID --json prints: these three at once")
      ->excludes(limit)
      ->excludes(threshold)
      ->excludes(hash);
  command->add_flag("--repair", options->repair,
                    "write what can be mended with certainty (old forms) to -o DIR");
  command->add_option("-o,--output", options->output, "directory that --repair writes");
  command->add_flag("--force", options->force, "replace an existing output directory");
  command->add_flag("--json", session.json, "one JSON object, with --repair two");
  command->footer(
      "EXAMPLE\n  canrec verify ./snapshot   (exit 0 whole, 1 look first, 5 do not upload)");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
