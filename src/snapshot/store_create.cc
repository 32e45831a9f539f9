// SPDX-License-Identifier: Apache-2.0
// Backing up: read, cut, hash, look up, add what is new, write the manifest.
//
// A stripe of a file goes through three lanes: workers read it and hash its chunks, one thread
// computes the file's SHA-256, and the calling thread decides, in file order, what is new.
#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <set>

#include "snapshot/image.h"
#include "snapshot/store_jobs.h"
#include "snapshot/store_pool.h"
#include "snapshot/store_writer.h"

namespace canrec::snapshot {

namespace fs = std::filesystem;

namespace {

// A multiple of every chunk size, and divides every distance of SHA-256 states.
constexpr uint64_t kStripe = uint64_t{1} << 20;
constexpr size_t kStripesInFlight = 8;  // being read
constexpr size_t kStripesHashing = 8;   // waiting for the file's SHA-256

struct Stripe {
  Bytes buffer;
  ByteView bytes;
  std::vector<std::optional<Address>> chunks;  // nothing for a chunk of zeros
};
using StripeLease = Pool<Stripe>::Lease;

Status read_stripe(const ChunkSource& source, uint64_t offset, uint32_t chunk_size, Stripe& out) {
  out.buffer.resize(kStripe);
  const size_t size = static_cast<size_t>(std::min(kStripe, source.size() - offset));
  CANREC_CHECK(source.read(offset, std::span(out.buffer).first(size)));
  out.bytes = ByteView(out.buffer).first(size);
  out.chunks.clear();
  for (size_t at = 0; at < size; at += chunk_size) {
    const ByteView chunk = out.bytes.subspan(at, std::min<size_t>(chunk_size, size - at));
    if (all_zero(chunk)) {
      out.chunks.emplace_back();
    } else {
      out.chunks.emplace_back(xxh3_128(chunk));
    }
  }
  return Ok{};
}

class Creator {
 public:
  /// Without writer and manifest everything is only counted.
  Creator(uint32_t chunk_size, Index& index, ChunkWriter* writer, ManifestWriter* manifest,
          const JobControl& control)
      : chunk_size_(chunk_size),
        index_(index),
        writer_(writer),
        manifest_(manifest),
        control_(control),
        readers_(control.threads) {}

  Status file(const NamedSource& named) {
    const ChunkSource& source = *named.source;
    const uint64_t size = source.size();
    if (manifest_ != nullptr) manifest_->begin_file(named.name);
    Sha256Chain hash;
    std::vector<Sha256State> states;
    const uint64_t stride = state_stride(size);
    std::deque<std::future<Result<StripeLease>>> reading;
    std::deque<std::pair<StripeLease, std::future<void>>> hashing;
    const auto wait_for_hash = [&] {
      hashing.front().second.get();
      hashing.pop_front();
    };
    uint64_t next = 0;
    uint64_t hashed = 0;
    Status status = Ok{};
    while (status && (next < size || !reading.empty())) {
      while (next < size && reading.size() < kStripesInFlight) {
        reading.push_back(readers_.submit([&source, next, this] { return read(source, next); }));
        next += std::min(kStripe, size - next);
      }
      Result<StripeLease> stripe = reading.front().get();
      reading.pop_front();
      if (!stripe) {
        status = fail(std::move(stripe).error().in(named.name));
        break;
      }
      if (hashing.size() == kStripesHashing) wait_for_hash();
      const Stripe& taken = **stripe;
      hashing.emplace_back(std::move(*stripe), hasher_.submit([&, view = taken.bytes] {
        hash.update(view);
        hashed += view.size();
        if (hashed % stride == 0 && hashed < size) states.push_back(hash.state());
      }));
      status = take(taken);
    }
    while (!hashing.empty()) wait_for_hash();
    for (auto& pending : reading) pending.wait();
    if (!status) return status;
    report.hashes.emplace_back(named.name, hash.finish());
    // A file has frames of its own: damage in the heap must not cost the module too.
    if (writer_ != nullptr) CANREC_CHECK(writer_->cut());
    if (manifest_ == nullptr) return Ok{};
    return manifest_->end_file(size, report.hashes.back().second, std::move(states));
  }

  CreateReport report;

 private:
  Result<StripeLease> read(const ChunkSource& source, uint64_t offset) {
    StripeLease out = stripes_.take();
    CANREC_CHECK(read_stripe(source, offset, chunk_size_, *out));
    return out;
  }

  Status take(const Stripe& stripe) {
    CANREC_CHECK(control_.interrupt.check());
    const ByteView bytes = stripe.bytes;
    for (size_t i = 0; i < stripe.chunks.size(); ++i) {
      const size_t at = i * chunk_size_;
      const ByteView chunk = bytes.subspan(at, std::min<size_t>(chunk_size_, bytes.size() - at));
      ++report.chunks;
      if (!stripe.chunks[i]) {
        report.zero_bytes += chunk.size();
        if (manifest_ != nullptr) CANREC_CHECK(manifest_->add_zero());
        continue;
      }
      const Address& address = *stripe.chunks[i];
      if (manifest_ != nullptr) CANREC_CHECK(manifest_->add(address));
      if (index_.contains(address)) continue;
      ++report.new_chunks;
      report.new_bytes += chunk.size();
      if (writer_ != nullptr) {
        CANREC_CHECK(writer_->add(address, chunk));
      } else {
        index_.announce(address);
      }
    }
    report.bytes_read += bytes.size();
    control_.advance(bytes.size());
    return Ok{};
  }

