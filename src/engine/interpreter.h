// SPDX-License-Identifier: Apache-2.0
#pragma once

// The direct-threaded loop over the internal form of code.h.

#include <span>

#include "engine/runtime.h"

namespace canrec::engine {

/// Handler addresses by Op, for the translator.
std::span<const void* const> handlers();

/// The Translate instruction, the entry of every function that was not called yet.
const uint8_t* untranslated_entry();

/// Runs a defined function. Arguments are in the first slots of rt.slots, results come to the same
/// place. On a trap, rt.trap_frame and rt.trap_ip tell where.
TrapKind run(Runtime& rt, FunctionCode& function);

}  // namespace canrec::engine
