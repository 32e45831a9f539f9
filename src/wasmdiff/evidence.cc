// SPDX-License-Identifier: Apache-2.0
// Evidence from a snapshot: sizes, globals, the old module's data in the heap, references to what
// changed.
#include "wasmdiff/evidence.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "ic/limits.h"
#include "snapshot/globals.h"

namespace canrec::wasmdiff {
namespace {

constexpr size_t kMostLines = 8;

class Examiner {
 public:
  Examiner(Comparison& comparison, const State& state, const Interrupt& interrupt)
      : comparison_(comparison),
        subject_(*comparison.subject),
        state_(state),
        interrupt_(interrupt) {}

  Result<Evidence> run(bool scan_heap) {
    std::erase_if(comparison_.not_seen,
                  [](const std::string& text) { return text.starts_with("the heap itself"); });
    evidence_.heap_bytes = state_.heap.size();
    same_module();
    memory_size();
    globals();
    statics();
    changed_ranges();
    if (scan_heap) {
      CANREC_CHECK(scan());
    } else {
      comparison_.not_seen.emplace_back(
          "how often the heap refers to what changed (--scan-heap counts)");
    }
    sort_worst_first(comparison_.findings);
    return std::move(evidence_);
  }

 private:
  void add(std::string_view code, std::string_view rows, Weights weights, std::string what,
           std::vector<std::string> evidence, std::string_view why, std::string_view next,
           Place place = {}) {
    comparison_.findings.push_back({.code = code,
                                    .area = "state",
                                    .rows = rows,
                                    .weights = weights,
                                    .what = std::move(what),
                                    .evidence = std::move(evidence),
                                    .why = std::string(why),
                                    .next = std::string(next),
                                    .place = place});
  }

  void same_module() {
    evidence_.same_module = std::ranges::equal(state_.module, subject_.module(kOld).bytes);
    if (evidence_.same_module) return;
    add("state.module", "", both(Severity::kUnsafe),
        "the snapshot holds another module than the old one",
        {fmt::format("{} in the snapshot, {} in the old module", human_size(state_.module.size()),
                     human_size(subject_.module(kOld).bytes.size()))},
        "the heap was not made by the module that is compared",
        "compare with wasm_module.bin of the snapshot");
  }

  // The size that was unknown to the rules for minimum and maximum is known now.
  void memory_size() {
    if (subject_.module(kNew).memories.empty()) return;
    const wasm::Limits& limits = subject_.module(kNew).memories[0].limits;
    const uint64_t pages = state_.heap.size() / wasm::kPageSize;
    const bool too_small = pages < limits.min;
    const bool too_large = limits.has_max && pages > limits.max;
    for (Finding& finding : comparison_.findings) {
      const bool settled = (finding.code == "memory.minimum" && !too_small) ||
                           (finding.code == "memory.maximum" && !too_large);
      if (finding.code == "memory.minimum" && too_small) finding.next = "see state.memory";
      if (finding.code == "memory.maximum" && too_large) finding.next = "see state.memory";
      if (!settled || finding.weights.worst() != Severity::kUnsafe) continue;
      finding.weights = both(Severity::kNote);
      finding.evidence.push_back(fmt::format("the kept memory has {} pages", grouped(pages)));
      finding.why = "the kept memory fits the new declaration";
      finding.next = "nothing to do";
    }
    const uint64_t most = (limits.is_64 ? ic::limits::kHeapBytes64 : ic::limits::kHeapBytes32) /
                          uint64_t{wasm::kPageSize};
    if (pages > most) {
      add("state.memory", "24 25", both(Severity::kUnsafe),
          fmt::format("the kept memory of {} pages is larger than any {}-bit heap of the network, "
                      "which has {} at most",
                      grouped(pages), limits.is_64 ? 64 : 32, grouped(most)),
          {}, "no canister has such a heap: the image is not what was downloaded",
          "check the snapshot (canrec verify)");
      return;
    }
    if (!too_small && !too_large) {
      impossible_size(pages);
      return;
    }
    add("state.memory", "24 25", both(Severity::kUnsafe),
        fmt::format("the kept memory of {} pages is {} than the new module's {} of {}",
                    grouped(pages), too_small ? "smaller" : "larger",
                    too_small ? "minimum" : "maximum",
                    grouped(too_small ? limits.min : limits.max)),
        {}, too_small ? "the network refuses it" : "it cannot be instantiated",
        "keep the old limits (canrec patch)");
  }

