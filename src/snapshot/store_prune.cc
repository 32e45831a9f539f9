// SPDX-License-Identifier: Apache-2.0
// Pruning, in an order that loses nothing wherever it stops:
//   1. find what the kept backups need; refuse when any of it is missing
//   2. copy what is needed out of packs that are mostly waste into new packs
//   3. write the index without the packs that will go
//   4. remove the manifests of the backups that are not kept
//   5. remove the packs
#include <fmt/core.h>

#include <algorithm>
#include <ranges>
#include <set>

#include "snapshot/store_frame.h"
#include "snapshot/store_jobs.h"
#include "snapshot/store_writer.h"

namespace canrec::snapshot {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kDay = 86'400 * kSecond;
constexpr int kRewriteLevel = 3;
constexpr Location kNotFound{0, 0, 1};  // the place of a needed chunk that is not known yet

// Marks the newest of each of the first `count` periods, newest first.
template <typename Period>
void keep_newest(std::span<const uint64_t> created, const std::vector<size_t>& newest_first,
                 unsigned count, Period period, std::vector<bool>& kept) {
  std::optional<uint64_t> last;
  for (const size_t i : newest_first) {
    const uint64_t now = period(created[i]);
    if (last && *last == now) continue;
    if (count-- == 0) return;
    last = now;
    kept[i] = true;
  }
}

struct PackUse {
  PackFile file;
  uint64_t used = 0;  // raw bytes of chunks that are needed
  uint64_t raw = 0;
};

class Pruner {
 public:
  Pruner(const Store& store, FileSystem& system, const JobControl& control)
      : store_(store), system_(system), control_(control) {}

  Result<PruneReport> run(const PrunePolicy& policy, bool dry_run) {
    CANREC_CHECK(choose_backups(policy));
    CANREC_CHECK(measure_packs());
    if (dry_run) return std::move(report_);
    // Readers may go on until something is removed.
    CANREC_CHECK(rewrite_packs());
    CANREC_TRY(const FileLock readers, store_.lock_for_deleting(system_));
    CANREC_CHECK(write_index());
    return remove();
  }

