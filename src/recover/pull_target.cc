// SPDX-License-Identifier: Apache-2.0
// The working directory of a pull.
#include <fmt/core.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/input_file.h"
#include "base/output_file.h"
#include "recover/transfer.h"
#include "snapshot/file_lock.h"

namespace canrec::recover {

namespace fs = std::filesystem;

namespace {

std::string describe(const DownloaderInfo& info, std::string_view source) {
  const nlohmann::ordered_json state = {{"schema", 1},
                                        {"source", source},
                                        {"state_stamp", info.state_stamp},
                                        {"heap_size", info.heap_size},
                                        {"stable_size", info.stable_size}};
  return state.dump(2) + "\n";
}

}  // namespace

// One image: written through a descriptor, read through a shared mapping of the same file.
struct PullTarget::Impl {
  struct Image {
    fs::path path;
    std::unique_ptr<WritableFile> file;
    std::optional<InputFile> view;
  };
  std::optional<snapshot::FileLock> lock;
  std::array<Image, 2> images;
  bool resumed = false;

  Image& image(Region region) { return images[std::to_underlying(region)]; }
};

PullTarget::PullTarget(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PullTarget::PullTarget(PullTarget&&) noexcept = default;
PullTarget& PullTarget::operator=(PullTarget&&) noexcept = default;
PullTarget::~PullTarget() = default;

Result<PullTarget> PullTarget::open(FileSystem& system, const fs::path& directory,
                                    const DownloaderInfo& info, std::string_view source) {
  auto impl = std::make_unique<Impl>();
  std::error_code ignored;
  if (!fs::exists(directory, ignored)) CANREC_CHECK(system.make_directory(directory));
  CANREC_TRY(impl->lock, snapshot::FileLock::take(directory, snapshot::LockMode::kExclusive));
  const fs::path state_path = directory / "state.json";
  const std::string wanted = describe(info, source);
  impl->resumed = fs::exists(state_path, ignored);
  if (impl->resumed) {
    CANREC_TRY(const InputFile state, InputFile::open(state_path));
    if (as_text(state.bytes()) != wanted) {
      return fail(Errc::kSnapshotMixed,
                  fmt::format("{} was begun for another state of the canister; remove it to start "
                              "anew, or give another output",
                              directory.string()));
    }
  }
  for (const Region region : {Region::kHeap, Region::kStable}) {
    Impl::Image& image = impl->image(region);
    image.path = directory / (region == Region::kHeap ? "heap.bin" : "stable.bin");
    // Without state.json the images are leftovers of a start that got no further.
    if (!impl->resumed && fs::exists(image.path, ignored)) CANREC_CHECK(system.remove(image.path));
    if (impl->resumed) {
      CANREC_TRY(image.file, system.open(image.path));
    } else {
      CANREC_TRY(image.file, system.create(image.path));
      CANREC_CHECK(image.file->resize(info.size(region)));
    }
    CANREC_TRY(image.view, InputFile::open(image.path));
    if (image.view->size() != info.size(region)) {
      return fail(Errc::kSnapshotSize,
                  fmt::format("{} has {} bytes, {} are expected; remove {} to start anew",
                              image.path.string(), image.view->size(), info.size(region),
                              directory.string()));
    }
  }
  if (!impl->resumed) {
    CANREC_CHECK(write_file(system, state_path, as_bytes(wanted), Overwrite::kNo));
  }
  return PullTarget(std::move(impl));
}

Status PullTarget::seed(Region region, ByteView older, const Interrupt* interrupt) {
  static constexpr size_t kStep = size_t{1} << 20;
  const size_t size = std::min<size_t>(older.size(), bytes(region).size());
  for (size_t at = 0; at < size; at += kStep) {
    if (interrupt != nullptr) CANREC_CHECK(interrupt->check());
    CANREC_CHECK(write(region, at, older.subspan(at, std::min(kStep, size - at))));
  }
  return Ok{};
}

bool PullTarget::resumed() const { return impl_->resumed; }
const fs::path& PullTarget::path(Region region) const { return impl_->image(region).path; }
ByteView PullTarget::bytes(Region region) const { return impl_->image(region).view->bytes(); }

Status PullTarget::write(Region region, uint64_t offset, ByteView data) {
  return impl_->image(region).file->write_at(data, offset);
}

Status PullTarget::sync() {
  for (const Region region : {Region::kHeap, Region::kStable}) {
    CANREC_CHECK(impl_->image(region).file->sync());
  }
  return Ok{};
}

}  // namespace canrec::recover
