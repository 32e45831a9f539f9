// SPDX-License-Identifier: Apache-2.0
// Laying out active segments and walking two images side by side.
#include "wasmdiff/data_image.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/checked.h"

namespace canrec::wasmdiff {
namespace {

using Pieces = std::map<uint64_t, ImagePiece>;

ImagePiece cut(const ImagePiece& piece, uint64_t from, uint64_t to) {
  const uint64_t skip = from - piece.address;
  return {from, piece.bytes.subspan(static_cast<size_t>(skip), static_cast<size_t>(to - from)),
          piece.segment, piece.offset + skip};
}

// Puts a piece over what is there; every piece is cut at most once at each end.
void overlay(Pieces& pieces, const ImagePiece& piece) {
  if (piece.bytes.empty()) return;
  auto at = pieces.lower_bound(piece.address);
  if (at != pieces.begin()) {
    const ImagePiece before = std::prev(at)->second;
    if (before.end() > piece.address) {
      std::prev(at)->second = cut(before, before.address, piece.address);
      if (before.end() > piece.end()) {
        pieces.emplace(piece.end(), cut(before, piece.end(), before.end()));
      }
    }
  }
  at = pieces.lower_bound(piece.address);
  while (at != pieces.end() && at->first < piece.end()) {
    const ImagePiece behind = at->second;
    at = pieces.erase(at);
    if (behind.end() > piece.end()) {
      pieces.emplace(piece.end(), cut(behind, piece.end(), behind.end()));
      break;
    }
  }
  pieces.emplace(piece.address, piece);
}

// The piece that holds the address, or the first one behind it.
std::vector<ImagePiece>::const_iterator find(const DataImage& image, uint64_t address) {
  return std::ranges::upper_bound(image.pieces, address, {},
                                  [](const ImagePiece& piece) { return piece.end(); });
}

// Collects differing ranges, joining those that nearly touch.
class Collector {
 public:
  void add(uint64_t address, uint64_t length) {
    if (!ranges_.empty() && address < ranges_.back().end() + 4) {
      ranges_.back().length = address + length - ranges_.back().address;
    } else {
      ranges_.push_back({address, length});
    }
  }
  void compare(uint64_t address, const uint8_t* a, const uint8_t* b, uint64_t length) {
    constexpr uint64_t kBlock = 64;
    for (uint64_t i = 0; i < length; i += kBlock) {
      const uint64_t n = std::min(kBlock, length - i);
      if (std::memcmp(a + i, b + i, static_cast<size_t>(n)) == 0) continue;
      for (uint64_t j = i; j < i + n; ++j) {
        if (a[j] != b[j]) add(address + j, 1);
      }
    }
  }
  void compare_with_zero(uint64_t address, const uint8_t* a, uint64_t length) {
    for (uint64_t i = 0; i < length; ++i) {
      if (a[i] != 0) add(address + i, 1);
    }
  }
  std::vector<ChangedRange> take() { return std::move(ranges_); }

 private:
  std::vector<ChangedRange> ranges_;
};

}  // namespace

DataImage data_image(const wasm::Module& module) {
  DataImage image;
  Pieces pieces;
  const uint64_t memory_end =
      module.memories.empty()
          ? 0
          : checked_mul(module.memories[0].limits.min, wasm::kPageSize).value_or(~uint64_t{0});
  for (size_t i = 0; i < module.data.size(); ++i) {
    const wasm::DataSegment& segment = module.data[i];
    if (segment.mode != wasm::SegmentMode::kActive) continue;
    const auto index = narrow<uint32_t>(i);
    const auto address = wasm::constant_address(segment.offset);
    if (!address) {
      image.bad.push_back({index, segment.range.begin, true});
      continue;
    }
    if (!in_bounds(*address, segment.bytes.size(), memory_end)) {
      image.bad.push_back({index, segment.range.begin, false});
    }
    if (!checked_add(*address, segment.bytes.size())) continue;
    overlay(pieces, {*address, module.view(segment.bytes), index, segment.bytes.begin});
  }
  for (auto& [address, piece] : pieces) image.pieces.push_back(piece);
  if (!image.pieces.empty()) {
    image.begin = image.pieces.front().address;
    image.end = image.pieces.back().end();
  }
  return image;
}

uint8_t DataImage::at(uint64_t address) const {
  const auto piece = find(*this, address);
  if (piece == pieces.end() || piece->address > address) return 0;
  return piece->bytes[static_cast<size_t>(address - piece->address)];
}

uint64_t DataImage::word(uint64_t address, unsigned width) const {
  const auto piece = find(*this, address);
  if (piece == pieces.end()) return 0;
  if (piece->address <= address && piece->end() - address >= width) [[likely]] {
    const uint8_t* from = piece->bytes.data() + (address - piece->address);
    return width == 8 ? load_le<uint64_t>(from) : load_le<uint32_t>(from);
  }
  uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) value |= uint64_t{at(address + i)} << (8 * i);
  return value;
}

std::optional<uint64_t> DataImage::offset_of(uint64_t address) const {
  const auto piece = find(*this, address);
  if (piece == pieces.end() || piece->address > address) return std::nullopt;
  return piece->offset + (address - piece->address);
}

Bytes DataImage::copy(uint64_t address, uint64_t length) const {
  Bytes out(static_cast<size_t>(length));
  for (auto piece = find(*this, address); piece != pieces.end(); ++piece) {
    if (piece->address >= address + length) break;
    const uint64_t from = std::max(address, piece->address);
    const uint64_t to = std::min(address + length, piece->end());
    std::memcpy(out.data() + (from - address), piece->bytes.data() + (from - piece->address),
                static_cast<size_t>(to - from));
  }
  return out;
}

std::vector<ChangedRange> differences(const DataImage& a, const DataImage& b) {
  Collector out;
  auto p = a.pieces.begin();
  auto q = b.pieces.begin();
  uint64_t at = 0;
  while (p != a.pieces.end() || q != b.pieces.end()) {
    // The next stretch over which each image is either one piece or zeros.
    const bool has_p = p != a.pieces.end();
    const bool has_q = q != b.pieces.end();
    const uint64_t p_from = has_p ? std::max(at, p->address) : ~uint64_t{0};
    const uint64_t q_from = has_q ? std::max(at, q->address) : ~uint64_t{0};
    const uint64_t from = std::min(p_from, q_from);
    const bool in_p = p_from == from;
    const bool in_q = q_from == from;
    uint64_t to = ~uint64_t{0};
    if (has_p) to = std::min(to, in_p ? p->end() : p->address);
    if (has_q) to = std::min(to, in_q ? q->end() : q->address);
    const uint8_t* p_bytes = in_p ? p->bytes.data() + (from - p->address) : nullptr;
    const uint8_t* q_bytes = in_q ? q->bytes.data() + (from - q->address) : nullptr;
    if (in_p && in_q) {
      out.compare(from, p_bytes, q_bytes, to - from);
    } else {
      out.compare_with_zero(from, in_p ? p_bytes : q_bytes, to - from);
    }
    at = to;
    if (in_p && at == p->end()) ++p;
    if (in_q && at == q->end()) ++q;
  }
  return out.take();
}

}  // namespace canrec::wasmdiff
