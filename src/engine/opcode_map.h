// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which internal instruction does the work of a Wasm instruction, and how comparisons relate.

#include <optional>

#include "engine/code.h"
#include "wasm/instruction.h"

namespace canrec::engine {

/// The enumerator `n` behind `op`: forms of one row lie side by side.
constexpr Op plus(Op op, uint16_t n) { return static_cast<Op>(static_cast<uint16_t>(op) + n); }

/// Whether a metering segment ends behind the instruction (system-api.md 5.2).
bool cuts_segment(wasm::Opcode op);

/// The RR form of an integer operation that also has an RI form; comparisons apart.
std::optional<Op> int_binary(wasm::Opcode op);
/// The RR form of an integer comparison.
std::optional<Op> int_compare(wasm::Opcode op);
/// Operations on two slots without other forms.
std::optional<Op> plain_binary(wasm::Opcode op);
/// Operations on one slot.
std::optional<Op> plain_unary(wasm::Opcode op);
/// Whether a plain operation may trap.
bool may_trap(Op op);
/// Instructions that leave the bits of a slot as they are.
bool only_retypes(wasm::Opcode op);

/// Whether the operands of an RR form may be exchanged.
bool commutes(Op rr);
/// Whether `op` is the RR or RI form of a comparison.
bool is_compare_value(Op op);
/// Of those: whether it is the RI form.
bool is_immediate_compare(Op op);
/// The comparison, of the same form, that is true when `op` is false.
Op inverse(Op op);
/// The comparison with its operands exchanged.
Op swapped(Op op);

/// A load; `narrow` is the form for 32-bit memories, the next one is for 64-bit memories.
struct MemoryOp {
  Op narrow;
  wasm::ValType type;
};
std::optional<MemoryOp> scalar_load(wasm::Opcode op);
/// The 32-bit form of a store.
std::optional<Op> scalar_store(wasm::Opcode op);

/// A vector load that is a scalar load and an instruction on its result. The zero-extending loads
/// have no second instruction: kV128Const stands for "clear the high half".
struct VectorLoad {
  Op load;
  wasm::Opcode then;
};
std::optional<VectorLoad> vector_load(wasm::Opcode op);

/// A vector store that is an instruction on the vector and a scalar store.
struct LaneStore {
  wasm::Opcode extract;
  Op store;
};
std::optional<LaneStore> lane_store(wasm::Opcode op);

/// The type of a letter in opcodes.def, for signatures without addresses.
wasm::ValType letter_type(char letter);

}  // namespace canrec::engine
