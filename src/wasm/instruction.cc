// SPDX-License-Identifier: Apache-2.0
// The instruction decoder and its tables, made from opcodes.def.
#include "wasm/instruction.h"

#include <fmt/core.h>

#include <bit>

#include "base/checked.h"

namespace canrec::wasm {
namespace {

constexpr uint16_t kNoOpcode = 0xffff;

// Rows by their code, for one prefix byte (0 = plain opcodes).
template <uint32_t kPrefix>
constexpr std::array<uint16_t, 256> make_index() {
  std::array<uint16_t, 256> index{};
  index.fill(kNoOpcode);
  for (size_t i = 0; i < kOpcodes.size(); ++i) {
    if ((kOpcodes[i].code >> 16) == kPrefix)
      index[kOpcodes[i].code & 0xffff] = static_cast<uint16_t>(i);
  }
  return index;
}
constexpr auto kPlain = make_index<0>();
constexpr auto kFc = make_index<0xfc>();
constexpr auto kFd = make_index<0xfd>();

// Opcodes of proposals that the network refuses, so that the error can name them.
std::string_view refused_proposal(uint32_t prefix, uint32_t code) {
  if (prefix == 0xfe) return "threads and atomics";
  if (prefix == 0xfb) return "garbage collection";
  if (prefix == 0xfd && code >= 0x100 && code <= 0x12f) return "relaxed SIMD";
  if (prefix == 0xfc && code >= 19 && code <= 22) return "wide arithmetic";
  if (prefix != 0) return {};
  if ((code >= 0x06 && code <= 0x0a) || code == 0x18 || code == 0x19 || code == 0x1f) {
    return "exception handling";
  }
  if (code == 0x14 || code == 0x15 || (code >= 0xd3 && code <= 0xd6)) {
    return "typed function references and garbage collection";
  }
  if (code >= 0xe0 && code <= 0xe6) return "stack switching";
  return {};
}

std::unexpected<Error> unknown_opcode(uint64_t offset, uint32_t prefix, uint32_t code) {
  const std::string shown =
      prefix == 0 ? fmt::format("0x{:02x}", code) : fmt::format("0x{:02x} {}", prefix, code);
  const std::string_view proposal = refused_proposal(prefix, code);
  if (!proposal.empty()) {
    return fail(Errc::kWasmUnsupported, offset,
                fmt::format("opcode {} belongs to the proposal \"{}\", which the network refuses",
                            shown, proposal));
  }
  return fail(Errc::kWasmMalformed, offset, fmt::format("unknown opcode {}", shown));
}

constexpr ShortForm short_form(Opcode op) {
  switch (info(op).imm) {
    case Imm::kNone:
      return {.mask = 0, .expected = 0, .op = op};
    case Imm::kLabel:
    case Imm::kFunc:
    case Imm::kLocal:
    case Imm::kGlobal:
      return {0x8000, 0, op, 1, 2, 0, true};
    case Imm::kI32:
    case Imm::kI64:
      return {0x8000, 0, op, 1, 2, 0x40, true};
    case Imm::kBlockType:  // a value type or empty is 0x40..0x7f, an index below
      return {0xc000, 0x4000, op, 1, 2, 0, false};
    case Imm::kMemArg:
      return {0x80c000, 0, op, 2, 3, 0, true};
    case Imm::kTypeTable:
      return {0x808000, 0, op, 2, 3, 0, false};
    default:
      return {};
  }
}

constexpr std::array<ShortForm, 256> make_short_forms() {
  std::array<ShortForm, 256> forms{};
  for (size_t byte = 0; byte < forms.size(); ++byte) {
    if (kPlain[byte] != kNoOpcode) forms[byte] = short_form(Opcode{kPlain[byte]});
  }
  return forms;
}

}  // namespace

constinit const std::array<ShortForm, 256> kShortForms = make_short_forms();

uint32_t LabelReader::next() {
  const auto label = cursor_.u32();
  CANREC_ASSERT(label.has_value());
  return *label;
}

Result<Opcode> InstructionReader::opcode() {
  const uint64_t offset = cursor_.pos();
  CANREC_TRY(const uint8_t byte, cursor_.u8());
  if (const uint16_t row = kPlain[byte]; row != kNoOpcode) [[likely]]
    return Opcode{row};
  if (byte != 0xfc && byte != 0xfd && byte != 0xfe && byte != 0xfb) {
    return unknown_opcode(offset, 0, byte);
  }
  CANREC_TRY(const uint32_t code, cursor_.u32());
  const uint16_t row = code > 0xff    ? kNoOpcode
                       : byte == 0xfc ? kFc[code]
                       : byte == 0xfd ? kFd[code]
                                      : kNoOpcode;
  if (row == kNoOpcode) return unknown_opcode(offset, byte, code);
  return Opcode{row};
}

// One byte for the opcode, one for the alignment of a memory access, and a LEB128 of two to four
// bytes: 28 bits fit every immediate, so nothing can be wrong with them.
PeekedInstruction InstructionReader::peek_leb() const {
  const ByteView rest = cursor_.rest();
  if (rest.size() < 8) return {};
  const ShortForm& form = kShortForms[rest[0]];
  const unsigned begin = form.length - 1u;
  if (!form.ends_leb || (begin == 2 && rest[1] >= 0x40)) return {};
  const auto bytes = static_cast<uint32_t>(load_le<uint64_t>(rest.data()) >> (8 * begin));
  const uint32_t stops = ~bytes & 0x80808080;
  if (stops == 0) return {};
  const uint32_t low = bytes & (stops ^ (stops - 1));  // up to the first byte that ends a LEB128
  const uint32_t bits =
      (low & 0x7f) | (low & 0x7f00) >> 1 | (low & 0x7f0000) >> 2 | (low & 0x7f000000) >> 3;
  const auto width = static_cast<unsigned>(std::countr_zero(stops) + 1) / 8;
  const int64_t sign = int64_t{form.sign} << (7 * (width - 1));
  const auto value = static_cast<uint64_t>((int64_t{bits} ^ sign) - sign);
  return {true,
          form.imm_count,
          static_cast<uint8_t>(begin + width),
          form.op,
          begin == 1 ? value : rest[1],
          value};
}

Status InstructionReader::next_long(Instruction& out) {
  out.offset = cursor_.pos();
  const size_t start = cursor_.index();
  CANREC_TRY(out.op, opcode());
  out.imm_count = 0;
  const Imm imm = info(out.op).imm;
  if (imm != Imm::kNone) CANREC_CHECK(immediates(out, imm, start));
  out.end = cursor_.pos();
  return Ok{};
}

Status InstructionReader::immediates(Instruction& out, Imm imm, size_t start) {
  // `begin`/`end` fit a byte: no instruction but br_table and select is longer than 26 bytes, and
  // their vectors are described by `raw`.
  const auto add = [&](uint64_t value, size_t begin) {
    out.imm[out.imm_count++] = {value, static_cast<uint8_t>(begin - start),
                                static_cast<uint8_t>(cursor_.index() - start)};
  };
  const auto u32 = [&]() -> Status {
    const size_t begin = cursor_.index();
    CANREC_TRY(const uint32_t value, cursor_.u32());
    add(value, begin);
    return Ok{};
  };
  const auto raw = [&](size_t n) -> Status {
    const size_t begin = cursor_.index();
    CANREC_TRY(out.raw, cursor_.bytes(n));
    uint64_t value = 0;
    if (n == 1) value = out.raw[0];
    if (n == 4) value = load_le<uint32_t>(out.raw.data());
    if (n == 8) value = load_le<uint64_t>(out.raw.data());
    add(value, begin);
    return Ok{};
  };
  const auto memarg = [&]() -> Status {
    const uint64_t offset = cursor_.pos();
    CANREC_CHECK(u32());
    if (out.imm[0].value >= 64) {
      return fail(Errc::kWasmUnsupported, offset,
                  "memory index in a memory access belongs to the proposal \"multiple memories\", "
                  "which the network refuses");
    }
    const size_t begin = cursor_.index();
    CANREC_TRY(const uint64_t value, cursor_.u64());
    add(value, begin);
    return Ok{};
  };

  switch (imm) {
    case Imm::kNone:
      return Ok{};
    case Imm::kBlockType: {
      const size_t begin = cursor_.index();
      const uint64_t offset = cursor_.pos();
      CANREC_TRY(const int64_t value, cursor_.s33());
      if (value >= 0) {
        add(kBlockTypeIndex + static_cast<uint64_t>(value), begin);
      } else if (value >= -64 && cursor_.index() - begin == 1) {
        // A value type is one byte; only type indices may be padded.
        add(static_cast<uint64_t>(value & 0x7f), begin);
      } else {
        return fail(Errc::kWasmMalformed, offset, "invalid block type");
      }
      return Ok{};
    }
    case Imm::kLabel:
    case Imm::kFunc:
    case Imm::kLocal:
    case Imm::kGlobal:
    case Imm::kTable:
    case Imm::kMemory:
    case Imm::kData:
    case Imm::kElem:
      return u32();
    case Imm::kTypeTable:
    case Imm::kMemoryMemory:
    case Imm::kDataMemory:
    case Imm::kElemTable:
    case Imm::kTableTable:
      CANREC_CHECK(u32());
      return u32();
    case Imm::kMemArg:
      return memarg();
    case Imm::kMemArgLane:
      CANREC_CHECK(memarg());
      return raw(1);
    case Imm::kLane:
    case Imm::kRefType:
      return raw(1);
    case Imm::kShuffle:
    case Imm::kV128:
      return raw(16);
    case Imm::kF32:
      return raw(4);
    case Imm::kF64:
      return raw(8);
    case Imm::kI32: {
      const size_t begin = cursor_.index();
      CANREC_TRY(const int32_t value, cursor_.s32());
      add(static_cast<uint64_t>(int64_t{value}), begin);
      return Ok{};
    }
    case Imm::kI64: {
      const size_t begin = cursor_.index();
      CANREC_TRY(const int64_t value, cursor_.s64());
      add(static_cast<uint64_t>(value), begin);
      return Ok{};
    }
    case Imm::kSelectTypes: {
      CANREC_TRY(const uint32_t n, cursor_.count(1, "select types"));
      out.imm[0] = {n, 1, 1};
      out.imm_count = 1;
      CANREC_TRY(out.raw, cursor_.bytes(n));
      return Ok{};
    }
    case Imm::kLabelTable: {
      CANREC_TRY(const uint32_t n, cursor_.count(1, "labels"));
      out.imm[0] = {n, 1, 1};
      out.imm_count = 1;
      const ByteView rest = cursor_.rest();
      const size_t begin = cursor_.index();
      for (uint64_t i = 0; i <= n; ++i) CANREC_CHECK(cursor_.u32());
      out.raw = rest.first(cursor_.index() - begin);
      return Ok{};
    }
  }
  return Ok{};
}

}  // namespace canrec::wasm
