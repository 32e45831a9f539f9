// SPDX-License-Identifier: Apache-2.0
// gzip through zlib.
#include "base/gzip.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>

#include "base/checked.h"

namespace canrec {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: 32 KiB window, gzip header and trailer

struct Inflater {
  z_stream stream{};
  Inflater() { CANREC_ASSERT(inflateInit2(&stream, kGzipWindow) == Z_OK); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream); }
};

// What the trailer announces, when a stream of this size can hold it: deflate packs 1032 to 1 at
// best. A stream of one member is then unpacked into memory that is taken once.
size_t first_room(ByteView packed, uint64_t limit) {
  constexpr size_t kLeast = 65536;
  if (packed.size() < 18) return kLeast;
  const uint32_t announced = load_le<uint32_t>(packed.data() + packed.size() - 4);
  const bool plausible = announced <= limit && announced / 1032 <= packed.size();
  return plausible ? std::max<size_t>(announced, kLeast) : kLeast;
}

}  // namespace

bool is_gzip(ByteView bytes) {
  return bytes.size() >= 3 && bytes[0] == 0x1f && bytes[1] == 0x8b && bytes[2] == 0x08;
}

Result<Bytes> gunzip(ByteView packed, uint64_t limit) {
  Inflater inflater;
  z_stream& z = inflater.stream;
  Bytes out;
  const size_t first = first_room(packed, limit);
  size_t at = 0;
  while (true) {
    const size_t filled = out.size();
    // One byte past the limit tells "exactly at the limit" from "over it".
    const uint64_t room = std::min<uint64_t>(limit - filled, std::max(filled, first)) + 1;
    out.resize(filled + static_cast<size_t>(room));
    z.next_in = const_cast<Bytef*>(packed.data() + at);
    z.avail_in = static_cast<uInt>(std::min<size_t>(packed.size() - at, UINT32_MAX));
    z.next_out = out.data() + filled;
    z.avail_out = static_cast<uInt>(std::min<uint64_t>(room, UINT32_MAX));
    const uInt out_before = z.avail_out;
    const int result = inflate(&z, Z_NO_FLUSH);
    at = static_cast<size_t>(z.next_in - packed.data());
    out.resize(filled + (out_before - z.avail_out));
    if (out.size() > limit) {
      return fail(Errc::kLimit, at,
                  fmt::format("gzip stream unpacks to more than {} bytes", limit));
    }
    if (result == Z_STREAM_END) {
      if (at == packed.size()) return out;
      if (!is_gzip(packed.subspan(at))) {
        return fail(Errc::kGzip, at, "bytes after the end of the gzip stream");
      }
      CANREC_ASSERT(inflateReset(&z) == Z_OK);
    } else if (result != Z_OK || (at == packed.size() && z.avail_out != 0)) {
      return fail(Errc::kGzip, at,
                  z.msg != nullptr ? fmt::format("gzip stream is damaged: {}", z.msg)
                                   : std::string("gzip stream is cut off"));
    }
  }
}

Bytes gzip(ByteView bytes) {
  z_stream z{};
  CANREC_ASSERT(deflateInit2(&z, 9, Z_DEFLATED, kGzipWindow, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes out(deflateBound(&z, bytes.size()));
  z.next_in = const_cast<Bytef*>(bytes.data());
  z.avail_in = narrow<uInt>(bytes.size());
  z.next_out = out.data();
  z.avail_out = narrow<uInt>(out.size());
  const int result = deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  CANREC_ASSERT(result == Z_STREAM_END);
  return out;
}

}  // namespace canrec
