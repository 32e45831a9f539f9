// SPDX-License-Identifier: Apache-2.0
#pragma once

// The content of a blob to be written, without having it in one piece: bytes that are somewhere in
// memory, over a file that is copied in the kernel, over zeros that stay holes.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/input_file.h"
#include "base/interrupt.h"

namespace canrec::snapshot {

/// Bytes at an offset of a blob.
struct Extent {
  uint64_t offset;
  ByteView bytes;
};

/// A blob of `size` bytes. An extent covers the base file, the base file covers zeros.
struct Image {
  uint64_t size = 0;
  const InputFile* base = nullptr;  ///< its bytes below `size` are taken over; may be null
  /// The base may become part of the written directory under a second name, where the file system
  /// can: only for a whole, synced file that nobody writes any more, without extents.
  bool may_link = false;
  std::vector<Extent> extents;  ///< ascending, disjoint, in [0, size)

  /// The bytes as they are.
  static Image of(ByteView bytes);
  /// A file as it is; an empty blob for null.
  static Image of(const InputFile* file);
};

/// Whether all bytes are zero. Reads 64 bytes at a time and stops at the first that is not.
bool all_zero(ByteView bytes);

/// Writes bytes at an offset of a file whose content there is zero; pages (4 KiB) of zeros are left
/// out and stay holes. Errors: those of the file; kInterrupted.
Status write_sparse(WritableFile& file, const Extent& extent, const Interrupt& interrupt);

/// Writes an image into a new, empty file, sparsely.
/// Errors: those of the file; kInterrupted.
Status write_image(WritableFile& file, const Image& image, const Interrupt& interrupt);

/// Creates a file with the content of an image and syncs it.
/// Errors: those of the file system; kInterrupted.
Status write_image_file(FileSystem& system, const std::filesystem::path& path, const Image& image,
                        const Interrupt& interrupt);

}  // namespace canrec::snapshot
