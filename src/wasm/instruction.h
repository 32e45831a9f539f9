// SPDX-License-Identifier: Apache-2.0
#pragma once

// Decoding of function bodies, one instruction at a time, with the byte range of every immediate.
// Nothing is allocated; vectors of labels stay in the bytes and are walked when asked for.
// The table is opcodes.def. Source:
// https://webassembly.github.io/spec/core/binary/instructions.html

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/error.h"
#include "wasm/types.h"

namespace canrec::wasm {

/// Dense number of an instruction: the row of opcodes.def.
enum class Opcode : uint16_t {
#define OP(name, code, text, imm, sig, align, w32, w64, complexity) name,
#include "wasm/opcodes.def"
#undef OP
};

/// What follows the opcode.
enum class Imm : uint8_t {
  kNone,
  kBlockType,   ///< s33: value type, empty, or type index
  kLabel,       ///< label depth
  kLabelTable,  ///< vector of label depths, then the default
  kFunc,        ///< function index
  kTypeTable,   ///< type index, table index
  kLocal,
  kGlobal,
  kTable,
  kMemory,        ///< memory index
  kMemoryMemory,  ///< destination, source
  kDataMemory,    ///< data segment index, memory index
  kData,
  kElemTable,  ///< element segment index, table index
  kElem,
  kTableTable,  ///< destination, source
  kMemArg,      ///< log2 of the alignment, offset
  kMemArgLane,  ///< log2 of the alignment, offset, lane
  kLane,
  kShuffle,  ///< 16 lane bytes
  kI32,      ///< s32
  kI64,      ///< s64
  kF32,      ///< 4 raw bytes
  kF64,      ///< 8 raw bytes
  kV128,     ///< 16 raw bytes
  kRefType,
  kSelectTypes,  ///< vector of value types
};

/// A row of opcodes.def.
struct OpcodeInfo {
  uint32_t code;
  std::string_view text;
  Imm imm;
  std::string_view signature;
  uint8_t align;
  uint16_t weight32;
  uint16_t weight64;
  uint8_t complexity;
};
const OpcodeInfo& info(Opcode op);
inline constexpr size_t kOpcodeCount = 0
#define OP(...) +1
#include "wasm/opcodes.def"
#undef OP
    ;

/// One immediate: its value and where it stands, relative to the instruction.
///
/// `value` holds: an index, depth, count, lane or align as it is; block types as kBlockTypeEmpty,
/// the byte of a value type, or kBlockTypeIndex + type index; i32 and i64 constants sign-extended;
/// f32 and f64 constants as raw bits; for 16-byte immediates and type vectors the bytes are in
/// Instruction::raw.
struct Immediate {
  uint64_t value = 0;
  uint8_t begin = 0;
  uint8_t end = 0;
};

inline constexpr uint64_t kBlockTypeEmpty = 0x40;
inline constexpr uint64_t kBlockTypeIndex = uint64_t{1} << 32;

/// A decoded instruction. `raw` points into the module bytes.
struct Instruction {
  Opcode op{};
  uint8_t imm_count = 0;  ///< entries of `imm` in use; for kLabelTable imm[0] is the label count
  uint64_t offset = 0;    ///< file offset of the opcode
  uint64_t end = 0;       ///< file offset of the next instruction
  std::array<Immediate, 3> imm;
  ByteView raw;  ///< v128, shuffle lanes, select types, or the label vector with default

  uint64_t index() const { return imm[0].value; }
  ByteRange range() const { return {offset, end}; }
};

/// Walks the labels of a br_table: `count + 1` calls, the last one gives the default.
class LabelReader {
 public:
  explicit LabelReader(const Instruction& br_table) : cursor_(br_table.raw) {}
  /// The next label depth; the instruction was decoded, so this cannot fail.
  uint32_t next();

 private:
  Cursor cursor_;
};

/// Decodes instructions in order.
///
/// Shape:  `code` begins at an instruction; `base` is its file offset. Nesting is not looked at:
/// the
///         caller stops at the `end` that it knows to be the last, or at at_end().
/// Errors: kUnexpectedEof, kLebTooLong, kLebUnusedBits, kWasmMalformed (unknown opcode),
///         kWasmUnsupported (an opcode of a proposal the network refuses, which is named).
class InstructionReader {
 public:
  InstructionReader(ByteView code, uint64_t base) : cursor_(code, base) {}
  bool at_end() const { return cursor_.at_end(); }
  uint64_t pos() const { return cursor_.pos(); }
  /// Decodes the next instruction into `out`.
  Status next(Instruction& out);

 private:
  Status immediates(Instruction& out, Imm imm, size_t start);
  Result<Opcode> opcode();

  Cursor cursor_;
};

}  // namespace canrec::wasm
