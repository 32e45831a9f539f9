// SPDX-License-Identifier: Apache-2.0
#include "engine/memory.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <random>

namespace canrec::engine {
namespace {

// An anonymous file of `pages` OS pages (and `extra` bytes), byte i = i / 4096 + 1.
class ImageFile {
 public:
  explicit ImageFile(size_t length) : fd_(memfd_create("image", MFD_CLOEXEC)) {
    Bytes bytes(length);
    for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(i / kOsPage + 1);
    EXPECT_EQ(write(fd_, bytes.data(), length), static_cast<ssize_t>(length));
  }
  ~ImageFile() { close(fd_); }
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

void put(Memory& memory, uint64_t address, uint8_t byte) {
  const auto view = memory.write(address, 1);
  ASSERT_TRUE(view.has_value());
  (*view)[0] = byte;
}
uint8_t get(const Memory& memory, uint64_t address) { return (*memory.peek(address, 1))[0]; }

TEST(EngineMemory, StartsAsZerosAndCountsNothing) {
  auto memory = Memory::zeros(2, 4);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->size(), 2 * kWasmPage);
  EXPECT_EQ(get(*memory, 2 * kWasmPage - 1), 0);
  EXPECT_EQ(memory->counts(), PageCounts{});
  EXPECT_TRUE(memory->modified_ranges().empty());
}

TEST(EngineMemory, RejectsMorePagesThanTheCapacity) {
  EXPECT_TRUE(Memory::zeros(4, 4));
  const auto over = Memory::zeros(5, 4);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), Errc::kEngine);
}

TEST(EngineMemory, RejectsAnImageLargerThanItsPages) {
  const ImageFile image(kWasmPage + 1);
  const auto memory = Memory::from_image(image.fd(), kWasmPage + 1, 1, 4);
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code(), Errc::kEngine);
}

TEST(EngineMemory, GrowsToTheCapacityAndNotBeyond) {
  auto memory = Memory::zeros(1, 3);
  const uint8_t* base = memory->base();
  EXPECT_TRUE(memory->grow(0));
  EXPECT_TRUE(memory->grow(2));
  EXPECT_EQ(memory->base(), base);
  EXPECT_FALSE(memory->grow(1));
  EXPECT_FALSE(memory->grow(UINT64_MAX));
  EXPECT_EQ(memory->pages(), 3u);
  put(*memory, 3 * kWasmPage - 1, 7);
  EXPECT_FALSE(memory->write(3 * kWasmPage, 1).has_value());
}

TEST(EngineMemory, ChecksBoundsAtTheEdges) {
  auto memory = Memory::zeros(1, 2);
  EXPECT_TRUE(memory->touch_read(kWasmPage, 0));
  EXPECT_FALSE(memory->touch_read(kWasmPage + 1, 0));
  EXPECT_TRUE(memory->touch_read(kWasmPage - 1, 1));
  EXPECT_FALSE(memory->touch_read(kWasmPage - 1, 2));
  EXPECT_FALSE(memory->touch_write(UINT64_MAX, 1));
  EXPECT_FALSE(memory->touch_write(1, UINT64_MAX));
}

TEST(EngineMemory, CountsWasmAndOsPagesOncePerMessage) {
  auto memory = Memory::zeros(4, 4);
  memory->touch_read(10, 1);
  memory->touch_read(20, 1);
  EXPECT_EQ(memory->counts(), (PageCounts{1, 0, 1, 0}));
  memory->touch_read(kOsPage - 1, 2);
  EXPECT_EQ(memory->counts(), (PageCounts{1, 0, 2, 0}));
  memory->touch_write(kWasmPage - 4, 8);
  EXPECT_EQ(memory->counts(), (PageCounts{2, 2, 4, 2}));
  memory->touch_write(0, 1);
  EXPECT_EQ(memory->counts(), (PageCounts{2, 2, 4, 3}));
  memory->begin_message();
  EXPECT_EQ(memory->counts(), PageCounts{});
  memory->touch_write(0, 1);
  EXPECT_EQ(memory->counts(), (PageCounts{1, 1, 1, 1}));
}

