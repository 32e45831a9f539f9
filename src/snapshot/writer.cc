// SPDX-License-Identifier: Apache-2.0
// Temporary directory, blobs, metadata, rename.
#include "snapshot/writer.h"

#include <fmt/core.h>
#include <unistd.h>

#include <optional>
#include <set>

#include "snapshot/directory.h"
#include "snapshot/file_lock.h"

namespace canrec::snapshot {

namespace fs = std::filesystem;

namespace {

// Removes the directory at the end unless it was kept.
class TemporaryTree {
 public:
  TemporaryTree(FileSystem& system, fs::path path) : system_(system), path_(std::move(path)) {}
  TemporaryTree(const TemporaryTree&) = delete;
  TemporaryTree& operator=(const TemporaryTree&) = delete;
  ~TemporaryTree() {
    // Nothing more can be done about a temporary directory that will not go away.
    if (!kept_) (void)system_.remove_all(path_);
  }
  void keep() { kept_ = true; }

 private:
  FileSystem& system_;
  fs::path path_;
  bool kept_ = false;
};

Status write_blob(FileSystem& system, const fs::path& path, const Image& image,
                  const Interrupt& interrupt) {
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

// Only a snapshot directory may be replaced, and only one that holds nothing else: what --force
// removes must never be somebody's other files.
Status check_replaceable(const fs::path& target) {
  std::error_code error;
  if (!fs::is_directory(target, error)) {
    return fail(Errc::kExists, fmt::format("{} is not a directory", target.string()));
  }
  for (fs::directory_iterator it(target, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (is_snapshot_file(name)) continue;
    return fail(Errc::kExists, fmt::format("{} holds {}, which is no part of a snapshot; it is not "
                                           "replaced",
                                           target.string(), name));
  }
  if (error) return fail(errno_error(error.value(), "list", target));
  return Ok{};
}

}  // namespace

Status write_directory(FileSystem& system, const fs::path& path, const NewSnapshot& snapshot,
                       Overwrite overwrite, const Interrupt& interrupt) {
  // "out/" and "out" are the same directory; its sibling needs the name without the slash.
  const fs::path target = path.has_filename() ? path : path.parent_path();
  std::error_code ignored;
  const bool exists = fs::exists(fs::symlink_status(target, ignored));
  if (exists && overwrite == Overwrite::kNo) {
    return fail(Errc::kExists,
                fmt::format("{} exists; give --force to replace it", target.string()));
  }
  std::optional<FileLock> lock;
  if (exists) {
    CANREC_CHECK(check_replaceable(target));
    CANREC_TRY(lock, FileLock::take(target, LockMode::kExclusive));
  }
  const fs::path temporary = fmt::format("{}.canrec-tmp-{}", target.string(), ::getpid());
  // A directory of this name can only be the leftover of a dead process with our number.
  if (fs::exists(fs::symlink_status(temporary, ignored))) {
    CANREC_CHECK(system.remove_all(temporary));
  }
  CANREC_CHECK(system.make_directory(temporary));
  TemporaryTree tree(system, temporary);
  CANREC_CHECK(write_files(system, temporary, snapshot, interrupt));
  if (exists) {
    // What is removed at the end is then the old directory under the temporary name.
    CANREC_CHECK(system.exchange(temporary, target));
  } else {
    // Fails when a directory with content appeared meanwhile.
    CANREC_CHECK(system.rename(temporary, target));
    tree.keep();
  }
  return system.sync_directory(target.parent_path());
}

}  // namespace canrec::snapshot
