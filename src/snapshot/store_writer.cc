// SPDX-License-Identifier: Apache-2.0
// Packs one after another.
#include "snapshot/store_writer.h"

#include "base/checked.h"

namespace canrec::snapshot {

ChunkWriter::ChunkWriter(const Store& store, FileSystem& system, Index& index, int level,
                         const JobControl& control)
    : store_(store),
      system_(system),
      index_(index),
      pipeline_(level, control, [this](const EncodedFrame& frame) { return add_frame(frame); }) {}

Result<std::unique_ptr<ChunkWriter>> ChunkWriter::create(const Store& store, FileSystem& system,
                                                         Index& index, int level,
                                                         const JobControl& control) {
  CANREC_TRY(const std::vector<PackFile> packs, store.packs());
  std::unique_ptr<ChunkWriter> out(new ChunkWriter(store, system, index, level, control));
  if (!packs.empty()) out->next_pack_ = packs.back().number + 1;
  return out;
}

Status ChunkWriter::add(const Address& address, ByteView chunk) {
  index_.announce(address);
  return pipeline_.add(address, chunk);
}

Status ChunkWriter::add_frame(const EncodedFrame& frame) {
  if (pack_ && pack_->size() + frame.bytes.size() > store::kPackTarget) CANREC_CHECK(close_pack());
  if (!pack_) {
    CANREC_TRY(PackWriter pack,
               PackWriter::create(system_, store_.pack_path(next_pack_), store_.chunk_size()));
    pack_.emplace(std::move(pack));
  }
  CANREC_TRY(const uint64_t offset, pack_->append(frame.bytes));
  const Location location{next_pack_, offset, narrow<uint32_t>(frame.bytes.size())};
  for (const FrameChunk& chunk : frame.chunks) index_.add(chunk.address, location);
  return Ok{};
}

// Syncing a pack takes as long as the disk does; the next one is filled meanwhile.
Status ChunkWriter::close_pack() {
  if (!pack_) return Ok{};
  if (!closing_.empty()) {
    CANREC_CHECK(closing_.front().get());
    closing_.pop_front();
  }
  const uint64_t size = pack_->size() + store::kEndBytes;
  packs_.push_back({next_pack_++, size});
  bytes_written_ += size;
  closing_.push_back(
      closer_.submit([pack = std::move(*pack_)]() mutable { return pack.commit(); }));
  pack_.reset();
  return Ok{};
}

Status ChunkWriter::finish() {
  CANREC_CHECK(pipeline_.finish());
  CANREC_CHECK(close_pack());
  while (!closing_.empty()) {
    CANREC_CHECK(closing_.front().get());
    closing_.pop_front();
  }
  return Ok{};
}

}  // namespace canrec::snapshot
