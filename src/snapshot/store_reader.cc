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
constexpr size_t kWindowsInFlight = 3;

// A chunk and its place in the window.
struct Want {
  Address address;
  size_t at;
  uint32_t length;
};

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

// Unpacks the wanted chunks of one frame into the window.
Status fill(const PackReader& pack, const Location& location, const std::vector<Want>& wants,
            std::span<uint8_t> window) {
  CANREC_TRY(const Bytes frame, pack.read_frame(location.offset, location.size));
  CANREC_TRY(const FrameHeader header,
             decode_frame_header(frame, pack.chunk_size(), location.offset));
  if (header.frame_bytes() != frame.size()) {
    return fail(Errc::kStoreDamaged, location.offset, "index and pack disagree about a frame");
  }
  if (lies_in_one_piece(header, wants)) {
    CANREC_CHECK(decode_payload(frame, header, location.offset,
                                window.subspan(wants[0].at, header.raw_size)));
    return check_chunks(window, wants, location.offset);
  }
  Bytes raw(header.raw_size);
  CANREC_CHECK(decode_payload(frame, header, location.offset, raw));
  std::map<Address, std::pair<size_t, uint32_t>> places;
  size_t at = 0;
  for (const FrameChunk& chunk : header.chunks) {
    places.emplace(chunk.address, std::pair(at, chunk.length));
    at += chunk.length;
  }
  for (const Want& want : wants) {
    const auto place = places.find(want.address);
    if (place == places.end() || place->second.second != want.length) {
      return fail(Errc::kStoreDamaged, location.offset, "index and pack disagree about a chunk");
    }
    std::copy_n(raw.begin() + static_cast<std::ptrdiff_t>(place->second.first), want.length,
                window.begin() + static_cast<std::ptrdiff_t>(want.at));
  }
  return check_chunks(window, wants, location.offset);
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
  struct Job {
    Location location;
    std::vector<Want> wants;
    std::future<Status> done;  // not valid when the pack could not be opened
    std::optional<Error> error;
  };
  Window window;
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
      at += taken * chunk_size;
    } else {
      const Want want{reference.address(cursor.second), static_cast<size_t>(at),
                      static_cast<uint32_t>(std::min<uint64_t>(chunk_size, plan.window.size - at))};
      if (const auto location = index_.find(want.address)) {
        frames[*location].push_back(want);
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

void FileReader::start(Plan& plan) {
  if (plan.jobs.empty() && plan.unknown.empty()) return;
  plan.window.bytes.resize(static_cast<size_t>(plan.window.size));
  const std::span<uint8_t> window(plan.window.bytes);
  for (Plan::Job& job : plan.jobs) {
    auto reader = pack(job.location.pack);
    if (!reader) {
      job.error.emplace(std::move(reader).error());
      continue;
    }
    job.done = workers_.submit(
        [&job, window, from = *reader] { return fill(*from, job.location, job.wants, window); });
  }
}

// Waits for the frames of a window; what failed is an error, or lost.
Status FileReader::finish(Plan& plan, const ManifestFile& file, Salvage salvage) {
  for (Plan::Job& job : plan.jobs) {
    if (!job.done.valid()) continue;
    Status status = job.done.get();
    if (!status) job.error.emplace(std::move(status).error());
  }
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
    std::fill_n(plan.window.bytes.begin() + static_cast<std::ptrdiff_t>(want.at), want.length, 0);
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
                        const std::function<Status(Window)>& visit) {
  const std::vector<Reference> references = manifest.references(file);
  std::pair<size_t, uint32_t> cursor{0, 0};
  std::deque<std::unique_ptr<Plan>> plans;
  uint64_t next = 0;
  Status status = Ok{};
  while (status && (next < file.size || !plans.empty())) {
    while (next < file.size && plans.size() < kWindowsInFlight) {
      plans.push_back(
          std::make_unique<Plan>(plan_window(manifest, file, references, next, cursor)));
      start(*plans.back());
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
