// SPDX-License-Identifier: Apache-2.0
#pragma once

// Carrying state out of a canister and into another one, chunk by chunk, through the generated
// canisters. Both ways work by comparing hashes: a chunk whose hash is right is not sent, so that
// a first transfer, one that goes on after an interruption, and one into an older copy are the same
// loop, and nothing counts as transferred whose hash was not compared.

#include <filesystem>
#include <functional>

#include "base/file_system.h"
#include "base/interrupt.h"
#include "recover/transfer_client.h"

namespace canrec::recover {

/// Bytes of a region that are done, for a progress line.
using TransferProgress = std::function<void(Region region, uint64_t done, uint64_t total)>;

/// What a transfer did.
struct TransferCounts {
  uint64_t chunks = 0;       ///< compared
  uint64_t chunks_sent = 0;  ///< that differed and were fetched or put
  uint64_t bytes_sent = 0;
};

struct TransferOptions {
  uint64_t chunk_bytes = 0;  ///< 0 = as much as one message carries; otherwise a multiple of 64 KiB
  const Interrupt* interrupt = nullptr;
  TransferProgress progress;
};

/// Two images on disk that a pull fills: `heap.bin` and `stable.bin` in a working directory, with
/// `state.json` that says of which state they are.
///
///   state.json   {"schema": 1, "source": "...", "state_stamp": n, "heap_size": n, "stable_size":
///   n}
class PullTarget {
 public:
  /// Makes the working directory, or opens one that was begun for the same state.
  ///
  /// Shape:   `source` identifies the canister's state beyond its stamp (hash of its metadata).
  /// Errors:  kSnapshotMixed when the directory was begun for another state; kLocked; file errors.
  static Result<PullTarget> open(FileSystem& fs, const std::filesystem::path& directory,
                                 const DownloaderInfo& info, std::string_view source);
  PullTarget(PullTarget&&) noexcept;
  PullTarget& operator=(PullTarget&&) noexcept;
  ~PullTarget();

  /// Fills a region with the bytes of an older copy, which the pull then brings up to date. Only
  /// for a fresh target.
  Status seed(Region region, ByteView older, const Interrupt* interrupt);
  bool resumed() const;
  const std::filesystem::path& path(Region region) const;
  ByteView bytes(Region region) const;
  Status write(Region region, uint64_t offset, ByteView bytes);
  Status sync();

 private:
  struct Impl;
  explicit PullTarget(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Brings the target to the canister's state. Errors: kVerification when a fetched chunk has
/// another hash than the canister told or the state changed meanwhile; kInterrupted (the target is
/// kept).
Result<TransferCounts> pull(TransferClient& client, const DownloaderInfo& info, PullTarget& target,
                            const TransferOptions& options);

/// The images that a push sends.
struct PushSource {
  ByteView heap;
  ByteView stable;
};

/// Brings the canister that runs the uploader to the images, stable memory first.
/// Errors: kVerification when a chunk's hash is not as sent; kRejected with the canister's words;
///         kInterrupted (what was put stays).
Result<TransferCounts> push(TransferClient& client, const PushSource& source,
                            const TransferOptions& options);

}  // namespace canrec::recover
