// SPDX-License-Identifier: Apache-2.0
#pragma once

// Changing a module by replacing byte ranges. Everything outside the ranges is copied as it is; the
// sizes that enclose a change (function entry, section) are rewritten, keeping the width of their
// LEB128 where the new value fits.

#include <vector>

#include "wasm/module.h"

namespace canrec::wasm {

/// Which enclosing sizes an edit changes; it also tells an insertion at the end of a body from one
/// behind that function, and one at the end of a section from one between sections.
enum class EditScope : uint8_t {
  kBody,     ///< within one function body: entry size and section size follow
  kSection,  ///< within one section's content, not inside a body: the section size follows
  kFile,     ///< whole sections, or an insertion between sections
};

/// Replace `range` (which may be empty: an insertion) by `bytes`.
struct Edit {
  EditScope scope;
  ByteRange range;
  Bytes bytes;
};

/// Applies edits that do not overlap; insertions at one place keep the given order.
///
/// Shape:  ranges in the unpacked module. Vector counts are the caller's: they are edits too. A
///         kSection edit in the code section lies in the count or covers whole entries.
/// Errors: kWasmEdit (overlap, wrong scope, beyond the file, code or section over 4 GiB);
///         offset = begin of the range.
Result<Bytes> apply_edits(const Module& module, std::vector<Edit> edits);

}  // namespace canrec::wasm
