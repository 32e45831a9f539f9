// SPDX-License-Identifier: Apache-2.0
// Writing blobs sparsely.
#include "snapshot/image.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/checked.h"

namespace canrec::snapshot {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kStep = uint64_t{16} << 20;  // bytes between looks at the interrupt flag

// Copies [begin, end) of the base file, passing over its holes.
Status copy_base(WritableFile& file, const InputFile& base, uint64_t begin, uint64_t end,
                 const Interrupt& interrupt) {
  const int descriptor = base.descriptor();
  while (begin < end) {
    CANREC_CHECK(interrupt.check());
    const off_t data = ::lseek(descriptor, static_cast<off_t>(begin), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return Ok{};  // a hole up to the end
    // Where holes cannot be asked for, everything is data.
    const uint64_t from = data < 0 ? begin : static_cast<uint64_t>(data);
    if (from >= end) return Ok{};
    const off_t hole = ::lseek(descriptor, static_cast<off_t>(from), SEEK_HOLE);
    uint64_t to = hole < 0 ? end : std::min(end, static_cast<uint64_t>(hole));
    to = std::min(to, from + kStep);
    CANREC_CHECK(file.copy_from(descriptor, from, to - from, from));
    begin = to;
  }
  return Ok{};
}

}  // namespace

Image Image::of(ByteView bytes) {
  Image image;
  image.size = bytes.size();
  if (!bytes.empty()) image.extents.push_back({0, bytes});
  return image;
}

Image Image::of(const InputFile* file) {
  Image image;
  image.base = file;
  image.size = file != nullptr ? file->size() : 0;
  return image;
}

bool all_zero(ByteView bytes) {
  size_t at = 0;
  for (; at + 64 <= bytes.size(); at += 64) {
    uint64_t any = 0;
    for (size_t i = 0; i < 64; i += 8) any |= load_le<uint64_t>(bytes.data() + at + i);
    if (any != 0) return false;
  }
  for (; at < bytes.size(); ++at) {
    if (bytes[at] != 0) return false;
  }
  return true;
}

Status write_sparse(WritableFile& file, const Extent& extent, const Interrupt& interrupt) {
  const ByteView bytes = extent.bytes;
  size_t at = 0;
  size_t run = 0;  // start of the pending run
  const auto flush = [&](size_t end) -> Status {
    if (end == run) return Ok{};
    CANREC_CHECK(interrupt.check());
    return file.write_at(bytes.subspan(run, end - run), extent.offset + run);
  };
  while (at < bytes.size()) {
    // Pages of the file, not of the view, so that holes fall on its blocks.
    const uint64_t to_boundary = kPage - (extent.offset + at) % kPage;
    const size_t length = static_cast<size_t>(std::min<uint64_t>(to_boundary, bytes.size() - at));
    if (all_zero(bytes.subspan(at, length))) {
      CANREC_CHECK(flush(at));
      run = at + length;
    } else if (at + length - run >= kStep) {
      CANREC_CHECK(flush(at + length));
      run = at + length;
    }
    at += length;
  }
  return flush(bytes.size());
}

Status write_image(WritableFile& file, const Image& image, const Interrupt& interrupt) {
  CANREC_CHECK(file.resize(image.size));
  const uint64_t base_end = image.base != nullptr ? std::min(image.base->size(), image.size) : 0;
  uint64_t at = 0;
  for (const Extent& extent : image.extents) {
    CANREC_ASSERT(extent.offset >= at && in_bounds(extent.offset, extent.bytes.size(), image.size));
    if (at < base_end) {
      CANREC_CHECK(copy_base(file, *image.base, at, std::min(extent.offset, base_end), interrupt));
    }
    CANREC_CHECK(write_sparse(file, extent, interrupt));
    at = extent.offset + extent.bytes.size();
  }
  if (at < base_end) CANREC_CHECK(copy_base(file, *image.base, at, base_end, interrupt));
  return Ok{};
}

Status write_image_file(FileSystem& system, const std::filesystem::path& path, const Image& image,
                        const Interrupt& interrupt) {
  if (image.may_link && system.hard_link(image.base->path(), path)) return Ok{};
  CANREC_TRY(auto file, system.create(path));
  CANREC_CHECK(write_image(*file, image, interrupt));
  return file->sync();
}

}  // namespace canrec::snapshot
