// SPDX-License-Identifier: Apache-2.0
// One thread hashes a file while another brings its next pieces into memory.
#include "recover/verify_hashes.h"

#include <algorithm>
#include <functional>

namespace canrec::recover {
namespace {

constexpr size_t kPiece = size_t{4} << 20;
constexpr size_t kAhead = 4 * kPiece;
constexpr size_t kFetched = 16 * kPiece;

}  // namespace

FileHashes::FileHashes(const snapshot::Directory& directory, const VerifyOptions& options)
    : options_(options),
      jobs_{{"wasm_module.bin", directory.module_file()},
            {"wasm_memory.bin", directory.heap_file()},
            {"stable_memory.bin", directory.stable_file()}},
      done_(jobs_.size()) {
  std::ranges::sort(order_, std::greater{}, [&](size_t i) { return jobs_[i].bytes().size(); });
}

void FileHashes::work() {
  for (size_t turn = next_++; turn < order_.size(); turn = next_++) {
    std::atomic<uint64_t>& position = positions_[order_[turn]];
    hash(order_[turn], position);
    position = kOver;
    position.notify_all();
  }
  for (const size_t index : order_) fetch(index);
}

void FileHashes::hash(size_t index, std::atomic<uint64_t>& position) {
  const Job& job = jobs_[index];
  const ByteView bytes = job.bytes();
  Sha256Stream stream;
  for (ByteView rest = bytes; !rest.empty();) {
    if (options_.interrupt != nullptr && options_.interrupt->requested()) return;
    const ByteView piece = rest.first(std::min<size_t>(rest.size(), kPiece));
    // The disk reads the next pieces while this one is hashed.
    job.file->read_ahead(bytes.size() - rest.size() + kPiece, kAhead);
    stream.update(piece);
    rest = rest.subspan(piece.size());
    position = bytes.size() - rest.size();
    position.notify_all();
    const uint64_t total = read_ += piece.size();
    if (options_.progress) {
      const std::lock_guard lock(reporting_);
      options_.progress(total);
    }
  }
  done_[index] = {job.name, bytes.size(), stream.finish()};
}

void FileHashes::fetch(size_t index) {
  const Job& job = jobs_[index];
  const uint64_t size = job.bytes().size();
  uint64_t fetched = 0;
  for (uint64_t at = positions_[index]; at < size; at = positions_[index]) {
    fetched = std::max(fetched, at);
    if (fetched < std::min<uint64_t>(size, at + kFetched)) {
      job.file->fetch(fetched, kPiece);
      fetched += kPiece;
    } else {
      positions_[index].wait(at);
    }
  }
}

}  // namespace canrec::recover
