// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the network charges for compiling a module: so many instructions for each instruction of the
// module as it is after metering was written into it. Here only the count is made, not the code.
//
//   where                                   instructions added
//   each segment that costs anything        4   counter -= cost
//   each function entry and loop header     6   if (counter < 0) out_of_instructions()
//   each bulk operation                     1   a call; 3 where the length has 32 bits
//   each memory.grow                        3   the check of the new size
//   once in a module                        72  two helper functions, initialisers of three globals
//
// Not counted: the functions that take the place of imported stable-memory calls, some tens of
// instructions each. So the result is a little low for modules that import these.
//
// Source: dfinity/ic rs/embedders/src/wasm_utils/instrumentation.rs: injections, inject_metering,
// inject_try_grow_wasm_memory, export_additional_symbols, instrument.

#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "wasm/module.h"

namespace canrec::executor {

/// Instructions charged for compiling a module. Errors: those of wasm::InstructionReader.
Result<uint64_t> compile_cost(const wasm::Module& module);
/// The same for bytes that are no valid module: by their length, or by the one that a gzip stream
/// announces when that is larger.
uint64_t refused_compile_cost(ByteView stored);

}  // namespace canrec::executor
