// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an upgrade that keeps the heap (route K) does to a module and asks of it: the table in
// docs/design/patch.md, as notes for one module and, with a snapshot, one canister.

#include <string>
#include <vector>

#include "patch/operations.h"

namespace canrec::patch {

/// What was checked, what the reader must know, and what was not checked, in that order.
/// Errors: kBadArgument when the heap cannot be kept under the module; offset = its memory.
Result<std::vector<std::string>> check_route_k(const wasm::Module& module, const RouteK& options);

}  // namespace canrec::patch
