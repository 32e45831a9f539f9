// SPDX-License-Identifier: Apache-2.0
// The two containers, and the marks that structures begin with.
#include "stable/regions.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "ic/limits.h"

namespace canrec::stable {
namespace {

constexpr uint64_t kPage = ic::limits::kWasmPageBytes;

// MemoryManager, version 1.
constexpr std::array<uint8_t, 4> kManagerMagic = {'M', 'G', 'R', 1};
constexpr uint64_t kMemories = 255;
constexpr uint64_t kSizesAt = 40;
constexpr uint64_t kBucketsAt = 2080;
constexpr uint64_t kMostBuckets = 32'768;
constexpr uint8_t kFreeBucket = 255;

// Regions, version 2.
constexpr std::string_view kRegionMagic = "MOREGION";
constexpr uint64_t kBlockPages = 128;
constexpr uint64_t kBlockBytes = kBlockPages * kPage;
constexpr uint64_t kBlocksAt = 34;
constexpr uint64_t kBlockEntry = 11;
constexpr uint64_t kMostBlocks = 32'768;
constexpr uint64_t kRegionTableEnd = kBlocksAt + kMostBlocks * kBlockEntry;

constexpr uint64_t kHead = 64;  // bytes that say what a region holds

void add_extent(Region& region, uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  region.bytes += end - begin;
  if (!region.extents.empty() && region.extents.back().end == begin) {
    region.extents.back().end = end;
  } else {
    region.extents.push_back({begin, end});
  }
}

// Puts the data first and the rest, as far as there is any, behind it.
Regions assembled(std::string container, std::vector<Region> data, Region table, Region reserved) {
  Regions out{std::move(container), std::move(data), ""};
  if (table.bytes > 0) out.regions.push_back(std::move(table));
  std::ranges::sort(reserved.extents, {}, &Extent::begin);
  if (reserved.bytes > 0) out.regions.push_back(std::move(reserved));
  return out;
}

// stable-fs takes ten memories in a row. The seventh is its allocator, which alone has a mark of
// its own; what the others are, their places say.
constexpr size_t kAllocatorRole = 6;
constexpr auto kFileRoles = std::to_array<std::string_view>(
    {"version of stable-fs", "file metadata of stable-fs, old form",
     "directory entries of stable-fs", "file contents of stable-fs, old form",
     "mounted files of stable-fs", "places of file contents of stable-fs", "",
     "file contents and metadata of stable-fs", "journal of stable-fs", "names of stable-fs"});

bool is_file_allocator(const Region& memory, const Peek& peek) {
  if (memory.bytes < kHead) return false;
  const std::string_view magic = as_text(peek(memory.extents.front().begin, 4));
  return magic == "FSA1" || magic == "ALO1";
}

void name_files(std::array<Region, kMemories>& memories, const Peek& peek) {
  for (size_t id = kAllocatorRole; id < kMemories; ++id) {
    if (!is_file_allocator(memories[id], peek)) continue;
    const size_t first = id - kAllocatorRole;
    for (size_t i = 0; i < kFileRoles.size() && first + i < kMemories; ++i) {
      memories[first + i].role = kFileRoles[i];
    }
  }
}

Regions manager_regions(uint64_t size, const Peek& peek) {
  const ByteView page = peek(0, kPage);
  const uint64_t counted = load_le<uint16_t>(page.data() + 4);
  const uint64_t bucket_pages = load_le<uint16_t>(page.data() + 6);
  const uint64_t bucket = bucket_pages * kPage;
  // What a memory still has to get of its buckets.
  std::array<uint64_t, kMemories> left{};
  size_t short_of = kMemories;  // the first memory that lacks buckets
  for (size_t id = 0; id < kMemories; ++id) {
    const auto pages = load_le<uint64_t>(page.data() + kSizesAt + 8 * id);
    if (pages > kMostBuckets * bucket_pages && short_of == kMemories) short_of = id;
    left[id] = std::min(pages, kMostBuckets * bucket_pages) * kPage;
  }
  std::array<Region, kMemories> memories;
  Region reserved{RegionKind::kReserved, "reserved", 0, {}};
  const uint64_t buckets = std::min(counted, kMostBuckets);
  uint64_t at = kPage;
  for (uint64_t i = 0; i < buckets && at < size; ++i) {
    const uint64_t end = std::min(at + bucket, size);
    const uint8_t owner = page[kBucketsAt + i];
    uint64_t used = at;
    if (owner != kFreeBucket) {
      used = std::min(end, at + left[owner]);
      left[owner] -= used - at;
      add_extent(memories[owner], at, used);
    }
    add_extent(reserved, used, end);
    at = end;
  }
  add_extent(reserved, at, size);
  name_files(memories, peek);

  std::vector<Region> data;
  for (size_t id = 0; id < kMemories; ++id) {
    if (left[id] > 0 && short_of == kMemories) short_of = id;
    if (memories[id].bytes == 0) continue;
    memories[id].name = fmt::format("memory {}", id);
    data.push_back(std::move(memories[id]));
  }
  Region table{RegionKind::kTable, "table of the memory manager", 0, {}};
  add_extent(table, 0, kPage);
  Regions out = assembled(fmt::format("memory manager of ic-stable-structures, {} buckets of {}",
                                      grouped(counted), human_size(bucket)),
                          std::move(data), std::move(table), std::move(reserved));
  const uint64_t wanted = kPage + counted * bucket;
  if (wanted > size) {
    out.contradiction = fmt::format(
        "the memory manager counts {} buckets of {} pages, which end at {}; the memory has {}",
        grouped(counted), grouped(bucket_pages), human_size(wanted), human_size(size));
  } else if (counted > kMostBuckets) {
    out.contradiction = fmt::format("the memory manager counts {} buckets; its table holds {}",
                                    grouped(counted), grouped(kMostBuckets));
  } else if (short_of != kMemories) {
    out.contradiction = fmt::format(
        "the memory manager counts more pages in memory {} than the buckets of that memory hold",
        short_of);
  }
  return out;
}

struct Block {
  uint16_t rank = 0;
  uint64_t at = 0;
  uint64_t pages = 0;
};

Regions motoko_regions(uint64_t size, const Peek& peek) {
  const ByteView head = peek(0, kRegionTableEnd);
  const auto base = load_le<uint64_t>(head.data() + 14);
  const uint64_t counted = load_le<uint32_t>(head.data() + 22);
  const uint64_t blocks = std::min(counted, kMostBlocks);
  std::map<uint64_t, std::vector<Block>> by_region;
  Region reserved{RegionKind::kReserved, "reserved", 0, {}};
  const uint64_t table_end = std::min(base, size);
  uint64_t at = table_end;
  bool too_many_pages = false;
  for (uint64_t i = 0; i < blocks && at < size; ++i) {
    const uint8_t* entry = head.data() + kBlocksAt + i * kBlockEntry;
    const auto id = load_le<uint64_t>(entry);
    const uint64_t pages = entry[10];
    const uint64_t end = std::min(at + kBlockBytes, size);
    uint64_t used = at;
    too_many_pages |= id != 0 && pages > kBlockPages;
    if (id != 0) {
      used = std::min(end, at + std::min(pages, kBlockPages) * kPage);
      by_region[id - 1].push_back({load_le<uint16_t>(entry + 8), at, used - at});
    }
    add_extent(reserved, used, end);
    at = end;
  }
  add_extent(reserved, at, size);
  std::vector<Region> data;
  for (auto& [id, list] : by_region) {
    std::ranges::stable_sort(list, {}, &Block::rank);
    Region region{RegionKind::kData, fmt::format("region {}", id), 0, {}};
    for (const Block& block : list) add_extent(region, block.at, block.at + block.pages);
    if (region.bytes > 0) data.push_back(std::move(region));
  }
  Region table{RegionKind::kTable, "table of Motoko's regions", 0, {}};
  add_extent(table, 0, table_end);
  Regions out = assembled(fmt::format("Motoko's regions, {} blocks of 8 MiB", grouped(counted)),
                          std::move(data), std::move(table), std::move(reserved));
  const uint64_t wanted = base + counted * kBlockBytes;
  if (wanted < base || wanted > size) {
    out.contradiction =
        fmt::format("the region table counts {} blocks of 8 MiB from {}; the memory has {}",
                    grouped(counted), grouped(base), human_size(size));
  } else if (counted > kMostBlocks) {
    out.contradiction = fmt::format("the region table counts {} blocks; it has room for {}",
                                    grouped(counted), grouped(kMostBlocks));
  } else if (too_many_pages) {
    out.contradiction = "the region table counts more than 128 pages in a block of 128 pages";
  }
  return out;
}

bool is_manager(uint64_t size, const Peek& peek) {
  if (size < kPage) return false;
  const ByteView head = peek(0, 8);
  return std::ranges::equal(head.first(4), kManagerMagic) && load_le<uint16_t>(&head[6]) > 0;
}

// Where a part of a region's own addresses lies in the memory.
std::vector<Extent> mapped(const Region& region, Extent own) {
  std::vector<Extent> out;
  uint64_t at = 0;
  for (const Extent& extent : region.extents) {
    const uint64_t next = at + (extent.end - extent.begin);
    const uint64_t begin = std::max(own.begin, at);
    const uint64_t end = std::min(own.end, next);
    if (begin < end) out.push_back({extent.begin + (begin - at), extent.begin + (end - at)});
    at = next;
  }
  return out;
}

// A manager is read by its first page and the first bytes of its memories. Each of these lies in
// one piece: a bucket has whole pages, and only the last one of a memory that was cut has fewer.
bool holds_manager(const Region& region, const Peek& peek) {
  if (region.kind != RegionKind::kData || region.bytes < kPage) return false;
  const Extent& first = region.extents.front();
  if (first.end - first.begin < kPage) return false;
  return is_manager(kPage,
                    [&](uint64_t at, uint64_t length) { return peek(first.begin + at, length); });
}

// Cuts the memories that hold a manager of their own into the memories within. What these do not
// use joins the outer reserve. Past a number of pieces that no sound memory has, a memory stays
// whole.
Regions expanded(Regions outer, const Peek& peek) {
  std::vector<Region> data;
  std::vector<Region> tables;
  std::vector<Extent> unused;
  size_t pieces = 0;
  for (Region& region : outer.regions) {
    if (region.kind == RegionKind::kReserved) {
      unused.insert(unused.end(), region.extents.begin(), region.extents.end());
      continue;
    }
    if (pieces > kMostBuckets || !holds_manager(region, peek)) {
      (region.kind == RegionKind::kTable ? tables : data).push_back(std::move(region));
      continue;
    }
    const Regions inner = manager_regions(region.bytes, [&](uint64_t at, uint64_t length) {
      return peek(mapped(region, {at, at + length}).front().begin, length);
    });
    outer.container += fmt::format("; in {} another {}", region.name, inner.container);
    if (outer.contradiction.empty() && !inner.contradiction.empty()) {
      outer.contradiction = fmt::format("within {}: {}", region.name, inner.contradiction);
    }
    for (const Region& part : inner.regions) {
      pieces += part.extents.size();
      Region own{part.kind, fmt::format("{} within {}", part.name, region.name), 0, {}, part.role};
      for (const Extent& extent : part.extents) {
        for (const Extent& piece : mapped(region, extent)) {
          if (part.kind == RegionKind::kReserved) unused.push_back(piece);
          add_extent(own, piece.begin, piece.end);
        }
      }
      if (part.kind == RegionKind::kData) data.push_back(std::move(own));
      if (part.kind == RegionKind::kTable) tables.push_back(std::move(own));
    }
  }
  std::ranges::move(tables, std::back_inserter(data));
  std::ranges::sort(unused, {}, &Extent::begin);
  Region reserved{RegionKind::kReserved, "reserved", 0, {}};
  for (const Extent& extent : unused) add_extent(reserved, extent.begin, extent.end);
  if (reserved.bytes > 0) data.push_back(std::move(reserved));
  outer.regions = std::move(data);
  return outer;
}

// While an upgrade record exists the first four characters are zeros.
bool is_regions(uint64_t size, const Peek& peek) {
  if (size < kRegionTableEnd) return false;
  const ByteView head = peek(0, 14);
  const std::string_view magic = as_text(head.first(8));
  const bool parked = load_le<uint32_t>(head.data()) == 0 && magic.substr(4) == "GION" &&
                      load_le<uint32_t>(&head[8]) == 2;
  return (magic == kRegionMagic || parked) && load_le<uint16_t>(&head[12]) == kBlockPages;
}

// Structures with a mark of three characters and a version, and where each counts what.
struct Mark {
  std::string_view magic;
  std::string_view name;
  size_t count_at;
  size_t count_width;
  std::string_view counted;
};
constexpr auto kMarks = std::to_array<Mark>({
    {"BTR", "BTreeMap", 20, 8, "entries"},
    {"SCL", "Cell", 4, 4, "bytes"},
    {"SVC", "Vec", 4, 8, "elements"},
    {"SMH", "MinHeap", 4, 8, "elements"},
    {"GLI", "index of a Log", 32, 8, "entries"},
    {"GLD", "data of a Log", 0, 0, ""},
    {"FSA", "allocator of stable-fs", 0, 0, ""},
    {"ALO", "allocator of stable-fs", 0, 0, ""},
    {"MGR", "memory manager of ic-stable-structures", 0, 0, ""},
});

std::string marked(const Mark& mark, ByteView head) {
  if (mark.count_width == 0) return std::string(mark.name);
  const uint64_t count = mark.count_width == 8 ? load_le<uint64_t>(&head[mark.count_at])
                                               : load_le<uint32_t>(&head[mark.count_at]);
  return fmt::format("{}, {} {}", mark.name, grouped(count), mark.counted);
}

// What the bytes begin is; empty for what no known structure begins with.
std::string structure(ByteView head) {
  const std::string_view text = as_text(head);
  for (const Mark& mark : kMarks) {
    const bool version = head[3] == 1 || head[3] == 2 || head[3] == '1';
    if (text.starts_with(mark.magic) && version) return marked(mark, head);
  }
  if (text.starts_with("DIDL")) return "Candid values";
  if (text.substr(4).starts_with("DIDL")) {
    return fmt::format("Candid values, {} bytes", grouped(load_le<uint32_t>(head.data())));
  }
  if (text.starts_with("SQLite format 3")) return "SQLite database";
  return {};
}

}  // namespace

Regions read_regions(uint64_t size, const Peek& peek) {
  if (size == 0) return {};
  if (is_manager(size, peek)) return expanded(manager_regions(size, peek), peek);
  if (is_regions(size, peek)) return motoko_regions(size, peek);
  return {"", {{RegionKind::kData, "stable memory", size, {{0, size}}}}, ""};
}

std::string contents(const Region& region, const Peek& peek) {
  if (region.kind == RegionKind::kTable) return "which part belongs to which";
  if (region.kind == RegionKind::kReserved) return "not in use";
  if (region.bytes < kHead) return {};
  const ByteView head = peek(region.extents.front().begin, kHead);
  const std::string known = structure(head);
  if (!region.role.empty()) {
    return known.empty() ? region.role : fmt::format("{}: {}", region.role, known);
  }
  if (!known.empty()) return known;
  if (std::ranges::all_of(head, [](uint8_t byte) { return byte == 0; })) return "begins with zeros";
  return fmt::format("unknown to canrec, begins \"{}\"", printable(head.first(8)));
}

}  // namespace canrec::stable
