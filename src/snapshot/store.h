// SPDX-License-Identifier: Apache-2.0
#pragma once

// A chunk store: a directory of backups that share what they have in common. Made for images of
// canister memory, which change in place: fixed chunks, zeros left out, each chunk stored once.
// Format: docs/formats/chunk-store.md. What can be done with it: store_jobs.h.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/interrupt.h"
#include "snapshot/file_lock.h"
#include "snapshot/store_index.h"
#include "snapshot/store_manifest.h"
#include "snapshot/store_pack.h"

namespace canrec::snapshot {

/// What a long job needs from its caller.
struct JobControl {
  const Interrupt& interrupt;
  unsigned threads = 2;
  /// Called on the calling thread with bytes done since the last call; may be empty.
  std::function<void(uint64_t)> progress = {};

  void advance(uint64_t bytes) const {
    if (progress) progress(bytes);
  }
};

class Store {
 public:
  /// Makes an empty store. The directory must not exist, or be empty, or hold what a killed init()
  /// left.
  /// Shape: chunk_size is a power of two from 4 KiB to 1 MiB. Errors: kExists, kBadArgument, ...
  static Status init(FileSystem& system, const std::filesystem::path& path, uint32_t chunk_size);

  /// Errors: kNotFound, kStoreMalformed (no store, other version) with the offset in canrec-store.
  static Result<Store> open(const std::filesystem::path& path);
  /// Whether the directory says that it is a store.
  static bool is_store(const std::filesystem::path& path);
  /// Opens a store; an absent or empty directory becomes one first.
  static Result<Store> open_or_init(FileSystem& system, const std::filesystem::path& path,
                                    uint32_t chunk_size);

  const std::filesystem::path& path() const { return path_; }
  uint32_t chunk_size() const { return chunk_size_; }

  /// Shared by readers; held by prune while it deletes. Where nothing can be locked, readers go on
  /// without. Errors: kLocked.
  Result<FileLock> lock_for_reading() const;
  /// Exclusive against readers, for deleting. Errors: kLocked.
  Result<FileLock> lock_for_deleting(FileSystem& system) const;
  /// One writer at a time; removes what dead writers left. Errors: kLocked, kPermission, ...
  Result<FileLock> lock_for_writing(FileSystem& system) const;

  /// Packs by rising number.
  Result<std::vector<PackFile>> packs() const;
  /// Ids of backups in byte order.
  Result<std::vector<std::string>> backups() const;
  /// The backup whose id begins so. Errors: kNotFound, kBadArgument when several do.
  Result<Manifest> backup(std::string_view id_prefix) const;
  /// The backup that was made last. Errors: kNotFound in an empty store.
  Result<Manifest> newest() const;
  /// Everything in the store that is no part of it, as paths below it, in byte order.
  Result<std::vector<std::string>> foreign_files() const;

  /// The index of all packs: from the index file where it fits, otherwise from the packs.
  /// Damaged frame headers and an unusable index file are put on `damage`.
  Result<Index> index(std::vector<Error>& damage) const;
  /// Writes the index file anew when it would grow by an eighth; between that, new packs are read
  /// for their frame headers. So what a small backup writes does not depend on the store's size.
  Status refresh_index(FileSystem& system, const Index& index) const;
  Result<PackReader> open_pack(uint64_t number, bool salvage = false) const;

  std::filesystem::path pack_path(uint64_t number) const;
  std::filesystem::path backup_path(std::string_view id) const;
  std::filesystem::path backup_directory() const { return path_ / "backups"; }
  std::filesystem::path index_path() const { return path_ / "index"; }

 private:
  Store(std::filesystem::path path, uint32_t chunk_size)
      : path_(std::move(path)), chunk_size_(chunk_size) {}
  Status index_pack(uint64_t number, Index& index, std::vector<Error>& damage) const;

  std::filesystem::path path_;
  uint32_t chunk_size_;
};

}  // namespace canrec::snapshot
