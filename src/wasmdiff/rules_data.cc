// SPDX-License-Identifier: Apache-2.0
// Rules 8 to 16 of the decision table: data segments, and the static area that they show only in
// part.
#include <fmt/core.h>

#include <algorithm>

#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {
namespace {

constexpr size_t kMostLines = 8;

std::string range_text(const ChangedRange& range) {
  return fmt::format("0x{:08x}..0x{:08x}", range.address, range.end());
}

// "0x00100010 (offset 0x2f3): 68656c6c6f "hello" -> 776f726c64 "world"".
std::string bytes_line(const Subject& subject, const ChangedRange& range) {
  constexpr uint64_t kShown = 24;
  const uint64_t length = std::min(range.length, kShown);
  const auto show = [&](Which w) {
    const Bytes bytes = subject.layouts[w].image.copy(range.address, length);
    return fmt::format("{} \"{}\"", to_hex(bytes), printable(bytes));
  };
  std::string line = range_text(range);
  if (const auto offset = subject.layouts[kNew].image.offset_of(range.address)) {
    line += fmt::format(" (new file 0x{:08x})", *offset);
  }
  return line +
         fmt::format(": {} -> {}{}", show(kOld), show(kNew), range.length > kShown ? " ..." : "");
}

// ------------------------------------------------------------------------------------------------

// What an aligned word of the image can be.
class Words {
 public:
  explicit Words(const Subject& subject)
      : subject_(subject), width_(subject.module(kOld).is_64() ? 8 : 4) {}

  unsigned width() const { return width_; }

  // Addresses of static data, or of its end.
  bool is_address(Which w, uint64_t value) const {
    const Layout& layout = subject_.layouts[w];
    return layout.image.begin <= value && value < std::max(layout.image.end, layout.statics_end) &&
           !layout.image.empty() && value != 0;
  }

  std::optional<uint32_t> function_in(Which w, uint64_t value) const {
    const auto& tables = subject_.layouts[w].tables;
    if (tables.empty() || value == 0 || value >= tables[0].size() || !tables[0][value]) {
      return std::nullopt;
    }
    return std::to_underlying(*tables[0][value]);
  }

  // Whether the words at an address look like the slots of a vtable or of a list of functions: both
  // name functions of one signature, and they are not the size of a vtable.
  bool is_slot(uint64_t address, uint64_t before, uint64_t after) const {
    const auto f = function_in(kOld, before);
    const auto g = function_in(kNew, after);
    if (!f && !g) return false;
    if (is_vtable_size(address, before, after)) return false;
    if (f && g) {
      return subject_.module(kOld).type_of(wasm::FuncIdx{*f}) ==
                 subject_.module(kNew).type_of(wasm::FuncIdx{*g}) ||
             neighbour_is_slot(address);
    }
    return neighbour_is_slot(address);
  }

 private:
  uint64_t word(Which w, uint64_t address) const {
    return subject_.layouts[w].image.word(address, width_);
  }

  // drop glue (slot or 0), size, alignment, methods...
  bool is_vtable_size(uint64_t address, uint64_t before, uint64_t after) const {
    if (address < width_) return false;
    const uint64_t alignment = word(kOld, address + width_);
    if (alignment != word(kNew, address + width_)) return false;
    const bool power =
        alignment == 1 || alignment == 2 || alignment == 4 || alignment == 8 || alignment == 16;
    if (!power || before % alignment != 0 || after % alignment != 0) return false;
    const uint64_t drop = word(kOld, address - width_);
    if (drop != word(kNew, address - width_)) return false;
    if (drop == 0) return true;
    const auto glue = function_in(kOld, drop);
    if (!glue) return false;
    const wasm::FuncType& type = subject_.module(kOld).type_of(wasm::FuncIdx{*glue});
    return type.results.empty() && type.params.size() == 1;
  }

  bool neighbour_is_slot(uint64_t address) const {
    const auto slot_at = [&](uint64_t at) { return function_in(kOld, word(kOld, at)).has_value(); };
    return (address >= width_ && slot_at(address - width_)) || slot_at(address + width_);
  }

  const Subject& subject_;
  unsigned width_;
};

class ImageComparison {
 public:
  ImageComparison(const Subject& subject, std::vector<Finding>& out)
      : subject_(subject),
        out_(out),
        words_(subject),
        old_(subject.layouts[kOld].image),
        new_(subject.layouts[kNew].image) {}

  void run() {
    bad_segments();
    ranges_ = differences(old_, new_);
    if (ranges_.empty()) return;
    changed_words();
    changed_bytes();
    over_statics();
  }

