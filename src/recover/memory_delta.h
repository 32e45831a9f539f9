// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which pages of a memory a step changed, in proportion to the pages that differ from the image.

#include <map>
#include <vector>

#include "base/hash.h"
#include "engine/memory.h"
#include "recover/rehearse.h"

namespace canrec::recover {

/// The content of every page that differs from the image, as hashes.
class PageHashes {
 public:
  explicit PageHashes(const engine::Memory& memory);
  /// Pages whose content is another than in `before`, as ranges, ascending. Pages that went back to
  /// the image's content count as changed.
  std::vector<TouchedRange> changed_since(const PageHashes& before) const;

 private:
  std::map<uint64_t, uint64_t> pages_;  // OS page -> XXH3-64
};

}  // namespace canrec::recover
