// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which functions an operation is about.

#include <vector>

#include "patch/operations.h"
#include "patch/site.h"

namespace canrec::patch {

/// The defined functions of a scope, in index order.
struct ScopeFunctions {
  std::vector<wasm::FuncIdx> functions;
  size_t through_tables = 0;  ///< of them, reached only if an indirect call picks them
};
/// Errors: kPatchSite, kBadArgument (both a function and a start), those of decoding.
Result<ScopeFunctions> in_scope(const Places& places, const Scope& scope);

}  // namespace canrec::patch
