// SPDX-License-Identifier: Apache-2.0
// canrec backup create, restore, prune, export, import: what writes.
#include <fmt/core.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/shell.h"
#include "cli/backup_command.h"
#include "ic/principal.h"

namespace canrec::cli {

using snapshot::Manifest;
using snapshot::Store;

namespace {

uint64_t now_ns() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

Result<Store> open_or_make(Session& session, const BackupOptions& options, uint32_t chunk_size) {
  return Store::open_or_init(session.files(), options.store, chunk_size);
}

Result<std::vector<snapshot::Note>> read_notes(const BackupOptions& options,
                                               const snapshot::Directory& directory) {
  std::vector<snapshot::Note> out;
  if (!options.canister_id.empty()) {
    CANREC_TRY(const ic::Principal principal, ic::Principal::parse(options.canister_id));
    out.push_back({"canister_id", principal.text()});
  }
  std::string id = options.snapshot_id;
  if (id.empty() && directory.ids().size() == 1) id = to_string(directory.ids()[0]);
  if (!id.empty()) {
    CANREC_TRY(const snapshot::SnapshotId parsed, snapshot::parse_snapshot_id(id));
    out.push_back({"snapshot_id", to_string(parsed)});
  }
  if (!options.settings.empty()) {
    CANREC_TRY(const InputFile file, InputFile::open(options.settings));
    out.push_back({"settings", std::string(as_text(file.bytes()))});
  }
  if (!options.label.empty()) out.push_back({"label", options.label});
  return out;
}

void print_create(Session& session, const BackupOptions& options,
                  const snapshot::CreateReport& report) {
  if (session.json) {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    for (const auto& [name, hash] : report.hashes) {
      files.push_back({{"name", name}, {"sha256", to_hex(hash)}});
    }
    session.print_json({{"type", "backup_create"},
                        {"schema", 1},
                        {"version", CANREC_VERSION},
                        {"id", report.id},
                        {"dry_run", options.dry_run},
                        {"bytes_read", report.bytes_read},
                        {"zero_bytes", report.zero_bytes},
                        {"new_bytes", report.new_bytes},
                        {"bytes_written", report.bytes_written},
                        {"chunks", report.chunks},
                        {"new_chunks", report.new_chunks},
                        {"files", files}});
    return;
  }
  session.print(
      fmt::format("canrec backup create  {}   canrec {}\n", options.directory, CANREC_VERSION));
  for (const auto& [name, hash] : report.hashes) {
    session.print(fmt::format("  {:<18} sha256 {}\n", name, to_hex(hash)));
  }
  session.print(fmt::format("  read     {}, of it zeros {}\n", human_size(report.bytes_read),
                            human_size(report.zero_bytes)));
  session.print(fmt::format("  new      {} in {} of {} chunks\n", human_size(report.new_bytes),
                            grouped(report.new_chunks), grouped(report.chunks)));
  if (options.dry_run) return session.print("  dry run, nothing was written\n");
  session.print(fmt::format("  written  {}\n", human_size(report.bytes_written)));
  session.print(fmt::format("backup {}\n", report.id));
}

uint64_t total_of(const std::vector<snapshot::NamedSource>& sources) {
  uint64_t sum = 0;
  for (const snapshot::NamedSource& source : sources) sum += source.source->size();
  return sum;
}

// Beside the directory, also when its name was given as "DIR/".
std::string loss_map_path(const BackupOptions& options) {
  const std::filesystem::path directory(options.output);
  return (directory.has_filename() ? directory : directory.parent_path()).string() + ".loss.json";
}

// The ranges that a salvaged directory holds zeros for.
Status write_loss_map(Session& session, const BackupOptions& options, const Manifest& manifest,
                      const snapshot::RestoreReport& report) {
  nlohmann::ordered_json lost = nlohmann::ordered_json::array();
  for (const snapshot::FileRange& range : report.lost) lost.push_back(range_json(range));
  const nlohmann::ordered_json map = {
      {"type", "loss_map"}, {"schema", 1}, {"backup", manifest.id()}, {"lost", lost}};
  // One that is there is of an attempt that did not come to its end: the directory is new.
  return write_file(session.files(), loss_map_path(options), as_bytes(map.dump(2) + "\n"),
                    Overwrite::kYes);
}

// Damage is not the end: what it costs can be asked, and the rest is still there.
ExitCode report_damage(Session& session, const BackupOptions& options, const Manifest& manifest,
                       const Error& error) {
  const ExitCode code = session.report(options.store, error);
  if (session.json || error.code() != Errc::kStoreDamaged) return code;
  const std::string store = shell_word(options.store);
  session.warn(fmt::format("next: canrec backup verify --store {}   says what is lost", store));
  session.warn(
      fmt::format("next: canrec backup restore {} --store {} --salvage -o DIR   saves the "
                  "rest, with a list of what is missing",
                  manifest.id(), store));
  return code;
}

// What stands behind a restored directory, and what does not.
void print_checked(Session& session, const BackupOptions& options, const Manifest& manifest,
                   const snapshot::RestoreReport& report) {
  if (!options.skip_sha256) {
    session.print(fmt::format("  checked  every chunk by its address, {} by its SHA-256\n",
                              report.lost.empty() ? "every file" : "every file without losses"));
    return;
  }
  session.print("  checked  every chunk by its XXH3-128 address, their order by the manifest\n");
  session.print(
      fmt::format("  {}  no SHA-256 was computed (--skip-sha256): damage would have been "
                  "found, forgery not\n",
                  session.toned(Tone::kBad, "NOT CHECKED")));
  session.print(
      fmt::format("  next     canrec backup show {} --store {} --sha256sums | (cd {} && "
                  "sha256sum --check)\n",
                  manifest.id(), shell_word(options.store), shell_word(options.output)));
}

}  // namespace

Result<snapshot::CreateOptions> create_options(const BackupOptions& options,
                                               const snapshot::Directory& directory) {
  snapshot::CreateOptions out;
  out.level = options.level;
  out.created_ns = options.time ? *options.time : now_ns();
  out.dry_run = options.dry_run;
  CANREC_TRY(out.notes, read_notes(options, directory));
  return out;
}

ExitCode backup_create(Session& session, const BackupOptions& options) {
  // What is not whole is refused: a backup of an interrupted download looks like a backup.
  CLI_TRY(const snapshot::Directory directory, session, options.directory,
          snapshot::Directory::open(options.directory));
  CLI_TRY(const auto sources, session, options.directory,
          snapshot::directory_sources(options.directory));
  CLI_TRY(const snapshot::CreateOptions wanted, session, options.directory,
          create_options(options, directory));
  const uint64_t total = total_of(sources);
  const uint32_t chunk_size = options.chunk_size.value_or(snapshot::suitable_chunk_size(total));
  JobProgress progress(session, options, "backing up", total);
  if (options.dry_run && !Store::is_store(options.store)) {
    CLI_TRY(const snapshot::CreateReport report, session, options.store,
            count_backup(chunk_size, sources, progress.control()));
    print_create(session, options, report);
    return ExitCode::kDone;
  }
  CLI_TRY(const Store store, session, options.store, open_or_make(session, options, chunk_size));
  const auto report = create_backup(store, session.files(), sources, wanted, progress.control());
  if (!report) {
    const ExitCode code = session.report(options.store, report.error());
    if (!session.json && report.error().code() == Errc::kNoSpace) {
      session.warn(
          "no backup was added, those that were there are whole; make room and run it "
          "again");
    }
    return code;
  }
  print_create(session, options, *report);
  return ExitCode::kDone;
}

ExitCode backup_restore(Session& session, const BackupOptions& options) {
  CLI_TRY(const Store store, session, options.store, Store::open(options.store));
  CLI_TRY(const Manifest manifest, session, options.store, store.backup(options.id));
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(options.output, ignored))) {
    return session.report(options.output,
                          Error(Errc::kExists, std::nullopt,
                                "exists; restore makes a new directory, give it another name"));
  }
  JobProgress progress(session, options, "restoring", manifest.total_size());
  const auto before_appearing = [&](const snapshot::RestoreReport& report) -> Status {
    return report.lost.empty() ? Status(Ok{}) : write_loss_map(session, options, manifest, report);
  };
  snapshot::RestoreOptions how;
  if (options.salvage) how.salvage = snapshot::Salvage::kYes;
  how.check_sha256 = !options.skip_sha256;
  const auto restored = restore_backup(store, session.files(), manifest, options.output, how,
                                       progress.control(), before_appearing);
  if (!restored) return report_damage(session, options, manifest, restored.error());
  const snapshot::RestoreReport& report = *restored;
  uint64_t lost = 0;
  for (const snapshot::FileRange& range : report.lost) lost += range.end - range.begin;
  if (session.json) {
    session.print_json({{"type", "backup_restore"},
                        {"schema", 1},
                        {"version", CANREC_VERSION},
                        {"id", manifest.id()},
                        {"bytes", report.bytes},
                        {"sha256_checked", !options.skip_sha256},
                        {"lost_bytes", lost}});
  } else {
    session.print(fmt::format("backup {} {} to {}: {}\n", manifest.id(),
                              lost == 0 ? "restored" : "salvaged in part", options.output,
                              human_size(report.bytes - lost)));
    print_checked(session, options, manifest, report);
    if (lost != 0) {
      session.print(fmt::format("{}  {} are lost and zero in the output; see {}\n",
                                session.toned(Tone::kBad, "NOT WHOLE"), human_size(lost),
                                loss_map_path(options)));
    }
  }
  return lost == 0 ? ExitCode::kDone : ExitCode::kVerification;
}

