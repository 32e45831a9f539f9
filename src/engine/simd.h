// SPDX-License-Identifier: Apache-2.0
#pragma once

// The vector instructions, each as a function over slots. A v128 takes two slots, low half first.

#include <cstdint>

#include "wasm/instruction.h"

namespace canrec::engine {

/// Computes `d` from up to three operands; all operands are read before `d` is written.
using SimdFunction = void (*)(uint64_t* d, const uint64_t* a, const uint64_t* b, const uint64_t* c,
                              uint32_t lane);

/// The function of an instruction on vectors that does not touch memory; i8x16.shuffle takes its
/// lane numbers as `c`. Null for other instructions.
SimdFunction simd_function(wasm::Opcode op);

}  // namespace canrec::engine
