// SPDX-License-Identifier: Apache-2.0
// Encoding and decoding of the store's small structures.
#include "snapshot/store_format.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

namespace canrec::snapshot {

uint32_t suitable_chunk_size(uint64_t bytes) {
  uint32_t size = store::kDefaultChunkSize;
  while (size < store::kMaxChunkSize && bytes / size > store::kChunksWanted) size *= 2;
  return size;
}

void append_le32(Bytes& out, uint32_t value) {
  const size_t at = out.size();
  out.resize(at + sizeof(value));
  store_le(out.data() + at, value);
}
void append_le64(Bytes& out, uint64_t value) {
  const size_t at = out.size();
  out.resize(at + sizeof(value));
  store_le(out.data() + at, value);
}
void append_address(Bytes& out, const Address& address) {
  append_le64(out, address.high);
  append_le64(out, address.low);
}

Bytes encode_header(std::string_view magic, const FileHeader& header) {
  Bytes out;
  append(out, as_bytes(magic));
  append_le32(out, store::kVersion);
  append_le32(out, header.small);
  append_le64(out, header.large);
  append_le64(out, xxh3_64(out));
  CANREC_ASSERT(out.size() == store::kHeaderBytes);
  return out;
}

Result<FileHeader> decode_header(ByteView bytes, std::string_view magic) {
  if (bytes.size() < store::kHeaderBytes) {
    return fail(Errc::kStoreMalformed, bytes.size(),
                fmt::format("{} bytes, a header of {} wanted", bytes.size(), store::kHeaderBytes));
  }
  if (as_text(bytes.first(magic.size())) != magic) {
    return fail(Errc::kStoreMalformed, 0,
                fmt::format("does not begin with {}", printable(as_bytes(magic))));
  }
  const uint32_t version = load_le<uint32_t>(bytes.data() + 8);
  if (version != store::kVersion) {
    return fail(Errc::kStoreMalformed, 8,
                fmt::format("version {}, this program knows {}", version, store::kVersion));
  }
  if (load_le<uint64_t>(bytes.data() + 24) != xxh3_64(bytes.first(24))) {
    return fail(Errc::kStoreMalformed, 24, "header hash does not match");
  }
  return FileHeader{load_le<uint32_t>(bytes.data() + 12), load_le<uint64_t>(bytes.data() + 16)};
}

Result<uint32_t> decode_chunk_size(ByteView bytes, std::string_view magic) {
  CANREC_TRY(const FileHeader header, decode_header(bytes, magic));
  const uint32_t size = header.small;
  if (size < store::kMinChunkSize || size > store::kMaxChunkSize || !std::has_single_bit(size)) {
    return fail(Errc::kStoreMalformed, 12, fmt::format("chunk size {}", size));
  }
  if (header.large != 0) return fail(Errc::kStoreMalformed, 16, "reserved field is not zero");
  return size;
}

Bytes encode_frame_header(const FrameHeader& header) {
  Bytes out;
  out.reserve(header.header_bytes());
  append(out, as_bytes(store::kFrameMagic));
  append_le32(out, static_cast<uint32_t>(header.codec));
  append_le32(out, header.packed_size);
  append_le32(out, header.raw_size);
  append_le32(out, static_cast<uint32_t>(header.chunks.size()));
  append_le32(out, 0);
  append_le64(out, header.payload_hash);
  const size_t hash_at = out.size();
  for (const FrameChunk& chunk : header.chunks) {
    append_address(out, chunk.address);
    append_le32(out, chunk.length);
  }
  // The hash is over everything but itself, and stands in front of the table.
  Bytes hash;
  append_le64(hash, xxh3_64(out));
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(hash_at), hash.begin(), hash.end());
  return out;
}

namespace {

// The hash of header and table as they lie in the pack.
uint64_t frame_header_hash(ByteView bytes) {
  Bytes joined(bytes.begin(), bytes.begin() + 32);
  append(joined, bytes.subspan(store::kFrameHeaderBytes));
  return xxh3_64(joined);
}

}  // namespace