 private:
  void bad_segments() {
    for (const Which w : {kOld, kNew}) {
      const DataImage& image = w == kOld ? old_ : new_;
      if (image.bad.empty()) continue;
      const BadSegment& bad = image.bad.front();
      Place place;
      (w == kOld ? place.old_offset : place.new_offset) = bad.offset;
      out_.push_back(
          {.code = "data.unknown",
           .area = "data",
           .rows = "10",
           .weights = both(Severity::kUnsafe),
           .what = fmt::format("data segment {} of the {} module {}", bad.segment,
                               w == kOld ? "old" : "new",
                               bad.unknown_address ? "lies at an address that is not a constant"
                                                   : "ends beyond the declared memory"),
           .evidence = {},
           .why = "such a module cannot be instantiated on the network",
           .next = "look at the data segments (canrec inspect)",
           .place = place});
    }
  }

  // The static area of the new module holds all its data at other addresses, or the end moved.
  void changed_bytes() {
    std::vector<std::string> lines;
    uint64_t total = 0;
    uint64_t never_loaded = 0;  // bytes that the old module has no data for
    for (const ChangedRange& range : ranges_) {
      total += range.length;
      if (range.end() > old_.end) never_loaded += range.end() - std::max(range.address, old_.end);
      if (lines.size() < kMostLines) lines.push_back(bytes_line(subject_, range));
    }
    if (ranges_.size() > kMostLines) {
      lines.push_back(fmt::format("and {} ranges more", ranges_.size() - kMostLines));
    }
    if (never_loaded > 0) {
      lines.push_back(fmt::format("{} of them behind the old data, whose end was 0x{:08x}",
                                  human_size(never_loaded), old_.end));
    }
    Place place;
    place.address = ranges_.front().address;
    place.length = ranges_.front().length;
    place.old_offset = old_.offset_of(ranges_.front().address);
    place.new_offset = new_.offset_of(ranges_.front().address);
    out_.push_back(
        {.code = "data.changed",
         .area = "data",
         .rows = never_loaded > 0 ? "8 9" : "8",
         .weights = layout_weight(subject_, Severity::kReview),
         .what = fmt::format("{} of static data differ{}, in {} range{}", human_size(total),
                             total == 1 ? "s" : "", ranges_.size(), ranges_.size() == 1 ? "" : "s"),
         .evidence = std::move(lines),
         .why = "neither route loads the new bytes: the kept heap keeps the old ones, and "
                "new code that relies on the new ones finds those",
         .next = "decide for each range whether the old bytes will do; otherwise put the "
                 "new constant into code (canrec patch edit)",
         .place = place});
  }

  struct ChangedWord {
    uint64_t address;
    uint64_t before;
    uint64_t after;
  };

  void changed_words() {
    std::vector<ChangedWord> slots;
    std::vector<ChangedWord> addresses;
    const unsigned width = words_.width();
    uint64_t done = 0;  // words below are judged
    for (const ChangedRange& range : ranges_) {
      uint64_t at = std::max(done, range.address / width * width);
      for (; at < range.end(); at += width) {
        const uint64_t before = old_.word(at, width);
        const uint64_t after = new_.word(at, width);
        if (before == after) continue;
        if (words_.is_address(kOld, before) || words_.is_address(kNew, after)) {
          addresses.push_back({at, before, after});
        } else if (words_.is_slot(at, before, after)) {
          slots.push_back({at, before, after});
        }
      }
      done = std::max(done, at);
    }
    const auto slot_line = [this](const ChangedWord& word) {
      return fmt::format("0x{:08x}: {} -> {}", word.address, slot_text(kOld, word.before),
                         slot_text(kNew, word.after));
    };
    const auto address_line = [](const ChangedWord& word) {
      return fmt::format("0x{:08x}: address 0x{:08x} -> 0x{:08x}", word.address, word.before,
                         word.after);
    };
    report_words("data.slots", "table", "table slots", slots, slot_line,
                 "vtables and lists of functions in the kept heap keep the old slots, new code "
                 "expects the new ones");
    report_words("data.addresses", "data", "addresses", addresses, address_line,
                 "the kept heap keeps the old addresses, and what they point to lies elsewhere or "
                 "is another thing in the new module");
  }

  std::string slot_text(Which w, uint64_t slot) const {
    const auto fn = words_.function_in(w, slot);
    return fmt::format("slot {} {}", slot,
                       fn ? subject_.function(w, *fn) : std::string("(no function)"));
  }

  template <typename LineOf>
  void report_words(std::string_view code, std::string_view area, std::string_view what,
                    const std::vector<ChangedWord>& words, LineOf&& line_of, std::string_view why) {
    if (words.empty()) return;
    const size_t count = words.size();
    std::vector<std::string> lines;
    for (size_t i = 0; i < std::min(count, kMostLines); ++i) lines.push_back(line_of(words[i]));
    if (count > kMostLines) lines.push_back(fmt::format("and {} words more", count - kMostLines));
    const uint64_t first = words.front().address;
    Place place;
    place.address = first;
    place.old_offset = old_.offset_of(first);
    place.new_offset = new_.offset_of(first);
    out_.push_back({.code = code,
                    .area = area,
                    .rows = "8",
                    .weights = layout_weight(subject_, Severity::kUnsafe),
                    .what = fmt::format("changed static data holds {} ({} word{})", what, count,
                                        count == 1 ? "" : "s"),
                    .evidence = std::move(lines),
                    .why = std::string(why),
                    .next = "patch the old module instead of building a new one (canrec patch), so "
                            "that its data stays as it is",
                    .place = place});
  }