TEST(EngineMemory, MapsAnImagePrivately) {
  const ImageFile image(2 * kOsPage + 100);
  auto memory = Memory::from_image(image.fd(), 2 * kOsPage + 100, 1, 2);
  ASSERT_TRUE(memory);
  EXPECT_EQ(get(*memory, 0), 1);
  EXPECT_EQ(get(*memory, 2 * kOsPage + 99), 3);
  EXPECT_EQ(get(*memory, 2 * kOsPage + 100), 0);
  put(*memory, 0, 99);
  uint8_t on_disk = 0;
  EXPECT_EQ(pread(image.fd(), &on_disk, 1, 0), 1);
  EXPECT_EQ(on_disk, 1);
  EXPECT_EQ(memory->modified_ranges(), (std::vector<MemoryRange>{{0, kOsPage}}));
}

TEST(EngineMemory, ReadsZerosBehindALengthInsideTheFile) {
  const ImageFile image(4 * kOsPage);
  auto memory = Memory::from_image(image.fd(), kOsPage + 5, 1, 2);
  ASSERT_TRUE(memory);
  EXPECT_EQ(get(*memory, kOsPage + 4), 2);
  EXPECT_EQ(get(*memory, kOsPage + 5), 0);
  EXPECT_EQ(get(*memory, 2 * kOsPage), 0);
  put(*memory, kOsPage + 5, 1);
  memory->rollback();
  EXPECT_EQ(get(*memory, kOsPage + 5), 0);
  const auto copy = memory->fork();
  EXPECT_EQ(get(*copy, kOsPage + 5), 0);
}

TEST(EngineMemory, RollsBackContentSizeAndCounts) {
  const ImageFile image(kWasmPage);
  auto memory = Memory::from_image(image.fd(), kWasmPage, 1, 4);
  put(*memory, 5, 50);
  memory->commit();
  put(*memory, 5, 51);
  put(*memory, kOsPage, 52);
  ASSERT_TRUE(memory->grow(2));
  put(*memory, 3 * kWasmPage - 1, 53);
  memory->rollback();
  EXPECT_EQ(memory->pages(), 1u);
  EXPECT_EQ(get(*memory, 5), 50);
  EXPECT_EQ(get(*memory, kOsPage), 2);
  EXPECT_EQ(memory->counts(), PageCounts{});
  EXPECT_EQ(memory->modified_ranges(), (std::vector<MemoryRange>{{0, kOsPage}}));
  ASSERT_TRUE(memory->grow(2));
  EXPECT_EQ(get(*memory, 3 * kWasmPage - 1), 0);
}

TEST(EngineMemory, KeepsTheTransactionOverMessages) {
  auto memory = Memory::zeros(1, 1);
  put(*memory, 0, 1);
  memory->commit();
  put(*memory, 0, 2);
  memory->begin_message();
  put(*memory, 0, 3);
  put(*memory, kOsPage, 4);
  memory->begin_message();
  memory->rollback();
  EXPECT_EQ(get(*memory, 0), 1);
  EXPECT_EQ(get(*memory, kOsPage), 0);
}

TEST(EngineMemory, ForksIndependently) {
  const ImageFile image(kWasmPage);
  auto memory = Memory::from_image(image.fd(), kWasmPage, 1, 4);
  ASSERT_TRUE(memory->grow(1));
  put(*memory, 0, 9);
  put(*memory, 2 * kWasmPage - 1, 8);
  auto copy = memory->fork();
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->pages(), 2u);
  EXPECT_EQ(get(*copy, 0), 9);
  EXPECT_EQ(get(*copy, kOsPage), 2);
  EXPECT_EQ(get(*copy, 2 * kWasmPage - 1), 8);
  put(*copy, 0, 10);
  put(*memory, kOsPage, 11);
  EXPECT_EQ(get(*memory, 0), 9);
  EXPECT_EQ(get(*copy, kOsPage), 2);
  copy->rollback();
  EXPECT_EQ(get(*copy, 0), 9);
  EXPECT_EQ(copy->modified_ranges(),
            memory->modified_ranges().size() == 2
                ? (std::vector<MemoryRange>{{0, kOsPage}, {2 * kWasmPage - kOsPage, 2 * kWasmPage}})
                : std::vector<MemoryRange>{});
}

