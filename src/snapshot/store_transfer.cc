// SPDX-License-Identifier: Apache-2.0
// One backup as a single file, out of a store and into one.
#include <fmt/core.h>

#include <algorithm>
#include <deque>

#include "snapshot/image.h"
#include "snapshot/store_pool.h"
#include "snapshot/store_reader.h"
#include "snapshot/store_writer.h"

namespace canrec::snapshot {
namespace {

constexpr int kExportLevel = 3;
constexpr size_t kFramesInFlight = 8;
constexpr Location kSeen{0, 0, 1};  // any place will do

// Gives every chunk of a manifest to `visit` once, in the order of the files.
Status visit_chunks(const Manifest& manifest, FileReader& reader,
                    const std::function<Status(const Address&, ByteView)>& visit) {
  AddressTable seen;
  const auto cut = [&](Window window) -> Status {
    const ByteView bytes = window.bytes;
    for (size_t at = 0; at < bytes.size(); at += manifest.chunk_size()) {
      const ByteView chunk =
          bytes.subspan(at, std::min<size_t>(manifest.chunk_size(), bytes.size() - at));
      const Address address = xxh3_128(chunk);
      if (all_zero(chunk) || seen.find(address) != nullptr) continue;
      seen.insert(address, kSeen);
      CANREC_CHECK(visit(address, chunk));
    }
    return Ok{};
  };
  for (const ManifestFile& file : manifest.files()) {
    CANREC_CHECK(reader.read(manifest, file, Salvage::kNo, nullptr, cut));
  }
  return Ok{};
}

// A frame of an imported file: read and checked on a worker.
Result<EncodedFrame> read_checked(const PackReader& pack, const FrameInfo& frame,
                                  FrameDecoder& decoder) {
  EncodedFrame out;
  CANREC_CHECK(pack.read_frame(frame.offset, frame.header.frame_bytes(), out.bytes));
  CANREC_CHECK(decoder.check(out.bytes, frame.header, frame.offset));
  out.chunks = frame.header.chunks;
  return out;
}

Status take_frames(const PackReader& pack, ChunkWriter& writer, const JobControl& control) {
  std::deque<std::future<Result<EncodedFrame>>> reading;
  std::vector<Error> damage;
  Pool<FrameDecoder> decoders;
  TaskQueue workers(control.threads);
  const auto take = [&]() -> Status {
    Result<EncodedFrame> frame = reading.front().get();
    reading.pop_front();
    if (!frame) return fail(std::move(frame).error());
    CANREC_CHECK(control.interrupt.check());
    control.advance(frame->bytes.size());
    const bool has_new = std::ranges::any_of(
        frame->chunks, [&](const FrameChunk& chunk) { return !writer.has(chunk.address); });
    return has_new ? writer.add_frame(*frame) : Status(Ok{});
  };
  const auto visit = [&](const FrameInfo& frame) -> Status {
    if (reading.size() == kFramesInFlight) CANREC_CHECK(take());
    reading.push_back(workers.submit(
        [&pack, frame, &decoders] { return read_checked(pack, frame, *decoders.take()); }));
    return Ok{};
  };
  CANREC_CHECK(pack.walk(visit, damage));
  while (!reading.empty()) CANREC_CHECK(take());
  if (!damage.empty()) return fail(std::move(damage[0]));
  return Ok{};
}

// An import may only refer to chunks that came with it or were there.
Status check_complete(const Manifest& manifest, const ChunkWriter& writer) {
  for (const ManifestFile& file : manifest.files()) {
    for (const Reference& reference : manifest.references(file)) {
      if (reference.zeros != 0) continue;
      for (uint32_t i = 0; i < reference.chunks(); ++i) {
        if (writer.has(reference.address(i))) continue;
        return fail(Errc::kStoreDamaged,
                    fmt::format("{}: chunk {} is neither in the file nor in the store", file.name,
                                to_hex(reference.address(i))));
      }
    }
  }
  return Ok{};
}

// The manifest of an exported backup.
Result<Bytes> read_manifest(const StoreFile& file) {
  Bytes head(static_cast<size_t>(std::min<uint64_t>(file.size(), store::kHeaderBytes)));
  CANREC_CHECK(file.read(0, head));
  CANREC_TRY(const FileHeader header, decode_header(head, store::kExportMagic));
  if (header.small != 0) {
    return fail(Errc::kStoreMalformed, 12, "reserved field is not zero");
  }
  if (header.large > std::min(file.size() - store::kHeaderBytes, store::kMaxManifestBytes)) {
    return fail(Errc::kStoreMalformed, 16, "manifest longer than the file, or than any may be");
  }
  Bytes out(static_cast<size_t>(header.large));
  CANREC_CHECK(file.read(store::kHeaderBytes, out));
  return out;
}

}  // namespace

Result<uint32_t> exported_chunk_size(const std::filesystem::path& source) {
  CANREC_TRY(const StoreFile file, StoreFile::open(source));
  CANREC_TRY(const Bytes bytes, read_manifest(file));
  CANREC_TRY(const Manifest manifest, Manifest::parse(bytes, store::kHeaderBytes));
  return manifest.chunk_size();
}

Result<TransferReport> export_backup(const Store& store, FileSystem& system,
                                     const Manifest& manifest, const std::filesystem::path& target,
                                     Overwrite overwrite, const JobControl& control) {
  CANREC_TRY(const FileLock lock, store.lock_for_reading());
  std::vector<Error> damage;
  CANREC_TRY(const Index index, store.index(damage));
  CANREC_TRY(OutputFile file, OutputFile::create(system, target, overwrite));
  CANREC_CHECK(file.append(encode_header(store::kExportMagic, {0, manifest.bytes().size()})));
  CANREC_CHECK(file.append(manifest.bytes()));
  CANREC_TRY(PackWriter pack, PackWriter::begin(std::move(file), store.chunk_size()));
  FramePipeline pipeline(kExportLevel, control, [&pack](const EncodedFrame& frame) -> Status {
    CANREC_CHECK(pack.append(frame.bytes));
    return Ok{};
  });
  FileReader reader(store, index, control);
  CANREC_CHECK(visit_chunks(manifest, reader, [&](const Address& address, ByteView chunk) {
    control.advance(chunk.size());
    return pipeline.add(address, chunk);
  }));
  CANREC_CHECK(pipeline.finish());
  CANREC_CHECK(pack.commit());
  return TransferReport{manifest.id(), pack.size()};
}

Result<TransferReport> import_backup(const Store& store, FileSystem& system,
                                     const std::filesystem::path& source,
                                     const JobControl& control) {
  CANREC_TRY(StoreFile file, StoreFile::open(source));
  const uint64_t size = file.size();
  CANREC_TRY(const Bytes bytes, read_manifest(file));
  CANREC_TRY(const Manifest manifest, Manifest::parse(bytes, store::kHeaderBytes));
  if (manifest.chunk_size() != store.chunk_size()) {
    return fail(Errc::kBadArgument,
                fmt::format("the backup has chunks of {} bytes, the store of {}",
                            manifest.chunk_size(), store.chunk_size()));
  }
  CANREC_TRY(const FileLock lock, store.lock_for_writing(system));
  CANREC_TRY(const std::vector<std::string> ids, store.backups());
  if (std::ranges::find(ids, manifest.id()) != ids.end()) {
    return fail(Errc::kExists, fmt::format("backup {} is in the store already", manifest.id()));
  }
  std::vector<Error> damage;
  CANREC_TRY(Index index, store.index(damage));
  CANREC_TRY(const auto writer, ChunkWriter::create(store, system, index, kExportLevel, control));
  CANREC_TRY(const PackReader pack,
             PackReader::open_part(std::move(file), store::kHeaderBytes + bytes.size(),
                                   store.chunk_size()));
  CANREC_CHECK(take_frames(pack, *writer, control));
  CANREC_CHECK(check_complete(manifest, *writer));
  CANREC_CHECK(writer->finish());
  CANREC_CHECK(store.refresh_index(system, index));
  CANREC_CHECK(
      write_file(system, store.backup_path(manifest.id()), manifest.bytes(), Overwrite::kNo));
  return TransferReport{manifest.id(), size};
}

}  // namespace canrec::snapshot
