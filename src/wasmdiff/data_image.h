// SPDX-License-Identifier: Apache-2.0
#pragma once

// The memory that the active data segments make, zero-extended: what code of a module finds in its
// static area after a fresh installation. Tools split, merge and trim segments without changing it,
// so it is what is compared. Bytes are never copied: the image is a list of views in address order.

#include <cstdint>
#include <optional>
#include <vector>

#include "wasmdiff/denotation.h"

namespace canrec::wasmdiff {

/// Bytes [address, address + bytes.size()) of memory.
struct ImagePiece {
  uint64_t address;
  ByteView bytes;
  uint32_t segment;  ///< the data segment they come from
  uint64_t offset;   ///< file offset of the first byte in the module
  uint64_t end() const { return address + bytes.size(); }
};

/// A segment that cannot be laid out.
struct BadSegment {
  uint32_t segment;
  uint64_t offset;       ///< in the module
  bool unknown_address;  ///< not a constant; otherwise it ends beyond the first memory
};

struct DataImage {
  std::vector<ImagePiece> pieces;  ///< in address order, disjoint; later segments overlay earlier
  std::vector<BadSegment> bad;
  /// First and one past the last byte that a segment covers; nothing without segments.
  uint64_t begin = 0;
  uint64_t end = 0;
  bool empty() const { return pieces.empty(); }

  /// The byte at an address; 0 where no segment lies.
  uint8_t at(uint64_t address) const;
  /// A little-endian word of `width` (4 or 8) bytes.
  uint64_t word(uint64_t address, unsigned width) const;
  /// The file offset that a byte of the image comes from.
  std::optional<uint64_t> offset_of(uint64_t address) const;
  /// Up to `length` bytes from `address`, zeros where no segment lies.
  Bytes copy(uint64_t address, uint64_t length) const;
};
DataImage data_image(const wasm::Module& module);

/// Bytes [address, address + length) differ between two images. Ranges closer than 4 bytes are one.
struct ChangedRange {
  uint64_t address;
  uint64_t length;
  uint64_t end() const { return address + length; }
};
/// Where two zero-extended images differ, in address order.
std::vector<ChangedRange> differences(const DataImage& a, const DataImage& b);

}  // namespace canrec::wasmdiff
