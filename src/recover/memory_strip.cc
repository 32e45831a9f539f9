// SPDX-License-Identifier: Apache-2.0
// Strips as rows of rectangles; neighbouring cells of one colour are one rectangle.
#include "recover/memory_strip.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace canrec::recover {
namespace {

// Heights in user units: the map, a gap, the marks of changes.
constexpr int kMapHeight = 22;
constexpr int kMarkTop = 25;
constexpr int kMarkHeight = 9;
constexpr int kHeight = kMarkTop + kMarkHeight;

using Cells = std::array<size_t, kStripCells>;

// The cells that [begin, end) touches, as [first, last); empty when it lies outside the window.
struct CellSpan {
  size_t first = 0;
  size_t last = 0;
};

class Window {
 public:
  Window(uint64_t begin, uint64_t end) : begin_(begin), end_(end) {}

  CellSpan cells(uint64_t begin, uint64_t end) const {
    begin = std::max(begin, begin_);
    end = std::min(end, end_);
    if (begin >= end) return {};
    return {cell_of(begin), cell_of(end - 1) + 1};
  }
  uint64_t clamped(uint64_t address) const { return std::clamp(address, begin_, end_); }
  uint64_t address_of(size_t cell) const {
    return begin_ + static_cast<uint64_t>(static_cast<long double>(end_ - begin_) *
                                          static_cast<long double>(cell) / kStripCells);
  }

 private:
  size_t cell_of(uint64_t address) const {
    const auto cell = static_cast<size_t>(static_cast<long double>(address - begin_) * kStripCells /
                                          static_cast<long double>(end_ - begin_));
    return std::min(cell, kStripCells - 1);
  }

  uint64_t begin_;
  uint64_t end_;
};

Cells kinds_of(const Window& window, const StripMap& map) {
  Cells cells;
  cells.fill(map.kinds.size() - 1);
  for (const StripPiece& piece : map.pieces) {
    const CellSpan span = window.cells(piece.begin, piece.end);
    for (size_t i = span.first; i < span.last; ++i) cells[i] = std::min(cells[i], piece.kind);
  }
  return cells;
}

// The bytes that made [first, last) what it is: from the first to the last piece in these cells,
// to their own borders, which need not be those of cells.
template <typename Piece, typename Wanted>
TouchedRange exact(const Window& window, size_t first, size_t last,
                   const std::vector<Piece>& pieces, Wanted wanted) {
  const uint64_t begin = window.address_of(first);
  const uint64_t end = window.address_of(last);
  TouchedRange out{end, begin};
  for (const Piece& piece : pieces) {
    if (piece.end <= begin || piece.begin >= end || !wanted(piece)) continue;
    out.begin = std::min(out.begin, window.clamped(piece.begin));
    out.end = std::max(out.end, window.clamped(piece.end));
  }
  return out;
}

std::string rectangle(size_t first, size_t last, int top, int height, std::string_view colour,
                      std::string_view title, const TouchedRange& bytes) {
  return fmt::format(
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"><title>{} 0x{:08x} to "
      "0x{:08x}"
      "</title></rect>",
      first, top, last - first, height, colour, title, bytes.begin, bytes.end);
}

// Calls `draw(first, last, value)` for every run of equal cells.
template <typename T, typename Draw>
void for_runs(const std::array<T, kStripCells>& cells, Draw draw) {
  for (size_t first = 0; first < kStripCells;) {
    size_t last = first + 1;
    while (last < kStripCells && cells[last] == cells[first]) ++last;
    draw(first, last, cells[first]);
    first = last;
  }
}

std::string marks(const Window& window, const std::vector<TouchedRange>& changed, int top) {
  std::array<bool, kStripCells> marked{};
  for (const TouchedRange& range : changed) {
    const CellSpan span = window.cells(range.begin, range.end);
    for (size_t i = span.first; i < span.last; ++i) marked[i] = true;
  }
  std::string out;
  for_runs(marked, [&](size_t first, size_t last, bool mark) {
    if (!mark) return;
    out += rectangle(first, last, top, kMarkHeight, kStripChanged, "changed in",
                     exact(window, first, last, changed, [](const TouchedRange&) { return true; }));
  });
  return out;
}

size_t places_in(const std::vector<TouchedRange>& changed, uint64_t begin, uint64_t end) {
  return static_cast<size_t>(std::ranges::count_if(
      changed, [&](const TouchedRange& range) { return range.begin < end && begin < range.end; }));
}

std::string svg(int height, std::string_view attributes) {
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\"{}>",
      kStripCells, height, attributes);
}

}  // namespace

