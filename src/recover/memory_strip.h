// SPDX-License-Identifier: Apache-2.0
#pragma once

// A memory drawn as a strip for the HTML report: what lies where above, what a step changed below.
// A strip has a fixed number of cells, so its text has the same size for 64 KiB and for 500 GiB.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "recover/rehearse.h"

namespace canrec::recover {

/// Cells across a strip; one is what a quarter of a page's width can still show.
inline constexpr size_t kStripCells = 512;

/// What a colour stands for, as legend and tests name it.
struct StripKind {
  std::string begins;  ///< of MapPiece::what
  std::string name;
  std::string colour;  ///< "#rrggbb"
};
/// Kinds of a heap, in the order in which a cell that several kinds share is coloured.
const std::vector<StripKind>& strip_kinds();
/// Colours of the regions of stable memory, which repeat; of its tables; and of what is not in use.
const std::vector<std::string>& region_colours();
inline constexpr std::string_view kStripTable = "#8a8f98";
inline constexpr std::string_view kStripReserved = "#eceff2";
inline constexpr std::string_view kStripChanged = "#c2410c";

/// A part of a memory and the index of its kind.
struct StripPiece {
  uint64_t begin = 0;
  uint64_t end = 0;
  size_t kind = 0;
};
/// A memory cut into kinds; of the kinds that share a cell the first one colours it.
struct StripMap {
  std::vector<StripPiece> pieces;
  std::vector<StripKind> kinds;
};
/// The map of a heap. Shape: `pieces` is as memory_map() makes it.
StripMap heap_strip(const std::vector<MapPiece>& pieces);
/// The map of a stable memory: the smallest regions first, so that they are seen.
StripMap stable_strip(const std::vector<StableRegion>& regions);
/// The colour of regions[index] there.
std::string region_colour(const std::vector<StableRegion>& regions, size_t index);

/// The window [begin, end) of a memory as an SVG element.
///
/// Shape:  one small data segment in 4 GiB is still seen, as the kinds that are first in the order
///         are small ones; a cell with one changed byte is marked.
std::string memory_strip(uint64_t begin, uint64_t end, const StripMap& map,
                         const std::vector<TouchedRange>& changed);

/// Only the marks of changes, for a line of a table: 0 to `size` of a region's own addresses.
std::string change_strip(uint64_t size, std::string_view colour,
                         const std::vector<TouchedRange>& changed);

}  // namespace canrec::recover
