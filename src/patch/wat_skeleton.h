// SPDX-License-Identifier: Apache-2.0
#pragma once

// The skeleton module around one function, see wat_window.h.

#include "wasm/module.h"

namespace canrec::patch {

/// A module with the index spaces of `module`, the real body of `function`, `unreachable` in the
/// other bodies, empty segments, and a name section of unique readable identifiers.
/// Errors: those of read_locals.
Result<Bytes> skeleton(const wasm::Module& module, wasm::FuncIdx function);

}  // namespace canrec::patch
