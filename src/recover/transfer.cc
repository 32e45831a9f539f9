// SPDX-License-Identifier: Apache-2.0
// The two transfer loops.
#include "recover/transfer.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"
#include "base/hash.h"
#include "snapshot/store_pack.h"
#include "wasm/types.h"

namespace canrec::recover {
namespace {

constexpr Region kRegions[] = {Region::kStable, Region::kHeap};

// Chunks lie on page borders, so that a chunk of one transfer is a chunk of the next.
Result<uint64_t> chunk_size(const TransferOptions& options, uint64_t limit) {
  limit = std::min(limit, options.most_bytes);
  const uint64_t most = limit / wasm::kPageSize * wasm::kPageSize;
  if (most == 0) {
    return fail(Errc::kBadArgument,
                fmt::format("a message carries {} bytes of state, and a page has {}", limit,
                            wasm::kPageSize));
  }
  if (options.chunk_bytes == 0) return most;
  const uint64_t wanted = options.chunk_bytes / wasm::kPageSize * wasm::kPageSize;
  return std::clamp<uint64_t>(wanted, wasm::kPageSize, most);
}

Status go_on(const TransferOptions& options) {
  return options.interrupt != nullptr ? options.interrupt->check() : Status(Ok{});
}

// Calls `one` for every chunk of a region.
template <typename One>
Status each_chunk(Region region, uint64_t size, uint64_t chunk, const TransferOptions& options,
                  One one) {
  for (uint64_t offset = 0; offset < size; offset += chunk) {
    CANREC_CHECK(go_on(options));
    CANREC_CHECK(one(offset, std::min(chunk, size - offset)));
    if (options.progress) options.progress(region, std::min(offset + chunk, size), size);
  }
  return Ok{};
}

Status after_chunk(const TransferOptions& options, Region region, uint64_t offset, uint64_t length,
                   ByteView sent) {
  return options.after_chunk ? options.after_chunk(region, offset, length, sent) : Status(Ok{});
}

std::unexpected<Error> wrong_hash(Region region, uint64_t offset, uint64_t length,
                                  std::string_view what) {
  return fail(
      Errc::kVerification, offset,
      fmt::format("{} [0x{:08x}, 0x{:08x}): {}", to_string(region), offset, offset + length, what));
}

}  // namespace

// The canister says only that it cannot have the sizes; why is seen from here.
Status begin_push(TransferClient& client, const PushSource& source) {
  const uint64_t heap = source.size(Region::kHeap);
  const uint64_t stable = source.size(Region::kStable);
  if (heap == 0 || heap % wasm::kPageSize != 0 || stable % wasm::kPageSize != 0) {
    return fail(Errc::kBadArgument,
                fmt::format("the uploader takes whole pages and at least one of the heap, not {} "
                            "bytes of heap and {} of stable memory",
                            heap, stable));
  }
  CANREC_TRY(const UploaderStatus status, client.status());
  Status begun = client.begin(heap, stable);
  if (begun || begun.error().code() != Errc::kRejected) return begun;
  const std::string_view why =
      status.phase != 0 ? "it was begun with those: install the uploader anew"
      : status.heap_size > heap || status.stable_size > stable
          ? "memory does not shrink: install the uploader anew"
          : "the network did not let its memory grow so far; install the uploader anew when it can";
  return fail(std::move(begun).error().in(
      fmt::format("{} bytes of heap and {} of stable memory were wanted, the canister had {} and "
                  "{}; {}",
                  heap, stable, status.heap_size, status.stable_size, why)));
}

Result<TransferCounts> pull(TransferClient& client, const DownloaderInfo& info, PullTarget& target,
                            const TransferOptions& options) {
  TransferCounts counts;
  CANREC_TRY(const uint64_t chunk, chunk_size(options, info.query_limit));
  for (const Region region : kRegions) {
    const auto fetch = [&](uint64_t offset, uint64_t length) -> Status {
      CANREC_TRY(const uint64_t wanted, client.hash(region, offset, length));
      ++counts.chunks;
      CANREC_TRY(const Bytes have, target.read(region, offset, length));
      if (xxh64(have) == wanted) return after_chunk(options, region, offset, length, {});
      CANREC_TRY(const Bytes fetched, client.read(region, offset, length));
      if (xxh64(fetched) != wanted) {
        return wrong_hash(region, offset, length,
                          "the bytes that arrived do not have the hash the canister told; "
                          "the canister changed meanwhile, or the way to it damages data");
      }
      ++counts.chunks_sent;
      counts.bytes_sent += length;
      CANREC_CHECK(target.write(region, offset, fetched));
      return after_chunk(options, region, offset, length, fetched);
    };
    CANREC_CHECK(each_chunk(region, info.size(region), chunk, options, fetch));
  }
  CANREC_TRY(const DownloaderInfo after, client.downloader_info());
  if (after.state_stamp != info.state_stamp || after.heap_size != info.heap_size ||
      after.stable_size != info.stable_size) {
    return fail(Errc::kVerification,
                fmt::format("the canister changed during the transfer (state stamp {} at the "
                            "beginning, {} now); stop it and pull again",
                            info.state_stamp, after.state_stamp));
  }
  CANREC_CHECK(target.sync());
  return counts;
}

Result<TransferCounts> push(TransferClient& client, const PushSource& source,
                            const TransferOptions& options) {
  TransferCounts counts;
  CANREC_TRY(const UploaderStatus status, client.status());
  CANREC_TRY(const uint64_t chunk, chunk_size(options, status.piece_limit));
  for (const Region region : kRegions) {
    const auto put = [&](uint64_t offset, uint64_t length) -> Status {
      Bytes piece(static_cast<size_t>(length));
      CANREC_CHECK(snapshot::read_range(*source.file(region), offset, piece));
      const uint64_t wanted = xxh64(piece);
      CANREC_TRY(const uint64_t there, client.hash(region, offset, length));
      ++counts.chunks;
      if (there == wanted) return after_chunk(options, region, offset, length, {});
      CANREC_CHECK(client.put(region, offset, piece));
      ++counts.chunks_sent;
      counts.bytes_sent += length;
      CANREC_TRY(const uint64_t now, client.hash(region, offset, length));
      if (now == wanted) return after_chunk(options, region, offset, length, piece);
      return wrong_hash(region, offset, length, "the canister holds other bytes than were put");
    };
    CANREC_CHECK(each_chunk(region, source.size(region), chunk, options, put));
  }
  return counts;
}

}  // namespace canrec::recover
