// SPDX-License-Identifier: Apache-2.0
// Windows, and the frames they need.
#include "snapshot/store_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <deque>

#include "snapshot/store_frame.h"

namespace canrec::snapshot {
namespace {

constexpr uint64_t kWindow = uint64_t{16} << 20;  // a multiple of every chunk size
// From here on a window ends where the next frame begins, so that the frame is unpacked once.
constexpr uint64_t kWindowEnough = uint64_t{14} << 20;
constexpr size_t kWindowsInFlight = 3;
// Bytes written at a time. Larger pieces make some kernels look for large free blocks of memory.
constexpr size_t kWritePiece = size_t{256} << 10;

// Whether the wants are the frame's chunks one after another, so that the frame can be unpacked
// where they belong.
bool lies_in_one_piece(const FrameHeader& header, const std::vector<Want>& wants) {
  if (wants.size() != header.chunks.size()) return false;
  size_t at = wants[0].at;
  for (size_t i = 0; i < wants.size(); ++i) {
    if (wants[i].address != header.chunks[i].address || wants[i].at != at ||
        wants[i].length != header.chunks[i].length) {
      return false;
    }
    at += wants[i].length;
  }
  return true;
}

Status check_chunks(std::span<const uint8_t> window, const std::vector<Want>& wants,
                    uint64_t offset) {
  for (const Want& want : wants) {
    if (xxh3_128(window.subspan(want.at, want.length)) != want.address) {
      return fail(Errc::kStoreDamaged, offset, "a chunk does not have its address");
    }
  }
  return Ok{};
}

// Copies the wanted chunks from an unpacked frame to their places in the window.
Status place_chunks(const FrameHeader& header, ByteView raw, const std::vector<Want>& wants,
                    uint64_t offset, std::span<uint8_t> window) {
  std::map<Address, ByteView> chunks;
  size_t at = 0;
  for (const FrameChunk& chunk : header.chunks) {
    chunks.emplace(chunk.address, raw.subspan(at, chunk.length));
    at += chunk.length;
  }
  for (const Want& want : wants) {
    const auto chunk = chunks.find(want.address);
    if (chunk == chunks.end() || chunk->second.size() != want.length) {
      return fail(Errc::kStoreDamaged, offset, "index and pack disagree about a chunk");
    }
    std::ranges::copy(chunk->second, window.subspan(want.at).begin());
  }
  return Ok{};
}

// Writes the wanted chunks of the window into a file.
Status write_chunks(WritableFile& file, const Window& window, const std::vector<Want>& wants) {
  for (size_t i = 0; i < wants.size();) {
    const size_t begin = wants[i].at;
    size_t end = begin;
    while (i < wants.size() && wants[i].at == end && end - begin < kWritePiece) {
      end += wants[i++].length;
    }
    CANREC_CHECK(file.write_at(window.bytes.subspan(begin, end - begin), window.offset + begin));
  }
  return Ok{};
}

// Whatever is wrong with a frame that a backup needs, it is damage of the store; only a disk that
// cannot be read is told apart.
Error damage_of(const Error& error, uint64_t pack) {
  const Errc code = error.code() == Errc::kIo ? Errc::kIo : Errc::kStoreDamaged;
  const std::string name = fmt::format("packs/{}.pack", hex16(pack));
  const bool named = error.message().starts_with(name);
  Error out(code, error.offset(), error.message());
  if (!named) out.add_context(name);
  return out;
}

}  // namespace

struct FileReader::Plan {
  // Damage and a full disk are told apart: salvaging passes over the one only.
  struct Outcome {
    Status filled = Ok{};
    Status written = Ok{};
  };
  struct Job {
    Location location;
    std::vector<Want> wants;
    std::future<Outcome> done;  // not valid when the pack could not be opened
    std::optional<Error> error;
  };
  Window window;
  std::vector<std::pair<size_t, size_t>> zeros;  // places and lengths in the window
  std::vector<Job> jobs;
  std::vector<Want> unknown;  // in no pack
};

FileReader::FileReader(const Store& store, const Index& index, const JobControl& control)
    : store_(store), index_(index), control_(control), workers_(control.threads) {}
FileReader::~FileReader() = default;

Result<const PackReader*> FileReader::pack(uint64_t number) {
  auto& slot = packs_[number];
  if (slot == nullptr) {
    // A pack that was cut off still has its first frames.
    CANREC_TRY(PackReader reader, store_.open_pack(number, true));
    slot = std::make_unique<PackReader>(std::move(reader));
  }
  return slot.get();
}

FileReader::Plan FileReader::plan_window(const Manifest& manifest, const ManifestFile& file,
                                         const std::vector<Reference>& references, uint64_t offset,
                                         std::pair<size_t, uint32_t>& cursor) {
  Plan plan;
  plan.window.offset = offset;
  plan.window.size = std::min(kWindow, file.size - offset);
  std::map<Location, std::vector<Want>> frames;
  const uint32_t chunk_size = manifest.chunk_size();
  uint64_t at = 0;
  while (at < plan.window.size) {
    const Reference& reference = references[cursor.first];
    if (reference.zeros != 0) {
      // Zeros are taken in bulk, up to the end of the window.
      const uint64_t left = reference.zeros - cursor.second;
      const uint64_t room = (plan.window.size - at + chunk_size - 1) / chunk_size;
      const uint64_t taken = std::min(left, room);
      cursor.second += static_cast<uint32_t>(taken);
      plan.zeros.emplace_back(at, std::min(taken * chunk_size, plan.window.size - at));
      at += taken * chunk_size;
    } else {
      const Want want{reference.address(cursor.second), static_cast<size_t>(at),
                      static_cast<uint32_t>(std::min<uint64_t>(chunk_size, plan.window.size - at))};
      if (const auto location = index_.find(want.address)) {
        std::vector<Want>& wants = frames[*location];
        if (wants.empty() && at >= kWindowEnough) {
          frames.erase(*location);
          plan.window.size = at;
          break;
        }
        wants.push_back(want);
      } else {
        plan.unknown.push_back(want);
      }
      ++cursor.second;
      at += chunk_size;
    }
    if (cursor.second == reference.chunks()) cursor = {cursor.first + 1, 0};
  }
  for (auto& [location, wants] : frames) plan.jobs.push_back({location, std::move(wants), {}, {}});
  return plan;
}

// Unpacks the wanted chunks of one frame into the window, every one checked by its address.
Status FileReader::fill(const PackReader& pack, const Location& location,
                        const std::vector<Want>& wants, std::span<uint8_t> window) {
  const Pool<Scratch>::Lease scratch = scratch_.take();
  Bytes& frame = scratch->packed;
  CANREC_CHECK(pack.read_frame(location.offset, location.size, frame));
  CANREC_TRY(const FrameHeader header,
             decode_frame_header(frame, pack.chunk_size(), location.offset));
  if (header.frame_bytes() != frame.size()) {
    return fail(Errc::kStoreDamaged, location.offset, "index and pack disagree about a frame");
  }
  if (lies_in_one_piece(header, wants)) {
    CANREC_CHECK(scratch->decoder.unpack(frame, header, location.offset,
                                         window.subspan(wants[0].at, header.raw_size)));
  } else {
    Bytes& raw = scratch->raw;
    raw.resize(header.raw_size);
    CANREC_CHECK(scratch->decoder.unpack(frame, header, location.offset, raw));
    CANREC_CHECK(place_chunks(header, raw, wants, location.offset, window));
  }
  return check_chunks(window, wants, location.offset);
}

void FileReader::start(Plan& plan, WritableFile* copy) {
  if (plan.jobs.empty() && plan.unknown.empty()) return;
  const size_t size = static_cast<size_t>(plan.window.size);
  plan.window.buffer = buffers_.take();
  Bytes& buffer = *plan.window.buffer;
  if (buffer.size() < size) buffer.resize(size);
  const std::span<uint8_t> window = std::span(buffer).first(size);
  plan.window.bytes = window;
  // The buffer was used before.
  for (const auto& [at, length] : plan.zeros) std::ranges::fill(window.subspan(at, length), 0);
  for (Plan::Job& job : plan.jobs) {
    auto reader = pack(job.location.pack);
    if (!reader) {
      job.error.emplace(std::move(reader).error());
      continue;
    }
    job.done = workers_.submit([&job, &plan, window, copy, from = *reader, this] {
      Plan::Outcome out{fill(*from, job.location, job.wants, window)};
      if (out.filled && copy != nullptr) {
        out.written = write_chunks(*copy, plan.window, job.wants);
      }
      return out;
    });
  }
}

// Waits for the frames of a window; what failed is an error, or lost.
Status FileReader::finish(Plan& plan, const ManifestFile& file, Salvage salvage) {
  Status written = Ok{};
  for (Plan::Job& job : plan.jobs) {
    if (!job.done.valid()) continue;
    Plan::Outcome outcome = job.done.get();
    if (!outcome.filled) job.error.emplace(std::move(outcome.filled).error());
    if (!outcome.written) written = std::move(outcome.written);
  }
  CANREC_CHECK(std::move(written));
  std::vector<Want> lost = plan.unknown;
  if (!lost.empty() && salvage == Salvage::kNo) {
    return fail(Errc::kStoreDamaged, plan.window.offset + lost[0].at,
                fmt::format("{}: chunk {} is in no pack", file.name, to_hex(lost[0].address)));
  }
  for (Plan::Job& job : plan.jobs) {
    if (!job.error) continue;
    if (salvage == Salvage::kNo) return fail(damage_of(*job.error, job.location.pack));
    lost.insert(lost.end(), job.wants.begin(), job.wants.end());
  }
  std::sort(lost.begin(), lost.end(), [](const Want& a, const Want& b) { return a.at < b.at; });
  for (const Want& want : lost) {
    // A damaged chunk may have been unpacked in part.
    std::ranges::fill(std::span(*plan.window.buffer).subspan(want.at, want.length), 0);
    const uint64_t begin = plan.window.offset + want.at;
    std::vector<FileRange>& ranges = plan.window.lost;
    if (!ranges.empty() && ranges.back().end == begin) {
      ranges.back().end += want.length;
    } else {
      ranges.push_back({file.name, begin, begin + want.length});
    }
  }
  return Ok{};
}

Status FileReader::read(const Manifest& manifest, const ManifestFile& file, Salvage salvage,
                        WritableFile* copy, const std::function<Status(Window)>& visit) {
  const std::vector<Reference> references = manifest.references(file);
  std::pair<size_t, uint32_t> cursor{0, 0};
  std::deque<std::unique_ptr<Plan>> plans;
  uint64_t next = 0;
  Status status = Ok{};
  while (status && (next < file.size || !plans.empty())) {
    while (next < file.size && plans.size() < kWindowsInFlight) {
      plans.push_back(
          std::make_unique<Plan>(plan_window(manifest, file, references, next, cursor)));
      start(*plans.back(), copy);
      next += plans.back()->window.size;
    }
    status = finish(*plans.front(), file, salvage);
    if (status) status = control_.interrupt.check();
    if (status) status = visit(std::move(plans.front()->window));
    plans.pop_front();
  }
  // Tasks hold on to their plans.
  for (const auto& plan : plans) {
    for (Plan::Job& job : plan->jobs) {
      if (job.done.valid()) job.done.wait();
    }
  }
  return status;
}

}  // namespace canrec::snapshot
