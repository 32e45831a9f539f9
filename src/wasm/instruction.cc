// SPDX-License-Identifier: Apache-2.0
// The instruction decoder and its tables, made from opcodes.def.
#include "wasm/instruction.h"

#include <fmt/core.h>

#include "base/checked.h"

namespace canrec::wasm {
namespace {

constexpr std::array<OpcodeInfo, kOpcodeCount> kInfo = {{
#define OP(name, code, text, imm, sig, align, w32, w64, complexity) \
  {code, text, Imm::k##imm, sig, align, w32, w64, complexity},
#include "wasm/opcodes.def"
#undef OP
}};

constexpr uint16_t kNoOpcode = 0xffff;

// Rows by their code, for one prefix byte (0 = plain opcodes).
template <uint32_t kPrefix>
constexpr std::array<uint16_t, 256> make_index() {
  std::array<uint16_t, 256> index{};
  index.fill(kNoOpcode);
  for (size_t i = 0; i < kInfo.size(); ++i) {
    if ((kInfo[i].code >> 16) == kPrefix) index[kInfo[i].code & 0xffff] = static_cast<uint16_t>(i);
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

// Most instructions are an opcode of one byte and at most one immediate of one byte.
// Gives its length, 0 for any other.
size_t decode_short(ByteView rest, Instruction& out) {
  if (rest.size() < 2) return 0;
  const uint16_t row = kPlain[rest[0]];
  if (row == kNoOpcode) return 0;
  size_t length = 1;
  switch (kInfo[row].imm) {
    case Imm::kNone:
      out.imm_count = 0;
      break;
    case Imm::kLabel:
    case Imm::kFunc:
    case Imm::kLocal:
    case Imm::kGlobal:
      if (rest[1] >= 0x80) return 0;
      out.imm_count = 1;
      out.imm[0] = {rest[1], 1, 2};
      length = 2;
      break;
    case Imm::kI32:
    case Imm::kI64:
      if (rest[1] >= 0x80) return 0;
      out.imm_count = 1;
      // Seven bits of two's complement.
      out.imm[0] = {static_cast<uint64_t>(int64_t{rest[1]} - ((rest[1] & 0x40) << 1)), 1, 2};
      length = 2;
      break;
    case Imm::kMemArg:
      if (rest.size() < 3 || rest[1] >= 0x40 || rest[2] >= 0x80) return 0;
      out.imm_count = 2;
      out.imm[0] = {rest[1], 1, 2};
      out.imm[1] = {rest[2], 2, 3};
      length = 3;
      break;
    default:
      return 0;
  }
  out.op = Opcode{row};
  return length;
}

}  // namespace

const OpcodeInfo& info(Opcode op) { return kInfo[std::to_underlying(op)]; }

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

Status InstructionReader::next(Instruction& out) {
  out.offset = cursor_.pos();
  if (const size_t length = decode_short(cursor_.rest(), out); length != 0) {
    out.end = out.offset + length;
    CANREC_CHECK(cursor_.bytes(length));
    return Ok{};
  }
  const size_t start = cursor_.index();
  CANREC_TRY(out.op, opcode());
  out.imm_count = 0;
  const Imm imm = kInfo[std::to_underlying(out.op)].imm;
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
