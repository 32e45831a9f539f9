// SPDX-License-Identifier: Apache-2.0
#pragma once

// Frames: chunks joined and compressed together, so that a chunk can be small (little is written
// when little changes) and compression still sees a megabyte.

#include <memory>
#include <span>

#include "snapshot/store_format.h"

namespace canrec::snapshot {

/// Chunks that wait to become a frame.
struct RawFrame {
  Bytes bytes;
  std::vector<FrameChunk> chunks;

  void add(const Address& address, ByteView chunk);
  /// Whether a chunk of that length would make it larger than create wants a frame.
  bool full_for(size_t length) const;
};

/// A compressor with its memory; one for each thread.
class FrameEncoder {
 public:
  /// Shape: level 1 to 19 as zstd counts them.
  explicit FrameEncoder(int level);
  FrameEncoder(FrameEncoder&&) noexcept;
  FrameEncoder& operator=(FrameEncoder&&) noexcept;
  ~FrameEncoder();
  /// Header, table and payload; stored as it is when compression does not help.
  Bytes encode(const RawFrame& frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Checks the payload's hash and unpacks it into `out`, which has header.raw_size bytes. `frame` is
/// a whole frame; `header` its decoded header.
///
/// Errors: kStoreDamaged (payload hash, damaged zstd data, more or fewer bytes than the header
///         says); offset = base + place in `frame`. Nothing beyond `out` is written or allocated.
Status decode_payload(ByteView frame, const FrameHeader& header, uint64_t base,
                      std::span<uint8_t> out);

/// Unpacks a frame and checks every chunk's address.
/// Errors: kStoreDamaged; offset = base + place in `frame`.
Status check_chunks(ByteView frame, const FrameHeader& header, uint64_t base);

/// Whether the payload has the hash that the header gives.
bool payload_is_whole(ByteView frame, const FrameHeader& header);

}  // namespace canrec::snapshot
