// SPDX-License-Identifier: Apache-2.0
#pragma once

// The SHA-256 of a file of a backup, computed anew while the file is read. The manifest has the
// hash's state every megabyte or so; the stretches between them are computed side by side
// (base/sha256_lanes.h). Each must lead from its state to the next, so in the end every byte was
// hashed as if one after another, and a difference is known to the stretch.

#include <cstdint>
#include <optional>

#include "snapshot/store_manifest.h"

namespace canrec::snapshot {

class FileHash {
 public:
  /// `file` outlives this. Without states it is one stretch, hashed from the front.
  explicit FileHash(const ManifestFile& file)
      : file_(file),
        stride_(file.states.empty() ? UINT64_MAX : state_stride(file.size)),
        state_(Sha256Chain().state()) {}

  /// What follows in the file: `size` bytes, or as many zeros when `bytes` is empty.
  /// Shape: a whole number of blocks of 64 bytes, except at the file's end.
  void add(ByteView bytes, uint64_t size);
  /// After the last byte. Errors: kHashMismatch; offset = begin of the first stretch that differs.
  Status finish();

 private:
  const ManifestFile& file_;
  uint64_t stride_;
  uint64_t position_ = 0;  ///< bytes that state_ stands for
  Sha256State state_;
  Bytes tail_;                         ///< behind the last whole block
  std::optional<uint64_t> different_;  ///< begin of the first stretch that leads elsewhere
};

}  // namespace canrec::snapshot