  // A memory begins with its minimum and never shrinks, so the old module cannot have left such an
  // image: it was cut, or is of another canister.
  void impossible_size(uint64_t pages) {
    const auto& memories = subject_.module(kOld).memories;
    if (memories.empty()) return;
    const wasm::Limits& limits = memories[0].limits;
    const bool too_small = pages < limits.min;
    if (!too_small && !(limits.has_max && pages > limits.max)) return;
    add("state.memory", "24 25", both(Severity::kUnsafe),
        fmt::format("the kept memory of {} pages is {} than the old module's {} of {}",
                    grouped(pages), too_small ? "smaller" : "larger",
                    too_small ? "minimum" : "maximum",
                    grouped(too_small ? limits.min : limits.max)),
        {}, "the old module cannot have left it: the image is not what was downloaded",
        "check the snapshot (canrec verify)");
  }

  void globals() {
    bool fits_old = true;
    for (const Which w : {kOld, kNew}) {
      const auto& list = subject_.layouts[w].persisted;
      size_t i = 0;
      while (i < std::min(list.size(), state_.globals.size()) &&
             snapshot::global_type(list[i].type.type) == state_.globals[i].type) {
        ++i;
      }
      if (i == list.size() && i == state_.globals.size()) continue;
      Place place;
      place.persisted = i;
      const std::string here =
          i < state_.globals.size() ? std::string(to_string(state_.globals[i].type)) : "nothing";
      const std::string wanted =
          i < list.size() ? std::string(to_string(snapshot::global_type(list[i].type.type)))
                          : "nothing";
      add(w == kOld ? "state.globals-old" : "state.globals", "18 22",
          {Severity::kUnsafe, w == kOld ? Severity::kReview : Severity::kNote},
          fmt::format("the snapshot's globals do not fit the {} module", w == kOld ? "old" : "new"),
          {fmt::format("{} in the snapshot, the module persists {}", state_.globals.size(),
                       list.size()),
           fmt::format("place {}: {} in the snapshot, {} in the module", i, here, wanted)},
          "the network refuses to load a list of another length or other types",
          w == kNew && fits_old ? "see global.list" : "check the snapshot (canrec verify)", place);
      if (w == kOld) fits_old = false;
    }
    stack_at_rest();
  }

  // A stopped canister has an empty stack.
  void stack_at_rest() {
    const Layout& layout = subject_.layouts[kOld];
    if (!layout.stack_pointer || !layout.stack_start) return;
    for (size_t i = 0; i < std::min(layout.persisted.size(), state_.globals.size()); ++i) {
      if (std::to_underlying(layout.persisted[i].global) != *layout.stack_pointer) continue;
      if (state_.globals[i].low == *layout.stack_start) return;
      Place place;
      place.persisted = i;
      add("state.stack", "23", both(Severity::kReview), "the stack pointer is not where it begins",
          {fmt::format("0x{:08x} in the snapshot, 0x{:08x} in the module", state_.globals[i].low,
                       *layout.stack_start)},
          "between messages the stack is empty; this snapshot was edited, or the global is not the "
          "stack pointer",
          "check the snapshot (canrec verify)", place);
      return;
    }
  }

  ByteView heap_at(uint64_t address, uint64_t length) const {
    if (address >= state_.heap.size()) return {};
    return state_.heap.subspan(
        static_cast<size_t>(address),
        static_cast<size_t>(std::min<uint64_t>(length, state_.heap.size() - address)));
  }

