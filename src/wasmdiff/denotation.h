// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an index means. Two modules number the same things differently, so an index immediate is
// compared by what it denotes: a type by its structure, an import by module and name, a constant
// global by its value, a mutable global by its place in the persisted list, a data segment by its
// content. Denotations are interned over both modules by exact comparison: equal numbers mean equal
// things, with no hash in between.

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "wasm/module.h"

namespace canrec::wasmdiff {

/// What the indices of one module denote. Functions, element segments and the globals that hold a
/// function are not here: their meaning depends on functions and is found by identity.h.
struct Denotations {
  std::vector<uint32_t> types;    ///< by type index
  std::vector<uint32_t> globals;  ///< by global index
  std::vector<uint32_t> data;     ///< by data segment index; empty when no code can name one
  std::vector<uint32_t> imports;  ///< by index of an imported function
  std::vector<bool> global_holds_function;  ///< by global index: its initialiser is a ref.func
  /// By the byte of a value type, and 0x40 for none: the type a block of that short form has.
  std::vector<uint32_t> short_block_types;
};

/// The two modules of a comparison, everywhere in this order.
enum Which : uint8_t { kOld = 0, kNew = 1 };
template <typename T>
struct Both {
  T side[2];
  T& operator[](size_t which) { return side[which]; }
  const T& operator[](size_t which) const { return side[which]; }
};

/// Data segments that code drops; where there are any, segments of equal content are different
/// things.
struct DroppedSegments {
  bool any = false;
  Both<std::vector<bool>> used;  ///< by data segment: some instruction names it
};

/// Interns the index spaces of both modules.
/// Errors: kWasmIndex (a global's initialiser names a global that does not stand before it).
Result<Both<Denotations>> denote(const wasm::Module& old_module, const wasm::Module& new_module,
                                 const DroppedSegments& dropped);

}  // namespace canrec::wasmdiff
