// SPDX-License-Identifier: Apache-2.0
// From any readable form to today's.
#include "recover/convert.h"

#include "snapshot/directory.h"
#include "snapshot/writer.h"

namespace canrec::recover {

Status convert(FileSystem& fs, const std::filesystem::path& from, const std::filesystem::path& to,
               Overwrite overwrite, const Interrupt& interrupt) {
  CANREC_TRY(const snapshot::Directory directory, snapshot::Directory::open(from));
  snapshot::NewSnapshot out;
  out.metadata = directory.metadata();
  out.module = snapshot::Image::of(directory.module_file());
  out.heap = snapshot::Image::of(directory.heap_file());
  out.stable = snapshot::Image::of(directory.stable_file());
  for (const snapshot::Chunk& chunk : directory.chunks()) out.chunks.push_back(chunk.bytes);
  return snapshot::write_directory(fs, to, out, overwrite, interrupt);
}

}  // namespace canrec::recover
