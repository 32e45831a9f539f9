// SPDX-License-Identifier: Apache-2.0
#pragma once

// What lies where in a heap, as far as the module tells: stack, data segments, static area.

#include <string>
#include <vector>

#include "recover/rehearse.h"
#include "wasm/module.h"

namespace canrec::recover {

/// Pieces in ascending order, disjoint, covering [0, heap_bytes) exactly.
std::vector<MapPiece> memory_map(const wasm::Module& module, uint64_t heap_bytes);

/// "data segments", "static area", "stack" or "heap".
std::string kind_of(const MapPiece& piece);
/// Which kinds of pieces some ranges meet, in the order of the map.
std::vector<std::string> kinds_in(const std::vector<MapPiece>& map,
                                  const std::vector<TouchedRange>& ranges);

/// The piece that holds an address; nothing beyond the heap.
const MapPiece* piece_at(const std::vector<MapPiece>& map, uint64_t address);

}  // namespace canrec::recover
