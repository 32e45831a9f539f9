// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which of the functions that exist in one module only belong together: "this one became that one".
// A pair is a guess for display and for finding out what moved; nothing rests on it being right,
// because whatever a pair's two bodies do not share exactly is reported as changed.

#include <cstdint>
#include <optional>
#include <vector>

#include "wasmdiff/identity.h"
#include "wasmdiff/tokens.h"

namespace canrec::wasmdiff {

enum class PairedBy : uint8_t { kExport, kName, kText, kCaller, kTableSlot, kNearest };

struct Pair {
  uint32_t old_fn;
  uint32_t new_fn;
  PairedBy by;
};

struct Pairing {
  std::vector<Pair> pairs;        ///< by old index
  std::vector<uint32_t> removed;  ///< functions of the old module without a partner
  std::vector<uint32_t> added;    ///< functions of the new module without a partner
  Labels labels;                  ///< equal for common functions and for the two of a pair
};

/// A table as instantiation leaves it, by slot.
using TableImage = std::vector<std::optional<wasm::FuncIdx>>;

/// Pairs the functions that only one module has: by export, by name, by text, by their callers, by
/// table slot, and last by likeness.
///
/// Shape: `tables` are the images of the tables both modules have, by index.
Pairing pair_functions(const Both<Side>& sides, const Both<CodeScan>& scans,
                       const Identity& identity, const std::vector<Both<TableImage>>& tables);

}  // namespace canrec::wasmdiff
