// SPDX-License-Identifier: Apache-2.0
// Verifying a store: packs first, then the index against them, then every backup against both.
#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <set>

#include "snapshot/store_frame.h"
#include "snapshot/store_hash.h"
#include "snapshot/store_pool.h"
#include "snapshot/store_reader.h"

namespace canrec::snapshot {
namespace {

constexpr size_t kFramesInFlight = 8;

// What a thread needs to check a frame.
struct Scratch {
  FrameDecoder decoder;
  Bytes bytes;
};

// Checks one frame's content; deep unpacks it and hashes every chunk.
Status check_frame(const PackReader& pack, const FrameInfo& frame, bool deep, Scratch& scratch) {
  CANREC_CHECK(pack.read_frame(frame.offset, frame.header.frame_bytes(), scratch.bytes));
  if (deep) return scratch.decoder.check(scratch.bytes, frame.header, frame.offset);
  if (payload_is_whole(scratch.bytes, frame.header)) return Ok{};
  return fail(Errc::kStoreDamaged, frame.offset + frame.header.header_bytes(),
              "frame content does not have its hash");
}

class Verifier {
 public:
  Verifier(const Store& store, bool deep, const JobControl& control)
      : store_(store), deep_(deep), control_(control), workers_(control.threads) {}

  Result<VerifyReport> run() {
    CANREC_TRY(report_.foreign, store_.foreign_files());
    CANREC_TRY(const std::vector<PackFile> packs, store_.packs());
    for (const PackFile& pack : packs) CANREC_CHECK(check_pack(pack));
    check_index(packs);
    CANREC_TRY(const std::vector<std::string> ids, store_.backups());
    for (const std::string& id : ids) CANREC_CHECK(check_backup(id));
    return std::move(report_);
  }

  Status write_index(FileSystem& system) const {
    CANREC_TRY(const std::vector<PackFile> packs, store_.packs());
    return good_.write(system, store_.index_path(), packs);
  }

 private:
  Status check_pack(const PackFile& file) {
    const std::string name = fmt::format("packs/{}.pack", hex16(file.number));
    if (auto strict = store_.open_pack(file.number); !strict) {
      report_.errors.push_back(std::move(strict).error());
    }
    auto pack = store_.open_pack(file.number, true);
    // The strict opening has said why.
    if (!pack) return Ok{};
    ++report_.packs;
    report_.bytes += file.size;
    std::vector<Error> damage;
    std::deque<std::pair<FrameInfo, std::future<Status>>> checking;
    const auto take = [&]() -> Status {
      auto [frame, done] = std::move(checking.front());
      checking.pop_front();
      Status status = done.get();
      control_.advance(frame.header.frame_bytes());
      if (status) {
        add_good(file.number, frame);
      } else {
        report_.errors.push_back(std::move(status).error().in(name));
      }
      return control_.interrupt.check();
    };
    Status walked = pack->walk(
        [&](const FrameInfo& frame) -> Status {
          ++report_.frames;
          if (checking.size() == kFramesInFlight) CANREC_CHECK(take());
          checking.emplace_back(frame, workers_.submit([&reader = *pack, frame, this] {
            return check_frame(reader, frame, deep_, *scratch_.take());
          }));
          return Ok{};
        },
        damage);
    while (!checking.empty()) {
      Status status = take();
      if (walked && !status) walked = std::move(status);
    }
    for (Error& error : damage) report_.errors.push_back(std::move(error).in(name));
    if (!walked && walked.error().code() == Errc::kIo) {
      // A disk that cannot be read is damage like any other.
      report_.errors.push_back(std::move(walked).error().in(name));
      return Ok{};
    }
    return walked;
  }

  void add_good(uint64_t pack, const FrameInfo& frame) {
    const Location location{pack, frame.offset, static_cast<uint32_t>(frame.header.frame_bytes())};
    frames_.insert(location);
    for (const FrameChunk& chunk : frame.header.chunks) good_.add(chunk.address, location);
  }

