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
  /// Empties it; its memory stays for the next chunks.
  void clear();
  /// Whether a chunk of that length would make it larger than create wants a frame.
  bool full_for(size_t length) const;
};

/// A compressor with its memory; one for each frame in flight.
class FrameEncoder {
 public:
  /// Shape: level 1 to 19 as zstd counts them; level 3 with tables that fit the inner caches, which
  /// is faster and on heaps no larger (docs/design/chunk-store.md).
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

/// A decompressor with its memory; for one thread at a time.
class FrameDecoder {
 public:
  FrameDecoder();
  FrameDecoder(FrameDecoder&&) noexcept;
  FrameDecoder& operator=(FrameDecoder&&) noexcept;
  ~FrameDecoder();

  /// Checks the payload's hash and unpacks it into `out`, which has header.raw_size bytes. `frame`
  /// is a whole frame; `header` its decoded header.
  ///
  /// Errors: kStoreDamaged (payload hash, damaged zstd data, more or fewer bytes than the header
  ///         says); offset = base + place in `frame`. Nothing beyond `out` is written or allocated.
  Status unpack(ByteView frame, const FrameHeader& header, uint64_t base, std::span<uint8_t> out);

  /// Unpacks a frame and checks every chunk's address.
  /// Errors: kStoreDamaged; offset = base + place in `frame`.
  Status check(ByteView frame, const FrameHeader& header, uint64_t base);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether the payload has the hash that the header gives.
bool payload_is_whole(ByteView frame, const FrameHeader& header);

}  // namespace canrec::snapshot
