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
  std::string_view begins;  ///< of MapPiece::what
  std::string_view name;
  std::string_view colour;  ///< "#rrggbb"
};
/// Legend of the strips, in the order in which a cell that several kinds share is coloured.
const std::vector<StripKind>& strip_kinds();
inline constexpr std::string_view kStripStable = "#b7d7b0";
inline constexpr std::string_view kStripChanged = "#c2410c";

/// The window [begin, end) of a memory as an SVG element.
///
/// Shape:  `map` is as memory_map() makes it; null stands for stable memory. A cell is coloured by
///         the first kind of strip_kinds() that has a byte in it, so that one small data segment in
///         4 GiB is still seen; a cell with one changed byte is marked.
std::string memory_strip(uint64_t begin, uint64_t end, const std::vector<MapPiece>* map,
                         const std::vector<TouchedRange>& changed);

}  // namespace canrec::recover
