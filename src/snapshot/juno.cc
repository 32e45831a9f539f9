// SPDX-License-Identifier: Apache-2.0
// Juno's blobs and chunk boundaries.
#include "snapshot/juno.h"

#include <fmt/core.h>

#include <algorithm>

#include "ic/limits.h"

namespace canrec::snapshot {
namespace {

// The slice that Juno uploads, and so a likely length of a chunk.
constexpr uint64_t kJunoSlice = 1'000'000;

Result<std::optional<InputFile>> open_blob(const std::filesystem::path& directory,
                                           const std::optional<JunoBlob>& blob) {
  if (!blob) return std::optional<InputFile>{};
  if (std::find(kJunoNames.begin(), kJunoNames.end(), blob->filename) == kJunoNames.end()) {
    return fail(Errc::kBadArgument, fmt::format("{}: not a file name of Juno", blob->filename));
  }
  CANREC_TRY(InputFile file, InputFile::open(directory / blob->filename));
  if (file.size() != blob->size) {
    return fail(Errc::kSnapshotSize, std::min(file.size(), blob->size),
                fmt::format("{}: {} bytes, the metadata says {}", blob->filename,
                            grouped(file.size()), grouped(blob->size)));
  }
  if (sha256(file.bytes()) != blob->hash) {
    return fail(Errc::kHashMismatch,
                fmt::format("{}: the SHA-256 differs from the metadata", blob->filename));
  }
  return std::optional(std::move(file));
}

// The length of the prefix with that hash, 0 when there is none: one pass, looking after each byte.
size_t prefix_with_hash(ByteView bytes, const Sha256& hash) {
  Sha256Stream stream;
  for (size_t n = 0; n < bytes.size(); ++n) {
    stream.update(bytes.subspan(n, 1));
    if (stream.peek() == hash) return n + 1;
  }
  return 0;
}

}  // namespace

Result<std::vector<Chunk>> cut_chunks(ByteView joined, const std::vector<Sha256>& hashes) {
  std::vector<Chunk> out;
  size_t at = 0;
  for (size_t i = 0; i < hashes.size(); ++i) {
    const size_t left = joined.size() - at;
    const size_t most = std::min<size_t>(left, ic::limits::kChunkBytes);
    size_t found = 0;
    const auto fits = [&](size_t length) {
      return length > 0 && length <= most && sha256(joined.subspan(at, length)) == hashes[i];
    };
    for (const size_t likely : {most, static_cast<size_t>(kJunoSlice)}) {
      if (found == 0 && fits(likely)) found = likely;
    }
    if (found == 0) found = prefix_with_hash(joined.subspan(at, most), hashes[i]);
    if (found == 0) {
      return fail(Errc::kHashMismatch, at,
                  fmt::format("no prefix of the bytes here has the hash of chunk {}", i));
    }
    out.push_back({hashes[i], joined.subspan(at, found)});
    at += found;
  }
  if (at != joined.size()) {
    return fail(Errc::kSnapshotSize, at, "bytes after the last chunk of the metadata");
  }
  return out;
}

JunoFiles open_juno(const std::filesystem::path& directory, const ReadMetadata& metadata) {
  JunoFiles out;
  const auto open = [&](const std::optional<JunoBlob>& blob, uint64_t size,
                        std::string_view name) -> std::optional<InputFile> {
    auto file = open_blob(directory, blob);
    if (!file) {
      out.errors.push_back(std::move(file).error());
      return std::nullopt;
    }
    const uint64_t have = *file ? (*file)->size() : 0;
    if (have != size) {
      out.errors.push_back(Error(
          Errc::kSnapshotSize, std::nullopt,
          fmt::format("{}: {} bytes, the metadata says {}", name, grouped(have), grouped(size))));
    }
    return std::move(*file);
  };
  const Metadata& m = metadata.metadata;
  out.module = open(metadata.juno_module, m.wasm_module_size, kJunoNames[0]);
  out.heap = open(metadata.juno_heap, m.wasm_memory_size, kJunoNames[1]);
  out.stable = open(metadata.juno_stable, m.stable_memory_size, kJunoNames[2]);
  auto chunks = open_blob(directory, metadata.juno_chunks);
  if (!chunks) {
    out.errors.push_back(std::move(chunks).error());
    return out;
  }
  out.chunk_file = std::move(*chunks);
  const ByteView joined = out.chunk_file ? out.chunk_file->bytes() : ByteView{};
  auto cut = cut_chunks(joined, m.wasm_chunk_store);
  if (cut) {
    out.chunks = std::move(*cut);
  } else {
    out.errors.push_back(std::move(cut).error().in(kJunoNames[3]));
  }
  return out;
}

}  // namespace canrec::snapshot
