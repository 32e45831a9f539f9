// SPDX-License-Identifier: Apache-2.0
#pragma once

// Functions that are a stable write with growth in front of it: what `canrec patch
// grow-before-write` adds. A call of one is a call of the write with System API calls added, and
// is judged as that.

#include <optional>
#include <vector>

#include "ic/system_api.h"
#include "wasmdiff/canonical.h"

namespace canrec::wasmdiff {

/// What a growing writer calls.
struct GrowingWriter {
  struct Call {
    ic::SystemApi function;
    uint64_t offset;  ///< file offset of the call
  };
  Node write;               ///< the imported stable_write or stable64_write
  std::vector<Call> grows;  ///< the calls in front of it, in order
};

/// Says whether a defined function is a growing writer. It is one when
///
///   - its last instructions are: its parameters in order, `call` of ic0.stable_write or
///     ic0.stable64_write, `end`, outside every block;
///   - in front of them stand only integer constants and integer arithmetic that cannot trap, reads
///     of locals, assignments to locals that are not parameters, drops, `if` blocks without
///     parameters and results, and calls of ic0.stable_size, stable_grow, stable64_size and
///     stable64_grow.
///
/// So it neither reads nor writes memory, globals or tables, always comes to an end, and always
/// does exactly the write that it was called for.
///
/// Shape: the module is valid.
std::optional<GrowingWriter> growing_writer(const wasm::Module& module, uint32_t function);

}  // namespace canrec::wasmdiff
