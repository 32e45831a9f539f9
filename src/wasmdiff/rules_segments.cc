// SPDX-License-Identifier: Apache-2.0
// Rules 13 to 16 and 34 of the decision table: passive data segments, which code copies by itself.
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {
namespace {

class PassiveComparison {
 public:
  PassiveComparison(const Subject& subject, std::vector<Finding>& out)
      : subject_(subject), out_(out) {}

  void run() {
    if (!changed_mode()) used_segments();
    unused_segments();
  }

 private:
  using Content = std::pair<Hash128, uint64_t>;

  ByteView bytes(Which w, uint32_t segment) const {
    return subject_.module(w).view(subject_.module(w).data[segment].bytes);
  }

  // Passive segments that code names, or those that it does not.
  std::vector<uint32_t> passive(Which w, bool used) const {
    std::vector<uint32_t> list;
    const auto& data = subject_.module(w).data;
    for (uint32_t i = 0; i < data.size(); ++i) {
      const bool is_passive = data[i].mode == wasm::SegmentMode::kPassive;
      if (is_passive && subject_.scans[w].segment_used[i] == used) list.push_back(i);
    }
    return list;
  }

  std::vector<Content> contents(Which w, const std::vector<uint32_t>& list) const {
    std::vector<Content> out;
    for (const uint32_t segment : list) {
      out.emplace_back(xxh3_128(bytes(w, segment)), bytes(w, segment).size());
    }
    std::ranges::sort(out);
    return out;
  }

  // Bytes that one image has and the other module has no segment for.
  static std::optional<uint64_t> only_in(const DataImage& a, const DataImage& b) {
    for (const ChangedRange& range : differences(a, b)) {
      if (a.offset_of(range.address) && !b.offset_of(range.address)) return range.address;
    }
    return std::nullopt;
  }

  // Active segments that became passive, or back: what left the image of one module is copied by
  // code of the other.
  bool changed_mode() {
    if (subject_.column == Column::kMotokoEop) return false;
    const size_t a = passive(kOld, true).size();
    const size_t b = passive(kNew, true).size();
    if (a == b) return false;
    const DataImage& old_image = subject_.layouts[kOld].image;
    const DataImage& new_image = subject_.layouts[kNew].image;
    const bool to_passive = b > a;
    const auto address = to_passive ? only_in(old_image, new_image) : only_in(new_image, old_image);
    if (!address) return false;
    Place place;
    place.address = address;
    place.old_offset = old_image.offset_of(*address);
    place.new_offset = new_image.offset_of(*address);
    out_.push_back(
        {.code = "segment.mode",
         .area = "segment",
         .rows = "15 16",
         .weights = both(Severity::kUnsafe),
         .what = to_passive ? "active data segments became passive"
                            : "passive data segments became active",
         .evidence = {fmt::format("{} passive segments in use -> {}; 0x{:08x} is in the data image "
                                  "of the {} module only",
                                  a, b, *address, to_passive ? "old" : "new")},
         .why = to_passive
                    ? "code must copy the data now: route S runs none, and a start function "
                      "that copies it by route K overwrites live variables"
                    : "active segments never reach a kept heap, and code that copied the data "
                      "is gone",
         .next = "keep the segments as they are",
         .place = place});
    return true;
  }

  void used_segments() {
    const auto a = passive(kOld, true);
    const auto b = passive(kNew, true);
    if (contents(kOld, a) == contents(kNew, b)) return;
    const bool eop = subject_.column == Column::kMotokoEop;
    size_t first = 0;
    while (first < std::min(a.size(), b.size()) &&
           std::ranges::equal(bytes(kOld, a[first]), bytes(kNew, b[first]))) {
      ++first;
    }
    Place place;
    if (first < a.size()) place.old_offset = subject_.module(kOld).data[a[first]].range.begin;
    if (first < b.size()) place.new_offset = subject_.module(kNew).data[b[first]].range.begin;
    if (eop && a.size() != b.size()) {
      out_.push_back(
          {.code = "segment.pool",
           .area = "segment",
           .rows = "13 34",
           .weights = {Severity::kUnsafe, Severity::kNote},
           .what = fmt::format("{} pooled literals in the old module, {} in the new", a.size(),
                               b.size()),
           .evidence = {fmt::format("first difference at number {}", first)},
           .why = "literals live in a pool in the heap and code names them by number; the numbers "
                  "shifted, and only an upgrade rebuilds the pool",
           .next = "use route K, with canister_pre_upgrade run",
           .place = place});
      return;
    }
    out_.push_back({.code = "segment.changed",
                    .area = "segment",
                    .rows = "13",
                    .weights = layout_weight(subject_, Severity::kReview),
                    .what = "passive data segments that code copies have other contents",
                    .evidence = {fmt::format("first difference at number {}", first)},
                    .why =
                        "what was copied into the heap keeps the old content; code that copies it "
                        "again gets the new one",
                    .next = "look at the functions that use the segments",
                    .place = place});
  }

  void unused_segments() {
    const auto a = passive(kOld, false);
    const auto b = passive(kNew, false);
    if (contents(kOld, a) == contents(kNew, b)) return;
    out_.push_back({.code = "segment.unused",
                    .area = "segment",
                    .rows = "13",
                    .weights = both(Severity::kNote),
                    .what = fmt::format("{} passive data segments that no code names in the old "
                                        "module, {} in the new",
                                        a.size(), b.size()),
                    .evidence = {},
                    .why = "no code copies them",
                    .next = "nothing to do",
                    .place = {}});
  }

  const Subject& subject_;
  std::vector<Finding>& out_;
};

}  // namespace

void segment_rules(const Subject& subject, std::vector<Finding>& out) {
  PassiveComparison(subject, out).run();
}

}  // namespace canrec::wasmdiff
