// SPDX-License-Identifier: Apache-2.0
#pragma once

// The regions of a stable memory: what a program calls its memories, and where their bytes lie.
//
//   MemoryManager of ic-stable-structures (Rust, Azle)     Motoko's Regions
//   0      "MGR", 1                                        0      "MOREGION", u32 version 2
//   4      u16 buckets, u16 pages of a bucket              12     u16 pages of a block: 128
//   40     255 x u64 size in pages, by memory id           14     u64 where block 0 begins
//   2080   a byte a bucket: the memory it is of, or 255    22     u32 blocks, u64 next region id
//   65536  bucket 0, bucket 1, ...                         34     11 bytes a block: u64 region + 1,
//                                                                 u16 rank, u8 pages in use
//
// A memory's buckets follow each other in ascending order, a region's blocks by rank. Any other
// stable memory is one region. A memory may hold a memory manager of its own: Azle gives memory 254
// to the file system of its WASI layer, which begins with one. Such a memory is cut into the
// memories within it, one level deep.
//
// Source: https://github.com/dfinity/stable-structures (memory_manager.rs),
//         https://github.com/dfinity/motoko (rts, region.rs),
//         https://github.com/wasm-forge/stable-fs (memory ids of its structures)

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace canrec::stable {

/// Bytes [begin, end) of stable memory.
struct Extent {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool operator==(const Extent&) const = default;
};

enum class RegionKind : uint8_t {
  kData,      ///< what the program reads and writes under this name
  kTable,     ///< bookkeeping of the container
  kReserved,  ///< no memory reaches there: free, or kept for growth
};

struct Region {
  RegionKind kind = RegionKind::kData;
  std::string name;    ///< "memory 3", "memory 229 within memory 254", "region 16", "stable memory"
  uint64_t bytes = 0;  ///< of all extents
  std::vector<Extent> extents;  ///< in the order of the region's own addresses; neighbours joined
  std::string role{};  ///< "directory entries of stable-fs", where its place tells; else empty
  bool operator==(const Region&) const = default;
};

struct Regions {
  std::string container;        ///< "memory manager of ic-stable-structures, ..."; empty for none
  std::vector<Region> regions;  ///< data first, by id; no byte is in two
  std::string contradiction;    ///< why the header cannot be true; then regions are what fits
  bool operator==(const Regions&) const = default;
};

/// Gives `length` bytes at `at`; asked only for what lies within the size that was given with it.
using Peek = std::function<ByteView(uint64_t at, uint64_t length)>;

/// Shape: the extents of all regions together cover [0, size) exactly; at most 100,000 regions and
///        extents are made, whatever the bytes say.
Regions read_regions(uint64_t size, const Peek& peek);

/// What the first bytes of a region say is in it, "BTreeMap, 5,001 entries"; for bytes that no
/// known structure begins with, these bytes.
std::string contents(const Region& region, const Peek& peek);

}  // namespace canrec::stable
