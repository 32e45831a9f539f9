// SPDX-License-Identifier: Apache-2.0
// Page hashes and their differences.
#include "recover/memory_delta.h"

#include <set>

namespace canrec::recover {

PageHashes::PageHashes(const engine::Memory& memory, const InputFile* image)
    : image_(memory.image_length() > 0 ? image : nullptr), size_(memory.size()) {
  for (const engine::MemoryRange& range : memory.modified_ranges()) {
    for (uint64_t at = range.begin; at < range.end; at += engine::kOsPage) {
      const auto bytes = memory.peek(at, std::min(engine::kOsPage, range.end - at));
      CANREC_ASSERT(bytes.has_value());
      pages_.emplace(at / engine::kOsPage, xxh3_64(*bytes));
    }
  }
}

std::vector<TouchedRange> PageHashes::changed_since(const PageHashes& before) const {
  if (is_replacement_of(before)) {
    return size_ == 0 ? std::vector<TouchedRange>{} : std::vector<TouchedRange>{{0, size_}};
  }
  std::set<uint64_t> changed;
  for (const auto& [page, hash] : pages_) {
    const auto old = before.pages_.find(page);
    if (old == before.pages_.end() || old->second != hash) changed.insert(page);
  }
  for (const auto& [page, hash] : before.pages_) {
    if (!pages_.contains(page)) changed.insert(page);
  }
  std::vector<TouchedRange> ranges;
  for (const uint64_t page : changed) {
    const uint64_t begin = page * engine::kOsPage;
    if (!ranges.empty() && ranges.back().end == begin) {
      ranges.back().end += engine::kOsPage;
    } else {
      ranges.push_back({begin, begin + engine::kOsPage});
    }
  }
  return ranges;
}

}  // namespace canrec::recover
