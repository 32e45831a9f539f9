// SPDX-License-Identifier: Apache-2.0
#pragma once

// The bytes of the chunk store: headers, frames' tables, limits. The whole layout is in
// docs/formats/chunk-store.md.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"

namespace canrec::snapshot {

namespace store {

inline constexpr uint32_t kVersion = 1;
/// Of manifests that are written. Those of version 1 have no states of SHA-256.
inline constexpr uint32_t kManifestVersion = 2;
inline constexpr uint32_t kMinChunkSize = 4096;
inline constexpr uint32_t kMaxChunkSize = uint32_t{1} << 20;
/// Measured; see docs/design/chunk-store.md.
inline constexpr uint32_t kDefaultChunkSize = 16384;
/// New chunks that a run is meant for. Reason: each takes about 100 bytes of memory until the end.
inline constexpr uint64_t kChunksWanted = uint64_t{1} << 20;

inline constexpr size_t kHeaderBytes = 32;       ///< of the store, a pack and an export
inline constexpr size_t kFrameHeaderBytes = 40;  ///< before the chunk table
inline constexpr size_t kChunkEntryBytes = 20;
inline constexpr size_t kEndBytes = 32;
inline constexpr uint32_t kMaxFrameBytes = uint32_t{4} << 20;  ///< raw, and packed
inline constexpr uint32_t kMaxFrameChunks = 1024;
/// Raw bytes that create puts into one frame: large enough for zstd, small enough to lose.
inline constexpr uint32_t kFrameTarget = uint32_t{1} << 20;
/// Bytes after which a pack is closed and the next begun, so that prune rewrites little at a time.
inline constexpr uint64_t kPackTarget = uint64_t{256} << 20;

/// Bytes of a manifest. Reason: it is read into memory; this is the list of 1 TiB in chunks of
/// 16 KiB.
inline constexpr uint64_t kMaxManifestBytes = uint64_t{1} << 30;
/// Bytes of an index file; a larger one is as good as none. Reason: as above; 2 TiB of chunks.
inline constexpr uint64_t kMaxIndexBytes = uint64_t{4} << 30;

inline constexpr std::string_view kStoreMagic = "CRSTORE\n";
inline constexpr std::string_view kPackMagic = "CRPACK1\n";
inline constexpr std::string_view kExportMagic = "CREXPORT";
inline constexpr std::string_view kManifestMagic = "CRBACKUP";
inline constexpr std::string_view kManifestEndMagic = "CRBAKEND";
inline constexpr std::string_view kIndexMagic = "CRINDEX\n";
inline constexpr std::string_view kFrameMagic = "FRM1";
inline constexpr std::string_view kEndMagic = "END1";

}  // namespace store

/// The chunk size for a store that is made for so much content: 16 KiB, more above 16 GiB.
uint32_t suitable_chunk_size(uint64_t bytes);

/// Where a chunk is: its XXH3-128.
using Address = Hash128;

void append_le32(Bytes& out, uint32_t value);
void append_le64(Bytes& out, uint64_t value);
void append_address(Bytes& out, const Address& address);

/// The 32-byte header that stores, packs and exports share: magic, version, a 32-bit and a 64-bit
/// field, XXH3-64.
struct FileHeader {
  uint32_t small = 0;
  uint64_t large = 0;
};
Bytes encode_header(std::string_view magic, const FileHeader& header);
/// Errors: kStoreMalformed (short, other magic, unknown version, hash); offset in `bytes`.
Result<FileHeader> decode_header(ByteView bytes, std::string_view magic);

/// The header of a store or pack, with its chunk size checked.
Result<uint32_t> decode_chunk_size(ByteView bytes, std::string_view magic);

struct FrameChunk {
  Address address;
  uint32_t length;
};

enum class Codec : uint32_t { kStored = 0, kZstd = 1 };

struct FrameHeader {
  Codec codec = Codec::kStored;
  uint32_t packed_size = 0;
  uint32_t raw_size = 0;
  uint64_t payload_hash = 0;
  std::vector<FrameChunk> chunks;

  /// Bytes of header and table.
  size_t header_bytes() const {
    return store::kFrameHeaderBytes + chunks.size() * store::kChunkEntryBytes;
  }
  /// Bytes of the whole frame in its pack.
  uint64_t frame_bytes() const { return header_bytes() + packed_size; }
};

/// Header and table, without the payload.
Bytes encode_frame_header(const FrameHeader& header);
/// Reads header and table at the start of `bytes`, which may go on.
/// Errors: kStoreMalformed, kUnexpectedEof; offset = base + place in `bytes`.
Result<FrameHeader> decode_frame_header(ByteView bytes, uint32_t chunk_size, uint64_t base);

struct EndRecord {
  uint64_t frames = 0;
  uint64_t offset = 0;  ///< of the record in its pack
};
Bytes encode_end(const EndRecord& end);
/// Errors: kStoreMalformed, kUnexpectedEof; offset = base + place in `bytes`.
Result<EndRecord> decode_end(ByteView bytes, uint64_t base);

/// Whether a name may stand in a manifest: it can never leave the directory it is restored to.
bool is_safe_name(std::string_view name);

/// 16 lower-case hex digits, as packs and backups are named.
std::string hex16(uint64_t number);
/// The number of such a name; false when it is none.
bool parse_hex16(std::string_view text, uint64_t& number);

}  // namespace canrec::snapshot