ExitCode backup_prune(Session& session, const BackupOptions& options) {
  CLI_TRY(const Store store, session, options.store, Store::open(options.store));
  JobProgress progress(session, options, "pruning", 0);
  CLI_TRY(const snapshot::PruneReport report, session, options.store,
          prune_store(store, session.files(), options.policy, options.dry_run, progress.control()));
  if (session.json) {
    session.print_json({{"type", "backup_prune"},
                        {"schema", 1},
                        {"dry_run", options.dry_run},
                        {"kept", report.kept},
                        {"removed", report.removed},
                        {"packs_removed", report.packs_removed},
                        {"packs_rewritten", report.packs_rewritten},
                        {"bytes_before", report.bytes_before},
                        {"bytes_after", report.bytes_after}});
    return ExitCode::kDone;
  }
  for (const std::string& id : report.removed) session.print(fmt::format("  removed  {}\n", id));
  for (const std::string& id : report.kept) session.print(fmt::format("  kept     {}\n", id));
  session.print(fmt::format("  packs    {} removed, {} rewritten\n", report.packs_removed,
                            report.packs_rewritten));
  if (options.dry_run) {
    session.print("  dry run, nothing was removed\n");
  } else {
    session.print(fmt::format("  size     {} before, {} now\n", human_size(report.bytes_before),
                              human_size(report.bytes_after)));
  }
  return ExitCode::kDone;
}

