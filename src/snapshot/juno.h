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

}  // namespace canrec::snapshot
