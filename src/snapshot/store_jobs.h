// SPDX-License-Identifier: Apache-2.0
#pragma once

// What one does with a chunk store. Every job takes the locks it needs, leaves nothing half-done
// under a final name, and uses the threads that JobControl gives it; results do not depend on their
// number.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "snapshot/directory.h"
#include "snapshot/store.h"

namespace canrec::snapshot {

// --- create

/// Content to back up, read once from front to back.
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  virtual uint64_t size() const = 0;
  /// Reads a range inside the size; called from several threads.
  virtual Status read(uint64_t offset, std::span<uint8_t> out) const = 0;
};

struct NamedSource {
  std::string name;  ///< see is_safe_name
  std::unique_ptr<ChunkSource> source;
};

/// The files of a snapshot directory, in the order of their names. Refuses what a backup could not
/// give back: links, other directories, names that are not plain.
/// Errors: kBadArgument, kIo.
Result<std::vector<NamedSource>> directory_sources(const std::filesystem::path& directory);

struct CreateOptions {
  uint64_t created_ns = 0;  ///< since 1970-01-01; part of the manifest and so of the id
  int level = 3;            ///< of zstd, 1 to 19
  std::vector<Note> notes;
  bool dry_run = false;  ///< read and count, write nothing
};
struct CreateReport {
  std::string id;  ///< empty after a dry run
  uint64_t bytes_read = 0;
  uint64_t zero_bytes = 0;
  uint64_t new_bytes = 0;      ///< of chunks that the store did not have
  uint64_t bytes_written = 0;  ///< packs and manifest
  uint64_t chunks = 0;
  uint64_t new_chunks = 0;
  std::vector<std::pair<std::string, Sha256>> hashes;  ///< of the sources, in their order
};
/// Backs up the sources.
/// Errors: kLocked, kBadArgument (names, level), kInterrupted, kStoreMalformed, file system.
Result<CreateReport> create_backup(const Store& store, FileSystem& system,
                                   std::span<const NamedSource> sources,
                                   const CreateOptions& options, const JobControl& control);
/// What a backup into a new store would take, without one: a dry run.
Result<CreateReport> count_backup(uint32_t chunk_size, std::span<const NamedSource> sources,
                                  const JobControl& control);

// --- restore

/// Bytes [begin, end) of a file.
struct FileRange {
  std::string file;
  uint64_t begin = 0;
  uint64_t end = 0;
  bool operator==(const FileRange&) const = default;
};

enum class Salvage : bool { kNo, kYes };

struct RestoreOptions {
  Salvage salvage = Salvage::kNo;
  /// Without, what is written is proven by the chunks' addresses and their places in the manifest.
  bool check_sha256 = true;
};
struct RestoreReport {
  uint64_t bytes = 0;
  std::vector<FileRange> lost;  ///< zeros in the output; only when salvaging
};
/// Writes the files of a backup into a new directory that appears when it is whole. Every chunk is
/// checked by its address and, unless told otherwise, every file without losses by its SHA-256,
/// computed anew from what is written. `before_appearing` may write down what is
/// lost before anybody sees the directory; when it fails there is none.
/// Errors: kExists, kLocked, kStoreDamaged and kHashMismatch (unless salvaging), kInterrupted, ...
Result<RestoreReport> restore_backup(
    const Store& store, FileSystem& system, const Manifest& manifest,
    const std::filesystem::path& target, const RestoreOptions& options, const JobControl& control,
    const std::function<Status(const RestoreReport&)>& before_appearing = {});

// --- verify

struct BackupDamage {
  std::string id;
  std::vector<FileRange> lost;
  uint64_t lost_bytes = 0;
};
struct VerifyReport {
  std::vector<Error> errors;          ///< with the file in the store
  std::vector<BackupDamage> damaged;  ///< backups that cannot be restored whole, by id
  std::vector<std::string> whole;     ///< ids of the others
  std::vector<std::string> foreign;   ///< files that are no part of the store
  uint64_t packs = 0, frames = 0, bytes = 0;
};
/// Reads everything: structure and content hashes; `deep` also unpacks every chunk and computes the
/// SHA-256 of every file of every backup.
Result<VerifyReport> verify_store(const Store& store, bool deep, const JobControl& control);
/// Verifies, and writes an index of the frames whose content is whole. Chunks of damaged frames are
/// then unknown: the next create stores what it finds of them again, and backups that lacked them
/// have them back. Errors: also kLocked (a writer is at work).
Result<VerifyReport> reindex_store(const Store& store, FileSystem& system,
                                   const JobControl& control);

// --- diff

struct BackupDiff {
  std::vector<std::string> only_a, only_b;  ///< file names
  std::vector<FileRange> changed;           ///< whole chunks, joined; ends at the longer file's end
  uint64_t changed_bytes = 0;
};
/// Compares two backups of one store by their addresses; reads no chunk.
BackupDiff diff_backups(const Manifest& a, const Manifest& b);

// --- prune

struct PrunePolicy {
  unsigned keep_last = 0;
  unsigned keep_daily = 0;   ///< the newest backup of each of so many days (UTC)
  unsigned keep_weekly = 0;  ///< and of so many weeks, Monday to Sunday
};
/// Which backups a policy keeps. Shape: result[i] belongs to created_ns[i].
std::vector<bool> kept_by(std::span<const uint64_t> created_ns, const PrunePolicy& policy);

struct PruneReport {
  std::vector<std::string> kept, removed;
  uint64_t packs_removed = 0;
  uint64_t packs_rewritten = 0;
  uint64_t bytes_before = 0, bytes_after = 0;  ///< of packs
};
/// Removes backups that the policy does not keep and the chunks that only they use. Refuses a
/// damaged store, where what is "not used" cannot be known.
/// Errors: kLocked (a reader or writer is at work), kStoreDamaged, kBadArgument (an empty policy).
Result<PruneReport> prune_store(const Store& store, FileSystem& system, const PrunePolicy& policy,
                                bool dry_run, const JobControl& control);

// --- export and import

struct TransferReport {
  std::string id;
  uint64_t bytes = 0;
};
/// Writes one backup with all its chunks as a single file.
Result<TransferReport> export_backup(const Store& store, FileSystem& system,
                                     const Manifest& manifest, const std::filesystem::path& target,
                                     Overwrite overwrite, const JobControl& control);
/// The chunk size of such a file. Errors: kStoreMalformed, kStoreDamaged with the offset in it.
Result<uint32_t> exported_chunk_size(const std::filesystem::path& source);
/// Takes such a file into a store, chunk by chunk checked.
/// Errors: kExists when the backup is there already; kStoreMalformed, kStoreDamaged with the offset
///         in the file; kBadArgument when the chunk sizes differ.
Result<TransferReport> import_backup(const Store& store, FileSystem& system,
                                     const std::filesystem::path& source,
                                     const JobControl& control);

}  // namespace canrec::snapshot
