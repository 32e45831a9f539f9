// SPDX-License-Identifier: Apache-2.0
// Which clean pages of a memory stay resident.
//
// A read of one page of the file maps the 16 pages of its window that are in the page cache, so a
// program that reads one page in a hundred has the whole file mapped before long. None of that is
// lost when it is unmapped: pages without kModified equal the image. So the windows read are noted,
// and given back a batch at a time. Where few pages of a window were read, these become private
// copies and stay, for a message that comes back to them would map the whole window again, unseen;
// where many were read, mapping them again costs little.
#include <sys/mman.h>

#include <algorithm>

#include "base/checked.h"
#include "engine/memory.h"

namespace canrec::engine {
namespace {

// The kernel maps at most this much around a read, aligned (fault_around_bytes): one Wasm page, and
// memories begin at a multiple of it.
constexpr uint64_t kWindow = kOsPagesPerWasmPage;
// Pages read of the 16 of a window.
constexpr size_t kMany = 8;

}  // namespace

void Memory::note_read(uint64_t os_page) {
  if (os_page * kOsPage >= image_length_) return;
  if (states_[os_page] & (kAccessed | kModified | kKept)) return;
  read_.push_back(static_cast<uint32_t>(os_page));
}

void Memory::give_back_when_many() {
  if (read_.size() < resident_limits_.read) return;
  std::sort(read_.begin(), read_.end());
  read_.erase(std::unique(read_.begin(), read_.end()), read_.end());
  for (auto begin = read_.begin(); begin != read_.end();) {
    const uint64_t window = *begin / kWindow;
    const auto end = std::find_if(begin, read_.end(),
                                  [&](uint32_t os_page) { return os_page / kWindow != window; });
    const bool keep_read = static_cast<size_t>(end - begin) < kMany;
    if (keep_read) std::for_each(begin, end, [this](uint32_t os_page) { keep(os_page); });
    give_back_window(window * kWindow, keep_read ? kModified | kKept : kModified);
    begin = end;
  }
  read_.clear();
}

void Memory::give_back_window(uint64_t first_page, uint8_t staying) {
  const uint64_t end_page =
      std::min(first_page + kWindow, round_up(image_length_, kOsPage) / kOsPage);
  for (uint64_t page = first_page; page < end_page;) {
    uint64_t end = page;
    while (end < end_page && !(states_[end] & staying)) {
      states_[end++] &= static_cast<uint8_t>(~kKept);
    }
    if (end > page) drop_to_image(page, end - page);
    page = end + 1;
  }
}

void Memory::keep(uint32_t os_page) {
  if (states_[os_page] & (kModified | kKept)) return;
  if (kept_.size() >= resident_limits_.kept) give_back_kept();
  // Kernels before 5.14 do not know how; then the page is given back with the others.
  if (madvise(base_ + uint64_t{os_page} * kOsPage, kOsPage, MADV_POPULATE_WRITE) != 0) return;
  states_[os_page] |= kKept;
  kept_.push_back(os_page);
}

void Memory::give_back_kept() {
  for (const uint32_t os_page : kept_) {
    if ((states_[os_page] & (kModified | kKept)) == kKept) drop_to_image(os_page, 1);
    states_[os_page] &= static_cast<uint8_t>(~kKept);
  }
  kept_.clear();
}

}  // namespace canrec::engine
