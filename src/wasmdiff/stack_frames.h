// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether a global is a stack pointer in the strict sense: every function that moves it puts it
// back before it returns. Then it has its initial value between messages, and an upgrade that
// starts globals anew (route K) loses nothing in it.
//
// code_scan.h tells stack pointers from other state by how they are written, which is enough to
// name one. A heap that grows downwards looks alike; only following every path tells them apart.

#include <cstdint>
#include <optional>
#include <vector>

#include "wasm/module.h"

namespace canrec::wasmdiff {

/// For each of some globals the first defined function that may return with another value in it
/// than it was entered with; nothing for a global that every function puts back.
///
/// Shape: `globals` says by index which are wanted: mutable, defined ones. The result is by index.
///        The module's code was scanned without an error (code_scan.h); of an invalid module the
///        answer says nothing.
///        Values are followed through locals as the value at entry plus a constant. What is not
///        understood, or would take too long, counts as another value.
std::vector<std::optional<uint32_t>> moved_for_good(const wasm::Module& module,
                                                    const std::vector<bool>& globals);

}  // namespace canrec::wasmdiff
