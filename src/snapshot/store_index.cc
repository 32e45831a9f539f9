// SPDX-License-Identifier: Apache-2.0
// Reading, searching and writing the index.
#include "snapshot/store_index.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/checked.h"
#include "base/output_file.h"

namespace canrec::snapshot {
namespace {
constexpr size_t kIndexHeader = 40;
constexpr size_t kPackRow = 16;
constexpr size_t kEntry = 32;
// Addresses are evenly spread, so an entry lies near its share of the table.
constexpr uint64_t kSearchWindow = 512;
}  // namespace

Result<Index> Index::open(const std::filesystem::path& path) {
  CANREC_TRY(InputFile file, InputFile::open(path));
  CANREC_TRY(Index out, parse(file.bytes()));
  out.file_ = std::move(file);
  return out;
}

Result<Index> Index::parse(ByteView bytes) {
  Index out;
  CANREC_CHECK(out.check(bytes));
  return out;
}

Status Index::check(ByteView bytes) {
  const auto wrong = [](uint64_t at, std::string_view message) {
    return fail(Errc::kStoreMalformed, at, std::string(message));
  };
  if (bytes.size() < kIndexHeader) return wrong(bytes.size(), "index header cut off");
  const uint8_t* p = bytes.data();
  if (as_text(bytes.first(8)) != store::kIndexMagic) return wrong(0, "not an index");
  if (load_le<uint32_t>(p + 8) != store::kVersion) return wrong(8, "unknown version");
  if (load_le<uint64_t>(p + 32) != xxh3_64(bytes.first(32))) return wrong(32, "header hash");
  const uint32_t packs = load_le<uint32_t>(p + 12);
  const uint64_t entries = load_le<uint64_t>(p + 16);
  const uint64_t rest = bytes.size() - kIndexHeader;
  if (packs > rest / kPackRow) return wrong(12, "more packs than the file can hold");
  const uint64_t entry_bytes = rest - packs * kPackRow;
  if (entry_bytes % kEntry != 0 || entry_bytes / kEntry != entries) {
    return wrong(16, "number of entries differs from the file's size");
  }
  if (load_le<uint64_t>(p + 24) != xxh3_64(bytes.subspan(kIndexHeader))) {
    return wrong(24, "content hash");
  }
  for (uint32_t i = 0; i < packs; ++i) {
    const uint8_t* row = p + kIndexHeader + i * kPackRow;
    const PackFile pack{load_le<uint64_t>(row), load_le<uint64_t>(row + 8)};
    if (i > 0 && pack.number <= packs_.back().number) {
      return wrong(kIndexHeader + i * kPackRow, "pack numbers do not rise");
    }
    packs_.push_back(pack);
  }
  entries_ = bytes.subspan(kIndexHeader + packs * kPackRow);
  mapped_ = entries;
  for (uint64_t row = 0; row < entries; ++row) {
    const uint64_t at = kIndexHeader + packs * kPackRow + row * kEntry;
    if (row > 0 && address(row) <= address(row - 1)) return wrong(at, "addresses do not rise");
    if (load_le<uint32_t>(p + at + 24) >= packs) return wrong(at + 24, "no such pack");
  }
  return Ok{};
}

Address Index::address(uint64_t row) const {
  const uint8_t* p = entries_.data() + row * kEntry;
  return {load_le<uint64_t>(p), load_le<uint64_t>(p + 8)};
}

Index::Entry Index::entry(uint64_t row) const {
  const uint8_t* p = entries_.data() + row * kEntry;
  return {address(row),
          {packs_[load_le<uint32_t>(p + 24)].number, load_le<uint64_t>(p + 16),
           load_le<uint32_t>(p + 28)}};
}

std::optional<Location> Index::find(const Address& wanted) const {
  if (const auto it = added_.find(wanted); it != added_.end()) return it->second;
  uint64_t low = 0;
  uint64_t high = mapped_;
  const auto guess = static_cast<uint64_t>(static_cast<double>(wanted.high) * 0x1p-64 *
                                           static_cast<double>(mapped_));
  if (guess > kSearchWindow && address(guess - kSearchWindow) <= wanted) {
    low = guess - kSearchWindow;
  }
  if (guess + kSearchWindow < mapped_ && address(guess + kSearchWindow) > wanted) {
    high = guess + kSearchWindow;
  }
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (address(middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == mapped_ || address(low) != wanted) return std::nullopt;
  return entry(low).location;
}

void Index::add(const Address& wanted, const Location& location) {
  if (!find(wanted)) added_.emplace(wanted, location);
}

std::vector<Index::Entry> Index::sorted_entries() const {
  std::vector<Entry> added;
  added.reserve(added_.size());
  for (const auto& [key, location] : added_) added.push_back({key, location});
  std::sort(added.begin(), added.end(),
            [](const Entry& a, const Entry& b) { return a.address < b.address; });
  return added;
}

Status Index::write(FileSystem& system, const std::filesystem::path& path,
                    std::span<const PackFile> packs) const {
  std::map<uint64_t, uint32_t> rows;
  Bytes body;
  for (const PackFile& pack : packs) {
    rows.emplace(pack.number, narrow<uint32_t>(rows.size()));
    append_le64(body, pack.number);
    append_le64(body, pack.size);
  }
  uint64_t count = 0;
  const auto put = [&](const Entry& entry) {
    const auto row = rows.find(entry.location.pack);
    if (row == rows.end()) return;
    append_address(body, entry.address);
    append_le64(body, entry.location.offset);
    append_le32(body, row->second);
    append_le32(body, entry.location.size);
    ++count;
  };
  // Merge of the mapped and the added entries, both sorted; no address is in both.
  const std::vector<Entry> added = sorted_entries();
  size_t next = 0;
  for (uint64_t row = 0; row < mapped_; ++row) {
    const Entry mapped = entry(row);
    while (next < added.size() && added[next].address < mapped.address) put(added[next++]);
    put(mapped);
  }
  while (next < added.size()) put(added[next++]);

  Bytes head;
  append(head, as_bytes(store::kIndexMagic));
  append_le32(head, store::kVersion);
  append_le32(head, narrow<uint32_t>(packs.size()));
  append_le64(head, count);
  append_le64(head, xxh3_64(body));
  append_le64(head, xxh3_64(head));
  CANREC_TRY(OutputFile out, OutputFile::create(system, path, Overwrite::kYes));
  CANREC_CHECK(out.append(head));
  CANREC_CHECK(out.append(body));
  return out.commit();
}

}  // namespace canrec::snapshot
