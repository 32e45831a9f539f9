// SPDX-License-Identifier: Apache-2.0
// Comparing two backups by their addresses.
#include <algorithm>
#include <optional>

#include "snapshot/store_jobs.h"

namespace canrec::snapshot {
namespace {

// Walks the chunks of a file; nothing for a chunk of zeros.
class ChunkCursor {
 public:
  ChunkCursor(const Manifest& manifest, const ManifestFile& file)
      : references_(manifest.references(file)) {}

  bool at_end() const { return reference_ == references_.size(); }
  std::optional<Address> address() const {
    const Reference& reference = references_[reference_];
    if (reference.zeros != 0) return std::nullopt;
    return reference.address(chunk_);
  }
  /// Chunks from here that are the same kind of nothing: 1, or the rest of a run of zeros.
  uint64_t run() const {
    const Reference& reference = references_[reference_];
    return reference.zeros != 0 ? reference.zeros - chunk_ : 1;
  }
  void advance(uint64_t chunks) {
    chunk_ += static_cast<uint32_t>(chunks);
    if (chunk_ == references_[reference_].chunks()) {
      ++reference_;
      chunk_ = 0;
    }
  }

 private:
  std::vector<Reference> references_;
  size_t reference_ = 0;
  uint32_t chunk_ = 0;
};

void compare(const Manifest& a, const ManifestFile& file_a, const Manifest& b,
             const ManifestFile& file_b, BackupDiff& out) {
  const uint64_t chunk_size = a.chunk_size();
  const uint64_t end = std::max(file_a.size, file_b.size);
  const auto changed = [&](uint64_t begin, uint64_t stop) {
    stop = std::min(stop, end);
    if (begin >= stop) return;
    out.changed_bytes += stop - begin;
    if (!out.changed.empty() && out.changed.back().file == file_a.name &&
        out.changed.back().end == begin) {
      out.changed.back().end = stop;
    } else {
      out.changed.push_back({file_a.name, begin, stop});
    }
  };
  ChunkCursor in_a(a, file_a);
  ChunkCursor in_b(b, file_b);
  uint64_t at = 0;
  while (!in_a.at_end() && !in_b.at_end()) {
    const uint64_t step = std::min(in_a.run(), in_b.run());
    const uint64_t next = at + step * chunk_size;
    // The last chunk of a file that was cut or grew covers other bytes, even when both are zero.
    const bool same_length = std::min(next, file_a.size) == std::min(next, file_b.size);
    if (in_a.address() != in_b.address() || !same_length) changed(at, next);
    in_a.advance(step);
    in_b.advance(step);
    at = next;
  }
  changed(at, end);
}

}  // namespace

BackupDiff diff_backups(const Manifest& a, const Manifest& b) {
  BackupDiff out;
  for (const ManifestFile& file : a.files()) {
    const ManifestFile* other = b.file(file.name);
    if (other == nullptr) {
      out.only_a.push_back(file.name);
    } else if (file.sha256 != other->sha256 || file.size != other->size) {
      compare(a, file, b, *other, out);
    }
  }
  for (const ManifestFile& file : b.files()) {
    if (a.file(file.name) == nullptr) out.only_b.push_back(file.name);
  }
  return out;
}

}  // namespace canrec::snapshot