TEST(EngineMemory, ReservesTheLargestStableMemory) {
  auto memory = Memory::zeros(0, 8'192'000);
  ASSERT_TRUE(memory);
  EXPECT_TRUE(memory->grow(8'192'000));
  put(*memory, memory->size() - 1, 1);
  EXPECT_EQ(memory->counts(), (PageCounts{1, 1, 1, 1}));
  memory->rollback();
  EXPECT_EQ(memory->pages(), 0u);
}

// The model: a plain vector, saved at each commit.
TEST(EngineMemory, BehavesAsASavedVectorUnderRandomUse) {
  std::mt19937 random(7);
  const ImageFile image(3 * kOsPage + 17);
  auto memory = Memory::from_image(image.fd(), 3 * kOsPage + 17, 1, 4);
  ASSERT_TRUE(memory);
  Bytes now(memory->base(), memory->base() + memory->size());
  Bytes saved = now;
  for (int step = 0; step < 20'000; ++step) {
    switch (random() % 64) {
      case 0:
        memory->commit();
        saved = now;
        break;
      case 1:
        memory->rollback();
        now = saved;
        break;
      case 2:
        memory->begin_message();
        break;
      case 3: {
        auto copy = memory->fork();
        ASSERT_TRUE(copy);
        *memory = std::move(*copy);
        saved = now;
        break;
      }
      case 4:
        if (memory->grow(1)) now.resize(now.size() + kWasmPage);
        break;
      default: {
        const uint64_t at = random() % now.size();
        const uint64_t length = std::min<uint64_t>(random() % 5000, now.size() - at);
        const auto view = memory->write(at, length);
        ASSERT_TRUE(view.has_value());
        const auto byte = static_cast<uint8_t>(random());
        std::fill(view->begin(), view->end(), byte);
        std::fill_n(now.begin() + static_cast<ptrdiff_t>(at), length, byte);
      }
    }
    ASSERT_EQ(memory->size(), now.size());
    if (step % 16 == 0) {
      ASSERT_EQ(std::memcmp(memory->base(), now.data(), now.size()), 0) << "step " << step;
    }
  }
}

// The same with an image of 96 windows and a byte for each page, so that pages are given back, kept
// and kept no longer between writes, commits and roll-backs.
TEST(EngineMemory, GivesBackNothingThatDiffersFromTheImage) {
  constexpr size_t kPages = 96 * kOsPagesPerWasmPage;
  std::mt19937 random(11);
  const ImageFile image(kPages * kOsPage - 5);
  auto memory = Memory::from_image(image.fd(), kPages * kOsPage - 5, 96, 100);
  ASSERT_TRUE(memory);
  memory->set_resident_limits({.read = 24, .kept = 40});
  Bytes now(kPages);
  for (size_t page = 0; page < kPages; ++page) now[page] = static_cast<uint8_t>(page + 1);
  Bytes saved = now;
  const auto at = [](size_t page) { return page * kOsPage + 9; };
  for (int step = 0; step < 40'000; ++step) {
    // Half of the accesses go to two windows, so that some are read in many places.
    const size_t page = random() % 2 == 0 ? random() % 32 : random() % kPages;
    const size_t what = random() % 512;
    if (what == 0) {
      memory->commit();
      saved = now;
    } else if (what == 1) {
      memory->rollback();
      now = saved;
    } else if (what == 2) {
      auto copy = memory->fork();
      ASSERT_TRUE(copy);
      *memory = std::move(*copy);
      saved = now;
    } else if (what < 20) {
      memory->begin_message();
    } else if (what < 60) {
      const auto byte = static_cast<uint8_t>(random());
      put(*memory, at(page), byte);
      now[page] = byte;
    } else {
      const auto view = memory->read(at(page), 1);
      ASSERT_TRUE(view.has_value());
      ASSERT_EQ(view->front(), now[page]) << "step " << step;
    }
  }
  for (size_t page = 0; page < kPages; ++page) ASSERT_EQ(get(*memory, at(page)), now[page]);
}

