// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which pages of a memory a step changed, in proportion to the pages that differ from the image.

#include <map>
#include <vector>

#include "base/hash.h"
#include "base/input_file.h"
#include "engine/memory.h"
#include "recover/rehearse.h"

namespace canrec::recover {

/// The content of every page that differs from the image, as hashes.
class PageHashes {
 public:
  /// `image` is the file behind the memory, null for one of zeros.
  PageHashes(const engine::Memory& memory, const InputFile* image);
  /// Whether the memory is another one, over another image: then nothing of the old one is known to
  /// be left.
  bool is_replacement_of(const PageHashes& before) const { return image_ != before.image_; }
  /// Pages whose content is another than in `before`, as ranges, ascending. Pages that went back to
  /// the image's content count as changed; of a replacement all do.
  std::vector<TouchedRange> changed_since(const PageHashes& before) const;

 private:
  const InputFile* image_;
  uint64_t size_;
  std::map<uint64_t, uint64_t> pages_;  // OS page -> XXH3-64
};

}  // namespace canrec::recover