ExitCode backup_export(Session& session, const BackupOptions& options) {
  CLI_TRY(const Store store, session, options.store, Store::open(options.store));
  CLI_TRY(const Manifest manifest, session, options.store, store.backup(options.id));
  JobProgress progress(session, options, "exporting", 0);
  const auto exported =
      export_backup(store, session.files(), manifest, options.output,
                    options.force ? Overwrite::kYes : Overwrite::kNo, progress.control());
  if (!exported) return report_damage(session, options, manifest, exported.error());
  const snapshot::TransferReport& report = *exported;
  if (session.json) {
    session.print_json({{"type", "backup_export"},
                        {"schema", 1},
                        {"id", report.id},
                        {"bytes", report.bytes},
                        {"output", options.output}});
  } else {
    session.print(fmt::format("backup {} exported to {}: {}\n", report.id, options.output,
                              human_size(report.bytes)));
  }
  return ExitCode::kDone;
}

ExitCode backup_import(Session& session, const BackupOptions& options) {
  CLI_TRY(const uint32_t chunk_size, session, options.input,
          snapshot::exported_chunk_size(options.input));
  CLI_TRY(const Store store, session, options.store, open_or_make(session, options, chunk_size));
  JobProgress progress(session, options, "importing", 0);
  CLI_TRY(const snapshot::TransferReport report, session, options.input,
          import_backup(store, session.files(), options.input, progress.control()));
  if (session.json) {
    session.print_json(
        {{"type", "backup_import"}, {"schema", 1}, {"id", report.id}, {"bytes", report.bytes}});
  } else {
    session.print(fmt::format("backup {} imported: {}\n", report.id, human_size(report.bytes)));
  }
  return ExitCode::kDone;
}

}  // namespace canrec::cli
