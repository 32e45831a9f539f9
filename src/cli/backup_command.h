// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the verbs of `canrec backup` share: options, and one function a verb.

#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "snapshot/store_jobs.h"

namespace CLI {
class App;
}

namespace canrec::cli {

struct BackupOptions {
  std::string store;
  std::string directory;         // create: what to back up
  std::string id, other;         // a backup, and the second of diff
  std::string output, input;     // restore, export; import
  std::optional<uint64_t> time;  // create: nanoseconds, in place of the clock
  std::string canister_id, snapshot_id, settings, label;
  int level = snapshot::CreateOptions{}.level;
  std::optional<uint32_t> chunk_size;  // create, import: when they make the store
  unsigned threads = 0;
  bool deep = false;
  bool salvage = false;
  bool skip_sha256 = false;  // restore
  bool sha256sums = false;   // show
  bool force = false;
  bool dry_run = false;
  snapshot::PrunePolicy policy;
};

/// What a new backup is made with: level, size of chunks, notes.
void add_create_options(CLI::App& command, BackupOptions& options);
/// The same for the library. Errors: kBadArgument (ids), those of files.
Result<snapshot::CreateOptions> create_options(const BackupOptions& options,
                                               const snapshot::Directory& directory);

ExitCode backup_create(Session& session, const BackupOptions& options);
ExitCode backup_list(Session& session, const BackupOptions& options);
ExitCode backup_show(Session& session, const BackupOptions& options);
ExitCode backup_diff(Session& session, const BackupOptions& options);
ExitCode backup_verify(Session& session, const BackupOptions& options);
ExitCode backup_reindex(Session& session, const BackupOptions& options);
ExitCode backup_restore(Session& session, const BackupOptions& options);
ExitCode backup_prune(Session& session, const BackupOptions& options);
ExitCode backup_export(Session& session, const BackupOptions& options);
ExitCode backup_import(Session& session, const BackupOptions& options);

/// Progress on stderr fed by a job's control.
class JobProgress {
 public:
  JobProgress(Session& session, const BackupOptions& options, std::string what, uint64_t total);
  const snapshot::JobControl& control() const { return control_; }

 private:
  Progress progress_;
  uint64_t done_ = 0;
  snapshot::JobControl control_;
};

/// "0x00010000..0x00020000" of a file, for people.
std::string range_text(const snapshot::FileRange& range);
nlohmann::ordered_json range_json(const snapshot::FileRange& range);

}  // namespace canrec::cli
