// SPDX-License-Identifier: Apache-2.0
// Contradictions between the files of a directory, one function a kind.
#include "recover/mixture.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"
#include "ic/limits.h"
#include "recover/motoko_heap.h"
#include "snapshot/globals.h"
#include "snapshot/image.h"
#include "stable/regions.h"
#include "wasm/names.h"
#include "wasm/persisted.h"
#include "wasm/toolchain.h"

namespace canrec::recover {
namespace {

constexpr uint64_t kOsPage = 4096;
// Bytes of a page that the module must fill before zeros there are remarkable.
constexpr uint64_t kFilled = 64;
constexpr uint64_t kWasmPage = wasm::kPageSize;
constexpr uint64_t kMarkBytes = 4 * motoko::kFingerprint.size();
constexpr std::string_view kAgain = "download the snapshot again into an empty directory";

class Comparer : FindingList {
 public:
  explicit Comparer(const SnapshotParts& parts) : parts_(parts), module_(*parts.module) {
    const wasm::FunctionNames names(module_, wasm::FunctionNames::Style::kRaw);
    toolchain_ = wasm::detect_toolchain(module_, names, nullptr).toolchain;
  }

  std::vector<Finding> run() {
    immutable_globals();
    kind_of_program();
    lifecycle();
    static_data();
    stable_index();
    wide_heap();
    return take();
  }

 private:
  // A program cannot change these, and their values are compiled into its code.
  void immutable_globals() {
    const std::vector<wasm::PersistedGlobal> persisted = wasm::persisted_globals(module_);
    const std::vector<snapshot::GlobalValue>& values = parts_.metadata->globals;
    if (persisted.size() != values.size()) return;  // a finding of its own
    for (size_t i = 0; i < persisted.size(); ++i) {
      if (persisted[i].type.is_mutable) continue;
      const auto initial = snapshot::initial_value(module_, persisted[i].global);
      // Another type is a finding of its own.
      if (!initial || initial->type != values[i].type || *initial == values[i]) continue;
      add(Severity::kError, "globals-value", fmt::format("metadata.json, globals[{}]", i),
          fmt::format("{} is immutable with the value {} in the module and has {} here",
                      printable(as_bytes(persisted[i].export_name)), snapshot::value_text(*initial),
                      snapshot::value_text(values[i])),
          "no program can change it: metadata and module are of different snapshots. The network "
          "compares types only and would load them",
          std::string(kAgain));
    }
  }

  bool heap_has_fingerprint() const {
    const ByteView heap = parts_.heap;
    if (!in_bounds(motoko::kMetadata, kMarkBytes, heap.size())) return false;
    for (size_t i = 0; i < motoko::kFingerprint.size(); ++i) {
      const uint32_t point = load_le<uint32_t>(heap.data() + motoko::kMetadata + 4 * i);
      if (point != static_cast<uint8_t>(motoko::kFingerprint[i])) return false;
    }
    return true;
  }

  void kind_of_program() {
    // Of a file that is cut before the mark its size is found wrong; the rest may be right.
    if (!in_bounds(motoko::kMetadata, kMarkBytes, parts_.heap.size()) &&
        parts_.metadata->wasm_memory_size > parts_.heap.size()) {
      return;
    }
    const bool is_enhanced = toolchain_ == wasm::Toolchain::kMotokoEnhanced;
    const bool has_mark = heap_has_fingerprint();
    if (is_enhanced == has_mark) return;
    add(Severity::kError, "heap-of-another",
        fmt::format("wasm_memory.bin, 0x{:08x}", motoko::kMetadata),
        is_enhanced ? "the module is Motoko with enhanced persistence, its mark is not in the heap"
                    : fmt::format("the heap has the mark of Motoko with enhanced persistence, the "
                                  "module is {}",
                                  to_string(toolchain_)),
        is_enhanced ? "the program finds no root there and starts with initial values, or traps"
                    : "the module takes this program's data for its own",
        "module and heap are of different snapshots, or the heap never arrived: " +
            std::string(kAgain));
  }

  void lifecycle() {
    uint64_t at = motoko::kStackEnd;
    if (toolchain_ == wasm::Toolchain::kMotokoClassical) {
      const auto begin = data_begin();
      if (!begin) return;
      at = *begin / kWasmPage * kWasmPage;
      if (*begin - at != 4) return;  // not the place that is known
    } else if (toolchain_ != wasm::Toolchain::kMotokoEnhanced || !heap_has_fingerprint()) {
      return;
    }
    if (!in_bounds(at, 4, parts_.heap.size())) return;
    const uint32_t state = load_le<uint32_t>(parts_.heap.data() + at);
    if (state == motoko::kIdle || state == motoko::kAfterPreUpgrade) return;
    add(Severity::kWarning, "lifecycle", fmt::format("wasm_memory.bin, 0x{:08x}", at),
        fmt::format("Motoko's lifecycle word is {}, between messages it is {}", state,
                    motoko::kIdle),
        "the image was not taken between two messages, or this part of it never arrived: the "
        "program traps at its next message",
        "stop the canister, take the snapshot again, and download it into an empty directory");
  }

