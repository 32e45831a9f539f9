// SPDX-License-Identifier: Apache-2.0
// Regions of stable memories made from bytes.
#include "stable/regions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace canrec::stable {
namespace {

constexpr uint64_t kPage = 65536;
constexpr uint64_t kBlock = 128 * kPage;

class StableRegions : public testing::Test {
 protected:
  void store(uint64_t at, uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i) memory_[at + i] = static_cast<uint8_t>(value >> (8 * i));
  }
  void text(uint64_t at, std::string_view words) {
    std::ranges::copy(as_bytes(words), memory_.begin() + static_cast<ptrdiff_t>(at));
  }
  Peek peek() const {
    return [this](uint64_t at, uint64_t length) {
      EXPECT_LE(at + length, memory_.size());
      return ByteView(memory_).subspan(at, length);
    };
  }
  Regions regions() const { return read_regions(memory_.size(), peek()); }
  std::string contents_of(size_t index) const {
    return contents(regions().regions.at(index), peek());
  }

  // Buckets of one page: memory 0 has 0 and 2, memory 7 has 3, bucket 1 is free.
  void manager() {
    memory_.assign(6 * kPage, 0);
    text(0, "MGR\x01");
    store(4, 4, 2);
    store(6, 1, 2);
    store(40, 2, 8);
    store(40 + 8 * 7, 1, 8);
    for (size_t i = 0; i < 32768; ++i) memory_[2080 + i] = 255;
    memory_[2080] = 0;
    memory_[2082] = 0;
    memory_[2083] = 7;
  }
  // Region 16 has block 2 (rank 0, full) and block 0 (rank 1, 3 pages); block 1 is free.
  void motoko() {
    memory_.assign(16 * kPage + 3 * kBlock, 0);
    text(0, "MOREGION\x02");
    store(12, 128, 2);
    store(14, 16 * kPage, 8);
    store(22, 3, 4);
    store(26, 17, 8);
    entry(0, 17, 1, 3);
    entry(2, 17, 0, 128);
  }
  void entry(size_t block, uint64_t id, uint64_t rank, uint64_t pages) {
    store(34 + 11 * block, id, 8);
    store(34 + 11 * block + 8, rank, 2);
    store(34 + 11 * block + 10, pages, 1);
  }

  // Every byte in exactly one region, and each region's size that of its extents.
  void expect_cover(const Regions& found) const {
    std::vector<Extent> all;
    for (const Region& region : found.regions) {
      uint64_t bytes = 0;
      for (const Extent& extent : region.extents) {
        bytes += extent.end - extent.begin;
        all.push_back(extent);
      }
      EXPECT_EQ(bytes, region.bytes) << region.name;
    }
    std::ranges::sort(all, {}, &Extent::begin);
    uint64_t at = 0;
    for (const Extent& extent : all) {
      EXPECT_EQ(extent.begin, at);
      at = extent.end;
    }
    EXPECT_EQ(at, memory_.size());
  }

  Bytes memory_;
};

TEST_F(StableRegions, FollowsTheBucketsOfAMemoryManager) {
  manager();
  const Regions found = regions();
  EXPECT_EQ(found.contradiction, "");
  EXPECT_EQ(found.container,
            "memory manager of ic-stable-structures, 4 buckets of 65,536 bytes (64.0 KiB)");
  ASSERT_EQ(found.regions.size(), 4U);
  EXPECT_EQ(
      found.regions[0],
      (Region{
          RegionKind::kData, "memory 0", 2 * kPage, {{kPage, 2 * kPage}, {3 * kPage, 4 * kPage}}}));
  EXPECT_EQ(found.regions[1],
            (Region{RegionKind::kData, "memory 7", kPage, {{4 * kPage, 5 * kPage}}}));
  EXPECT_EQ(found.regions[2].kind, RegionKind::kTable);
  EXPECT_EQ(found.regions[3].extents,
            (std::vector<Extent>{{2 * kPage, 3 * kPage}, {5 * kPage, 6 * kPage}}));
  expect_cover(found);
}

TEST_F(StableRegions, LeavesWhatAMemoryDoesNotUseOfItsBucketToTheReserve) {
  manager();
  memory_.resize(9 * kPage);
  store(6, 2, 2);  // buckets of two pages; memory 0 now ends in its first one
  store(40, 1, 8);
  const Regions found = regions();
  EXPECT_EQ(found.contradiction, "");
  EXPECT_EQ(found.regions[0].extents, (std::vector<Extent>{{kPage, 2 * kPage}}));
  EXPECT_EQ(found.regions[1].extents, (std::vector<Extent>{{7 * kPage, 8 * kPage}}));
  expect_cover(found);
}

