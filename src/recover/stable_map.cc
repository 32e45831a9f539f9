// SPDX-License-Identifier: Apache-2.0
// Changed pages, put down to regions.
#include "recover/stable_map.h"

#include <algorithm>

namespace canrec::recover {
namespace {

// A region's first bytes lie in a page that may have to be read from disk.
constexpr size_t kUnchangedDescribed = 256;

// One extent, and where it lies in its region.
struct Piece {
  uint64_t begin = 0;
  uint64_t end = 0;
  size_t region = 0;
  uint64_t own_address = 0;
};

std::vector<Piece> pieces_of(const stable::Regions& regions) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < regions.regions.size(); ++i) {
    uint64_t own_address = 0;
    for (const stable::Extent& extent : regions.regions[i].extents) {
      pieces.push_back({extent.begin, extent.end, i, own_address});
      own_address += extent.end - extent.begin;
    }
  }
  std::ranges::sort(pieces, {}, &Piece::begin);
  return pieces;
}

void add_change(StableRegion& region, uint64_t begin, uint64_t end) {
  if (!region.changed.empty() && region.changed.back().end == begin) {
    region.changed.back().end = end;
  } else {
    region.changed.push_back({begin, end});
  }
}

}  // namespace

stable::Peek peek_of(const engine::Memory& stable) {
  return [&stable](uint64_t at, uint64_t length) {
    const auto bytes = stable.peek(at, length);
    CANREC_ASSERT(bytes.has_value());
    return *bytes;
  };
}

std::vector<StableRegion> stable_map(const engine::Memory& stable, const stable::Regions& regions,
                                     const std::vector<TouchedRange>& changed) {
  std::vector<StableRegion> out;
  for (const stable::Region& region : regions.regions) out.push_back({region, "", {}});
  const std::vector<Piece> pieces = pieces_of(regions);
  size_t first = 0;
  for (const TouchedRange& range : changed) {
    while (first < pieces.size() && pieces[first].end <= range.begin) ++first;
    for (size_t i = first; i < pieces.size() && pieces[i].begin < range.end; ++i) {
      const Piece& piece = pieces[i];
      const uint64_t begin = std::max(range.begin, piece.begin) - piece.begin;
      const uint64_t end = std::min(range.end, piece.end) - piece.begin;
      add_change(out[piece.region], piece.own_address + begin, piece.own_address + end);
    }
  }
  const stable::Peek peek = peek_of(stable);
  size_t described = 0;
  for (StableRegion& region : out) {
    // A region's blocks need not ascend in memory.
    std::ranges::sort(region.changed, {}, &TouchedRange::begin);
    if (region.changed.empty() && ++described > kUnchangedDescribed) continue;
    region.contents = stable::contents(region.region, peek);
  }
  return out;
}

}  // namespace canrec::recover
