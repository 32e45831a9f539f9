// SPDX-License-Identifier: Apache-2.0
// Blobs, chunks, and metadata.json last.
#include "snapshot/writer.h"

#include <set>

#include "snapshot/staged_directory.h"

namespace canrec::snapshot {

namespace fs = std::filesystem;

namespace {

bool is_dfx(Flavour flavour) { return flavour != Flavour::kBoth && flavour != Flavour::kIcp; }

Status check_source(const Metadata& metadata, Flavour flavour) {
  const bool old = flavour == Flavour::kDfx029 || flavour == Flavour::kDfx030;
  if (!old || metadata.source) return Ok{};
  return fail(Errc::kSnapshotMetadata,
              "source is unknown (null), which this version does not take");
}

Status write_chunks(FileSystem& system, const fs::path& folder, const std::vector<ByteView>& chunks,
                    const Interrupt& interrupt) {
  CANREC_CHECK(system.make_directory(folder));
  std::set<Sha256> written;
  for (const ByteView chunk : chunks) {
    const Sha256 hash = sha256(chunk);
    if (!written.insert(hash).second) continue;
    CANREC_CHECK(
        write_image_file(system, folder / (to_hex(hash) + ".bin"), Image::of(chunk), interrupt));
  }
  return system.sync_directory(folder);
}

Status write_files(FileSystem& system, const fs::path& path, const NewSnapshot& snapshot,
                   const Interrupt& interrupt) {
  Metadata metadata = snapshot.metadata;
  metadata.wasm_module_size = snapshot.module.size;
  metadata.wasm_memory_size = snapshot.heap.size;
  metadata.stable_memory_size = snapshot.stable.size;
  metadata.wasm_chunk_store.clear();
  for (const ByteView chunk : snapshot.chunks) metadata.wasm_chunk_store.push_back(sha256(chunk));
  CANREC_CHECK(check_source(metadata, snapshot.flavour));
  CANREC_TRY(const std::string text, write_metadata(metadata, snapshot.flavour == Flavour::kDfx029
                                                                  ? MetadataForm::kDfx029
                                                                  : MetadataForm::kCurrent));

  CANREC_CHECK(write_image_file(system, path / "wasm_module.bin", snapshot.module, interrupt));
  if (snapshot.heap.size > 0 || snapshot.flavour != Flavour::kIcp) {
    CANREC_CHECK(write_image_file(system, path / "wasm_memory.bin", snapshot.heap, interrupt));
  }
  if (snapshot.stable.size > 0 || !is_dfx(snapshot.flavour)) {
    CANREC_CHECK(write_image_file(system, path / "stable_memory.bin", snapshot.stable, interrupt));
  }
  if (!snapshot.chunks.empty() || !is_dfx(snapshot.flavour)) {
    CANREC_CHECK(write_chunks(system, path / "wasm_chunk_store", snapshot.chunks, interrupt));
  }
  CANREC_CHECK(
      write_image_file(system, path / "metadata.json", Image::of(as_bytes(text)), interrupt));
  return system.sync_directory(path);
}

}  // namespace

NewSnapshot NewSnapshot::of(const Directory& directory) {
  NewSnapshot out;
  out.metadata = directory.metadata();
  out.module = Image::of(directory.module_file());
  out.heap = Image::of(directory.heap_file());
  out.stable = Image::of(directory.stable_file());
  for (const Chunk& chunk : directory.chunks()) out.chunks.push_back(chunk.bytes);
  return out;
}

Status write_directory(FileSystem& system, const fs::path& path, const NewSnapshot& snapshot,
                       Overwrite overwrite, const Interrupt& interrupt) {
  CANREC_TRY(StagedDirectory staged, StagedDirectory::create(system, path, overwrite));
  CANREC_CHECK(write_files(system, staged.path(), snapshot, interrupt));
  return staged.commit();
}

}  // namespace canrec::snapshot
