// SPDX-License-Identifier: Apache-2.0
#pragma once

// Adds chunks to a store, in packs one after another.

#include <deque>
#include <memory>
#include <optional>

#include "snapshot/store_pipeline.h"

namespace canrec::snapshot {

class ChunkWriter {
 public:
  /// `index` is updated as frames get their place. The caller holds the writer's lock.
  static Result<std::unique_ptr<ChunkWriter>> create(const Store& store, FileSystem& system,
                                                     Index& index, int level,
                                                     const JobControl& control);

  /// Whether the store has the chunk or will have it.
  bool has(const Address& address) const { return index_.contains(address); }
  /// Adds a chunk that the store does not have; the bytes are copied.
  Status add(const Address& address, ByteView chunk);
  /// Ends the frame that is being filled.
  Status cut() { return pipeline_.cut(); }
  /// Adds a frame that was made elsewhere and checked.
  Status add_frame(const EncodedFrame& frame);
  /// Writes what is pending and makes the packs appear. Call once.
  Status finish();

  /// Bytes of packs written.
  uint64_t bytes_written() const { return bytes_written_; }
  /// Packs made, by rising number; on disk after finish().
  const std::vector<PackFile>& packs() const { return packs_; }

 private:
  ChunkWriter(const Store& store, FileSystem& system, Index& index, int level,
              const JobControl& control);
  Status close_pack();

  const Store& store_;
  FileSystem& system_;
  Index& index_;
  uint64_t next_pack_ = 1;
  std::optional<PackWriter> pack_;
  std::vector<PackFile> packs_;
  uint64_t bytes_written_ = 0;
  std::deque<std::future<Status>> closing_;
  FramePipeline pipeline_;
  TaskQueue closer_{1};
};

}  // namespace canrec::snapshot
