// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads a file of a backup from front to back, a window at a time; the frames of a window are
// unpacked on several threads, each frame once.

#include <functional>
#include <map>
#include <memory>

#include "snapshot/store_jobs.h"
#include "snapshot/task_queue.h"

namespace canrec::snapshot {

/// A stretch of the file. A window of zeros only has no bytes.
struct Window {
  uint64_t offset = 0;
  uint64_t size = 0;
  Bytes bytes;                  ///< empty, or `size` bytes
  std::vector<FileRange> lost;  ///< zeros in `bytes`; only when salvaging
};

/// Adds a window to a hash.
void hash_window(Sha256Stream& hash, const Window& window);

class FileReader {
 public:
  FileReader(const Store& store, const Index& index, const JobControl& control);
  ~FileReader();

  /// Gives the windows of a file to `visit`, in order and without gaps.
  ///
  /// Errors: kStoreDamaged (also when index and pack disagree) with pack and offset, and kIo,
  /// unless
  ///         salvaging; kInterrupted; what `visit` returns.
  Status read(const Manifest& manifest, const ManifestFile& file, Salvage salvage,
              const std::function<Status(Window)>& visit);

 private:
  struct Plan;
  Plan plan_window(const Manifest& manifest, const ManifestFile& file,
                   const std::vector<Reference>& references, uint64_t offset,
                   std::pair<size_t, uint32_t>& cursor);
  void start(Plan& plan);
  Status finish(Plan& plan, const ManifestFile& file, Salvage salvage);
  Result<const PackReader*> pack(uint64_t number);

  const Store& store_;
  const Index& index_;
  const JobControl& control_;
  std::map<uint64_t, std::unique_ptr<PackReader>> packs_;
  TaskQueue workers_;  ///< last, so that it ends before what its tasks use
};

}  // namespace canrec::snapshot
