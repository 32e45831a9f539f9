// SPDX-License-Identifier: Apache-2.0
// Blobs, chunks, and metadata.json last.
#include "snapshot/writer.h"

#include <set>

#include "snapshot/staged_directory.h"

namespace canrec::snapshot {

namespace fs = std::filesystem;

namespace {

Status write_blob(FileSystem& system, const fs::path& path, const Image& image,
                  const Interrupt& interrupt) {
  if (image.may_link && system.hard_link(image.base->path(), path)) return Ok{};
  CANREC_TRY(auto file, system.create(path));
  CANREC_CHECK(write_image(*file, image, interrupt));
  return file->sync();
}

Status write_files(FileSystem& system, const fs::path& path, const NewSnapshot& snapshot,
                   const Interrupt& interrupt) {
  Metadata metadata = snapshot.metadata;
  metadata.wasm_module_size = snapshot.module.size;
  metadata.wasm_memory_size = snapshot.heap.size;
  metadata.stable_memory_size = snapshot.stable.size;
  metadata.wasm_chunk_store.clear();
  for (const ByteView chunk : snapshot.chunks) metadata.wasm_chunk_store.push_back(sha256(chunk));
  CANREC_TRY(const std::string text, write_metadata(metadata));

  CANREC_CHECK(write_blob(system, path / "wasm_module.bin", snapshot.module, interrupt));
  CANREC_CHECK(write_blob(system, path / "wasm_memory.bin", snapshot.heap, interrupt));
  CANREC_CHECK(write_blob(system, path / "stable_memory.bin", snapshot.stable, interrupt));
  const fs::path folder = path / "wasm_chunk_store";
  CANREC_CHECK(system.make_directory(folder));
  std::set<Sha256> written;
  for (size_t i = 0; i < snapshot.chunks.size(); ++i) {
    const Sha256& hash = metadata.wasm_chunk_store[i];
    if (!written.insert(hash).second) continue;
    CANREC_CHECK(write_blob(system, folder / (to_hex(hash) + ".bin"), Image::of(snapshot.chunks[i]),
                            interrupt));
  }
  CANREC_CHECK(system.sync_directory(folder));
  CANREC_CHECK(write_blob(system, path / "metadata.json", Image::of(as_bytes(text)), interrupt));
  return system.sync_directory(path);
}

}  // namespace

Status write_directory(FileSystem& system, const fs::path& path, const NewSnapshot& snapshot,
                       Overwrite overwrite, const Interrupt& interrupt) {
  CANREC_TRY(StagedDirectory staged, StagedDirectory::create(system, path, overwrite));
  CANREC_CHECK(write_files(system, staged.path(), snapshot, interrupt));
  return staged.commit();
}

}  // namespace canrec::snapshot