  void check_index(const std::vector<PackFile>& packs) {
    auto index = Index::open(store_.index_path());
    if (!index) {
      // Without an index file the packs are read; that is no damage.
      if (index.error().code() != Errc::kNotFound) {
        report_.errors.push_back(std::move(index).error().in("index"));
      }
      return;
    }
    if (!std::ranges::includes(packs, index->packs())) {
      report_.errors.push_back(Error(Errc::kStoreMalformed, 40,
                                     "index: lists packs that are gone or have another size"));
      return;
    }
    uint64_t wrong = 0;
    for (uint64_t row = 0; row < index->file_entries(); ++row) {
      if (!frames_.contains(index->file_location(row))) ++wrong;
    }
    if (wrong == 0) return;
    report_.errors.push_back(
        Error(Errc::kStoreMalformed, std::nullopt,
              fmt::format("index: {} entries point to where no good frame is", wrong)));
  }

  Status check_backup(const std::string& id) {
    auto manifest = store_.backup(id);
    if (!manifest) {
      report_.errors.push_back(std::move(manifest).error());
      report_.damaged.push_back({id, {}, 0});
      return Ok{};
    }
    BackupDamage damage{id, {}, 0};
    for (const ManifestFile& file : manifest->files()) {
      const size_t before = damage.lost.size();
      find_lost(*manifest, file, damage.lost);
      if (deep_ && damage.lost.size() == before) CANREC_CHECK(check_hash(*manifest, file, damage));
    }
    for (const FileRange& range : damage.lost) damage.lost_bytes += range.end - range.begin;
    if (damage.lost.empty()) {
      report_.whole.push_back(id);
    } else {
      report_.damaged.push_back(std::move(damage));
    }
    return Ok{};
  }

  void find_lost(const Manifest& manifest, const ManifestFile& file,
                 std::vector<FileRange>& lost) const {
    uint64_t at = 0;
    for (const Reference& reference : manifest.references(file)) {
      for (uint32_t i = 0; i < reference.chunks(); ++i) {
        if (reference.zeros != 0) {
          at += uint64_t{reference.zeros} * manifest.chunk_size();
          break;
        }
        const uint64_t end = std::min(file.size, at + manifest.chunk_size());
        if (!good_.find(reference.address(i))) {
          if (!lost.empty() && lost.back().file == file.name && lost.back().end == at) {
            lost.back().end = end;
          } else {
            lost.push_back({file.name, at, end});
          }
        }
        at = end;
      }
    }
  }

  Status check_hash(const Manifest& manifest, const ManifestFile& file, BackupDamage& damage) {
    FileReader reader(store_, good_, control_);
    FileHash hash(file);
    Status status =
        reader.read(manifest, file, Salvage::kNo, nullptr, [&](Window window) -> Status {
          hash.add(window.bytes, window.size);
          control_.advance(window.size);
          return Ok{};
        });
    if (!status && status.error().code() == Errc::kInterrupted) return status;
    if (status) status = hash.finish();
    if (!status) {
      report_.errors.push_back(std::move(status).error().in(fmt::format("backup {}", damage.id)));
      damage.lost.push_back({file.name, 0, file.size});
    }
    return Ok{};
  }

  const Store& store_;
  bool deep_;
  const JobControl& control_;
  VerifyReport report_;
  Index good_;
  std::set<Location> frames_;
  Pool<Scratch> scratch_;
  TaskQueue workers_;
};

}  // namespace

Result<VerifyReport> verify_store(const Store& store, bool deep, const JobControl& control) {
  CANREC_TRY(const FileLock lock, store.lock_for_reading());
  return Verifier(store, deep, control).run();
}

Result<VerifyReport> reindex_store(const Store& store, FileSystem& system,
                                   const JobControl& control) {
  CANREC_TRY(const FileLock lock, store.lock_for_writing(system));
  Verifier verifier(store, false, control);
  CANREC_TRY(VerifyReport report, verifier.run());
  CANREC_CHECK(verifier.write_index(system));
  return report;
}

}  // namespace canrec::snapshot
