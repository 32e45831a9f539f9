// SPDX-License-Identifier: Apache-2.0
// canrec backup list, show, diff, verify: what only reads.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/shell.h"
#include "base/utc_text.h"
#include "cli/backup_command.h"

namespace canrec::cli {

using snapshot::FileRange;
using snapshot::Manifest;
using snapshot::Store;

namespace {

constexpr size_t kRangesShown = 20;

nlohmann::ordered_json ranges_json(const std::vector<FileRange>& ranges) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const FileRange& range : ranges) out.push_back(range_json(range));
  return out;
}

void print_ranges(Session& session, const std::vector<FileRange>& ranges) {
  for (size_t i = 0; i < std::min(ranges.size(), kRangesShown); ++i) {
    session.print(fmt::format("  {}\n", range_text(ranges[i])));
  }
  if (ranges.size() > kRangesShown) {
    session.print(
        fmt::format("  and {} more; --json names all\n", grouped(ranges.size() - kRangesShown)));
  }
}

std::string note_or_dash(const Manifest& manifest, std::string_view key) {
  const std::string* value = manifest.note(key);
  return value != nullptr ? *value : "-";
}

}  // namespace

JobProgress::JobProgress(Session& session, const BackupOptions& options, std::string what,
                         uint64_t total)
    : progress_(session, std::move(what), total),
      control_{session.interrupt(),
               options.threads != 0 ? options.threads
                                    : std::clamp(std::thread::hardware_concurrency(), 1U, 16U),
               [this](uint64_t bytes) { progress_.update(done_ += bytes); }} {}

std::string range_text(const FileRange& range) {
  return fmt::format("{:<18} 0x{:08x}..0x{:08x}  {}", range.file, range.begin, range.end,
                     human_size(range.end - range.begin));
}

nlohmann::ordered_json range_json(const FileRange& range) {
  return {{"file", range.file}, {"begin", range.begin}, {"end", range.end}};
}

ExitCode backup_list(Session& session, const BackupOptions& options) {
  CLI_TRY(const Store store, session, options.store, Store::open(options.store));
  CLI_TRY(const auto lock, session, options.store, store.lock_for_reading());
  CLI_TRY(const std::vector<std::string> ids, session, options.store, store.backups());
  // Manifests are large, so they are read twice and not kept.
  std::vector<std::pair<uint64_t, std::string>> order;
  std::vector<Error> damaged;
  for (const std::string& id : ids) {
    const auto manifest = store.backup(id);
    if (manifest) {
      order.emplace_back(manifest->created_ns(), id);
    } else {
      damaged.push_back(manifest.error().copy());
    }
  }
  std::ranges::sort(order);
  for (const auto& [created, id] : order) {
    CLI_TRY(const Manifest manifest, session, options.store, store.backup(id));
    if (session.json) {
      nlohmann::ordered_json notes = nlohmann::ordered_json::object();
      for (const snapshot::Note& note : manifest.notes()) notes[note.key] = note.value;
      session.print_json({{"type", "backup"},
                          {"schema", 1},
                          {"id", manifest.id()},
                          {"created_ns", manifest.created_ns()},
                          {"bytes", manifest.total_size()},
                          {"files", manifest.files().size()},
                          {"notes", notes}});
      continue;
    }
    session.print(fmt::format("{}  {}  {:<40}  {:<27}  {}\n", manifest.id(),
                              utc_text(manifest.created_ns()), human_size(manifest.total_size()),
                              note_or_dash(manifest, "canister_id"),
                              note_or_dash(manifest, "label")));
  }
  // The others are worth listing all the more.
  ExitCode code = ExitCode::kDone;
  for (const Error& error : damaged) code = session.report(options.store, error);
  return code;
}

