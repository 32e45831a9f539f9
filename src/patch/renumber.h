// SPDX-License-Identifier: Apache-2.0
#pragma once

// Function indices after an import was added: every place that names a function.
//
// Imported functions come first in the index space, so `added` new ones behind the old imports move
// every defined function up by `added` and leave the old imports where they are.

#include <vector>

#include "patch/plan.h"
#include "wasm/edit.h"

namespace canrec::patch {

/// How function indices of the input become those of the output.
struct Numbering {
  uint32_t first_moved = 0;  ///< the input's number of imported functions
  uint32_t added = 0;
  uint32_t operator()(uint64_t index) const {
    return static_cast<uint32_t>(index < first_moved ? index : index + added);
  }
};
inline Numbering numbering(const wasm::Module& module, const Plan& plan) {
  return {module.imported_functions, plan.added_imports};
}

/// The edits that renumber function indices in bodies (call, return_call, ref.func), constant
/// expressions, element segments, exports and the start section. LEB128s keep their width where the
/// new index fits.
///
/// Shape:  `skip` are disjoint ranges in file order that others replace: nothing is written there.
/// Errors: those of decoding; kPatchPlan when an index passes 2^32.
Result<std::vector<wasm::Edit>> renumber_edits(const wasm::Module& module,
                                               const Numbering& numbering,
                                               const std::vector<wasm::ByteRange>& skip);

/// The input's name section with moved function indices and added names, as its new payload.
///
/// Errors: kPatchPlan when the section is damaged: names would then belong to other functions.
Result<Bytes> renumbered_names(ByteView payload, uint64_t base, const Numbering& numbering,
                               const std::vector<AddedName>& added);

}  // namespace canrec::patch
