// SPDX-License-Identifier: Apache-2.0
#include "engine/value_translator.h"

#include "base/error.h"
#include "engine/simd.h"

namespace canrec::engine {

void ValueTranslator::translate_value(const Instruction& insn) {
  if (const auto op = int_binary(insn.op)) return binary_rr_ri(*op, result_type(insn.op), false);
  if (const auto op = int_compare(insn.op)) return binary_rr_ri(*op, ValType::kI32, true);
  if (const auto op = scalar_load(insn.op)) return load(*op, insn);
  if (const auto op = scalar_store(insn.op)) return store(*op, insn);
  if (only_retypes(insn.op)) return retype(result_type(insn.op));
  if (const auto op = plain_binary(insn.op)) return binary(*op, result_type(insn.op));
  if (const auto op = plain_unary(insn.op)) return unary(*op, result_type(insn.op));
  if (const auto op = vector_load(insn.op)) return load_vector(*op, insn);
  if (const auto op = lane_store(insn.op)) return store_lane(*op, insn);
  if (simd_function(insn.op) != nullptr) return simd(insn);
  if (!translate_variable(insn)) translate_bulk(insn);
}

void ValueTranslator::local_set(uint32_t local) {
  const Entry entry = pop();
  write_local(local, entry);
}

void ValueTranslator::local_tee(uint32_t local) {
  const Entry entry = pop();
  write_local(local, entry);
  push_local(local);
}

void ValueTranslator::write_local(uint32_t local, const Entry& entry) {
  const uint32_t slot = local_slots_[local];
  if (pending_[local] == 0 && just_made(entry)) {
    // The instruction that made the value writes the local instead.
    uint64_t& operands = words_[last_.offset / 8 + 1];
    operands = (operands & ~uint64_t{0xffff}) | slot;
    last_.destination = slot;
    last_.known = false;
    return;
  }
  if (entry.kind == Kind::kLocal && entry.local == local) return;
  preserve(local);
  if (entry.kind == Kind::kConst) {
    constant(slot, entry.bits);
  } else {
    copy(slot, use(entry), entry.type);
  }
  last_.known = false;
}

void ValueTranslator::select() {
  const uint32_t condition = pop_slot();
  const Entry second = pop();
  const uint32_t b = use(second);
  const uint32_t a = pop_slot();
  const uint32_t d = push(second.type);
  emit(second.type == ValType::kV128 ? Op::kSelect128 : Op::kSelect);
  slots(d, a, b, condition);
  writes(d);
}

void ValueTranslator::global_get(uint32_t global) {
  const ValType type = module_.globals[global].type.type;
  const uint32_t d = push(type);
  emit(type == ValType::kV128 ? Op::kGlobalGet128 : Op::kGlobalGet);
  slots_imm(d, 0, global);
  writes(d);
}

void ValueTranslator::global_set(uint32_t global) {
  const ValType type = module_.globals[global].type.type;
  const uint32_t a = pop_slot();
  emit(type == ValType::kV128 ? Op::kGlobalSet128 : Op::kGlobalSet);
  slots_imm(0, a, global);
}

bool ValueTranslator::fits_immediate(const Entry& entry) {
  if (entry.kind != Kind::kConst) return false;
  if (entry.type == ValType::kI32) return true;
  const auto value = static_cast<int64_t>(entry.bits);
  return value >= INT32_MIN && value <= INT32_MAX;
}

void ValueTranslator::binary_rr_ri(Op rr, ValType result, bool compare) {
  Entry right = pop();
  Entry left = pop();
  if (fits_immediate(left) && !fits_immediate(right) && (compare || commutes(rr))) {
    // The constant's own slot is the left one, so only its value may move.
    std::swap(left, right);
    if (compare) rr = swapped(rr);
  }
  if (fits_immediate(right)) {
    const uint32_t a = use(left);
    const uint32_t d = push(result);
    emit(plus(rr, 1));
    slots_imm(d, a, static_cast<uint32_t>(right.bits));
    writes(d);
    return;
  }
  const uint32_t a = use(left);
  const uint32_t b = use(right);
  const uint32_t d = push(result);
  emit(rr);
  slots(d, a, b);
  writes(d);
}

void ValueTranslator::binary(Op op, ValType result) {
  const Entry right = pop();
  const Entry left = pop();
  const uint32_t a = use(left);
  const uint32_t b = use(right);
  const uint32_t d = push(result);
  if (may_trap(op)) site();
  emit(op);
  slots(d, a, b);
  writes(d);
}

void ValueTranslator::unary(Op op, ValType result) {
  const Entry operand = pop();
  if (op == Op::kI32Eqz && just_made(operand) && is_compare_value(last_.op)) {
    const Op other = inverse(last_.op);
    words_[last_.offset / 8] = reinterpret_cast<uint64_t>(handlers()[static_cast<size_t>(other)]);
    last_.op = other;
    push(result);
    return;
  }
  const uint32_t a = use(operand);
  const uint32_t d = push(result);
  if (may_trap(op)) site();
  emit(op);
  slots(d, a);
  writes(d);
}

ValueTranslator::Place ValueTranslator::place(uint32_t address, uint64_t offset, uint32_t scratch) {
  if (offset <= UINT32_MAX) return {address, static_cast<uint32_t>(offset)};
  need_slots(scratch + 1);
  emit(Op::kAddress);
  slots(scratch, address);
  word(offset);
  return {scratch, 0};
}

void ValueTranslator::emit_load(Op op, uint32_t d, Place at) {
  site();
  emit(plus(op, wide_));
  slots_imm(d, at.slot, at.offset);
  writes(d);
}

void ValueTranslator::load(const MemoryOp& op, const Instruction& insn) {
  const uint32_t scratch = top_slot();
  const uint32_t address = pop_slot();
  const Place at = place(address, insn.imm[1].value, scratch);
  emit_load(op.narrow, push(op.type), at);
}

void ValueTranslator::emit_store(Op op, uint32_t value, Place at) {
  site();
  emit(plus(op, wide_));
  slots_imm(value, at.slot, at.offset);
}

void ValueTranslator::store(Op op, const Instruction& insn) {
  const uint32_t scratch = top_slot();
  const uint32_t value = pop_slot();
  const uint32_t address = pop_slot();
  emit_store(op, value, place(address, insn.imm[1].value, scratch));
}

void ValueTranslator::load_vector(const VectorLoad& op, const Instruction& insn) {
  const bool lane = wasm::info(insn.op).imm == wasm::Imm::kMemArgLane;
  const uint32_t scratch = top_slot();
  need_slots(scratch + 2);
  const uint32_t vector = lane ? pop_slot() : 0;
  const uint32_t address = pop_slot();
  const Place at = place(address, insn.imm[1].value, scratch);
  const uint32_t d = push(ValType::kV128);
  if (op.then == Opcode::kV128Const) {
    emit_load(op.load, d, at);
    constant(d + 1, 0);
    last_.known = false;
    return;
  }
  emit_load(op.load, scratch, at);
  if (lane) {
    emit_simd(op.then, d, vector, scratch, 0, static_cast<uint32_t>(insn.imm[2].value));
  } else {
    emit_simd(op.then, d, scratch, 0, 0, 0);
  }
}

void ValueTranslator::store_lane(const LaneStore& op, const Instruction& insn) {
  const uint32_t scratch = top_slot();
  need_slots(scratch + 2);
  const uint32_t vector = pop_slot();
  const uint32_t address = pop_slot();
  emit_simd(op.extract, scratch, vector, 0, 0, static_cast<uint32_t>(insn.imm[2].value));
  emit_store(op.store, scratch, place(address, insn.imm[1].value, scratch + 1));
}

void ValueTranslator::emit_simd(Opcode op, uint32_t d, uint32_t a, uint32_t b, uint32_t c,
                                uint32_t lane) {
  emit(Op::kSimd);
  slots(d, a, b, c);
  word(reinterpret_cast<uint64_t>(simd_function(op)));
  word(lane);
  writes(d);
}

void ValueTranslator::simd(const Instruction& insn) {
  const std::string_view signature = wasm::info(insn.op).signature;
  const size_t operands = signature.find(':');
  const uint32_t scratch = top_slot();
  uint32_t operand[3] = {0, 0, 0};
  for (size_t i = operands; i > 0; --i) operand[i - 1] = pop_slot();
  uint32_t lane = 0;
  if (insn.op == Opcode::kI8x16Shuffle) {
    need_slots(scratch + 2);
    vector_constant(scratch, insn);
    operand[2] = scratch;
  } else if (insn.imm_count > 0) {
    lane = static_cast<uint32_t>(insn.imm[0].value);
  }
  const uint32_t d = push(letter_type(signature[operands + 1]));
  emit_simd(insn.op, d, operand[0], operand[1], operand[2], lane);
}

void ValueTranslator::vector_constant(uint32_t d, const Instruction& insn) {
  emit(Op::kConst128);
  slots(d, 0);
  word(load_le<uint64_t>(insn.raw.data()));
  word(load_le<uint64_t>(insn.raw.data() + 8));
  writes(d);
}

void ValueTranslator::special(Special helper, size_t operands, std::optional<ValType> result,
                              uint64_t imm) {
  uint32_t slot[4] = {0, 0, 0, 0};
  const size_t first = result ? 1 : 0;
  for (size_t i = operands; i > 0; --i) slot[first + i - 1] = pop_slot();
  if (result) slot[0] = push(*result);
  site();
  emit(Op::kSpecial);
  slots(slot[0], slot[1], slot[2]);
  word(reinterpret_cast<uint64_t>(helper));
  word(imm);
  if (result) writes(slot[0]);
}

uint64_t ValueTranslator::pair(const Instruction& insn) {
  return insn.imm[0].value | insn.imm[1].value << 32;
}

wasm::ValType ValueTranslator::table_index_type(uint64_t table) const {
  return module_.tables[table].type.limits.is_64 ? ValType::kI64 : ValType::kI32;
}

wasm::ValType ValueTranslator::result_type(Opcode op) {
  const std::string_view signature = wasm::info(op).signature;
  return op == Opcode::kRefIsNull ? ValType::kI32 : letter_type(signature[signature.find(':') + 1]);
}

void ValueTranslator::retype(ValType type) {
  Entry& entry = stack_.back();
  entry.type = type;
}

bool ValueTranslator::translate_variable(const Instruction& insn) {
  const auto index = static_cast<uint32_t>(insn.imm[0].value);
  switch (insn.op) {
    case Opcode::kNop:
      break;
    case Opcode::kDrop:
      pop();
      break;
    case Opcode::kSelect:
    case Opcode::kSelectTyped:
      select();
      break;
    case Opcode::kLocalGet:
      push_local(index);
      break;
    case Opcode::kLocalSet:
      local_set(index);
      break;
    case Opcode::kLocalTee:
      local_tee(index);
      break;
    case Opcode::kGlobalGet:
      global_get(index);
      break;
    case Opcode::kGlobalSet:
      global_set(index);
      break;
    case Opcode::kI32Const:
      push_constant(ValType::kI32, index);
      break;
    case Opcode::kI64Const:
      push_constant(ValType::kI64, insn.imm[0].value);
      break;
    case Opcode::kF32Const:
      push_constant(ValType::kF32, index);
      break;
    case Opcode::kF64Const:
      push_constant(ValType::kF64, insn.imm[0].value);
      break;
    case Opcode::kV128Const:
      vector_constant(push(ValType::kV128), insn);
      break;
    case Opcode::kRefNull:
      push_constant(ValType::kFuncRef, 0);
      break;
    case Opcode::kRefFunc:
      push_constant(ValType::kFuncRef, uint64_t{index} + 1);
      break;
    default:
      return false;
  }
  return true;
}

void ValueTranslator::translate_bulk(const Instruction& insn) {
  const uint64_t index = insn.imm[0].value;
  const ValType address = wide_ ? ValType::kI64 : ValType::kI32;
  switch (insn.op) {
    case Opcode::kMemorySize: {
      const uint32_t d = push(address);
      emit(Op::kMemorySize);
      slots(d, 0);
      writes(d);
      break;
    }
    case Opcode::kMemoryGrow:
      return special(memory_grow, 1, address, 0);
    case Opcode::kMemoryFill:
      return special(memory_fill, 3, {}, 0);
    case Opcode::kMemoryCopy:
      return special(memory_copy, 3, {}, 0);
    case Opcode::kMemoryInit:
      return special(memory_init, 3, {}, index);
    case Opcode::kDataDrop:
      return special(data_drop, 0, {}, index);
    case Opcode::kTableGet:
      return special(table_get, 1, ValType::kFuncRef, index);
    case Opcode::kTableSet:
      return special(table_set, 2, {}, index);
    case Opcode::kTableSize:
      return special(table_size, 0, table_index_type(index), index);
    case Opcode::kTableGrow:
      return special(table_grow, 2, table_index_type(index), index);
    case Opcode::kTableFill:
      return special(table_fill, 3, {}, index);
    case Opcode::kTableCopy:
      return special(table_copy, 3, {}, pair(insn));
    case Opcode::kTableInit:
      return special(table_init, 3, {}, pair(insn));
    case Opcode::kElemDrop:
      return special(elem_drop, 0, {}, index);
    default:
      CANREC_ASSERT(false);
  }
}

}  // namespace canrec::engine
