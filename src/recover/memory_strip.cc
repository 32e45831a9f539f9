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

size_t kind_of(std::string_view what) {
  const std::vector<StripKind>& kinds = strip_kinds();
  const auto it = std::ranges::find_if(
      kinds, [&](const StripKind& kind) { return what.starts_with(kind.begins); });
  return it == kinds.end() ? kinds.size() - 1 : static_cast<size_t>(it - kinds.begin());
}

Cells kinds_of(const Window& window, const std::vector<MapPiece>& map) {
  const size_t none = strip_kinds().size() - 1;
  Cells cells;
  cells.fill(none);
  for (const MapPiece& piece : map) {
    const size_t kind = kind_of(piece.what);
    const CellSpan span = window.cells(piece.begin, piece.end);
    for (size_t i = span.first; i < span.last; ++i) cells[i] = std::min(cells[i], kind);
  }
  return cells;
}

// The bytes that made [first, last) what it is: from the first to the last piece in these cells.
template <typename Piece, typename Wanted>
TouchedRange exact(const Window& window, size_t first, size_t last,
                   const std::vector<Piece>& pieces, Wanted wanted) {
  const uint64_t begin = window.address_of(first);
  const uint64_t end = window.address_of(last);
  TouchedRange out{end, begin};
  for (const Piece& piece : pieces) {
    if (piece.end <= begin || piece.begin >= end || !wanted(piece)) continue;
    out.begin = std::min(out.begin, std::max(piece.begin, begin));
    out.end = std::max(out.end, std::min(piece.end, end));
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

}  // namespace

const std::vector<StripKind>& strip_kinds() {
  static const std::vector<StripKind> kinds = {{"data", "data segments", "#f2a93b"},
                                               {"static", "static area", "#b48ead"},
                                               {"stack", "stack", "#7aa7f0"},
                                               {"heap", "heap", "#d0d7de"}};
  return kinds;
}

std::string memory_strip(uint64_t begin, uint64_t end, const std::vector<MapPiece>* map,
                         const std::vector<TouchedRange>& changed) {
  if (begin >= end) return {};
  const Window window(begin, end);
  std::string out = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\">",
      kStripCells, kHeight);
  if (map == nullptr) {
    out += rectangle(0, kStripCells, 0, kMapHeight, kStripStable, "stable memory", {begin, end});
  } else {
    for_runs(kinds_of(window, *map), [&](size_t first, size_t last, size_t kind) {
      out += rectangle(first, last, 0, kMapHeight, strip_kinds()[kind].colour,
                       strip_kinds()[kind].name,
                       exact(window, first, last, *map,
                             [&](const MapPiece& piece) { return kind_of(piece.what) == kind; }));
    });
  }
  std::array<bool, kStripCells> marked{};
  for (const TouchedRange& range : changed) {
    const CellSpan span = window.cells(range.begin, range.end);
    for (size_t i = span.first; i < span.last; ++i) marked[i] = true;
  }
  for_runs(marked, [&](size_t first, size_t last, bool mark) {
    if (!mark) return;
    out += rectangle(first, last, kMarkTop, kMarkHeight, kStripChanged, "changed in",
                     exact(window, first, last, changed, [](const TouchedRange&) { return true; }));
  });
  out += "</svg>";
  return out + fmt::format("<div class=\"ends\"><span>0x{:08x}</span><span>0x{:08x}</span></div>\n",
                           begin, end);
}

}  // namespace canrec::recover
