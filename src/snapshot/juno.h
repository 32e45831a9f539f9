// SPDX-License-Identifier: Apache-2.0
#pragma once

// The files beside Juno's metadata.json. Every blob has a size and a SHA-256 there; the chunk store
// is one file whose chunk boundaries are not recorded and are found again from the chunks' hashes.
// Source: https://github.com/junobuild/cli

#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/interrupt.h"
#include "base/output_file.h"
#include "snapshot/directory.h"

namespace canrec::snapshot {

inline constexpr std::array<std::string_view, 4> kJunoNames = {"wasm-code.bin", "heap.bin",
                                                               "stable.bin", "chunks-store.bin"};

struct JunoFiles {
  std::optional<InputFile> module, heap, stable, chunk_file;
  std::vector<Chunk> chunks;  ///< views into chunk_file
  std::vector<Error> errors;  ///< kSnapshotSize, kHashMismatch, kBadArgument (a name with a path)
};

/// Opens and checks what the metadata names.
JunoFiles open_juno(const std::filesystem::path& directory, const ReadMetadata& metadata);

/// Cuts a joined chunk store by the hashes of its chunks, in order.
///
/// Shape:  each chunk has 1 to 1 MiB bytes.
/// Errors: kHashMismatch when no length gives a chunk its hash, kSnapshotSize when bytes are left;
///         offset in `joined`.
Result<std::vector<Chunk>> cut_chunks(ByteView joined, const std::vector<Sha256>& hashes);

/// Juno's metadata.json, as its command line writes it.
///
/// Shape:  blobs that are empty have no entry. `metadata` has a source, and no unknown keys: Juno
///         refuses to read anything else.
/// Errors: kSnapshotMetadata for what Juno does not take: no source, unknown keys, a global that is
///         a NaN or an infinity.
Result<std::string> write_juno_metadata(const ReadMetadata& contents);

/// Writes a directory as Juno downloads one: the blobs that are not empty, the chunks one after
/// another, metadata.json. `id` is the snapshot's, which Juno records.
///
/// Errors: those of write_juno_metadata and of write_directory (writer.h).
Status write_juno_directory(FileSystem& system, const std::filesystem::path& path,
                            const Directory& from, const SnapshotId& id, Overwrite overwrite,
                            const Interrupt& interrupt);

}  // namespace canrec::snapshot
