// SPDX-License-Identifier: Apache-2.0
#pragma once

// The two transfers end to end on the embedded executor: from a snapshot directory of a canister
// that cannot be upgraded, through the downloader, into a directory or a chunk store; and from
// either, through the uploader, into a fresh canister with the real module on top. Both need the
// same memory whatever the size of the state.

#include <filesystem>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/output_file.h"
#include "executor/executor.h"
#include "recover/checks.h"
#include "recover/transfer.h"
#include "snapshot/store_jobs.h"

namespace canrec::recover {

/// A chunk store that takes what is pulled as a backup; it is made when missing.
struct StoreTarget {
  std::filesystem::path path;
  snapshot::CreateOptions options;
  uint32_t chunk_size = snapshot::store::kDefaultChunkSize;  ///< of a store that is made
};

/// What both ways ask for.
struct TransferRequest {
  std::filesystem::path source;  ///< snapshot directory; of a push also a chunk store
  std::filesystem::path output;  ///< snapshot directory to write
  std::optional<Bytes> carrier;  ///< downloader or uploader; otherwise one is generated
  Overwrite overwrite = Overwrite::kNo;
  executor::Options executor;
  TransferOptions transfer;
};

struct PullRequest : TransferRequest {
  std::optional<StoreTarget> store;            ///< takes the state in place of `output`
  std::optional<std::filesystem::path> older;  ///< an earlier copy: only differences are fetched
};

struct TransferReport {
  TransferCounts counts;
  uint64_t heap_size = 0;
  uint64_t stable_size = 0;
  uint64_t messages = 0;
  uint64_t instructions = 0;  ///< as the network would count them
  bool resumed = false;
};

struct PullReport : TransferReport {
  std::optional<snapshot::CreateReport> backup;  ///< what a store took
};

/// Installs the downloader over the canister by route K and pulls both memories; module, globals
/// and the rest of the metadata come from the source. Killed at any moment, it goes on where it was
/// when it is called again with the same source and output: the work lies in
/// `<output or store>.canrec-pull/`.
///
/// Errors: kInstallRefused when the network would refuse the downloader; kSnapshotMixed when the
///         work was begun for another state; those of pull(), of writing a directory and of
///         create_backup().
Result<PullReport> pull_directory(FileSystem& fs, const PullRequest& request);

struct PushRequest : TransferRequest {
  std::string backup;               ///< id, when the source is a chunk store
  std::optional<Bytes> module;      ///< installed at the end; otherwise the source's own
  std::vector<std::string> checks;  ///< queries "get(7)" asked of both canisters at the end
};

struct PushReport {
  TransferReport transfer;
  std::vector<CheckedAnswer> answers;  ///< to the checks, all the same in both
  /// Of a module that was given: the verdict of route K on both layouts, "review by route K; ...".
  std::string layout;
};

/// Installs the uploader into an empty canister, pushes both memories, and installs the real module
/// by route K. Killed at any moment, it goes on when called again: the canister so far is kept in
/// `<output>.canrec-push/`.
///
/// Errors: kInstallRefused with the reason when route K cannot take the module (no section, globals
///         that do not restart at the values they have, a layout that the heap does not have);
///         kSnapshotMixed when the work was begun for another state; kVerification when the answers
///         differ; those of push(), of restore_backup() and, before anything is pushed, of
///         Checks::ask().
Result<PushReport> push_directory(FileSystem& fs, const PushRequest& request);

}  // namespace canrec::recover