TEST_F(StableRegions, NamesWhatAManagerCannotMean) {
  manager();
  memory_.resize(5 * kPage);
  EXPECT_EQ(regions().contradiction, "");
  memory_.resize(5 * kPage - 1);
  EXPECT_TRUE(
      regions().contradiction.starts_with("the memory manager counts 4 buckets of 1 pages"));
  expect_cover(regions());
  manager();
  store(40 + 8 * 7, 2, 8);
  EXPECT_TRUE(regions().contradiction.find("pages in memory 7 than") != std::string::npos);
  expect_cover(regions());
  store(40 + 8 * 7, ~uint64_t{0}, 8);
  EXPECT_NE(regions().contradiction, "");
  store(40 + 8 * 7, 1, 8);
  EXPECT_EQ(regions().contradiction, "");
}

TEST_F(StableRegions, CutsAMemoryThatHoldsAManagerIntoTheMemoriesWithin) {
  // Memory 254 has the buckets 0, 2, 3 and 4 of one page: a manager with a bucket of one page for
  // Memory 254 has the buckets 0, 2, 3 and 4 of one page. It begins with a manager that gives one
  // bucket to each of memory 230 and memory 235.
  const auto nested = [this] {
    memory_.assign(7 * kPage, 0);
    text(0, "MGR\x01");
    store(4, 6, 2);
    store(6, 1, 2);
    store(40 + 8 * 0, 1, 8);
    store(40 + 8 * 254, 4, 8);
    for (size_t i = 0; i < 32768; ++i) memory_[2080 + i] = 255;
    memory_[2080] = 254;
    memory_[2081] = 0;
    for (const size_t i : {2U, 3U, 4U}) memory_[2080 + i] = 254;
    const uint64_t inner = kPage;
    text(inner, "MGR\x01");
    store(inner + 4, 3, 2);
    store(inner + 6, 1, 2);
    store(inner + 40 + 8 * 230, 1, 8);
    store(inner + 40 + 8 * 235, 1, 8);
    for (size_t i = 0; i < 32768; ++i) memory_[inner + 2080 + i] = 255;
    memory_[inner + 2080] = 230;
    memory_[inner + 2081] = 235;
    text(2 * kPage, "BTR\x02");
    text(3 * kPage, "BTR\x02");
    store(3 * kPage + 20, 9, 8);
    text(4 * kPage, "FSA1");
  };
  nested();
  const Regions found = regions();
  expect_cover(found);
  EXPECT_EQ(found.contradiction, "");
  EXPECT_EQ(
      found.container,
      "memory manager of ic-stable-structures, 6 buckets of 65,536 bytes (64.0 KiB); in memory "
      "254 another memory manager of ic-stable-structures, 3 buckets of 65,536 bytes (64.0 "
      "KiB)");
  ASSERT_EQ(found.regions.size(), 6U);
  EXPECT_EQ(found.regions[0].name, "memory 0");
  EXPECT_EQ(found.regions[1], (Region{RegionKind::kData,
                                      "memory 230 within memory 254",
                                      kPage,
                                      {{3 * kPage, 4 * kPage}},
                                      "file metadata of stable-fs, old form"}));
  EXPECT_EQ(contents_of(1), "file metadata of stable-fs, old form: BTreeMap, 9 entries");
  EXPECT_EQ(found.regions[2].name, "memory 235 within memory 254");
  EXPECT_EQ(contents_of(2), "allocator of stable-fs");
  EXPECT_EQ(found.regions[3].name, "table of the memory manager within memory 254");
  EXPECT_EQ(found.regions[3].extents, (std::vector<Extent>{{kPage, 2 * kPage}}));
  EXPECT_EQ(found.regions[5].extents, (std::vector<Extent>{{5 * kPage, 7 * kPage}}));

  // What the inner one counts and has not is a contradiction of the whole; so is an inner memory
  // cut.
  store(kPage + 4, 4, 2);
  EXPECT_TRUE(regions().contradiction.starts_with("within memory 254: the memory manager counts"));
  expect_cover(regions());
  nested();
  store(kPage + 3, 2, 1);  // a version that was never released: bytes like others
  EXPECT_EQ(regions().regions[1].name, "memory 254");
  expect_cover(regions());
  nested();
  text(4 * kPage, "MGR\x01");  // no third level
  store(4 * kPage + 6, 1, 2);
  EXPECT_EQ(contents_of(2), "memory manager of ic-stable-structures");
  for (const size_t size : {kPage + 8, 2 * kPage - 1, 2 * kPage, 3 * kPage + 5, 5 * kPage + 63}) {
    nested();
    memory_.resize(size);
    EXPECT_NE(regions().contradiction, "") << size;
    expect_cover(regions());
    for (size_t i = 0; i < regions().regions.size(); ++i) contents_of(i);
  }
}

