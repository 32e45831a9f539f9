// SPDX-License-Identifier: Apache-2.0
#pragma once

// Gathers chunks into frames, compresses frames on several threads, and hands them on in order. The
// frames do not depend on the number of threads.

#include <deque>
#include <functional>
#include <memory>

#include "snapshot/store.h"
#include "snapshot/store_frame.h"
#include "snapshot/task_queue.h"

namespace canrec::snapshot {

/// A frame ready to be written.
struct EncodedFrame {
  Bytes bytes;
  std::vector<FrameChunk> chunks;
};

class FramePipeline {
 public:
  using Sink = std::function<Status(const EncodedFrame&)>;

  /// `sink` is called on the thread that calls add() and finish().
  FramePipeline(int level, const JobControl& control, Sink sink);

  /// The bytes are copied. Errors: those of the sink; kInterrupted.
  Status add(const Address& address, ByteView chunk);
  /// Ends the frame that is being filled, so that what follows does not share its fate.
  Status cut();
  /// Hands on everything that is pending.
  Status finish();

 private:
  Status take_oldest();

  // What a frame in flight needs.
  struct Slot {
    FrameEncoder encoder;
    RawFrame raw;
  };

  const JobControl& control_;
  Sink sink_;
  RawFrame pending_;
  std::vector<std::unique_ptr<Slot>> slots_;
  size_t next_slot_ = 0;
  std::deque<std::future<EncodedFrame>> encoding_;
  TaskQueue workers_;  // last, so that it ends before what its tasks use
};

}  // namespace canrec::snapshot