// A herd of memories forked from each other, each beside a model of its own: whoever is written,
// rolled back, moved or ended, none of the others changes.
TEST(EngineMemory, ForksKeepTheirContentWhateverBecomesOfTheOthers) {
  struct Member {
    Memory memory;
    Bytes now;  // the byte of each page that is looked at
    Bytes saved;
  };
  constexpr size_t kPages = 40;
  const ImageFile image(30 * kOsPage + 100);
  const auto at = [](size_t page) { return page * kOsPage + 50; };
  std::mt19937 random(3);
  std::vector<Member> herd;
  auto first = Memory::from_image(image.fd(), 30 * kOsPage + 100, 3, 8);
  ASSERT_TRUE(first);
  Bytes content(kPages);
  for (size_t page = 0; page <= 30; ++page) content[page] = static_cast<uint8_t>(page + 1);
  herd.push_back({std::move(*first), content, content});
  int forks = 0;
  for (int step = 0; step < 60'000; ++step) {
    Member& member = herd[random() % herd.size()];
    const size_t page = random() % kPages;
    const size_t what = random() % 64;
    if (what < 2) {
      member.memory.commit();
      member.saved = member.now;
    } else if (what < 4) {
      member.memory.rollback();
      member.now = member.saved;
    } else if (what < 6 && herd.size() < 6) {
      // Between transactions and in the middle of one.
      if (random() % 4 != 0) {
        member.memory.commit();
        member.saved = member.now;
      }
      auto copy = member.memory.fork();
      ASSERT_TRUE(copy);
      const Bytes now = member.now;
      herd.push_back({std::move(*copy), now, now});
      ++forks;
    } else if (what == 6 && herd.size() > 1) {
      herd.erase(herd.begin() + static_cast<ptrdiff_t>(random() % herd.size()));
    } else if (what == 7) {
      std::swap(herd.front(), herd.back());
    } else if (what < 40) {
      const auto byte = static_cast<uint8_t>(random());
      put(member.memory, at(page), byte);
      member.now[page] = byte;
    } else if (what < 52) {
      ASSERT_EQ(member.memory.read(at(page), 1)->front(), member.now[page]) << "step " << step;
    } else {
      ASSERT_EQ(get(member.memory, at(page)), member.now[page]) << "step " << step;
    }
  }
  EXPECT_GT(forks, 500);
  for (const Member& member : herd) {
    for (size_t page = 0; page < kPages; ++page) {
      ASSERT_EQ(get(member.memory, at(page)), member.now[page]);
    }
  }
}

uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  file >> size >> resident;
  return resident * kOsPage;
}

TEST(EngineMemory, AForkThatNobodyUsesTakesNoMemory) {
  constexpr uint64_t kSize = uint64_t{32} << 20;
  auto memory = Memory::zeros(kSize / kWasmPage, kSize / kWasmPage);
  ASSERT_TRUE(memory);
  for (uint64_t at = 0; at < kSize; at += kOsPage) put(*memory, at, 1);
  memory->commit();
  const uint64_t before = resident_bytes();
  const auto copy = memory->fork();
  ASSERT_TRUE(copy);
  EXPECT_LT(resident_bytes() - before, uint64_t{4} << 20);
  EXPECT_EQ(get(*copy, kSize - kOsPage), 1);
}

TEST(EngineMemory, LeavesOnlyThePagesReadResident) {
  constexpr uint64_t kSize = uint64_t{128} << 20;
  const ImageFile image(kSize);
  auto memory = Memory::from_image(image.fd(), kSize, kSize / kWasmPage, kSize / kWasmPage);
  ASSERT_TRUE(memory);
  const auto read_every = [&](uint64_t step) {
    uint64_t sum = 0;
    for (uint64_t at = 0; at < kSize; at += step) sum += memory->read(at, 1)->front();
    return sum;
  };
  const uint64_t before = resident_bytes();
  const uint64_t sum = read_every(kWasmPage);
  // A page of each of 2,048 windows; the kernel would have mapped the whole of each. A second look
  // takes no slow path.
  EXPECT_EQ(read_every(kWasmPage), sum);
  EXPECT_LT(resident_bytes() - before, uint64_t{48} << 20);
  // All of them.
  memory->begin_message();
  read_every(kOsPage);
  EXPECT_LT(resident_bytes() - before, uint64_t{48} << 20);
}

}  // namespace
}  // namespace canrec::engine
