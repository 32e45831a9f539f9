// SPDX-License-Identifier: Apache-2.0
#pragma once

// Packs: files of frames, written once and renamed into place when they are on disk.

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/output_file.h"
#include "snapshot/store_file.h"
#include "snapshot/store_format.h"

namespace canrec::snapshot {

/// One frame of a pack, without its payload.
struct FrameInfo {
  uint64_t offset;
  FrameHeader header;
};

/// A pack being read.
class PackReader {
 public:
  /// Opens a pack and checks its header and end record.
  ///
  /// Errors: kStoreMalformed with the offset in the pack, kNotFound, kIo. A missing end record is
  ///         an error only when `salvage` is false.
  static Result<PackReader> open(const std::filesystem::path& path, uint32_t chunk_size,
                                 bool salvage);

  /// A pack that is the rest of another file, from `begin` on. Errors: as open() without salvage.
  static Result<PackReader> open_part(StoreFile file, uint64_t begin, uint32_t chunk_size);

  /// Goes through all frames in file order. A damaged header is put on `damage`, and the next frame
  /// is searched behind it. `visit` may end the walk by returning an error.
  Status walk(const std::function<Status(const FrameInfo&)>& visit,
              std::vector<Error>& damage) const;

  /// Makes `out` the bytes of a frame: header, table, payload.
  /// Errors: kStoreMalformed (no such place in the pack), kUnexpectedEof, kIo.
  Status read_frame(uint64_t offset, uint64_t size, Bytes& out) const;

  uint64_t size() const { return file_.size(); }
  uint32_t chunk_size() const { return chunk_size_; }

 private:
  PackReader(StoreFile file, uint32_t chunk_size, uint64_t begin)
      : file_(std::move(file)), chunk_size_(chunk_size), begin_(begin), end_(file_.size()) {}

  Status check_header();
  Status check_end();
  Result<FrameInfo> frame_at(uint64_t offset) const;
  std::optional<uint64_t> find_frame(uint64_t from) const;

  StoreFile file_;
  uint32_t chunk_size_;
  uint64_t begin_;  ///< of the pack in its file: 0, or behind an exported manifest
  uint64_t end_;    ///< of the frames
};

/// A pack being written.
class PackWriter {
 public:
  /// Errors: those of OutputFile::create.
  static Result<PackWriter> create(FileSystem& system, const std::filesystem::path& path,
                                   uint32_t chunk_size);
  /// Goes on behind what the file has already.
  static Result<PackWriter> begin(OutputFile out, uint32_t chunk_size);
  /// Appends a whole frame; returns its offset.
  Result<uint64_t> append(ByteView frame);
  uint64_t size() const { return out_.size(); }
  /// Writes the end record and makes the pack appear.
  Status commit();

 private:
  explicit PackWriter(OutputFile out) : out_(std::move(out)), begin_(out_.size()) {}
  OutputFile out_;
  uint64_t begin_;  ///< of the pack in its file
  uint64_t frames_ = 0;
};

}  // namespace canrec::snapshot