const std::vector<StripKind>& strip_kinds() {
  static const std::vector<StripKind> kinds = {{"data", "data segments", "#f2a93b"},
                                               {"static", "static area", "#b48ead"},
                                               {"stack", "stack", "#7aa7f0"},
                                               {"heap", "heap", "#d0d7de"}};
  return kinds;
}

const std::vector<std::string>& region_colours() {
  static const std::vector<std::string> colours = {"#b7d7b0", "#8ecae6", "#d4b8e8",
                                                   "#f6d186", "#f4b6c2", "#a3d9c9"};
  return colours;
}

StripMap heap_strip(const std::vector<MapPiece>& pieces) {
  StripMap map{{}, strip_kinds()};
  for (const MapPiece& piece : pieces) {
    const auto kind = std::ranges::find_if(
        map.kinds, [&](const StripKind& each) { return piece.what.starts_with(each.begins); });
    const auto index = static_cast<size_t>(kind - map.kinds.begin());
    map.pieces.push_back({piece.begin, piece.end, std::min(index, map.kinds.size() - 1)});
  }
  return map;
}

std::string region_colour(const std::vector<StableRegion>& regions, size_t index) {
  if (regions[index].region.kind == stable::RegionKind::kTable) return std::string(kStripTable);
  if (regions[index].region.kind == stable::RegionKind::kReserved) {
    return std::string(kStripReserved);
  }
  return region_colours()[index % region_colours().size()];
}

StripMap stable_strip(const std::vector<StableRegion>& regions) {
  std::vector<size_t> order(regions.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    const bool unused_a = regions[a].region.kind == stable::RegionKind::kReserved;
    const bool unused_b = regions[b].region.kind == stable::RegionKind::kReserved;
    if (unused_a != unused_b) return unused_b;
    return regions[a].region.bytes < regions[b].region.bytes;
  });
  StripMap map;
  for (const size_t index : order) {
    const stable::Region& region = regions[index].region;
    for (const stable::Extent& extent : region.extents) {
      map.pieces.push_back({extent.begin, extent.end, map.kinds.size()});
    }
    map.kinds.push_back({"", region.name, region_colour(regions, index)});
  }
  return map;
}

std::string memory_strip(uint64_t begin, uint64_t end, const StripMap& map,
                         const std::vector<TouchedRange>& changed) {
  if (begin >= end) return {};
  const Window window(begin, end);
  std::string out = svg(kHeight, fmt::format(" role=\"img\" aria-label=\"memory from 0x{:08x} to "
                                             "0x{:08x}, changed in {} places\"",
                                             begin, end, places_in(changed, begin, end)));
  for_runs(kinds_of(window, map), [&](size_t first, size_t last, size_t kind) {
    out += rectangle(first, last, 0, kMapHeight, map.kinds[kind].colour, map.kinds[kind].name,
                     exact(window, first, last, map.pieces,
                           [&](const StripPiece& piece) { return piece.kind == kind; }));
  });
  out += marks(window, changed, kMarkTop) + "</svg>";
  return out + fmt::format("<div class=\"ends\"><span>0x{:08x}</span><span>0x{:08x}</span></div>\n",
                           begin, end);
}

std::string change_strip(uint64_t size, std::string_view colour,
                         const std::vector<TouchedRange>& changed) {
  if (size == 0) return {};
  return svg(kMarkHeight,
             fmt::format(" class=\"line\" role=\"img\" aria-label=\"changed in {} places\"",
                         changed.size())) +
         rectangle(0, kStripCells, 0, kMarkHeight, colour, "all", {0, size}) +
         marks(Window(0, size), changed, 0) + "</svg>";
}

}  // namespace canrec::recover
