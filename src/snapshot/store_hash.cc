// SPDX-License-Identifier: Apache-2.0
// Stretches between states.
#include "snapshot/store_hash.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/sha256_lanes.h"

namespace canrec::snapshot {

namespace {
constexpr uint64_t kBlock = 64;
}  // namespace

void FileHash::add(ByteView bytes, uint64_t size) {
  CANREC_ASSERT(tail_.empty() && position_ % kBlock == 0 && size <= file_.size - position_);
  if (different_) return;
  const uint64_t begin = position_;
  const uint64_t end = begin + size;
  const uint64_t whole_end = end - end % kBlock;
  std::vector<Sha256Piece> pieces;
  std::vector<uint64_t> ends;
  while (position_ < whole_end) {
    const uint64_t number = position_ / stride_;
    const uint64_t stop = std::min(whole_end, (number + 1) * stride_);
    Sha256Piece piece;
    piece.state = pieces.empty() ? state_ : file_.states[number - 1];
    piece.blocks = (stop - position_) / kBlock;
    if (!bytes.empty()) piece.bytes = bytes.subspan(position_ - begin, stop - position_);
    pieces.push_back(piece);
    ends.push_back(stop);
    position_ = stop;
  }
  sha256_advance(pieces);
  for (size_t i = 0; i < pieces.size() && !different_; ++i) {
    const uint64_t number = ends[i] / stride_;
    const bool has_state = ends[i] % stride_ == 0 && number <= file_.states.size();
    if (has_state && pieces[i].state != file_.states[number - 1]) {
      different_ = (number - 1) * stride_;
    }
  }
  if (!pieces.empty()) state_ = pieces.back().state;
  if (whole_end == end) return;
  tail_.resize(end - whole_end);
  if (!bytes.empty()) std::ranges::copy(bytes.subspan(whole_end - begin), tail_.begin());
}

Status FileHash::finish() {
  if (!different_) {
    CANREC_ASSERT(position_ + tail_.size() == file_.size);
    Sha256Chain last(state_, position_);
    last.update(tail_);
    if (last.finish() == file_.sha256) return Ok{};
    different_ = file_.states.size() * stride_;
  }
  return fail(Errc::kHashMismatch, *different_,
              fmt::format("{}: the SHA-256 differs from the manifest, first between 0x{:08x} and "
                          "0x{:08x}",
                          file_.name, *different_, std::min(file_.size, *different_ + stride_)));
}

}  // namespace canrec::snapshot
