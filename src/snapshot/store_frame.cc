// SPDX-License-Identifier: Apache-2.0
// zstd around frames.
#include "snapshot/store_frame.h"

#include <fmt/core.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "base/checked.h"

namespace canrec::snapshot {

void RawFrame::add(const Address& address, ByteView chunk) {
  bytes.reserve(std::max<size_t>(store::kFrameTarget, bytes.size() + chunk.size()));
  append(bytes, chunk);
  chunks.push_back({address, narrow<uint32_t>(chunk.size())});
}

bool RawFrame::full_for(size_t length) const {
  return !chunks.empty() &&
         (bytes.size() + length > store::kFrameTarget || chunks.size() == store::kMaxFrameChunks);
}

void RawFrame::clear() {
  bytes.clear();
  chunks.clear();
}

namespace {

// Tables of level 3 that a core's inner caches hold. zstd sizes them for windows of 2 MiB; a frame
// has one, and heaps are full of short matches that lie close.
constexpr int kTunedLevel = 3;
constexpr std::pair<ZSTD_cParameter, int> kTuning[] = {
    {ZSTD_c_chainLog, 14}, {ZSTD_c_hashLog, 15}, {ZSTD_c_minMatch, 6}};

void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
  CANREC_ASSERT(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0);
}

}  // namespace

struct FrameEncoder::Impl {
  explicit Impl(int level) : context(ZSTD_createCCtx()) {
    CANREC_ASSERT(context != nullptr);
    set(context, ZSTD_c_compressionLevel, level);
    if (level != kTunedLevel) return;
    for (const auto& [parameter, value] : kTuning) set(context, parameter, value);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { ZSTD_freeCCtx(context); }
  ZSTD_CCtx* context;
  Bytes packed;
};

FrameEncoder::FrameEncoder(int level) : impl_(std::make_unique<Impl>(level)) {}
FrameEncoder::FrameEncoder(FrameEncoder&&) noexcept = default;
FrameEncoder& FrameEncoder::operator=(FrameEncoder&&) noexcept = default;
FrameEncoder::~FrameEncoder() = default;

Bytes FrameEncoder::encode(const RawFrame& frame) {
  const size_t raw = frame.bytes.size();
  Bytes& packed = impl_->packed;
  packed.resize(std::max(packed.size(), ZSTD_compressBound(raw)));
  const size_t size =
      ZSTD_compress2(impl_->context, packed.data(), packed.size(), frame.bytes.data(), raw);
  CANREC_ASSERT(ZSTD_isError(size) == 0);
  FrameHeader header;
  header.codec = size < raw ? Codec::kZstd : Codec::kStored;
  const ByteView payload =
      header.codec == Codec::kZstd ? ByteView(packed).first(size) : ByteView(frame.bytes);
  header.packed_size = narrow<uint32_t>(payload.size());
  header.raw_size = narrow<uint32_t>(raw);
  header.payload_hash = xxh3_64(payload);
  header.chunks = frame.chunks;
  Bytes out = encode_frame_header(header);
  out.reserve(out.size() + payload.size());
  append(out, payload);
  return out;
}

bool payload_is_whole(ByteView frame, const FrameHeader& header) {
  return frame.size() == header.frame_bytes() &&
         xxh3_64(frame.subspan(header.header_bytes())) == header.payload_hash;
}

struct FrameDecoder::Impl {
  Impl() : context(ZSTD_createDCtx()) { CANREC_ASSERT(context != nullptr); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { ZSTD_freeDCtx(context); }
  ZSTD_DCtx* context;
  Bytes raw;
};

FrameDecoder::FrameDecoder() : impl_(std::make_unique<Impl>()) {}
FrameDecoder::FrameDecoder(FrameDecoder&&) noexcept = default;
FrameDecoder& FrameDecoder::operator=(FrameDecoder&&) noexcept = default;
FrameDecoder::~FrameDecoder() = default;

Status FrameDecoder::unpack(ByteView frame, const FrameHeader& header, uint64_t base,
                            std::span<uint8_t> out) {
  CANREC_ASSERT(out.size() == header.raw_size);
  const uint64_t at = base + header.header_bytes();
  if (!payload_is_whole(frame, header)) {
    return fail(Errc::kStoreDamaged, at, "frame content does not have its hash");
  }
  const ByteView payload = frame.subspan(header.header_bytes());
  if (header.codec == Codec::kStored) {
    std::copy(payload.begin(), payload.end(), out.begin());
    return Ok{};
  }
  const size_t size =
      ZSTD_decompressDCtx(impl_->context, out.data(), out.size(), payload.data(), payload.size());
  if (ZSTD_isError(size) != 0) {
    return fail(Errc::kStoreDamaged, at,
                fmt::format("frame does not unpack: {}", ZSTD_getErrorName(size)));
  }
  if (size != out.size()) {
    return fail(Errc::kStoreDamaged, at,
                fmt::format("frame unpacks to {} bytes, {} announced", size, out.size()));
  }
  return Ok{};
}

Status FrameDecoder::check(ByteView frame, const FrameHeader& header, uint64_t base) {
  impl_->raw.resize(header.raw_size);
  const ByteView raw = impl_->raw;
  CANREC_CHECK(unpack(frame, header, base, impl_->raw));
  size_t at = 0;
  for (const FrameChunk& chunk : header.chunks) {
    if (xxh3_128(raw.subspan(at, chunk.length)) != chunk.address) {
      return fail(Errc::kStoreDamaged, base,
                  fmt::format("chunk {} does not have its address", to_hex(chunk.address)));
    }
    at += chunk.length;
  }
  return Ok{};
}

}  // namespace canrec::snapshot