ExitCode backup_show(Session& session, const BackupOptions& options) {
  CLI_TRY(const Store store, session, options.store, Store::open(options.store));
  CLI_TRY(const Manifest manifest, session, options.store, store.backup(options.id));
  if (options.sha256sums) {
    for (const snapshot::ManifestFile& file : manifest.files()) {
      session.print(fmt::format("{}  {}\n", to_hex(file.sha256), file.name));
    }
    return ExitCode::kDone;
  }
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  nlohmann::ordered_json notes = nlohmann::ordered_json::object();
  for (const snapshot::ManifestFile& file : manifest.files()) {
    files.push_back({{"name", file.name}, {"size", file.size}, {"sha256", to_hex(file.sha256)}});
  }
  for (const snapshot::Note& note : manifest.notes()) notes[note.key] = note.value;
  if (session.json) {
    session.print_json({{"type", "backup"},
                        {"schema", 1},
                        {"version", CANREC_VERSION},
                        {"id", manifest.id()},
                        {"created_ns", manifest.created_ns()},
                        {"chunk_size", manifest.chunk_size()},
                        {"bytes", manifest.total_size()},
                        {"files", files},
                        {"notes", notes}});
    return ExitCode::kDone;
  }
  session.print(fmt::format("canrec backup  {}   canrec {}\n", manifest.id(), CANREC_VERSION));
  session.print(fmt::format("  made         {}\n", utc_text(manifest.created_ns())));
  session.print(fmt::format("  content      {} in {} files\n", human_size(manifest.total_size()),
                            manifest.files().size()));
  for (const snapshot::Note& note : manifest.notes()) {
    session.print(fmt::format("  {:<11}  {}\n", note.key, note.value));
  }
  for (const snapshot::ManifestFile& file : manifest.files()) {
    session.print(fmt::format("  {:<18} {}  sha256 {}\n", file.name, human_size(file.size),
                              to_hex(file.sha256)));
  }
  return ExitCode::kDone;
}

ExitCode backup_diff(Session& session, const BackupOptions& options) {
  CLI_TRY(const Store store, session, options.store, Store::open(options.store));
  CLI_TRY(const Manifest a, session, options.store, store.backup(options.id));
  CLI_TRY(const Manifest b, session, options.store, store.backup(options.other));
  const snapshot::BackupDiff diff = diff_backups(a, b);
  const bool same = diff.changed.empty() && diff.only_a.empty() && diff.only_b.empty();
  if (session.json) {
    session.print_json({{"type", "backup_diff"},
                        {"schema", 1},
                        {"a", a.id()},
                        {"b", b.id()},
                        {"same", same},
                        {"only_a", diff.only_a},
                        {"only_b", diff.only_b},
                        {"changed_bytes", diff.changed_bytes},
                        {"changed", ranges_json(diff.changed)}});
  } else {
    session.print(
        fmt::format("canrec backup diff  {}  {}   canrec {}\n", a.id(), b.id(), CANREC_VERSION));
    session.print(same ? "  the same files with the same content\n"
                       : fmt::format("  {} in changed chunks of {} bytes\n",
                                     human_size(diff.changed_bytes), grouped(a.chunk_size())));
    for (const std::string& name : diff.only_a)
      session.print(fmt::format("  only in A  {}\n", name));
    for (const std::string& name : diff.only_b)
      session.print(fmt::format("  only in B  {}\n", name));
    print_ranges(session, diff.changed);
  }
  return same ? ExitCode::kDone : ExitCode::kFindings;
}

