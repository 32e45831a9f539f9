// SPDX-License-Identifier: Apache-2.0
#pragma once

// Decoding of function bodies, one instruction at a time, with the byte range of every immediate.
// Nothing is allocated; vectors of labels stay in the bytes and are walked when asked for.
// The table is opcodes.def. Source:
// https://webassembly.github.io/spec/core/binary/instructions.html

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

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
inline constexpr size_t kOpcodeCount = 0
#define OP(...) +1
#include "wasm/opcodes.def"
#undef OP
    ;
inline constexpr std::array<OpcodeInfo, kOpcodeCount> kOpcodes = {{
#define OP(name, code, text, imm, sig, align, w32, w64, complexity) \
  {code, text, Imm::k##imm, sig, align, w32, w64, complexity},
#include "wasm/opcodes.def"
#undef OP
}};
constexpr const OpcodeInfo& info(Opcode op) { return kOpcodes[std::to_underlying(op)]; }

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

/// How the instructions that begin with a byte look when every immediate is one byte: four of five
/// in compiled code. `(the four bytes from the opcode on ^ expected) & mask` is 0 for these and for
/// no others, so that they are told apart and decoded without a further branch.
struct ShortForm {
  uint32_t mask = 0xff;  ///< without a short form: the opcode, which is not 0 then
  uint32_t expected = 0;
  Opcode op{};
  uint8_t imm_count = 0;
  uint8_t length = 1;
  uint8_t sign = 0;       ///< 0x40, the sign bit, when the immediate is signed
  bool ends_leb = false;  ///< the last immediate is a LEB128 of at least 32 bits, perhaps longer
};
extern const std::array<ShortForm, 256> kShortForms;

/// An instruction of which opcode and values are known and nothing was read yet.
struct PeekedInstruction {
  bool good = false;  ///< it is one of those that can be peeked at; otherwise the rest says nothing
  uint8_t imm_count = 0;
  uint8_t length = 0;
  Opcode op{};
  uint64_t first = 0;  ///< value of the first immediate, if there is one
  uint64_t second = 0;
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
  Status next(Instruction& out) {
    const PeekedInstruction peeked = peek();
    if (!peeked.good) [[unlikely]]
      return next_long(out);
    out.op = peeked.op;
    out.imm_count = peeked.imm_count;
    out.offset = cursor_.pos();
    out.end = out.offset + peeked.length;
    out.imm[0] = {peeked.first, 1, peeked.imm_count == 1 ? peeked.length : uint8_t{2}};
    out.imm[1] = {peeked.second, 2, peeked.length};
    cursor_.pass(peeked.length);
    return Ok{};
  }

  /// What next() would read, where that takes no more than a look: an instruction in its short form
  /// or one that ends in a LEB128 of up to four bytes. pass() goes on behind it.
  PeekedInstruction peek() const {
    if (cursor_.left() < 4) return {};
    const uint8_t* bytes = cursor_.rest().data();
    const ShortForm& form = kShortForms[bytes[0]];
    if (((load_le<uint32_t>(bytes) ^ form.expected) & form.mask) != 0) return peek_leb();
    return {true,
            form.imm_count,
            form.length,
            form.op,
            static_cast<uint64_t>(int64_t{bytes[1] ^ form.sign} - form.sign),
            bytes[2]};
  }
  void pass(const PeekedInstruction& peeked) { cursor_.pass(peeked.length); }

 private:
  PeekedInstruction peek_leb() const;
  Status next_long(Instruction& out);
  Status immediates(Instruction& out, Imm imm, size_t start);
  Result<Opcode> opcode();

  Cursor cursor_;
};

}  // namespace canrec::wasm
