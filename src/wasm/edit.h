// SPDX-License-Identifier: Apache-2.0
#pragma once

// Changing a module by replacing byte ranges. Everything outside the ranges is copied as it is; the
// sizes that enclose a change (function entry, section) are rewritten, keeping the width of their
// LEB128 where the new value fits.

#include <vector>

#include "wasm/module.h"

namespace canrec::wasm {

/// Replace `range` (which may be empty: an insertion) by `bytes`.
struct Edit {
  ByteRange range;
  Bytes bytes;
};

/// Applies edits that do not overlap (adjacent ones in the given order).
///
/// Shape:  each range lies within one function body, within one section's content, or covers whole
///         sections / a point between sections. Vector counts are the caller's: they are edits too.
/// Errors: kWasmEdit (overlap, range crosses an enclosing size, beyond the file); offset = the
/// range.
Result<Bytes> apply_edits(const Module& module, std::vector<Edit> edits);

}  // namespace canrec::wasm
