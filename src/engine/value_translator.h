// SPDX-License-Identifier: Apache-2.0
#pragma once

// Everything but control flow: locals, globals, numbers, memory, vectors, tables.

#include <optional>

#include "engine/opcode_map.h"
#include "engine/operand_stack.h"
#include "engine/runtime.h"
#include "wasm/module.h"

namespace canrec::engine {

/// The translator's third layer.
///
/// `x = a + b` writes the local's slot directly: the destination of the last instruction is changed
/// when local.set follows. Integer operations take a constant operand as an immediate.
class ValueTranslator : protected OperandStack {
 protected:
  using Instruction = wasm::Instruction;
  using Opcode = wasm::Opcode;

  explicit ValueTranslator(const wasm::Module& module)
      : module_(module), wide_(module.is_64() ? uint16_t{1} : uint16_t{0}) {}

  // Translates an instruction that is not control flow.
  void translate_value(const Instruction& insn);

  const wasm::Module& module_;
  const uint16_t wide_;  // 1 for 64-bit memories: added to the 32-bit form of an access

 private:
  // The slot and the 32-bit offset of an access; a larger offset is added by an instruction.
  struct Place {
    uint32_t slot;
    uint32_t offset;
  };

  // --- locals, constants, parametric ---
  void local_set(uint32_t local);
  void local_tee(uint32_t local);
  void write_local(uint32_t local, const Entry& entry);
  void select();
  void global_get(uint32_t global);
  void global_set(uint32_t global);

  // --- numeric ---
  static bool fits_immediate(const Entry& entry);
  void binary_rr_ri(Op rr, ValType result, bool compare);
  void binary(Op op, ValType result);
  void unary(Op op, ValType result);

  // --- memory ---
  Place place(uint32_t address, uint64_t offset, uint32_t scratch);
  void emit_load(Op op, uint32_t d, Place at);
  void load(const MemoryOp& op, const Instruction& insn);
  void emit_store(Op op, uint32_t value, Place at);
  void store(Op op, const Instruction& insn);
  void load_vector(const VectorLoad& op, const Instruction& insn);
  void store_lane(const LaneStore& op, const Instruction& insn);

  // --- vectors ---
  void emit_simd(Opcode op, uint32_t d, uint32_t a, uint32_t b, uint32_t c, uint32_t lane);
  void simd(const Instruction& insn);
  void vector_constant(uint32_t d, const Instruction& insn);

  // --- the rest ---
  // Pops `operands` values and pushes a result of the given type, if any.
  void special(Special helper, size_t operands, std::optional<ValType> result, uint64_t imm);
  static uint64_t pair(const Instruction& insn);
  ValType table_index_type(uint64_t table) const;
  static ValType result_type(Opcode op);
  void retype(ValType type);
  bool translate_variable(const Instruction& insn);
  void translate_bulk(const Instruction& insn);
};

}  // namespace canrec::engine