 private:
  Status choose_backups(const PrunePolicy& policy) {
    CANREC_TRY(const std::vector<std::string> ids, store_.backups());
    std::vector<uint64_t> created;
    for (const std::string& id : ids) {
      // A manifest that cannot be read names chunks that cannot be known: nothing is removed.
      CANREC_TRY(const Manifest manifest, store_.backup(id));
      created.push_back(manifest.created_ns());
    }
    const std::vector<bool> kept = kept_by(created, policy);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!kept[i]) {
        report_.removed.push_back(ids[i]);
        continue;
      }
      report_.kept.push_back(ids[i]);
      CANREC_TRY(const Manifest manifest, store_.backup(ids[i]));
      CANREC_CHECK(add_needed(manifest));
    }
    return Ok{};
  }

  Status add_needed(const Manifest& manifest) {
    for (const ManifestFile& file : manifest.files()) {
      for (const Reference& reference : manifest.references(file)) {
        if (reference.zeros != 0) continue;
        for (uint32_t i = 0; i < reference.chunks(); ++i) {
          const Address address = reference.address(i);
          if (needed_.find(address) != nullptr) continue;
          needed_.insert(address, kNotFound);
          ++missing_;
        }
      }
    }
    return control_.interrupt.check();
  }

  // Walks all packs, the newest first. The newest place of a chunk is the one that counts: a chunk
  // is stored twice when its first place was damaged.
  Status measure_packs() {
    CANREC_TRY(const std::vector<PackFile> files, store_.packs());
    for (const PackFile& file : std::views::reverse(files)) {
      CANREC_TRY(const PackReader pack, store_.open_pack(file.number));
      PackUse use{file, 0, 0};
      std::vector<Error> damage;
      CANREC_CHECK(pack.walk(
          [&](const FrameInfo& frame) -> Status {
            for (const FrameChunk& chunk : frame.header.chunks) {
              use.raw += chunk.length;
              Location* place = needed_.find(chunk.address);
              if (place == nullptr || *place != kNotFound) continue;
              *place = {file.number, frame.offset, 1};
              use.used += chunk.length;
              --missing_;
            }
            return control_.interrupt.check();
          },
          damage));
      if (!damage.empty()) {
        return fail(std::move(damage[0]).in(
            fmt::format("packs/{}.pack: damaged, nothing is removed", hex16(file.number))));
      }
      report_.bytes_before += file.size;
      sort_pack(use);
    }
    if (missing_ == 0) return Ok{};
    return fail(
        Errc::kStoreDamaged,
        fmt::format("the kept backups lack {} chunks; nothing is removed, see verify", missing_));
  }

  void sort_pack(const PackUse& use) {
    if (use.used == 0) {
      removing_.push_back(use.file);
      ++report_.packs_removed;
    } else if (use.used < use.raw / 2) {
      rewriting_.push_back(use.file);
      ++report_.packs_rewritten;
    } else {
      staying_.push_back(use.file);
      report_.bytes_after += use.file.size;
    }
  }

  // Unpacks the frames of mostly unused packs and stores their needed chunks again.
  Status rewrite_packs() {
    // The new packs are looked up in an index of the packs that stay.
    for (const PackFile& file : staying_) CANREC_CHECK(index_pack(file));
    if (rewriting_.empty()) return Ok{};
    CANREC_TRY(const auto writer,
               ChunkWriter::create(store_, system_, index_, kRewriteLevel, control_));
    for (const PackFile& file : rewriting_) {
      CANREC_TRY(const PackReader pack, store_.open_pack(file.number));
      std::vector<Error> damage;
      CANREC_CHECK(pack.walk(
          [&](const FrameInfo& frame) -> Status { return copy_frame(pack, frame, *writer); },
          damage));
    }
    CANREC_CHECK(writer->finish());
    report_.bytes_after += writer->bytes_written();
    staying_.insert(staying_.end(), writer->packs().begin(), writer->packs().end());
    return Ok{};
  }

  Status copy_frame(const PackReader& pack, const FrameInfo& frame, ChunkWriter& writer) {
    CANREC_CHECK(control_.interrupt.check());
    const auto wanted = [&](const FrameChunk& chunk) {
      return needed_.find(chunk.address) != nullptr && !writer.has(chunk.address);
    };
    if (std::ranges::none_of(frame.header.chunks, wanted)) return Ok{};
    Bytes bytes;
    CANREC_CHECK(pack.read_frame(frame.offset, frame.header.frame_bytes(), bytes));
    Bytes raw(frame.header.raw_size);
    CANREC_CHECK(decoder_.unpack(bytes, frame.header, frame.offset, raw));
    size_t at = 0;
    for (const FrameChunk& chunk : frame.header.chunks) {
      const ByteView view = ByteView(raw).subspan(at, chunk.length);
      at += chunk.length;
      if (!wanted(chunk)) continue;
      if (xxh3_128(view) != chunk.address) {
        return fail(Errc::kStoreDamaged, frame.offset, "a chunk does not have its address");
      }
      CANREC_CHECK(writer.add(chunk.address, view));
    }
    return Ok{};
  }

  Status index_pack(const PackFile& file) {
    CANREC_TRY(const PackReader pack, store_.open_pack(file.number));
    std::vector<Error> damage;
    return pack.walk(
        [&](const FrameInfo& frame) -> Status {
          const Location location{file.number, frame.offset,
                                  static_cast<uint32_t>(frame.header.frame_bytes())};
          for (const FrameChunk& chunk : frame.header.chunks) index_.add(chunk.address, location);
          return Ok{};
        },
        damage);
  }

  Status write_index() {
    std::ranges::sort(staying_);
    return index_.write(system_, store_.index_path(), staying_);
  }

  Result<PruneReport> remove() {
    for (const std::string& id : report_.removed) {
      CANREC_CHECK(system_.remove(store_.backup_path(id)));
    }
    // The manifests must be gone for good before what they name goes.
    CANREC_CHECK(system_.sync_directory(store_.backup_directory()));
    for (const auto& packs : {removing_, rewriting_}) {
      for (const PackFile& pack : packs)
        CANREC_CHECK(system_.remove(store_.pack_path(pack.number)));
    }
    return std::move(report_);
  }

  const Store& store_;
  FileSystem& system_;
  const JobControl& control_;
  PruneReport report_;
  AddressTable needed_;   // by the kept backups, and where each was found first
  uint64_t missing_ = 0;  // of them not found
  Index index_;
  FrameDecoder decoder_;
  std::vector<PackFile> staying_, removing_, rewriting_;  // newest first
};

}  // namespace

std::vector<bool> kept_by(std::span<const uint64_t> created_ns, const PrunePolicy& policy) {
  std::vector<size_t> newest_first(created_ns.size());
  for (size_t i = 0; i < newest_first.size(); ++i) newest_first[i] = i;
  std::ranges::sort(newest_first, [&](size_t a, size_t b) {
    return std::pair(created_ns[a], b) > std::pair(created_ns[b], a);
  });
  std::vector<bool> kept(created_ns.size());
  for (size_t i = 0; i < std::min<size_t>(policy.keep_last, newest_first.size()); ++i) {
    kept[newest_first[i]] = true;
  }
  keep_newest(
      created_ns, newest_first, policy.keep_daily, [](uint64_t time) { return time / kDay; }, kept);
  // 1970-01-01 was a Thursday; weeks begin on Monday.
  keep_newest(
      created_ns, newest_first, policy.keep_weekly,
      [](uint64_t time) { return (time / kDay + 3) / 7; }, kept);
  return kept;
}

Result<PruneReport> prune_store(const Store& store, FileSystem& system, const PrunePolicy& policy,
                                bool dry_run, const JobControl& control) {
  if (policy.keep_last == 0 && policy.keep_daily == 0 && policy.keep_weekly == 0) {
    return fail(Errc::kBadArgument,
                "this would keep nothing; say what to keep with --keep-last, --keep-daily or "
                "--keep-weekly");
  }
  if (dry_run) {
    CANREC_TRY(const FileLock lock, store.lock_for_reading());
    return Pruner(store, system, control).run(policy, true);
  }
  CANREC_TRY(const FileLock lock, store.lock_for_writing(system));
  return Pruner(store, system, control).run(policy, false);
}

}  // namespace canrec::snapshot
