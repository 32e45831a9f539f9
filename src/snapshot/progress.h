// SPDX-License-Identifier: Apache-2.0
#pragma once

// The files in which icp and dfx note how far a transfer has come.
// Source: https://github.com/dfinity/icp-cli, https://github.com/dfinity/sdk

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "snapshot/snapshot_id.h"

namespace canrec::snapshot {

/// How far the download of one blob has come.
struct BlobProgress {
  uint64_t frontier = 0;        ///< every byte below is on disk
  std::vector<uint64_t> ahead;  ///< ascending offsets of slices that arrived early
};

/// icp's .download_progress.json.
struct DownloadProgress {
  BlobProgress wasm_module, wasm_memory, stable_memory;
};

/// Errors: kSnapshotMetadata, kUtf8, kLimit; offset in `text`.
Result<DownloadProgress> read_download_progress(std::string_view text);

/// The ranges [begin, end) of a blob of `size` bytes that have not arrived, ascending.
std::vector<std::pair<uint64_t, uint64_t>> missing_ranges(const BlobProgress& progress,
                                                          uint64_t size);

/// The snapshot id in icp's .upload_progress.json or dfx's ID.json.
/// Errors: kSnapshotMetadata, kBadArgument, kUtf8, kLimit.
Result<SnapshotId> read_upload_id(std::string_view text);

}  // namespace canrec::snapshot
