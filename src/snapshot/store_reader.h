// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads a file of a backup from front to back, a window at a time; the frames of a window are
// unpacked on several threads, each frame once, and where a copy is wanted written there by the
// same thread, while they are in its cache.

#include <functional>
#include <map>
#include <memory>

#include "snapshot/store_frame.h"
#include "snapshot/store_jobs.h"
#include "snapshot/store_pool.h"
#include "snapshot/task_queue.h"

namespace canrec::snapshot {

/// A stretch of the file. A window of zeros only has no bytes.
struct Window {
  uint64_t offset = 0;
  uint64_t size = 0;
  ByteView bytes;               ///< empty, or `size` bytes, in `buffer`
  std::vector<FileRange> lost;  ///< zeros in `bytes`; only when salvaging
  Pool<Bytes>::Lease buffer;
};

/// A chunk and its place in the window.
struct Want {
  Address address;
  size_t at;
  uint32_t length;
};

class FileReader {
 public:
  FileReader(const Store& store, const Index& index, const JobControl& control);
  ~FileReader();

  /// Gives the windows of a file to `visit`, in order and without gaps. They may be kept as long as
  /// this object. `copy`, a file of zeros as long as this one, gets every chunk that is stored and
  /// whole; what is zero or lost is not written.
  ///
  /// Errors: kStoreDamaged (also when index and pack disagree) with pack and offset, and kIo,
  ///         unless salvaging; kInterrupted; those of `copy`; what `visit` returns.
  Status read(const Manifest& manifest, const ManifestFile& file, Salvage salvage,
              WritableFile* copy, const std::function<Status(Window)>& visit);

 private:
  struct Plan;
  // What a thread needs to unpack a frame.
  struct Scratch {
    FrameDecoder decoder;
    Bytes packed;
    Bytes raw;
  };
  Plan plan_window(const Manifest& manifest, const ManifestFile& file,
                   const std::vector<Reference>& references, uint64_t offset,
                   std::pair<size_t, uint32_t>& cursor);
  Status fill(const PackReader& pack, const Location& location, const std::vector<Want>& wants,
              std::span<uint8_t> window);
  void start(Plan& plan, WritableFile* copy);
  Status finish(Plan& plan, const ManifestFile& file, Salvage salvage);
  Result<const PackReader*> pack(uint64_t number);

  const Store& store_;
  const Index& index_;
  const JobControl& control_;
  std::map<uint64_t, std::unique_ptr<PackReader>> packs_;
  Pool<Bytes> buffers_;
  Pool<Scratch> scratch_;
  TaskQueue workers_;  ///< last, so that it ends before what its tasks use
};

}  // namespace canrec::snapshot
