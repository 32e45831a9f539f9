// SPDX-License-Identifier: Apache-2.0
// Walking, reading and writing packs.
#include "snapshot/store_pack.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"

namespace canrec::snapshot {
namespace {
constexpr size_t kMaxHeader =
    store::kFrameHeaderBytes + store::kMaxFrameChunks * store::kChunkEntryBytes;
constexpr size_t kSearchStep = size_t{1} << 20;
}  // namespace

Result<PackReader> PackReader::open(const std::filesystem::path& path, uint32_t chunk_size,
                                    bool salvage) {
  CANREC_TRY(StoreFile file, StoreFile::open(path));
  PackReader out(std::move(file), chunk_size, 0);
  if (Status header = out.check_header(); !header && !salvage) {
    return fail(std::move(header).error());
  }
  if (Status end = out.check_end(); !end && !salvage) return fail(std::move(end).error());
  return out;
}

Result<PackReader> PackReader::open_part(StoreFile file, uint64_t begin, uint32_t chunk_size) {
  if (begin > file.size()) return fail(Errc::kUnexpectedEof, file.size(), "no pack");
  PackReader out(std::move(file), chunk_size, begin);
  CANREC_CHECK(out.check_header());
  CANREC_CHECK(out.check_end());
  return out;
}

Status PackReader::check_header() {
  Bytes head(static_cast<size_t>(std::min<uint64_t>(file_.size() - begin_, store::kHeaderBytes)));
  CANREC_CHECK(file_.read(begin_, head));
  CANREC_TRY(const uint32_t found, decode_chunk_size(head, store::kPackMagic));
  if (found == chunk_size_) return Ok{};
  return fail(Errc::kStoreMalformed, begin_ + 12,
              fmt::format("chunk size {}, the store has {}", found, chunk_size_));
}

Status PackReader::check_end() {
  const uint64_t size = file_.size();
  if (size < begin_ + store::kHeaderBytes + store::kEndBytes) {
    return fail(Errc::kStoreMalformed, size, "pack cut off");
  }
  Bytes tail(store::kEndBytes);
  CANREC_CHECK(file_.read(size - store::kEndBytes, tail));
  auto end = decode_end(tail, size - store::kEndBytes);
  if (!end) return fail(std::move(end).error().in("pack cut off"));
  if (end->offset != size - store::kEndBytes - begin_) {
    return fail(Errc::kStoreMalformed, size - store::kEndBytes,
                fmt::format("end record written at {}", end->offset));
  }
  end_ = size - store::kEndBytes;
  return Ok{};
}

Result<FrameInfo> PackReader::frame_at(uint64_t offset) const {
  Bytes head(std::min<uint64_t>(end_ - offset, kMaxHeader));
  CANREC_CHECK(file_.read(offset, head));
  CANREC_TRY(FrameHeader header, decode_frame_header(head, chunk_size_, offset));
  if (header.frame_bytes() > end_ - offset) {
    return fail(Errc::kUnexpectedEof, end_, "frame cut off");
  }
  return FrameInfo{offset, std::move(header)};
}

std::optional<uint64_t> PackReader::find_frame(uint64_t from) const {
  Bytes window;
  while (from + store::kFrameHeaderBytes <= end_) {
    window.resize(static_cast<size_t>(std::min<uint64_t>(end_ - from, kSearchStep)));
    if (!file_.read(from, window)) return std::nullopt;
    const std::string_view text = as_text(window);
    for (size_t at = text.find(store::kFrameMagic); at != std::string_view::npos;
         at = text.find(store::kFrameMagic, at + 1)) {
      if (frame_at(from + at)) return from + at;
    }
    // The magic may lie across two windows.
    if (window.size() < kSearchStep) return std::nullopt;
    from += window.size() - (store::kFrameMagic.size() - 1);
  }
  return std::nullopt;
}

Status PackReader::walk(const std::function<Status(const FrameInfo&)>& visit,
                        std::vector<Error>& damage) const {
  uint64_t at = begin_ + store::kHeaderBytes;
  while (at < end_) {
    auto frame = frame_at(at);
    if (frame) {
      at += frame->header.frame_bytes();
      CANREC_CHECK(visit(*frame));
      continue;
    }
    if (frame.error().code() == Errc::kIo) return fail(std::move(frame).error());
    damage.push_back(std::move(frame).error());
    const auto next = find_frame(at + 1);
    if (!next) return Ok{};
    at = *next;
  }
  return Ok{};
}

Status PackReader::read_frame(uint64_t offset, uint64_t size, Bytes& out) const {
  if (size > kMaxHeader + store::kMaxFrameBytes || !in_bounds(offset, size, end_)) {
    return fail(Errc::kStoreMalformed, offset, "index points outside the pack");
  }
  out.resize(static_cast<size_t>(size));
  return file_.read(offset, out);
}

Result<PackWriter> PackWriter::create(FileSystem& system, const std::filesystem::path& path,
                                      uint32_t chunk_size) {
  CANREC_TRY(OutputFile out, OutputFile::create(system, path, Overwrite::kNo));
  return begin(std::move(out), chunk_size);
}

Result<PackWriter> PackWriter::begin(OutputFile file, uint32_t chunk_size) {
  PackWriter out(std::move(file));
  CANREC_CHECK(out.out_.append(encode_header(store::kPackMagic, {chunk_size, 0})));
  return out;
}

Result<uint64_t> PackWriter::append(ByteView frame) {
  const uint64_t at = out_.size();
  CANREC_CHECK(out_.append(frame));
  ++frames_;
  return at;
}

Status PackWriter::commit() {
  CANREC_CHECK(out_.append(encode_end({frames_, out_.size() - begin_})));
  return out_.commit();
}

}  // namespace canrec::snapshot
