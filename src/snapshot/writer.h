// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writing a snapshot directory that icp and dfx both accept: all three blobs, wasm_chunk_store/,
// optional keys explicit. The directory appears under its name only when everything in it is on
// disk: it grows as NAME.canrec-tmp-PID beside it, metadata.json last, and is renamed at the end.

#include <filesystem>
#include <span>

#include "base/file_system.h"
#include "base/interrupt.h"
#include "base/output_file.h"
#include "snapshot/image.h"
#include "snapshot/metadata.h"

namespace canrec::snapshot {

struct NewSnapshot {
  Metadata metadata;  ///< sizes and chunk list are set from the images and chunks below
  Image module, heap, stable;
  std::vector<ByteView> chunks;  ///< of the Wasm chunk store, in the order of the list
};

/// Writes the directory.
///
/// Errors: kExists when the name exists and overwriting was not asked for; kLocked when another
///         process is replacing the same directory; kSnapshotMetadata (see write_metadata);
///         kInterrupted; those of the file system. Whatever fails, an old directory of that name
///         is whole, and a new one whole or absent.
Status write_directory(FileSystem& system, const std::filesystem::path& path,
                       const NewSnapshot& snapshot, Overwrite overwrite,
                       const Interrupt& interrupt);

}  // namespace canrec::snapshot
