// SPDX-License-Identifier: Apache-2.0
// Pieces of a heap.
#include "recover/memory_map.h"

#include <fmt/core.h>

#include <algorithm>

#include "recover/motoko_heap.h"
#include "wasm/names.h"
#include "wasm/toolchain.h"

namespace canrec::recover {
namespace {

std::optional<uint64_t> exported_address(const wasm::Module& module, std::string_view name) {
  const wasm::Export* entry = module.find_export(name);
  if (entry == nullptr || entry->kind != wasm::ExternKind::kGlobal) return std::nullopt;
  const wasm::Global& global = module.globals[entry->index];
  if (global.import) return std::nullopt;
  return wasm::constant_address(global.init);
}

wasm::Toolchain toolchain_of(const wasm::Module& module) {
  const wasm::FunctionNames names(module, wasm::FunctionNames::Style::kRaw);
  return wasm::detect_toolchain(module, names, nullptr).toolchain;
}

// Where the stack ends from which it grows down. Classical Motoko has some 30 mutable globals and
// its data right behind the stack; LLVM's first mutable address global is the stack pointer.
std::optional<uint64_t> stack_top(const wasm::Module& module, wasm::Toolchain toolchain,
                                  uint64_t data_begin) {
  if (toolchain == wasm::Toolchain::kMotokoClassical) {
    return data_begin / wasm::kPageSize * wasm::kPageSize;
  }
  for (const wasm::Global& global : module.globals) {
    if (global.import || !global.type.is_mutable) continue;
    return wasm::constant_address(global.init);
  }
  return std::nullopt;
}

}  // namespace

// The linker puts the stack before the data, or behind them and what is zero-initialised; only
// __data_end tells where these two meet.
std::vector<MapPiece> memory_map(const wasm::Module& module, uint64_t heap_bytes) {
  const wasm::Toolchain toolchain = toolchain_of(module);
  if (toolchain == wasm::Toolchain::kMotokoEnhanced && heap_bytes > motoko::kHeap) {
    return {{0, motoko::kStackEnd, "stack"},
            {motoko::kStackEnd, motoko::kMetadata, "static area (of Motoko's runtime)"},
            {motoko::kMetadata, motoko::kHeap, "static area (root of the stable variables)"},
            {motoko::kHeap, heap_bytes, "heap"}};
  }
  struct Known {
    uint64_t begin;
    uint64_t end;
    std::string what;
  };
  std::vector<Known> known;
  uint64_t data_begin = heap_bytes;
  uint64_t data_end = 0;
  for (size_t i = 0; i < module.data.size(); ++i) {
    const wasm::DataSegment& segment = module.data[i];
    if (segment.mode != wasm::SegmentMode::kActive) continue;
    const auto address = wasm::constant_address(segment.offset);
    if (!address || *address >= heap_bytes) continue;
    const uint64_t end = std::min(*address + segment.bytes.size(), heap_bytes);
    known.push_back({*address, end, fmt::format("data segment {}", i)});
    data_begin = std::min(data_begin, *address);
    data_end = std::max(data_end, end);
  }
  std::ranges::sort(known, {}, &Known::begin);

  const auto top = stack_top(module, toolchain, data_begin);
  const bool stack_first = top && *top > 0 && *top <= data_begin;
  const bool stack_behind = top && data_end > 0 && *top > data_end && *top <= heap_bytes &&
                            toolchain != wasm::Toolchain::kMotokoClassical;
  const std::optional<uint64_t> statics = exported_address(module, "__data_end");
  uint64_t static_end =
      std::clamp(exported_address(module, "__heap_base").value_or(statics.value_or(data_end)),
                 data_end, std::max(heap_bytes, data_end));
  if (stack_behind) static_end = std::clamp(statics.value_or(data_end), data_end, *top);
  std::vector<MapPiece> map;
  uint64_t at = 0;
  const auto fill = [&](uint64_t end) {
    while (at < end) {
      uint64_t stop = end;
      std::string what = "heap";
      if (stack_first && at < *top) {
        stop = std::min(stop, *top);
        what = "stack";
      } else if (at < static_end && data_end > 0) {
        stop = std::min(stop, static_end);
        what = "static area (zero-initialised)";
      } else if (stack_behind && at < *top) {
        stop = std::min(stop, *top);
        what = statics ? "stack" : "static area (zero-initialised) or stack";
      }
      map.push_back({at, stop, std::move(what)});
      at = stop;
    }
  };
  for (Known& piece : known) {
    if (piece.end <= at) continue;
    fill(std::max(piece.begin, at));
    map.push_back({at, piece.end, std::move(piece.what)});
    at = piece.end;
  }
  fill(heap_bytes);
  return map;
}

std::string kind_of(const MapPiece& piece) {
  if (piece.what.starts_with("data segment")) return "data segments";
  return piece.what.substr(0, piece.what.find(" ("));
}

std::vector<std::string> kinds_in(const std::vector<MapPiece>& map,
                                  const std::vector<TouchedRange>& ranges) {
  std::vector<std::string> out;
  for (const MapPiece& piece : map) {
    const auto meets = [&piece](const TouchedRange& range) {
      return range.begin < piece.end && piece.begin < range.end;
    };
    const std::string kind = kind_of(piece);
    if (std::ranges::find(out, kind) == out.end() && std::ranges::any_of(ranges, meets)) {
      out.push_back(kind);
    }
  }
  return out;
}

const MapPiece* piece_at(const std::vector<MapPiece>& map, uint64_t address) {
  const auto it = std::ranges::upper_bound(map, address, {}, &MapPiece::end);
  return it != map.end() && it->begin <= address ? &*it : nullptr;
}

}  // namespace canrec::recover
