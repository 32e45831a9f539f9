// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a plan to a module: applied, proven, and only then handed out.

#include "patch/plan.h"
#include "patch/proof.h"

namespace canrec::patch {

/// The patched module, unpacked, not yet looked at again.
///
/// Shape:  `plan` fits `module` (check_fits).
/// Errors: kPatchPlan (changes overlap, damaged name section), kWasmEdit, those of decoding.
Result<Bytes> build(const wasm::Module& module, const Plan& plan);

/// A module that may be written, and the evidence for it.
struct Patched {
  Bytes stored;  ///< as the input was stored: plain or gzip
  Evidence evidence;
};

/// Applies a plan and proves the result.
///
/// Errors: those of check_fits, build and prove; nothing is handed out then.
Result<Patched> apply(const wasm::LoadedModule& input, const Plan& plan);

}  // namespace canrec::patch
