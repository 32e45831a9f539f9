// SPDX-License-Identifier: Apache-2.0
// The images that a pull fills.
#include <array>

#include "recover/transfer.h"
#include "snapshot/store_pack.h"

namespace canrec::recover {

namespace fs = std::filesystem;

// One image: written through one descriptor, read through another.
struct PullTarget::Impl {
  struct Image {
    std::unique_ptr<WritableFile> file;
    std::optional<InputFile> view;
  };
  std::array<Image, 2> images;

  Image& image(Region region) { return images[std::to_underlying(region)]; }
};

PullTarget::PullTarget(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PullTarget::PullTarget(PullTarget&&) noexcept = default;
PullTarget& PullTarget::operator=(PullTarget&&) noexcept = default;
PullTarget::~PullTarget() = default;

Result<PullTarget> PullTarget::open(FileSystem& system, const fs::path& directory,
                                    const DownloaderInfo& info) {
  auto impl = std::make_unique<Impl>();
  for (const Region region : {Region::kHeap, Region::kStable}) {
    Impl::Image& image = impl->image(region);
    const fs::path path = directory / (region == Region::kHeap ? "heap.bin" : "stable.bin");
    std::error_code ignored;
    if (fs::exists(path, ignored)) {
      CANREC_TRY(image.file, system.open(path));
    } else {
      CANREC_TRY(image.file, system.create(path));
    }
    // Whatever an earlier run left in it is compared chunk by chunk.
    CANREC_CHECK(image.file->resize(info.size(region)));
    CANREC_TRY(image.view, InputFile::open(path));
  }
  return PullTarget(std::move(impl));
}

Status PullTarget::seed(Region region, const InputFile* older, const Interrupt* interrupt) {
  static constexpr uint64_t kStep = uint64_t{1} << 20;
  const uint64_t size = older != nullptr ? std::min(older->size(), image(region).size()) : 0;
  for (uint64_t at = 0; at < size; at += kStep) {
    if (interrupt != nullptr) CANREC_CHECK(interrupt->check());
    const uint64_t length = std::min(kStep, size - at);
    CANREC_CHECK(impl_->image(region).file->copy_from(older->descriptor(), at, length, at));
  }
  return Ok{};
}

const InputFile& PullTarget::image(Region region) const { return *impl_->image(region).view; }

Result<Bytes> PullTarget::read(Region region, uint64_t offset, uint64_t length) const {
  Bytes out(static_cast<size_t>(length));
  CANREC_CHECK(snapshot::read_range(image(region), offset, out));
  return out;
}

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
