// SPDX-License-Identifier: Apache-2.0
#pragma once

// Snapshot directories as icp, dfx and Juno write them. open() accepts only what is whole; survey()
// looks at everything that is there and says what is wrong.
//
//   metadata.json              metadata.h; written last
//   wasm_module.bin            the module as installed, perhaps gzip      (Juno: wasm-code.bin)
//   wasm_memory.bin            the heap, whole pages                      (Juno: heap.bin)
//   stable_memory.bin          stable memory, whole pages                 (Juno: stable.bin)
//   wasm_chunk_store/HEX.bin   one chunk, HEX = its SHA-256               (Juno: chunks-store.bin)
//   .download_progress.json    icp: present while a download is not finished
//
// A blob that is missing counts as empty.

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/input_file.h"
#include "snapshot/file_lock.h"
#include "snapshot/metadata.h"
#include "snapshot/snapshot_id.h"

namespace canrec::snapshot {

/// One chunk of the Wasm chunk store.
struct Chunk {
  Sha256 hash;
  ByteView bytes;
};

/// How much a finding weighs.
enum class Severity : uint8_t {
  kRefused,  // open() fails with it
  kWarning,  // the directory is whole, but the network or a tool may not like it
};

struct Finding {
  Severity severity;
  Error error;  ///< the message begins with the file's name
};

/// Bytes of a blob that were never fetched: [begin, end).
struct MissingRange {
  std::string file;
  uint64_t begin;
  uint64_t end;
};

struct Survey;

/// A directory whose files are mapped. Views stay valid while it lives, also when it is moved.
class Directory {
 public:
  /// Opens a directory that is whole.
  ///
  /// Errors: kNotFound, kIo; kLocked (another process writes it); kSnapshotMetadata, kUtf8, kLimit;
  ///         kSnapshotUnfinished (with the missing ranges); kSnapshotSize (short, long, missing);
  ///         kHashMismatch (chunk files; Juno: every blob); kSnapshotMixed; kWasmMagic.
  static Result<Directory> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const Metadata& metadata() const { return metadata_; }
  MetadataForm form() const { return form_; }

  /// The module as stored, perhaps a gzip stream.
  ByteView module() const { return bytes_of(module_); }
  ByteView heap() const { return bytes_of(heap_); }
  ByteView stable() const { return bytes_of(stable_); }
  /// The mapped files, for private mappings and for copying; null when the blob is missing.
  const InputFile* module_file() const { return module_ ? &*module_ : nullptr; }
  const InputFile* heap_file() const { return heap_ ? &*heap_ : nullptr; }
  const InputFile* stable_file() const { return stable_ ? &*stable_ : nullptr; }
  /// In the order of the metadata.
  std::span<const Chunk> chunks() const { return chunks_; }
  /// Ids that progress files mention: uploads of this directory, and for Juno its origin.
  std::span<const SnapshotId> ids() const { return ids_; }

 private:
  friend class Surveyor;
  static ByteView bytes_of(const std::optional<InputFile>& file) {
    return file ? file->bytes() : ByteView{};
  }

  std::filesystem::path path_;
  Metadata metadata_;
  MetadataForm form_ = MetadataForm::kCurrent;
  std::optional<FileLock> lock_;
  std::optional<InputFile> module_, heap_, stable_;
  std::vector<InputFile> chunk_files_;
  std::vector<Chunk> chunks_;
  std::vector<SnapshotId> ids_;
};

/// Whether a file of that name belongs to a snapshot directory of any form.
bool is_snapshot_file(std::string_view name);

/// Everything that can be said about a directory.
struct Survey {
  std::optional<Directory> directory;  ///< with what could be read; empty without readable metadata
  std::vector<Finding> findings;
  std::vector<MissingRange> missing;

  bool whole() const;
};

/// Looks at everything and collects what is wrong.
///
/// Errors: kNotFound, kPermission, kIo when there is no such directory.
Result<Survey> survey(const std::filesystem::path& path);

}  // namespace canrec::snapshot