  std::optional<uint64_t> data_begin() const {
    std::optional<uint64_t> begin;
    for (const wasm::DataSegment& segment : module_.data) {
      const auto address = active_address(segment);
      if (address) begin = std::min(*address, begin.value_or(~uint64_t{0}));
    }
    return begin;
  }

  static std::optional<uint64_t> active_address(const wasm::DataSegment& segment) {
    if (segment.mode != wasm::SegmentMode::kActive) return std::nullopt;
    return wasm::constant_address(segment.offset);
  }

  // Active segments were written into the heap when the module was installed. Pages of zeros where
  // the module has bytes were never fetched, unless the program cleared them itself.
  void static_data() {
    const wasm::NameSection names = wasm::read_names(module_);
    uint64_t filled = 0;
    uint64_t equal = 0;
    for (uint32_t i = 0; i < module_.data.size(); ++i) {
      const auto address = active_address(module_.data[i]);
      const ByteView bytes = module_.view(module_.data[i].bytes);
      if (!address || !in_bounds(*address, bytes.size(), parts_.heap.size())) continue;
      const ByteView here = parts_.heap.subspan(*address, bytes.size());
      for (size_t at = 0; at < bytes.size(); ++at) {
        if (bytes[at] == 0) continue;
        ++filled;
        if (bytes[at] == here[at]) ++equal;
      }
      const auto name = names.data.find(i);
      zero_pages(i, *address, bytes, name == names.data.end() ? "" : name->second);
    }
    // A program may well have rewritten many of its few initial values, but not nearly all.
    const bool many = filled >= kOsPage && equal * 2 < filled;
    const bool nearly_all = filled >= kFilled && equal * 10 < filled;
    if (said_zero_ || !(many || nearly_all)) return;
    add(Severity::kWarning, "static-data-other", "wasm_memory.bin",
        fmt::format("of {} bytes that the module's data segments set, {} are otherwise in the heap",
                    grouped(filled), grouped(filled - equal)),
        "this heap was begun by another module. That is so after an upgrade that kept memory and "
        "after an edited snapshot; else the files are of two snapshots",
        "compare the module's SHA-256 with the hash that the network reported for the snapshot");
  }

  void zero_pages(uint32_t segment, uint64_t address, ByteView bytes, std::string_view name) {
    uint64_t first = 0;
    uint64_t last = 0;
    uint64_t pages = 0;
    const uint64_t end = address + bytes.size();
    for (uint64_t page = (address + kOsPage - 1) / kOsPage * kOsPage; page + kOsPage <= end;
         page += kOsPage) {
      const ByteView wanted = bytes.subspan(page - address, kOsPage);
      const auto set = static_cast<uint64_t>(
          std::ranges::count_if(wanted, [](uint8_t byte) { return byte != 0; }));
      if (set < kFilled || !snapshot::all_zero(parts_.heap.subspan(page, kOsPage))) continue;
      if (pages++ == 0) first = page;
      last = page + kOsPage;
    }
    if (pages == 0) return;
    said_zero_ = true;
    const bool read_only = name.starts_with(".rodata");
    add(read_only ? Severity::kError : Severity::kWarning, "static-data-zero",
        fmt::format("wasm_memory.bin, [0x{:08x}, 0x{:08x})", first, last),
        fmt::format("{} page{} of zeros where data segment {}{} of the module has bytes", pages,
                    pages == 1 ? "" : "s", segment,
                    name.empty() ? "" : fmt::format(" ({})", printable(as_bytes(name)))),
        read_only ? "read-only data is never cleared: these bytes were never fetched"
                  : "looks like data that was never fetched; a program could have cleared it, but "
                    "rarely does",
        std::string(kAgain));
  }

  void stable_index() {
    const stable::Regions regions = stable::read_regions(
        parts_.stable.size(),
        [&](uint64_t at, uint64_t length) { return parts_.stable.subspan(at, length); });
    if (regions.contradiction.empty()) return;
    add(Severity::kError, "stable-index", "stable_memory.bin, 0x00000000", regions.contradiction,
        "between messages the memory always holds what its header counts: it was cut, or the files "
        "are of two snapshots. The program traps or reads zeros there",
        std::string(kAgain));
  }

  void wide_heap() {
    if (parts_.heap.size() <= ic::limits::kHeapBytes32) return;
    add(Severity::kWarning, "wide-heap", "metadata.json, wasm_memory_size",
        fmt::format("{} of heap, more than 4 GiB", human_size(parts_.heap.size())),
        "the network takes it only for a canister that already runs a module with 64-bit memory; "
        "an empty canister counts as 32-bit",
        "install the module on the target canister first, then upload");
  }

  const SnapshotParts& parts_;
  const wasm::Module& module_;
  wasm::Toolchain toolchain_;
  bool said_zero_ = false;
};

}  // namespace

std::vector<Finding> contradictions(const SnapshotParts& parts) { return Comparer(parts).run(); }

}  // namespace canrec::recover