  void statics() {
    std::vector<std::string> lines;
    uint64_t total = 0;
    uint64_t changed = 0;
    for (const ImagePiece& piece : subject_.layouts[kOld].image.pieces) {
      StaticStretch stretch{piece.address, piece.bytes.size(), piece.segment, 0, 0};
      const ByteView heap = heap_at(piece.address, piece.bytes.size());
      if (heap.size() < piece.bytes.size() ||
          std::memcmp(heap.data(), piece.bytes.data(), heap.size()) != 0) {
        count_changes(piece, heap, stretch);
      }
      total += stretch.length;
      changed += stretch.changed;
      if (lines.size() < kMostLines) lines.push_back(line(stretch));
      evidence_.statics.push_back(stretch);
    }
    if (total == 0) return;
    // Most of the data is constants, so a heap of the old module has most of its bytes; a few
    // variables say nothing.
    constexpr uint64_t kEnough = 256;
    const bool foreign = total >= kEnough && changed > total / 2;
    add(foreign ? "state.foreign" : "state.statics", "8",
        both(foreign ? Severity::kUnsafe : Severity::kNote),
        foreign ? fmt::format("the heap does not hold the old module's data: {} of {} bytes differ",
                              grouped(changed), grouped(total))
                : fmt::format("the heap holds the old module's data; the canister changed {} of {} "
                              "bytes",
                              grouped(changed), grouped(total)),
        std::move(lines),
        foreign ? "it was laid out by another module" : "variables change, constants do not",
        foreign ? "compare with the module that made the heap" : "nothing to do");
  }

  static void count_changes(const ImagePiece& piece, ByteView heap, StaticStretch& stretch) {
    for (size_t i = 0; i < piece.bytes.size(); ++i) {
      if (i < heap.size() && heap[i] == piece.bytes[i]) continue;
      if (stretch.changed++ == 0) stretch.first_changed = piece.address + i;
    }
  }

  static std::string line(const StaticStretch& stretch) {
    const std::string where = fmt::format("segment {} 0x{:08x}..0x{:08x}", stretch.segment,
                                          stretch.address, stretch.address + stretch.length);
    if (stretch.changed == 0) return where + ": intact";
    return where + fmt::format(": {} changed, first at 0x{:08x}", counted(stretch.changed, "byte"),
                               stretch.first_changed);
  }

  void changed_ranges() {
    const DataImage& a = subject_.layouts[kOld].image;
    const DataImage& b = subject_.layouts[kNew].image;
    std::vector<std::string> lines;
    for (const ChangedRange& range : differences(a, b)) {
      const ByteView heap = heap_at(range.address, range.length);
      const auto equals = [&](const DataImage& image) {
        const Bytes bytes = image.copy(range.address, range.length);
        return heap.size() == bytes.size() && std::ranges::equal(heap, bytes);
      };
      const RangeInHeap found{range, equals(a), equals(b)};
      evidence_.ranges.push_back(found);
      if (lines.size() >= kMostLines) continue;
      lines.push_back(fmt::format("0x{:08x}..0x{:08x}: the heap has {}", range.address, range.end(),
                                  found.as_new   ? "the new bytes already"
                                  : found.as_old ? "the old bytes"
                                                 : "neither the old nor the new bytes"));
    }
    if (lines.empty()) return;
    const size_t count = evidence_.ranges.size();
    if (count > kMostLines) lines.push_back(fmt::format("and {} ranges more", count - kMostLines));
    add("state.changed-data", "8 9", both(Severity::kNote),
        fmt::format("what the heap holds in the {} range{} of changed data", count,
                    count == 1 ? "" : "s"),
        std::move(lines), "the new code will find these bytes",
        "decide for each range whether they will do");
  }

  // ----------------------------------------------------------------------------------------------

  // Slots of table 0 that mean another function, as a set of numbers.
  std::vector<bool> changed_slots() const {
    std::vector<bool> out;
    if (subject_.layouts[kOld].tables.empty()) return out;
    const TableImage& a = subject_.layouts[kOld].tables[0];
    const TableImage none;
    const TableImage& b =
        subject_.layouts[kNew].tables.empty() ? none : subject_.layouts[kNew].tables[0];
    out.resize(a.size());
    for (size_t slot = 0; slot < a.size(); ++slot) {
      if (!a[slot]) continue;
      const bool same =
          slot < b.size() && b[slot] &&
          subject_.same_class(std::to_underlying(*a[slot]), std::to_underlying(*b[slot]));
      out[slot] = !same;
    }
    return out;
  }

