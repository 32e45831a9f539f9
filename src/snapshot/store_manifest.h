// SPDX-License-Identifier: Apache-2.0
#pragma once

// Manifests: what one backup holds. Layout: docs/formats/chunk-store.md, section 4.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/output_file.h"
#include "base/sha256_lanes.h"
#include "snapshot/store_format.h"

namespace canrec::snapshot {

struct Note {
  std::string key;
  std::string value;
  bool operator==(const Note&) const = default;
};

struct ManifestFile {
  std::string name;
  uint64_t size = 0;
  Sha256 sha256{};
  uint64_t begin = 0;  ///< of its reference list, in the manifest
  uint64_t end = 0;
  /// Of SHA-256 after every state_stride(size) bytes, except at the file's begin and end; none in
  /// manifests of version 1.
  std::vector<Sha256State> states;
};

/// Bytes between two states that a manifest keeps of a file of that size: a power of two from
/// 1 MiB on, so that there are at most 65,536.
uint64_t state_stride(uint64_t size);
/// How many states that makes.
uint64_t state_count(uint64_t size);

/// A stretch of a file: a run of zero chunks, or chunks with addresses.
struct Reference {
  uint32_t zeros = 0;  ///< chunks of zeros; 0 when there are addresses
  ByteView addresses;  ///< 16 bytes each
  uint32_t chunks() const {
    return zeros != 0 ? zeros : static_cast<uint32_t>(addresses.size() / 16);
  }
  Address address(uint32_t i) const {
    return {load_le<uint64_t>(addresses.data() + size_t{16} * i),
            load_le<uint64_t>(addresses.data() + size_t{16} * i + 8)};
  }
};

/// A manifest that was read and found consistent in itself: hash, names, lists that fit their
/// files.
class Manifest {
 public:
  /// Errors: kStoreMalformed, kStoreDamaged (SHA-256), kUnexpectedEof, kLimit (longer than
  ///         store::kMaxManifestBytes); offset in the file.
  static Result<Manifest> open(const std::filesystem::path& path);
  /// The same for bytes that the caller keeps alive; `base` is their offset in a larger file.
  static Result<Manifest> parse(ByteView bytes, uint64_t base = 0);

  const std::string& id() const { return id_; }
  uint32_t chunk_size() const { return chunk_size_; }
  uint64_t created_ns() const { return created_ns_; }
  const std::vector<Note>& notes() const { return notes_; }
  const std::string* note(std::string_view key) const;
  const std::vector<ManifestFile>& files() const { return files_; }
  const ManifestFile* file(std::string_view name) const;
  /// The whole manifest.
  ByteView bytes() const { return bytes_; }
  /// The references of a file, in order.
  std::vector<Reference> references(const ManifestFile& file) const;
  /// Bytes of all files.
  uint64_t total_size() const;

 private:
  Status read(uint64_t base);
  Status read_table(uint64_t table, uint64_t base, bool has_states);
  Status check_list(const ManifestFile& file, uint64_t base) const;

  Bytes owner_;  ///< of bytes_, unless the caller is
  ByteView bytes_;
  std::string id_;
  uint32_t chunk_size_ = 0;
  uint64_t created_ns_ = 0;
  std::vector<Note> notes_;
  std::vector<ManifestFile> files_;
};

/// Writes a manifest as its files are read; references are not kept in memory.
class ManifestWriter {
 public:
  /// The file gets its name at the end, from its content.
  static Result<ManifestWriter> create(FileSystem& system, std::filesystem::path directory,
                                       uint32_t chunk_size, uint64_t created_ns);
  void begin_file(std::string name);
  Status add_zero();
  Status add(const Address& address);
  /// Shape: state_count(size) states.
  Status end_file(uint64_t size, const Sha256& hash, std::vector<Sha256State> states);
  /// Writes table and trailer and makes the manifest appear; returns its id.
  /// Errors: kExists when the same backup was made before.
  Result<std::string> commit(const std::vector<Note>& notes);
  /// Bytes written so far.
  uint64_t size() const { return size_; }

 private:
  explicit ManifestWriter(std::filesystem::path directory) : directory_(std::move(directory)) {}
  Status flush();
  Status put(ByteView bytes);

  std::filesystem::path directory_;
  std::optional<OutputFile> out_;
  Sha256Stream hash_;
  uint64_t size_ = 0;
  std::vector<ManifestFile> files_;
  uint32_t zeros_ = 0;  // pending run of zeros
  Bytes addresses_;     // pending addresses
};

}  // namespace canrec::snapshot