namespace {

void print_verify_json(Session& session, const BackupOptions& options,
                       const snapshot::VerifyReport& report) {
  nlohmann::ordered_json errors = nlohmann::ordered_json::array();
  for (const Error& error : report.errors) {
    nlohmann::ordered_json item = {{"errc", static_cast<int>(error.code())},
                                   {"message", error.message()}};
    if (error.offset()) item["offset"] = *error.offset();
    errors.push_back(item);
  }
  nlohmann::ordered_json damaged = nlohmann::ordered_json::array();
  for (const snapshot::BackupDamage& damage : report.damaged) {
    damaged.push_back(
        {{"id", damage.id}, {"lost_bytes", damage.lost_bytes}, {"lost", ranges_json(damage.lost)}});
  }
  session.print_json({{"type", "backup_verify"},
                      {"schema", 1},
                      {"version", CANREC_VERSION},
                      {"store", options.store},
                      {"deep", options.deep},
                      {"packs", report.packs},
                      {"frames", report.frames},
                      {"bytes", report.bytes},
                      {"errors", errors},
                      {"whole", report.whole},
                      {"damaged", damaged},
                      {"foreign", report.foreign}});
}

void print_verify_text(Session& session, std::string_view verb, const BackupOptions& options,
                       const snapshot::VerifyReport& report) {
  session.print(
      fmt::format("canrec backup {}  {}   canrec {}\n", verb, options.store, CANREC_VERSION));
  session.print(fmt::format("  read     {} packs, {} frames, {}{}\n", report.packs,
                            grouped(report.frames), human_size(report.bytes),
                            options.deep ? ", every chunk and file" : ", content hashes"));
  for (const Error& error : report.errors) {
    const std::string place = error.offset() ? fmt::format(" at 0x{:08x}", *error.offset()) : "";
    session.print(fmt::format("  {}  {}{} (E{})\n", session.toned(Tone::kBad, "DAMAGE"),
                              error.message(), place, static_cast<int>(error.code())));
  }
  for (const std::string& name : report.foreign) {
    session.print(fmt::format("  foreign  {} is no part of the store\n", name));
  }
  session.print(fmt::format("  whole    {} backups\n", report.whole.size()));
  if (!report.errors.empty() && report.damaged.empty()) {
    session.print(
        "  note     nothing is lost: every backup can be restored whole; what is damaged is needed "
        "by none, or is there twice\n");
  }
  for (const snapshot::BackupDamage& damage : report.damaged) {
    session.print(fmt::format(
        "  {}  backup {}: {}\n", session.toned(Tone::kBad, "LOST"), damage.id,
        damage.lost.empty() ? "its manifest cannot be read" : human_size(damage.lost_bytes)));
    print_ranges(session, damage.lost);
    if (!damage.lost.empty()) {
      session.print(fmt::format("  next     canrec backup restore {} --store {} --salvage -o DIR\n",
                                damage.id, shell_word(options.store)));
    }
  }
}

}  // namespace

namespace {

ExitCode show_verified(Session& session, std::string_view verb, const BackupOptions& options,
                       const snapshot::VerifyReport& report) {
  if (session.json) {
    print_verify_json(session, options, report);
  } else {
    print_verify_text(session, verb, options, report);
  }
  if (!report.errors.empty() || !report.damaged.empty()) return ExitCode::kVerification;
  return report.foreign.empty() ? ExitCode::kDone : ExitCode::kFindings;
}

}  // namespace

ExitCode backup_verify(Session& session, const BackupOptions& options) {
  CLI_TRY(const Store store, session, options.store, Store::open(options.store));
  JobProgress progress(session, options, "verifying", 0);
  CLI_TRY(const snapshot::VerifyReport report, session, options.store,
          verify_store(store, options.deep, progress.control()));
  const ExitCode code = show_verified(session, "verify", options, report);
  if (!report.damaged.empty() && !session.json) {
    session.print(
        fmt::format("  next     canrec backup reindex --store {}, then create again: chunks that "
                    "are still in the canister's state are stored anew\n",
                    shell_word(options.store)));
  }
  return code;
}

ExitCode backup_reindex(Session& session, const BackupOptions& options) {
  CLI_TRY(const Store store, session, options.store, Store::open(options.store));
  JobProgress progress(session, options, "indexing", 0);
  CLI_TRY(const snapshot::VerifyReport report, session, options.store,
          reindex_store(store, session.files(), progress.control()));
  const ExitCode code = show_verified(session, "reindex", options, report);
  if (!session.json) {
    session.print("  index    lists the chunks that are whole; create stores the others again\n");
  }
  return code;
}

}  // namespace canrec::cli
