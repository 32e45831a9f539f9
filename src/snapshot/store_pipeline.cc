// SPDX-License-Identifier: Apache-2.0
// Frames in flight.
#include "snapshot/store_pipeline.h"

namespace canrec::snapshot {
namespace {
// Frames being compressed or waiting for their turn, for each thread.
constexpr unsigned kInFlightPerThread = 3;
}  // namespace

FramePipeline::FramePipeline(int level, const JobControl& control, Sink sink)
    : control_(control), sink_(std::move(sink)), workers_(control.threads) {
  // A frame in flight has its own slot: frame i + n is only sent when frame i was taken.
  for (unsigned i = 0; i < control.threads * kInFlightPerThread; ++i) {
    slots_.push_back(std::make_unique<Slot>(Slot{FrameEncoder(level), {}}));
  }
}

Status FramePipeline::add(const Address& address, ByteView chunk) {
  if (pending_.full_for(chunk.size())) CANREC_CHECK(cut());
  pending_.add(address, chunk);
  return Ok{};
}

Status FramePipeline::cut() {
  if (pending_.chunks.empty()) return Ok{};
  if (encoding_.size() == slots_.size()) CANREC_CHECK(take_oldest());
  Slot& slot = *slots_[next_slot_];
  next_slot_ = (next_slot_ + 1) % slots_.size();
  std::swap(slot.raw, pending_);
  pending_.clear();
  encoding_.push_back(workers_.submit([&slot] {
    return EncodedFrame{slot.encoder.encode(slot.raw), slot.raw.chunks};
  }));
  return Ok{};
}

Status FramePipeline::take_oldest() {
  CANREC_CHECK(control_.interrupt.check());
  const EncodedFrame frame = encoding_.front().get();
  encoding_.pop_front();
  return sink_(frame);
}

Status FramePipeline::finish() {
  CANREC_CHECK(cut());
  while (!encoding_.empty()) CANREC_CHECK(take_oldest());
  return Ok{};
}

}  // namespace canrec::snapshot
