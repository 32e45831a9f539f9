// SPDX-License-Identifier: Apache-2.0
// Reserved address space with page states; see memory.h for the scheme.
#include "engine/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/checked.h"
#include "base/input_file.h"

namespace canrec::engine {
namespace {

// The interpreter looks up addresses below 12 GiB (two 32-bit numbers added, or a 64-bit index
// below 8 GiB and a 32-bit offset) without looking at the size of the memory; the page states reach
// this far behind the capacity, so that the lookup itself needs no check.
constexpr uint64_t kGuard = uint64_t{16} << 30;

// After so many OS pages it is looked whether reading ahead pays: a query touches a few pages here
// and there, and reading megabytes around each would be most of its time.
constexpr uint64_t kReadAheadLook = 1'024;
// It pays for who goes through the memory: so many OS pages of each Wasm page.
constexpr uint64_t kReadAheadPages = 8;

uint8_t* as_pointer(void* mapping) { return static_cast<uint8_t*>(mapping); }

Result<uint8_t*> map(uint64_t bytes, int protection) {
  void* at = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return fail(errno_error(errno, "reserve address space", {}));
  return as_pointer(at);
}

// Inaccessible address space that begins at a multiple of 64 KiB.
Result<uint8_t*> map_aligned(uint64_t bytes) {
  CANREC_TRY(uint8_t* const at, map(bytes + kWasmPage, PROT_NONE));
  const uint64_t before =
      round_up(reinterpret_cast<uintptr_t>(at), kWasmPage) - reinterpret_cast<uintptr_t>(at);
  if (before > 0) munmap(at, before);
  munmap(at + before + bytes, kWasmPage - before);
  return at + before;
}

}  // namespace

Result<Memory> Memory::reserve(uint64_t pages, uint64_t capacity_pages) {
  if (pages > capacity_pages) {
    return fail(Errc::kEngine, "memory of " + std::to_string(pages) +
                                   " pages is over the limit of " + std::to_string(capacity_pages));
  }
  Memory memory;
  // One Wasm page more, so that a memory without a page has an address too.
  memory.reserved_bytes_ = (capacity_pages + 1) * kWasmPage;
  memory.state_bytes_ = (capacity_pages * kWasmPage + kGuard) / kOsPage;
  CANREC_TRY(memory.base_, map_aligned(memory.reserved_bytes_));
  CANREC_TRY(memory.states_, map(memory.state_bytes_, PROT_READ | PROT_WRITE));
  memory.capacity_pages_ = capacity_pages;
  return memory;
}

Result<Memory> Memory::zeros(uint64_t pages, uint64_t capacity_pages) {
  CANREC_TRY(Memory memory, reserve(pages, capacity_pages));
  CANREC_CHECK(memory.open_pages(0, pages));
  memory.pages_ = memory.committed_pages_ = pages;
  return memory;
}

Result<Memory> Memory::from_image(int descriptor, uint64_t length, uint64_t pages,
                                  uint64_t capacity_pages) {
  CANREC_TRY(Memory memory, reserve(pages, capacity_pages));
  if (length > pages * kWasmPage) {
    return fail(Errc::kEngine, "image of " + std::to_string(length) + " bytes is larger than " +
                                   std::to_string(pages) + " pages");
  }
  CANREC_CHECK(memory.open_pages(0, pages));
  if (length > 0) {
    memory.image_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (memory.image_ < 0) return fail(errno_error(errno, "duplicate descriptor", {}));
    // The bytes behind the end of the file in its last OS page read as zeros.
    void* at = mmap(memory.base_, length, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, memory.image_, 0);
    if (at == MAP_FAILED) return fail(errno_error(errno, "map image", {}));
    memory.image_length_ = length;
    static_cast<void>(madvise(memory.base_, length, MADV_RANDOM));
    // `length` may stop short of the file's end in the middle of its last OS page.
    const uint64_t tail = round_up(length, kOsPage) - length;
    if (tail != 0) {
      uint8_t* end = memory.base_ + length;
      if (std::any_of(end, end + tail, [](uint8_t byte) { return byte != 0; })) {
        std::memset(end, 0, tail);
        const uint64_t os_page = length / kOsPage;
        memory.states_[os_page] = kModified;
        memory.modified_.push_back(narrow<uint32_t>(os_page));
        memory.committed_modified_ = 1;
      }
    }
  }
  memory.pages_ = memory.committed_pages_ = pages;
  return memory;
}

Memory::Memory(Memory&& other) noexcept { *this = std::move(other); }

Memory& Memory::operator=(Memory&& other) noexcept {
  if (this == &other) return *this;
  reset();
  base_ = std::exchange(other.base_, nullptr);
  states_ = std::exchange(other.states_, nullptr);
  reserved_bytes_ = other.reserved_bytes_;
  state_bytes_ = other.state_bytes_;
  pages_ = std::exchange(other.pages_, 0);
  capacity_pages_ = std::exchange(other.capacity_pages_, 0);
  committed_pages_ = std::exchange(other.committed_pages_, 0);
  image_ = std::exchange(other.image_, -1);
  image_length_ = std::exchange(other.image_length_, 0);
  reads_ahead_ = other.reads_ahead_;
  counts_ = std::exchange(other.counts_, {});
  wasm_accessed_then_ = std::exchange(other.wasm_accessed_then_, 0);
  touched_ = std::move(other.touched_);
  journal_ = std::move(other.journal_);
  modified_ = std::move(other.modified_);
  committed_modified_ = std::exchange(other.committed_modified_, 0);
  resident_limits_ = other.resident_limits_;
  read_ = std::move(other.read_);
  kept_ = std::move(other.kept_);
  enter_family_of(other);
  return *this;
}

Memory::~Memory() { reset(); }

void Memory::reset() {
  leave_family();
  if (base_ != nullptr) munmap(base_, reserved_bytes_);
  if (states_ != nullptr) munmap(states_, state_bytes_);
  if (image_ >= 0) close(image_);
  base_ = states_ = nullptr;
  image_ = -1;
}

Status Memory::open_pages(uint64_t first_page, uint64_t end_page) {
  if (first_page == end_page) return Ok{};
  if (mprotect(base_ + first_page * kWasmPage, (end_page - first_page) * kWasmPage,
               PROT_READ | PROT_WRITE) != 0) {
    return fail(errno_error(errno, "open pages", {}));
  }
  return Ok{};
}

bool Memory::grow(uint64_t delta_pages) {
  if (delta_pages > capacity_pages_ - pages_) return false;
  if (!open_pages(pages_, pages_ + delta_pages)) return false;
  pages_ += delta_pages;
  return true;
}

void Memory::mark_accessed(uint64_t os_page) {
  uint8_t& state = states_[os_page];
  if (state & kAccessed) return;
  take_over(os_page);
  // The first OS page of a Wasm page is told by its neighbours: 16 bytes, aligned.
  const uint8_t* wasm_page = states_ + (os_page & ~(kOsPagesPerWasmPage - 1));
  const bool first = std::none_of(wasm_page, wasm_page + kOsPagesPerWasmPage,
                                  [](uint8_t other) { return (other & kAccessed) != 0; });
  state |= kAccessed;
  touched_.push_back(static_cast<uint32_t>(os_page));
  ++counts_.os_accessed;
  if (first) ++counts_.wasm_accessed;
  if (counts_.os_accessed % kReadAheadLook == 0) {
    read_ahead((counts_.wasm_accessed - wasm_accessed_then_) * kReadAheadPages <= kReadAheadLook);
    wasm_accessed_then_ = counts_.wasm_accessed;
  }
}

void Memory::mark_written(uint64_t os_page) {
  uint8_t& state = states_[os_page];
  if (state & kWritten) return;
  mark_accessed(os_page);
  for (const Memory* copy : copies_) copy->take_over(os_page);
  const uint8_t* wasm_page = states_ + (os_page & ~(kOsPagesPerWasmPage - 1));
  const bool first = std::none_of(wasm_page, wasm_page + kOsPagesPerWasmPage,
                                  [](uint8_t other) { return (other & kWritten) != 0; });
  ++counts_.os_written;
  if (first) ++counts_.wasm_written;
  if (!(state & kJournaled)) {
    if (state & kModified) {
      PreImage old{static_cast<uint32_t>(os_page),
                   std::make_unique_for_overwrite<uint8_t[]>(kOsPage)};
      std::memcpy(old.bytes.get(), base_ + os_page * kOsPage, kOsPage);
      journal_.push_back(std::move(old));
    } else {
      modified_.push_back(static_cast<uint32_t>(os_page));
    }
  }
  state |= kWritten | kJournaled | kModified;
}

bool Memory::touch_read(uint64_t address, uint64_t length) {
  if (!in_bounds(address, length, size())) return false;
  if (length == 0) return true;
  give_back_when_many();
  const uint64_t last = (address + length - 1) / kOsPage;
  for (uint64_t page = address / kOsPage; page <= last; ++page) {
    note_read(page);
    mark_accessed(page);
  }
  return true;
}

bool Memory::touch_write(uint64_t address, uint64_t length) {
  if (!in_bounds(address, length, size())) return false;
  if (length == 0) return true;
  const uint64_t last = (address + length - 1) / kOsPage;
  for (uint64_t page = address / kOsPage; page <= last; ++page) mark_written(page);
  return true;
}

std::optional<ByteView> Memory::read(uint64_t address, uint64_t length) {
  if (!touch_read(address, length)) return std::nullopt;
  return ByteView{base_ + address, static_cast<size_t>(length)};
}

std::optional<std::span<uint8_t>> Memory::write(uint64_t address, uint64_t length) {
  if (!touch_write(address, length)) return std::nullopt;
  return std::span<uint8_t>{base_ + address, static_cast<size_t>(length)};
}

std::optional<ByteView> Memory::peek(uint64_t address, uint64_t length) const {
  if (!in_bounds(address, length, size())) return std::nullopt;
  if (length > kReadAheadLook * kOsPage) read_ahead(true);
  if (origin_ != nullptr && length > 0) {
    const uint64_t last = (address + length - 1) / kOsPage;
    for (uint64_t page = address / kOsPage; page <= last; ++page) take_over(page);
  }
  return ByteView{base_ + address, static_cast<size_t>(length)};
}

void Memory::read_ahead(bool pays) const {
  if (pays == reads_ahead_) return;
  // Advice may fail; nothing but speed depends on it.
  if (image_length_ > 0) {
    static_cast<void>(madvise(base_, image_length_, pays ? MADV_NORMAL : MADV_RANDOM));
  }
  reads_ahead_ = pays;
}

void Memory::begin_message() {
  for (const uint32_t page : touched_) {
    states_[page] &= static_cast<uint8_t>(~(kAccessed | kWritten));
  }
  touched_.clear();
  counts_ = {};
  wasm_accessed_then_ = 0;
}

void Memory::commit() {
  for (const PreImage& old : journal_) states_[old.os_page] &= static_cast<uint8_t>(~kJournaled);
  for (uint64_t i = committed_modified_; i < modified_.size(); ++i) {
    states_[modified_[i]] &= static_cast<uint8_t>(~kJournaled);
  }
  journal_.clear();
  committed_modified_ = modified_.size();
  committed_pages_ = pages_;
  // Pages still marked as written would skip the journal of the next transaction.
  begin_message();
}

void Memory::drop_to_image(std::vector<uint32_t>& os_pages) {
  std::sort(os_pages.begin(), os_pages.end());
  for (size_t i = 0; i < os_pages.size();) {
    size_t end = i + 1;
    while (end < os_pages.size() && os_pages[end] == os_pages[end - 1] + 1) ++end;
    drop_to_image(os_pages[i], end - i);
    i = end;
  }
}

void Memory::drop_to_image(uint64_t os_page, uint64_t count) {
  // Private pages that are dropped come back from the file, or as zeros.
  const int dropped = madvise(base_ + os_page * kOsPage, count * kOsPage, MADV_DONTNEED);
  CANREC_ASSERT(dropped == 0);
}

void Memory::rollback() {
  begin_message();
  for (const PreImage& old : journal_) {
    std::memcpy(base_ + uint64_t{old.os_page} * kOsPage, old.bytes.get(), kOsPage);
    states_[old.os_page] &= static_cast<uint8_t>(~kJournaled);
  }
  journal_.clear();
  std::vector<uint32_t> fresh(modified_.begin() + static_cast<ptrdiff_t>(committed_modified_),
                              modified_.end());
  modified_.resize(committed_modified_);
  for (const uint32_t page : fresh) states_[page] = 0;
  drop_to_image(fresh);
  if (pages_ > committed_pages_) {
    // Pages of the grown part were modified in this transaction only, so they are zeros again.
    const int closed = mprotect(base_ + committed_pages_ * kWasmPage,
                                (pages_ - committed_pages_) * kWasmPage, PROT_NONE);
    CANREC_ASSERT(closed == 0);
    pages_ = committed_pages_;
  }
}

std::vector<MemoryRange> Memory::modified_ranges() const {
  std::vector<uint32_t> pages = modified_;
  std::sort(pages.begin(), pages.end());
  std::vector<MemoryRange> ranges;
  for (const uint32_t page : pages) {
    const uint64_t begin = uint64_t{page} * kOsPage;
    if (!ranges.empty() && ranges.back().end == begin) {
      ranges.back().end = begin + kOsPage;
    } else {
      ranges.push_back({begin, begin + kOsPage});
    }
  }
  return ranges;
}

}  // namespace canrec::engine
