// SPDX-License-Identifier: Apache-2.0
#pragma once

// Carrying state out of a canister and into another one, chunk by chunk, through the generated
// canisters. Both ways work by comparing hashes: a chunk whose hash is right is not sent, so that
// a first transfer, one that goes on after an interruption, and one into an older copy are the same
// loop, and nothing counts as transferred whose hash was not compared.

#include <filesystem>
#include <functional>

#include "base/file_system.h"
#include "base/input_file.h"
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
  /// What the way there carries in one message, beside what the canister itself allows.
  uint64_t most_bytes = ~uint64_t{0};
  const Interrupt* interrupt = nullptr;
  TransferProgress progress;
  /// Called when a chunk is the same on both sides; `sent` are its bytes when it had to be sent.
  std::function<Status(Region region, uint64_t offset, uint64_t length, ByteView sent)> after_chunk;
};

/// Two images on disk that a pull fills: `heap.bin` and `stable.bin` in a working directory.
class PullTarget {
 public:
  /// Makes the images, sparse and of the canister's sizes, or opens those that are there.
  /// Errors: those of files.
  static Result<PullTarget> open(FileSystem& fs, const std::filesystem::path& directory,
                                 const DownloaderInfo& info);
  PullTarget(PullTarget&&) noexcept;
  PullTarget& operator=(PullTarget&&) noexcept;
  ~PullTarget();

  /// Fills a region with the bytes of an older copy, which the pull then brings up to date. Only
  /// for a fresh target.
  Status seed(Region region, const InputFile* older, const Interrupt* interrupt);
  const InputFile& image(Region region) const;
  /// Bytes inside the image; read, not mapped, so that memory does not grow with the state.
  Result<Bytes> read(Region region, uint64_t offset, uint64_t length) const;
  Status write(Region region, uint64_t offset, ByteView bytes);
  Status sync();

 private:
  struct Impl;
  explicit PullTarget(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Brings the target to the canister's state. Errors: kBadArgument when a message carries less than
/// a page; kVerification when a fetched chunk has
/// another hash than the canister told or the state changed meanwhile; kInterrupted (the target is
/// kept).
Result<TransferCounts> pull(TransferClient& client, const DownloaderInfo& info, PullTarget& target,
                            const TransferOptions& options);

/// The images that a push sends. A file that is missing is an empty memory.
struct PushSource {
  const InputFile* heap = nullptr;
  const InputFile* stable = nullptr;

  const InputFile* file(Region region) const { return region == Region::kHeap ? heap : stable; }
  uint64_t size(Region region) const {
    return file(region) != nullptr ? file(region)->size() : uint64_t{0};
  }
};

/// Announces the sizes to the uploader. Errors: kRejected with the reason, kBadArgument (no whole
/// pages, an empty heap).
Status begin_push(TransferClient& client, const PushSource& source);

/// Brings the canister that runs the uploader, begun with these sizes, to the images.
/// Errors: kVerification when a chunk's hash is not as sent; kRejected with the canister's words;
///         kInterrupted (what was put stays).
Result<TransferCounts> push(TransferClient& client, const PushSource& source,
                            const TransferOptions& options);

}  // namespace canrec::recover
