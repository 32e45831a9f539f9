// SPDX-License-Identifier: Apache-2.0
#pragma once

// The two transfers end to end on the embedded executor: from a snapshot directory of a canister
// that cannot be upgraded, through the downloader, into a directory; and from a directory, through
// the uploader, into a fresh canister with the real module on top.

#include <filesystem>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/output_file.h"
#include "executor/executor.h"
#include "recover/transfer.h"

namespace canrec::recover {

struct PullRequest {
  std::filesystem::path source;                ///< snapshot directory
  std::filesystem::path output;                ///< snapshot directory to write
  std::optional<std::filesystem::path> older;  ///< an earlier copy: only differences are fetched
  std::optional<Bytes> downloader;             ///< a module; otherwise one is generated
  Overwrite overwrite = Overwrite::kNo;
  executor::Options executor;
  TransferOptions transfer;
};

struct TransferReport {
  TransferCounts counts;
  uint64_t heap_size = 0;
  uint64_t stable_size = 0;
  uint64_t messages = 0;
  uint64_t instructions = 0;  ///< as the network would count them
  bool resumed = false;
};

/// Installs the downloader over the canister by route K and pulls both memories; module, globals
/// and the rest of the metadata come from the source. Interrupted, it goes on where it was when it
/// is called again with the same source and output: the work lies in `<output>.canrec-pull/`.
///
/// Errors: kInstallRefused when the network would refuse the downloader; kSnapshotMixed when the
/// work
///         was begun for another state; those of pull() and of writing a directory.
Result<TransferReport> pull_directory(FileSystem& fs, const PullRequest& request);

struct PushRequest {
  std::filesystem::path source;   ///< snapshot directory
  std::filesystem::path output;   ///< snapshot directory of the new canister
  std::optional<Bytes> uploader;  ///< a module; otherwise one is generated
  std::optional<Bytes> module;    ///< installed at the end; otherwise the source's own
  std::string check_method;       ///< a query to ask at the end; empty = none
  std::string check_argument;
  Overwrite overwrite = Overwrite::kNo;
  executor::Options executor;
  TransferOptions transfer;
};

struct PushReport {
  TransferReport transfer;
  std::string answer;         ///< of the check query
  std::string answer_source;  ///< what the source answers to it
};

/// Installs the uploader into an empty canister, pushes both memories, and installs the real module
/// by route K. Interrupted, it goes on when called again: the canister so far is kept in
/// `<output>.canrec-push/`.
///
/// Errors: kInstallRefused with the reason when route K cannot take the module (no section, globals
///         that do not restart at the values they have); kVerification when the answers differ;
///         those of push().
Result<PushReport> push_directory(FileSystem& fs, const PushRequest& request);

}  // namespace canrec::recover