  // Changed data, and when statics moved the whole static area.
  std::vector<ChangedRange> changed_addresses() const {
    const bool moved = std::ranges::any_of(comparison_.findings, [](const Finding& f) {
      return (f.area == "statics" || f.area == "stack") && f.weights.worst() == Severity::kUnsafe;
    });
    const Layout& layout = subject_.layouts[kOld];
    if (moved && layout.statics_end > layout.statics_begin) {
      return {{layout.statics_begin, layout.statics_end - layout.statics_begin}};
    }
    std::vector<ChangedRange> out;
    for (const RangeInHeap& found : evidence_.ranges) out.push_back(found.range);
    return out;
  }

  template <typename WordType>
  Status scan_words(const std::vector<bool>& slots, const std::vector<ChangedRange>& ranges) {
    Scan& scan = *evidence_.scan;
    const uint64_t low = ranges.empty() ? 1 : ranges.front().address;
    const uint64_t high = ranges.empty() ? 0 : ranges.back().end();
    const size_t count = state_.heap.size() / sizeof(WordType);
    constexpr size_t kCheck = size_t{1} << 22;
    for (size_t i = 0; i < count; ++i) {
      if (i % kCheck == 0) CANREC_CHECK(interrupt_.check());
      const auto word = load_le<WordType>(state_.heap.data() + i * sizeof(WordType));
      if (word == 0) continue;
      if (word < slots.size() && slots[static_cast<size_t>(word)]) {
        if (scan.slots++ == 0) scan.first_slot = i * sizeof(WordType);
      } else if (word >= low && word < high && in_ranges(ranges, word)) {
        if (scan.addresses++ == 0) scan.first_address = i * sizeof(WordType);
      }
    }
    scan.words = count;
    return Ok{};
  }

  static bool in_ranges(const std::vector<ChangedRange>& ranges, uint64_t address) {
    const auto at = std::ranges::upper_bound(ranges, address, {}, &ChangedRange::end);
    return at != ranges.end() && at->address <= address;
  }

  Status scan() {
    evidence_.scan.emplace();
    const auto slots = changed_slots();
    const auto ranges = changed_addresses();
    const bool wide = subject_.module(kOld).is_64();
    CANREC_CHECK(wide ? scan_words<uint64_t>(slots, ranges) : scan_words<uint32_t>(slots, ranges));
    const Scan& scan = *evidence_.scan;
    std::vector<std::string> lines;
    if (scan.addresses > 0) {
      lines.push_back(fmt::format("addresses of changed data: {}, first at 0x{:08x}",
                                  counted(scan.addresses, "word"), scan.first_address));
    }
    if (scan.slots > 0) {
      lines.push_back(fmt::format("numbers of changed table slots: {}, first at 0x{:08x}",
                                  counted(scan.slots, "word"), scan.first_slot));
    }
    // Before the call: arguments are evaluated in any order, and one of them takes the lines away.
    const std::string what =
        lines.empty()
            ? fmt::format("none of {} heap words refers to what changed", grouped(scan.words))
            : "words of the heap may refer to what changed";
    add("state.references", "5 10", both(Severity::kNote), what, std::move(lines),
        "every aligned word is looked at; small numbers may just be numbers, and code holds "
        "references too",
        "nothing follows from a count of zero for what code refers to");
    return Ok{};
  }

  Comparison& comparison_;
  const Subject& subject_;
  const State& state_;
  const Interrupt& interrupt_;
  Evidence evidence_;
};

}  // namespace

Result<Evidence> examine(Comparison& comparison, const State& state, bool scan_heap,
                         const Interrupt& interrupt) {
  return Examiner(comparison, state, interrupt).run(scan_heap);
}

}  // namespace canrec::wasmdiff
