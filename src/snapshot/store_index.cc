// SPDX-License-Identifier: Apache-2.0
// Reading, searching and writing the index.
#include "snapshot/store_index.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/checked.h"
#include "base/output_file.h"
#include "snapshot/store_file.h"

namespace canrec::snapshot {
namespace {
constexpr size_t kIndexHeader = 40;
constexpr size_t kPackRow = 16;
constexpr size_t kEntry = 32;
// Addresses are evenly spread, so an entry lies near its share of the table.
constexpr uint64_t kSearchWindow = 512;
// The place of a chunk that has none yet; no pack has the number 0.
constexpr Location kAnnounced{0, 0, 1};
}  // namespace

Result<Index> Index::open(const std::filesystem::path& path) {
  CANREC_TRY(const StoreFile file, StoreFile::open(path));
  CANREC_CHECK(file.check_magic(store::kIndexMagic));
  CANREC_TRY(Bytes content, file.content(store::kMaxIndexBytes));
  CANREC_TRY(Index out, parse(content));
  out.content_ = std::move(content);  // the view stays good
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
  file_entries_ = entries;
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

std::optional<uint64_t> Index::file_row(const Address& wanted) const {
  uint64_t low = 0;
  uint64_t high = file_entries_;
  const auto guess = static_cast<uint64_t>(static_cast<double>(wanted.high) * 0x1p-64 *
                                           static_cast<double>(file_entries_));
  if (guess > kSearchWindow && address(guess - kSearchWindow) <= wanted) {
    low = guess - kSearchWindow;
  }
  if (guess + kSearchWindow < file_entries_ && address(guess + kSearchWindow) > wanted) {
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
  if (low == file_entries_ || address(low) != wanted) return std::nullopt;
  return low;
}

std::optional<Location> Index::find(const Address& wanted) const {
  if (const Location* added = added_.find(wanted)) {
    if (*added == kAnnounced) return std::nullopt;
    return *added;
  }
  if (const auto row = file_row(wanted)) return entry(*row).location;
  return std::nullopt;
}

bool Index::contains(const Address& wanted) const {
  return added_.find(wanted) != nullptr || file_row(wanted);
}

void Index::announce(const Address& wanted) { added_.insert(wanted, kAnnounced); }

void Index::add(const Address& wanted, const Location& location) {
  if (Location* added = added_.find(wanted)) {
    if (*added == kAnnounced) *added = location;
  } else if (!file_row(wanted)) {
    added_.insert(wanted, location);
  }
}

Bytes Index::encode(std::span<const PackFile> packs) const {
  std::map<uint64_t, uint32_t> rows;
  Bytes out(kIndexHeader);
  out.reserve(kIndexHeader + packs.size() * kPackRow + (file_entries_ + added_.size()) * kEntry);
  for (const PackFile& pack : packs) {
    rows.emplace(pack.number, narrow<uint32_t>(rows.size()));
    append_le64(out, pack.number);
    append_le64(out, pack.size);
  }
  uint64_t count = 0;
  const auto put = [&](const Entry& entry) {
    const auto row = rows.find(entry.location.pack);
    if (row == rows.end()) return;
    append_address(out, entry.address);
    append_le64(out, entry.location.offset);
    append_le32(out, row->second);
    append_le32(out, entry.location.size);
    ++count;
  };
  // Merge of the file's and the added entries, both sorted; no address is in both.
  uint64_t row = 0;
  for (unsigned first_byte = 0; first_byte < 256; ++first_byte) {
    for (const Entry& added : added_.sorted(static_cast<uint8_t>(first_byte))) {
      while (row < file_entries_ && address(row) < added.address) put(entry(row++));
      put(added);
    }
  }
  while (row < file_entries_) put(entry(row++));

  Bytes head;
  append(head, as_bytes(store::kIndexMagic));
  append_le32(head, store::kVersion);
  append_le32(head, narrow<uint32_t>(packs.size()));
  append_le64(head, count);
  append_le64(head, xxh3_64(ByteView(out).subspan(kIndexHeader)));
  append_le64(head, xxh3_64(head));
  std::ranges::copy(head, out.begin());
  return out;
}

Status Index::write(FileSystem& system, const std::filesystem::path& path,
                    std::span<const PackFile> packs) const {
  const Bytes content = encode(packs);
  Status written = write_file(system, path, content, Overwrite::kYes);
  std::error_code ignored;
  if (written || written.error().code() == Errc::kNoSpace ||
      !std::filesystem::exists(path, ignored)) {
    return written;
  }
  CANREC_CHECK(system.remove(path));
  return write_file(system, path, content, Overwrite::kYes);
}

}  // namespace canrec::snapshot
