// SPDX-License-Identifier: Apache-2.0
#pragma once

// The compact internal form of a function: instructions of 8-byte words over the slots of a frame.
//
// Word 0 is the address of the handler, so dispatch is one indirect jump. Operands follow, packed:
// slots as u16 (the destination first), immediates and jump targets as 32 bits, targets in bytes
// relative to the instruction. `size` of every instruction is fixed but for BrTable.
//
//   frame:  | parameters | locals | operands by stack height |     8 bytes each, v128 takes two
//             fp[0] ...
//
// A call's arguments lie at the end of the caller's frame and are the start of the callee's; its
// results come to lie in the same place.
//
// Charging: a segment's cost (system-api.md 5.2) is taken by the instruction that leads into it:
// Enter, Loop, the taken or the fall-through side of a branch; a Charge stands only where a segment
// is entered by falling through a label.

#include <cstdint>
#include <memory>
#include <vector>

namespace canrec::engine {

enum class Op : uint16_t {
#define OP(name) k##name,
#define INT_BINARY(name, T, expression) k##name##RR, k##name##RI,
// The six forms of a comparison are told apart by CompareForm.
#define INT_COMPARE(name, T, expression) \
  k##name##RR, k##name##RI, kBr##name##RR, kBr##name##RI, kBack##name##RR, kBack##name##RI,
#define BINARY(name, T, R, expression) k##name,
#define UNARY(name, T, R, expression) k##name,
#define LOAD(name, M, R) k##name##x32, k##name##x64,
#define STORE(name, M) k##name##x32, k##name##x64,
#include "engine/ops.def"
};

/// The forms of an INT_COMPARE row, as they are laid out behind its first enumerator.
enum class CompareForm : uint16_t { kRR, kRI, kBrRR, kBrRI, kBackRR, kBackRI, kCount };

// Byte offsets of operands behind the start of an instruction.
inline constexpr size_t kD = 8;   // destination slot
inline constexpr size_t kA = 10;  // operand slots
inline constexpr size_t kB = 12;
inline constexpr size_t kC = 14;
inline constexpr size_t kImm = 12;    // 32-bit immediate beside d and a
inline constexpr size_t kWide = 16;   // first 64-bit word behind the slots
inline constexpr size_t kWide2 = 24;  // second
// Branches: a @8, b @10.
inline constexpr size_t kBrA = 8;
inline constexpr size_t kBrB = 10;
inline constexpr size_t kBrTarget = 12;
inline constexpr size_t kBrTaken = 16;
inline constexpr size_t kBrFall = 20;
inline constexpr size_t kBrImm = 24;
// Jump, JumpBack: target, cost. Loop, Charge: cost.
inline constexpr size_t kJumpTarget = 8;
inline constexpr size_t kJumpCost = 12;
inline constexpr size_t kCost = 8;
// Enter.
inline constexpr size_t kEnterFrame = 8;
inline constexpr size_t kEnterParams = 12;
inline constexpr size_t kEnterClear = 16;
inline constexpr size_t kEnterCost = 20;
// Calls.
inline constexpr size_t kCallTarget = 8;  // function, import or canonical type
inline constexpr size_t kCallBase = 12;   // slot of the first argument
inline constexpr size_t kCallIndex = 16;  // slot of the table index
inline constexpr size_t kCallTable = 20;  // table
inline constexpr size_t kCallArgs = 24;   // slots of the arguments of a tail call
// BrTable: index slot, count; then entries of (target, cost), the default last.
inline constexpr size_t kTableIndex = 8;
inline constexpr size_t kTableCount = 12;
inline constexpr size_t kTableEntries = 16;

inline constexpr size_t kSmall = 16;  // sizes of instructions
inline constexpr size_t kMedium = 24;
inline constexpr size_t kLarge = 32;

/// Where an instruction that may trap or call came from.
struct Site {
  uint32_t code;    ///< byte offset in FunctionCode::code
  uint32_t module;  ///< offset of the instruction in the module
};

/// A function of the module, translated or not yet.
struct FunctionCode {
  const uint8_t* entry = nullptr;  ///< the Translate instruction until the first call
  uint32_t index = 0;
  uint32_t canonical_type = 0;
  uint32_t parameter_slots = 0;
  uint32_t result_slots = 0;
  uint64_t start = 0;  ///< offset of its body in the module
  std::unique_ptr<uint64_t[]> code;
  std::vector<Site> sites;  ///< ascending by code
};

}  // namespace canrec::engine