// Headers of managers in managers with any sizes and owners, and memories cut anywhere.
TEST_F(StableRegions, CoversEveryByteOnceWhateverTheHeadersSay) {
  std::minstd_rand random(20'260'101);  // the same numbers everywhere
  const auto below = [&random](uint32_t end) { return static_cast<uint32_t>(random() % end); };
  constexpr std::array<uint8_t, 6> kOwners = {0, 1, 229, 235, 254, 255};
  size_t nested = 0;
  for (int round = 0; round < 400; ++round) {
    memory_.assign(12 * kPage, 0);
    for (uint64_t at = 0; at + kPage <= memory_.size(); at += kPage) {
      if (at != 0 && below(2) == 0) continue;
      text(at, "MGR\x01");
      store(at + 4, below(10), 2);
      store(at + 6, 1 + below(2), 2);
      for (const uint8_t id : kOwners) {
        const uint64_t pages = below(20) == 0 ? ~uint64_t{0} >> below(64) : below(6);
        if (id != 255) store(at + 40 + 8 * id, pages, 8);
      }
      for (size_t i = 0; i < 12; ++i) memory_[at + 2080 + i] = kOwners[below(kOwners.size())];
    }
    memory_.resize(memory_.size() - below(4) * below(kPage));
    const Regions found = regions();
    expect_cover(found);
    for (const Region& region : found.regions) contents(region, peek());
    nested += found.container.find("another") != std::string::npos ? 1 : 0;
    ASSERT_FALSE(HasFailure()) << round;
  }
  EXPECT_GT(nested, 100U);
}

TEST_F(StableRegions, OrdersTheBlocksOfAMotokoRegionByRank) {
  motoko();
  const Regions found = regions();
  EXPECT_EQ(found.contradiction, "");
  EXPECT_EQ(found.container, "Motoko's regions, 3 blocks of 8 MiB");
  ASSERT_EQ(found.regions.size(), 3U);
  const uint64_t base = 16 * kPage;
  EXPECT_EQ(found.regions[0],
            (Region{RegionKind::kData,
                    "region 16",
                    131 * kPage,
                    {{base + 2 * kBlock, base + 3 * kBlock}, {base, base + 3 * kPage}}}));
  expect_cover(found);
  store(0, 0, 4);  // as pre-upgrade leaves it
  EXPECT_EQ(regions(), found);
}

TEST_F(StableRegions, NamesWhatARegionTableCannotMean) {
  motoko();
  store(22, 4, 4);
  EXPECT_NE(regions().contradiction, "");
  expect_cover(regions());
  store(14, ~uint64_t{0}, 8);
  EXPECT_NE(regions().contradiction, "");
  expect_cover(regions());
  motoko();
  entry(0, 17, 1, 129);
  EXPECT_NE(regions().contradiction, "");
  expect_cover(regions());
}

TEST_F(StableRegions, TakesAnyOtherMemoryAsOneRegion) {
  memory_.assign(kPage, 0);
  EXPECT_EQ(contents_of(0), "begins with zeros");
  text(0, "NOT1");
  const Regions found = regions();
  EXPECT_EQ(found.container, "");
  ASSERT_EQ(found.regions.size(), 1U);
  EXPECT_EQ(found.regions[0].name, "stable memory");
  EXPECT_EQ(contents_of(0), "unknown to canrec, begins \"NOT1\\00\\00\\00\\00\"");
  manager();
  store(3, 2, 1);  // a version that was never released
  EXPECT_EQ(regions().container, "");
  manager();
  store(6, 0, 2);
  EXPECT_EQ(regions().container, "");
  motoko();
  store(12, 64, 2);
  EXPECT_EQ(regions().container, "");
  EXPECT_EQ(read_regions(0, peek()), Regions{});
}

TEST_F(StableRegions, ReadsNothingBeyondShortMemories) {
  for (const std::string_view mark : {"MGR\x01\xff\xff\xff\xff", "MOREGION"}) {
    for (const size_t size :
         {size_t{8}, size_t{63}, kPage - 1, kPage, size_t{360481}, size_t{360482}}) {
      memory_.assign(size, 0xff);
      text(0, mark);
      expect_cover(regions());
      for (size_t i = 0; i < regions().regions.size(); ++i) contents_of(i);
    }
  }
}

TEST_F(StableRegions, SaysWhatARegionHolds) {
  memory_.assign(kPage, 0);
  text(0, "BTR\x02");
  store(20, 5001, 8);
  EXPECT_EQ(contents_of(0), "BTreeMap, 5,001 entries");
  text(0, "SCL\x01");
  store(4, 77, 4);
  EXPECT_EQ(contents_of(0), "Cell, 77 bytes");
  text(0, "SVC\x01");
  store(4, 9, 8);
  EXPECT_EQ(contents_of(0), "Vec, 9 elements");
  text(0, "GLI\x01");
  store(32, 1234567, 8);
  EXPECT_EQ(contents_of(0), "index of a Log, 1,234,567 entries");
  text(0, "FSA1");
  EXPECT_EQ(contents_of(0), "allocator of stable-fs");
  text(0, "BTR\x03");
  EXPECT_TRUE(contents_of(0).starts_with("unknown to canrec"));
  text(0, "DIDL");
  EXPECT_EQ(contents_of(0), "Candid values");
  store(0, 300, 4);
  text(4, "DIDL");
  EXPECT_EQ(contents_of(0), "Candid values, 300 bytes");
}

}  // namespace
}  // namespace canrec::stable