  // New constants where the old module's code keeps statics without initial value.
  void over_statics() {
    const Layout& old_layout = subject_.layouts[kOld];
    for (const ChangedRange& range : ranges_) {
      if (range.end() <= old_.end) continue;
      const uint64_t from = std::max(range.address, old_.end);
      const auto& known = subject_.scans[kOld].static_accesses;
      auto hit = known.lower_bound(from >= 16 ? from - 15 : 0);
      while (hit != known.end() && hit->second <= from) ++hit;
      if (hit == known.end() || hit->first >= range.end()) continue;
      Place place;
      place.address = hit->first;
      out_.push_back(
          {.code = "statics.overlaid",
           .area = "statics",
           .rows = "10",
           .weights = layout_weight(subject_, Severity::kUnsafe),
           .what = "new constants lie where the old code keeps variables",
           .evidence = {fmt::format("{} holds new data; old code accesses 0x{:08x}, the old data "
                                    "ended at 0x{:08x}",
                                    range_text(range), hit->first, old_layout.image.end)},
           .why = "the kept heap has live values there",
           .next = "patch the old module instead of building a new one (canrec patch)",
           .place = place});
      return;
    }
  }

  const Subject& subject_;
  std::vector<Finding>& out_;
  Words words_;
  const DataImage& old_;
  const DataImage& new_;
  std::vector<ChangedRange> ranges_;
};

}  // namespace

void data_rules(const Subject& subject, std::vector<Finding>& out) {
  ImageComparison(subject, out).run();
}

// ------------------------------------------------------------------------------------------------

namespace {

struct Moved {
  const ChangedFunction* function;
  ConstantChange change;
};

// The constants of changed functions that were addresses of statics before and are others now.
std::vector<Moved> moved_statics(const Subject& subject) {
  const Layout& a = subject.layouts[kOld];
  const Layout& b = subject.layouts[kNew];
  std::vector<Moved> out;
  for (const ChangedFunction& changed : subject.changed) {
    for (const ConstantChange& change : changed.diff.constants) {
      if (a.is_static(change.before) && b.is_static(change.after)) {
        out.push_back({&changed, change});
        break;
      }
    }
  }
  return out;
}

void end_rule(const Subject& subject, std::string_view name, std::optional<uint64_t> before,
              std::optional<uint64_t> after, std::vector<Finding>& out) {
  if (!before || !after || *before == *after) return;
  Place place;
  place.address = before;
  out.push_back({.code = "statics.end",
                 .area = "statics",
                 .rows = "10 12 21",
                 .weights = layout_weight(subject, Severity::kUnsafe),
                 .what = fmt::format("{} moved from 0x{:08x} to 0x{:08x}", name, *before, *after),
                 .evidence = {},
                 .why = "statics were added, removed or resized: variables of the kept heap lie at "
                        "other addresses than the new code uses, or heap blocks lie under new ones",
                 .next = "patch the old module instead of building a new one (canrec patch)",
                 .place = place});
}

}  // namespace

void static_rules(const Subject& subject, std::vector<Finding>& out) {
  const Layout& a = subject.layouts[kOld];
  const Layout& b = subject.layouts[kNew];
  end_rule(subject, "__data_end", a.data_end, b.data_end, out);
  end_rule(subject, "__heap_base", a.heap_base, b.heap_base, out);
  const std::vector<Moved> moved = moved_statics(subject);
  if (moved.empty()) return;
  std::vector<std::string> lines;
  for (const Moved& m : moved) {
    if (lines.size() == kMostLines) {
      lines.push_back(fmt::format("and {} functions more", moved.size() - kMostLines));
      break;
    }
    lines.push_back(fmt::format("{} uses 0x{:08x} where it used 0x{:08x}",
                                subject.function(kNew, m.function->new_fn), m.change.after,
                                m.change.before));
  }
  Place place;
  place.address = moved.front().change.before;
  place.old_offset = moved.front().change.old_offset;
  place.new_offset = moved.front().change.new_offset;
  place.old_function = moved.front().function->old_fn;
  place.new_function = moved.front().function->new_fn;
  out.push_back(
      {.code = "statics.moved",
       .area = "statics",
       .rows = "10 11",
       .weights = layout_weight(subject, Severity::kUnsafe),
       .what = fmt::format("{} function{} another static address than before", moved.size(),
                           moved.size() == 1 ? " uses" : "s use"),
       .evidence = std::move(lines),
       .why = "variables without initial value stand in no data segment: that code which is "
              "otherwise the same uses other addresses shows that they moved",
       .next = "patch the old module instead of building a new one (canrec patch), so that "
               "every static stays where it is",
       .place = place});
}

}  // namespace canrec::wasmdiff