  uint32_t chunk_size_;
  Index& index_;
  ChunkWriter* writer_;
  ManifestWriter* manifest_;
  const JobControl& control_;
  Pool<Stripe> stripes_;
  TaskQueue hasher_{1};
  TaskQueue readers_;
};

// A file of the snapshot directory.
class FileSource final : public ChunkSource {
 public:
  explicit FileSource(StoreFile file) : file_(std::move(file)) {}
  uint64_t size() const override { return file_.size(); }
  Status read(uint64_t offset, std::span<uint8_t> out) const override {
    return file_.read(offset, out);
  }

 private:
  StoreFile file_;
};

Status list_sources(const fs::path& directory, const std::string& prefix,
                    std::vector<NamedSource>& out) {
  std::set<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator it(directory, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    paths.insert(it->path());
  }
  if (error) return fail(errno_error(error.value(), "list", directory));
  for (const fs::path& path : paths) {
    const std::string name = prefix + path.filename().string();
    const fs::file_status status = fs::symlink_status(path, error);
    if (prefix.empty() && name == "wasm_chunk_store" && fs::is_directory(status)) {
      CANREC_CHECK(list_sources(path, name + "/", out));
      continue;
    }
    if (!fs::is_regular_file(status) || !is_safe_name(name)) {
      return fail(Errc::kBadArgument,
                  fmt::format("{}: not a file that a backup can hold", printable(as_bytes(name))));
    }
    CANREC_TRY(StoreFile file, StoreFile::open(path));
    out.push_back({name, std::make_unique<FileSource>(std::move(file))});
  }
  return Ok{};
}

Status check_options(std::span<const NamedSource> sources, const CreateOptions& options,
                     uint32_t chunk_size) {
  if (options.level < 1 || options.level > 19) {
    return fail(Errc::kBadArgument, fmt::format("level {}; 1 to 19 wanted", options.level));
  }
  uint64_t chunks = 0;
  for (const NamedSource& source : sources) chunks += source.source->size() / chunk_size;
  if (chunks > store::kMaxManifestBytes / 2 / sizeof(Address)) {
    return fail(Errc::kLimit, fmt::format("{} chunks of {} bytes; make a store of larger chunks",
                                          chunks, chunk_size));
  }
  for (size_t i = 0; i < sources.size(); ++i) {
    if (!is_safe_name(sources[i].name) || (i > 0 && sources[i].name <= sources[i - 1].name)) {
      return fail(Errc::kBadArgument,
                  fmt::format("file name {}", printable(as_bytes(sources[i].name))));
    }
  }
  for (const Note& note : options.notes) {
    if (note.value.size() > 65536 || note.key.size() > 255 || !is_utf8(as_bytes(note.value))) {
      return fail(Errc::kBadArgument, fmt::format("note {} is too long or not UTF-8", note.key));
    }
  }
  return Ok{};
}

Result<CreateReport> count(uint32_t chunk_size, Index& index, std::span<const NamedSource> sources,
                           const JobControl& control) {
  Creator creator(chunk_size, index, nullptr, nullptr, control);
  for (const NamedSource& source : sources) CANREC_CHECK(creator.file(source));
  return std::move(creator.report);
}

}  // namespace

Result<std::vector<NamedSource>> directory_sources(const fs::path& directory) {
  std::vector<NamedSource> out;
  CANREC_CHECK(list_sources(directory, "", out));
  std::sort(out.begin(), out.end(),
            [](const NamedSource& a, const NamedSource& b) { return a.name < b.name; });
  return out;
}

Result<CreateReport> count_backup(uint32_t chunk_size, std::span<const NamedSource> sources,
                                  const JobControl& control) {
  Index empty;
  return count(chunk_size, empty, sources, control);
}

Result<CreateReport> create_backup(const Store& store, FileSystem& system,
                                   std::span<const NamedSource> sources,
                                   const CreateOptions& options, const JobControl& control) {
  CANREC_CHECK(check_options(sources, options, store.chunk_size()));
  if (options.dry_run) {
    CANREC_TRY(const FileLock lock, store.lock_for_reading());
    std::vector<Error> ignored;
    CANREC_TRY(Index index, store.index(ignored));
    return count(store.chunk_size(), index, sources, control);
  }
  CANREC_TRY(const FileLock lock, store.lock_for_writing(system));
  // Damaged frames are not in the index, so their chunks are stored again.
  std::vector<Error> damage;
  CANREC_TRY(Index index, store.index(damage));
  CANREC_TRY(const auto writer, ChunkWriter::create(store, system, index, options.level, control));
  CANREC_TRY(ManifestWriter manifest,
             ManifestWriter::create(system, store.backup_directory(), store.chunk_size(),
                                    options.created_ns));
  Creator creator(store.chunk_size(), index, writer.get(), &manifest, control);
  for (const NamedSource& source : sources) CANREC_CHECK(creator.file(source));
  CANREC_CHECK(writer->finish());
  CANREC_CHECK(store.refresh_index(system, index));
  // Last: what a manifest refers to is on disk.
  CANREC_TRY(creator.report.id, manifest.commit(options.notes));
  creator.report.bytes_written = writer->bytes_written() + manifest.size();
  return std::move(creator.report);
}

}  // namespace canrec::snapshot
