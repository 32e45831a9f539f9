// SPDX-License-Identifier: Apache-2.0
#include "engine/opcode_map.h"

namespace canrec::engine {

using wasm::Opcode;
using wasm::ValType;

bool cuts_segment(Opcode op) {
  switch (op) {
    case Opcode::kLoop:
    case Opcode::kIf:
    case Opcode::kElse:
    case Opcode::kEnd:
    case Opcode::kBr:
    case Opcode::kBrIf:
    case Opcode::kBrTable:
    case Opcode::kReturn:
    case Opcode::kUnreachable:
    case Opcode::kReturnCall:
    case Opcode::kReturnCallIndirect:
      return true;
    default:
      return false;
  }
}

std::optional<Op> int_binary(Opcode op) {
  switch (op) {
#define INT_BINARY(name, T, expression) \
  case Opcode::k##name:                 \
    return Op::k##name##RR;
#include "engine/ops.def"
    default:
      return std::nullopt;
  }
}
std::optional<Op> int_compare(Opcode op) {
  switch (op) {
#define INT_COMPARE(name, T, expression) \
  case Opcode::k##name:                  \
    return Op::k##name##RR;
#include "engine/ops.def"
    default:
      return std::nullopt;
  }
}
std::optional<Op> plain_binary(Opcode op) {
  switch (op) {
#define BINARY(name, T, R, expression) \
  case Opcode::k##name:                \
    return Op::k##name;
#define DIVISION(name)  \
  case Opcode::k##name: \
    return Op::k##name;
#include "engine/ops.def"
    DIVISION(I32DivS)
    DIVISION(I32DivU)
    DIVISION(I32RemS)
    DIVISION(I32RemU)
    DIVISION(I64DivS)
    DIVISION(I64DivU)
    DIVISION(I64RemS)
    DIVISION(I64RemU)
#undef DIVISION
    default:
      return std::nullopt;
  }
}
std::optional<Op> plain_unary(Opcode op) {
  switch (op) {
#define UNARY(name, T, R, expression) \
  case Opcode::k##name:               \
    return Op::k##name;
#define TRUNCATION(name) \
  case Opcode::k##name:  \
    return Op::k##name;
#include "engine/ops.def"
    TRUNCATION(I32TruncF32S)
    TRUNCATION(I32TruncF32U)
    TRUNCATION(I32TruncF64S)
    TRUNCATION(I32TruncF64U)
    TRUNCATION(I64TruncF32S)
    TRUNCATION(I64TruncF32U)
    TRUNCATION(I64TruncF64S)
    TRUNCATION(I64TruncF64U)
#undef TRUNCATION
    case Opcode::kRefIsNull:
      return Op::kI64Eqz;
    default:
      return std::nullopt;
  }
}
bool may_trap(Op op) { return op >= Op::kI32DivS && op <= Op::kI64TruncF64U; }

bool only_retypes(Opcode op) {
  return op == Opcode::kI64ExtendI32U || op == Opcode::kI32ReinterpretF32 ||
         op == Opcode::kI64ReinterpretF64 || op == Opcode::kF32ReinterpretI32 ||
         op == Opcode::kF64ReinterpretI64;
}

bool commutes(Op rr) {
  switch (rr) {
    case Op::kI32AddRR:
    case Op::kI32MulRR:
    case Op::kI32AndRR:
    case Op::kI32OrRR:
    case Op::kI32XorRR:
    case Op::kI64AddRR:
    case Op::kI64MulRR:
    case Op::kI64AndRR:
    case Op::kI64OrRR:
    case Op::kI64XorRR:
      return true;
    default:
      return false;
  }
}

// Rows of INT_COMPARE come as Eq Ne LtS LtU GtS GtU LeS LeU GeS GeU, for i32 and then i64.
constexpr uint16_t kCompareForms = static_cast<uint16_t>(CompareForm::kCount);
constexpr uint16_t kFirstCompare = static_cast<uint16_t>(Op::kI32EqRR);
constexpr uint16_t kEndCompare = static_cast<uint16_t>(Op::kI64GeURI) + 5;
static_assert((kEndCompare - kFirstCompare) == 20 * kCompareForms);

bool is_compare_value(Op op) {
  const auto n = static_cast<uint16_t>(op);
  return n >= kFirstCompare && n < kEndCompare && (n - kFirstCompare) % kCompareForms < 2;
}
static Op with_row(Op op, const uint16_t (&map)[10]) {
  const auto n = static_cast<uint16_t>(static_cast<uint16_t>(op) - kFirstCompare);
  const uint16_t row = n / kCompareForms;
  const auto other = static_cast<uint16_t>(row / 10 * 10 + map[row % 10]);
  return static_cast<Op>(kFirstCompare + other * kCompareForms + n % kCompareForms);
}
bool is_immediate_compare(Op op) {
  return (static_cast<uint16_t>(op) - kFirstCompare) % kCompareForms ==
         static_cast<uint16_t>(CompareForm::kRI);
}
Op inverse(Op op) {
  static constexpr uint16_t kMap[10] = {1, 0, 8, 9, 6, 7, 4, 5, 2, 3};
  return with_row(op, kMap);
}
Op swapped(Op op) {
  static constexpr uint16_t kMap[10] = {0, 1, 4, 5, 2, 3, 8, 9, 6, 7};
  return with_row(op, kMap);
}

std::optional<MemoryOp> scalar_load(Opcode op) {
  switch (op) {
    case Opcode::kI32Load:
      return MemoryOp{Op::kI32Loadx32, ValType::kI32};
    case Opcode::kI64Load:
      return MemoryOp{Op::kI64Loadx32, ValType::kI64};
    case Opcode::kF32Load:
      return MemoryOp{Op::kI32Loadx32, ValType::kF32};
    case Opcode::kF64Load:
      return MemoryOp{Op::kI64Loadx32, ValType::kF64};
    case Opcode::kI32Load8S:
      return MemoryOp{Op::kI32Load8Sx32, ValType::kI32};
    case Opcode::kI32Load8U:
      return MemoryOp{Op::kI32Load8Ux32, ValType::kI32};
    case Opcode::kI32Load16S:
      return MemoryOp{Op::kI32Load16Sx32, ValType::kI32};
    case Opcode::kI32Load16U:
      return MemoryOp{Op::kI32Load16Ux32, ValType::kI32};
    case Opcode::kI64Load8S:
      return MemoryOp{Op::kI64Load8Sx32, ValType::kI64};
    case Opcode::kI64Load8U:
      return MemoryOp{Op::kI32Load8Ux32, ValType::kI64};
    case Opcode::kI64Load16S:
      return MemoryOp{Op::kI64Load16Sx32, ValType::kI64};
    case Opcode::kI64Load16U:
      return MemoryOp{Op::kI32Load16Ux32, ValType::kI64};
    case Opcode::kI64Load32S:
      return MemoryOp{Op::kI64Load32Sx32, ValType::kI64};
    case Opcode::kI64Load32U:
      return MemoryOp{Op::kI32Loadx32, ValType::kI64};
    case Opcode::kV128Load:
      return MemoryOp{Op::kLoad128x32, ValType::kV128};
    default:
      return std::nullopt;
  }
}
std::optional<Op> scalar_store(Opcode op) {
  switch (op) {
    case Opcode::kI32Store8:
    case Opcode::kI64Store8:
      return Op::kI32Store8x32;
    case Opcode::kI32Store16:
    case Opcode::kI64Store16:
      return Op::kI32Store16x32;
    case Opcode::kI32Store:
    case Opcode::kI64Store32:
    case Opcode::kF32Store:
      return Op::kI32Storex32;
    case Opcode::kI64Store:
    case Opcode::kF64Store:
      return Op::kI64Storex32;
    case Opcode::kV128Store:
      return Op::kStore128x32;
    default:
      return std::nullopt;
  }
}
std::optional<VectorLoad> vector_load(Opcode op) {
  switch (op) {
    case Opcode::kV128Load8x8S:
      return VectorLoad{Op::kI64Loadx32, Opcode::kI16x8ExtendLowI8x16S};
    case Opcode::kV128Load8x8U:
      return VectorLoad{Op::kI64Loadx32, Opcode::kI16x8ExtendLowI8x16U};
    case Opcode::kV128Load16x4S:
      return VectorLoad{Op::kI64Loadx32, Opcode::kI32x4ExtendLowI16x8S};
    case Opcode::kV128Load16x4U:
      return VectorLoad{Op::kI64Loadx32, Opcode::kI32x4ExtendLowI16x8U};
    case Opcode::kV128Load32x2S:
      return VectorLoad{Op::kI64Loadx32, Opcode::kI64x2ExtendLowI32x4S};
    case Opcode::kV128Load32x2U:
      return VectorLoad{Op::kI64Loadx32, Opcode::kI64x2ExtendLowI32x4U};
    case Opcode::kV128Load8Splat:
      return VectorLoad{Op::kI32Load8Ux32, Opcode::kI8x16Splat};
    case Opcode::kV128Load16Splat:
      return VectorLoad{Op::kI32Load16Ux32, Opcode::kI16x8Splat};
    case Opcode::kV128Load32Splat:
      return VectorLoad{Op::kI32Loadx32, Opcode::kI32x4Splat};
    case Opcode::kV128Load64Splat:
      return VectorLoad{Op::kI64Loadx32, Opcode::kI64x2Splat};
    case Opcode::kV128Load32Zero:
      return VectorLoad{Op::kI32Loadx32, Opcode::kV128Const};
    case Opcode::kV128Load64Zero:
      return VectorLoad{Op::kI64Loadx32, Opcode::kV128Const};
    case Opcode::kV128Load8Lane:
      return VectorLoad{Op::kI32Load8Ux32, Opcode::kI8x16ReplaceLane};
    case Opcode::kV128Load16Lane:
      return VectorLoad{Op::kI32Load16Ux32, Opcode::kI16x8ReplaceLane};
    case Opcode::kV128Load32Lane:
      return VectorLoad{Op::kI32Loadx32, Opcode::kI32x4ReplaceLane};
    case Opcode::kV128Load64Lane:
      return VectorLoad{Op::kI64Loadx32, Opcode::kI64x2ReplaceLane};
    default:
      return std::nullopt;
  }
}
std::optional<LaneStore> lane_store(Opcode op) {
  switch (op) {
    case Opcode::kV128Store8Lane:
      return LaneStore{Opcode::kI8x16ExtractLaneU, Op::kI32Store8x32};
    case Opcode::kV128Store16Lane:
      return LaneStore{Opcode::kI16x8ExtractLaneU, Op::kI32Store16x32};
    case Opcode::kV128Store32Lane:
      return LaneStore{Opcode::kI32x4ExtractLane, Op::kI32Storex32};
    case Opcode::kV128Store64Lane:
      return LaneStore{Opcode::kI64x2ExtractLane, Op::kI64Storex32};
    default:
      return std::nullopt;
  }
}

ValType letter_type(char letter) {
  switch (letter) {
    case 'l':
      return ValType::kI64;
    case 'f':
      return ValType::kF32;
    case 'd':
      return ValType::kF64;
    case 'v':
      return ValType::kV128;
    default:
      return ValType::kI32;
  }
}

}  // namespace canrec::engine