Result<FrameHeader> decode_frame_header(ByteView bytes, uint32_t chunk_size, uint64_t base) {
  const auto wrong = [base](uint64_t at, std::string message) {
    return fail(Errc::kStoreMalformed, base + at, std::move(message));
  };
  if (bytes.size() < store::kFrameHeaderBytes) {
    return fail(Errc::kUnexpectedEof, base + bytes.size(), "frame header cut off");
  }
  if (as_text(bytes.first(4)) != store::kFrameMagic) return wrong(0, "no frame begins here");
  FrameHeader out;
  const uint32_t codec = load_le<uint32_t>(bytes.data() + 4);
  if (codec > static_cast<uint32_t>(Codec::kZstd)) return wrong(4, fmt::format("codec {}", codec));
  out.codec = static_cast<Codec>(codec);
  out.packed_size = load_le<uint32_t>(bytes.data() + 8);
  out.raw_size = load_le<uint32_t>(bytes.data() + 12);
  const uint32_t count = load_le<uint32_t>(bytes.data() + 16);
  out.payload_hash = load_le<uint64_t>(bytes.data() + 24);
  if (out.packed_size == 0 || out.packed_size > store::kMaxFrameBytes)
    return wrong(8, "packed size");
  if (out.raw_size == 0 || out.raw_size > store::kMaxFrameBytes) return wrong(12, "raw size");
  if (count == 0 || count > store::kMaxFrameChunks) return wrong(16, "number of chunks");
  if (load_le<uint32_t>(bytes.data() + 20) != 0) return wrong(20, "reserved field is not zero");
  const size_t size = store::kFrameHeaderBytes + count * store::kChunkEntryBytes;
  if (bytes.size() < size) {
    return fail(Errc::kUnexpectedEof, base + bytes.size(), "chunk table cut off");
  }
  if (load_le<uint64_t>(bytes.data() + 32) != frame_header_hash(bytes.first(size))) {
    return wrong(32, "frame header hash does not match");
  }
  uint64_t sum = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const size_t at = store::kFrameHeaderBytes + i * store::kChunkEntryBytes;
    const uint8_t* entry = bytes.data() + at;
    const FrameChunk chunk{{load_le<uint64_t>(entry), load_le<uint64_t>(entry + 8)},
                           load_le<uint32_t>(entry + 16)};
    if (chunk.length == 0 || chunk.length > chunk_size) return wrong(at + 16, "chunk length");
    sum += chunk.length;
    out.chunks.push_back(chunk);
  }
  if (sum != out.raw_size) return wrong(12, "raw size differs from the sum of the chunks");
  if (out.codec == Codec::kStored && out.packed_size != out.raw_size) {
    return wrong(8, "packed size of a stored frame differs from its raw size");
  }
  return out;
}

Bytes encode_end(const EndRecord& end) {
  Bytes out;
  append(out, as_bytes(store::kEndMagic));
  append_le32(out, 0);
  append_le64(out, end.frames);
  append_le64(out, end.offset);
  append_le64(out, xxh3_64(out));
  return out;
}

Result<EndRecord> decode_end(ByteView bytes, uint64_t base) {
  if (bytes.size() < store::kEndBytes) {
    return fail(Errc::kUnexpectedEof, base + bytes.size(), "end record cut off");
  }
  if (as_text(bytes.first(4)) != store::kEndMagic || load_le<uint32_t>(bytes.data() + 4) != 0 ||
      load_le<uint64_t>(bytes.data() + 24) != xxh3_64(bytes.first(24))) {
    return fail(Errc::kStoreMalformed, base, "no end record");
  }
  return EndRecord{load_le<uint64_t>(bytes.data() + 8), load_le<uint64_t>(bytes.data() + 16)};
}

bool is_safe_name(std::string_view name) {
  constexpr std::string_view kFolder = "wasm_chunk_store/";
  if (name.size() > 255) return false;
  if (name.starts_with(kFolder)) name.remove_prefix(kFolder.size());
  if (name.empty() || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::string hex16(uint64_t number) { return fmt::format("{:016x}", number); }

bool parse_hex16(std::string_view text, uint64_t& number) {
  if (text.size() != 16) return false;
  number = 0;
  for (const char c : text) {
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) return false;
    number = number << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return true;
}

}  // namespace canrec::snapshot
