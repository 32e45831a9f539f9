// fuzz: snapshot
// SPDX-License-Identifier: Apache-2.0
// A frame, as it lies in a pack: whatever the bytes, decoding stays inside them and inside the
// announced size. Hashes are set right first, so that what lies behind them is reached.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "snapshot/store_frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace canrec;
  using namespace canrec::snapshot;
  (void)decode_frame_header({data, size}, store::kDefaultChunkSize, 0);
  (void)decode_end({data, size}, 0);
  if (size < store::kFrameHeaderBytes) return 0;
  Bytes bytes(data, data + size);
  const uint64_t count = load_le<uint32_t>(data + 16) % (store::kMaxFrameChunks + 1);
  const size_t header_size = store::kFrameHeaderBytes + count * store::kChunkEntryBytes;
  if (size <= header_size) return 0;
  store_le(bytes.data() + 24, xxh3_64(ByteView(bytes).subspan(header_size)));
  Bytes joined(bytes.begin(), bytes.begin() + 32);
  append(joined,
         ByteView(bytes).subspan(store::kFrameHeaderBytes, header_size - store::kFrameHeaderBytes));
  store_le(bytes.data() + 32, xxh3_64(joined));
  const auto header = decode_frame_header(bytes, store::kDefaultChunkSize, 0);
  if (!header) return 0;
  CANREC_ASSERT(header->raw_size <= store::kMaxFrameBytes);
  (void)FrameDecoder().check(bytes, *header, 0);
  return 0;
}
