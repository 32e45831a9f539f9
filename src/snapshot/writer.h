// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writing a snapshot directory of icp and dfx (Juno's: juno.h). The directory appears under its
// name only when everything in it is on disk: it grows as NAME.canrec-tmp-PID beside it,
// metadata.json last, and is renamed at the end.

#include <filesystem>
#include <span>

#include "base/file_system.h"
#include "base/interrupt.h"
#include "base/output_file.h"
#include "snapshot/directory.h"
#include "snapshot/image.h"
#include "snapshot/metadata.h"

namespace canrec::snapshot {

/// Which files are there, and how metadata.json is written.
enum class Flavour : uint8_t {
  kBoth,    ///< all three blobs and wasm_chunk_store/ always: what icp and dfx both accept
  kIcp,     ///< as icp downloads: no file for an empty heap
  kDfx,     ///< as dfx downloads: no file for empty stable memory, no wasm_chunk_store/ when empty
  kDfx030,  ///< dfx 0.29.2 to 0.30.2, icp 0.1: the same; source must be known
  kDfx029,  ///< dfx 0.29.0 and 0.29.1: exported_globals, source as a bare string; it must be known
};

struct NewSnapshot {
  /// What a directory holds, which must outlive this.
  static NewSnapshot of(const Directory& directory);

  Metadata metadata;  ///< sizes and chunk list are set from the images and chunks below
  Image module, heap, stable;
  std::vector<ByteView> chunks;  ///< of the Wasm chunk store, in the order of the list
  Flavour flavour = Flavour::kBoth;
};

/// Writes the directory.
///
/// Errors: kExists when the name exists and overwriting was not asked for; kLocked when another
///         process is replacing the same directory; kSnapshotMetadata (see write_metadata, and
///         an unknown source in an old flavour);
///         kInterrupted; those of the file system. Whatever fails, an old directory of that name
///         is whole, and a new one whole or absent.
Status write_directory(FileSystem& system, const std::filesystem::path& path,
                       const NewSnapshot& snapshot, Overwrite overwrite,
                       const Interrupt& interrupt);

}  // namespace canrec::snapshot
