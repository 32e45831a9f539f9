// SPDX-License-Identifier: Apache-2.0
#include "wasm/instruction.h"

#include <gtest/gtest.h>

#include <set>

namespace canrec::wasm {
namespace {

Result<Instruction> decode(const Bytes& code, uint64_t base = 100) {
  InstructionReader reader(code, base);
  Instruction instruction;
  CANREC_CHECK(reader.next(instruction));
  return instruction;
}

TEST(InstructionReader, GivesTheRangeOfEveryImmediate) {
  // i32.load with padded alignment and offset
  const Bytes load = {0x28, 0x82, 0x00, 0x90, 0x80, 0x01};
  const auto instruction = decode(load);
  ASSERT_TRUE(instruction);
  EXPECT_EQ(instruction->op, Opcode::kI32Load);
  EXPECT_EQ(instruction->offset, 100u);
  EXPECT_EQ(instruction->end, 106u);
  ASSERT_EQ(instruction->imm_count, 2u);
  EXPECT_EQ(instruction->imm[0].value, 2u);
  EXPECT_EQ(instruction->imm[0].begin, 1u);
  EXPECT_EQ(instruction->imm[0].end, 3u);
  EXPECT_EQ(instruction->imm[1].value, 16'400u);
  EXPECT_EQ(instruction->imm[1].begin, 3u);
  EXPECT_EQ(instruction->imm[1].end, 6u);
}

TEST(InstructionReader, SignExtendsConstants) {
  const Bytes minus_one = {0x41, 0x7f};
  EXPECT_EQ(decode(minus_one)->imm[0].value, UINT64_MAX);
  const Bytes lowest = {0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f};
  EXPECT_EQ(decode(lowest)->imm[0].value, uint64_t{1} << 63);
}

TEST(InstructionReader, ReadsBlockTypes) {
  const Bytes empty = {0x02, 0x40};
  EXPECT_EQ(decode(empty)->index(), kBlockTypeEmpty);
  const Bytes value = {0x02, 0x7e};
  EXPECT_EQ(decode(value)->index(), 0x7eu);
  const Bytes index = {0x02, 0x85, 0x00};
  EXPECT_EQ(decode(index)->index(), kBlockTypeIndex + 5);
}

TEST(InstructionReader, RejectsPaddedValueTypesOfBlocks) {
  const Bytes padded = {0x02, 0xff, 0x7f};
  const auto instruction = decode(padded);
  ASSERT_FALSE(instruction);
  EXPECT_EQ(instruction.error().code(), Errc::kWasmMalformed);
  EXPECT_EQ(instruction.error().offset(), 101u);
}

TEST(InstructionReader, WalksLabels) {
  const Bytes table = {0x0e, 0x02, 0x05, 0x86, 0x00, 0x07};
  const auto instruction = decode(table);
  ASSERT_TRUE(instruction);
  EXPECT_EQ(instruction->index(), 2u);
  LabelReader labels(*instruction);
  EXPECT_EQ(labels.next(), 5u);
  EXPECT_EQ(labels.next(), 6u);
  EXPECT_EQ(labels.next(), 7u);
}

// The readers of the common forms look at eight bytes at once; at the end of the code the general
// one reads. Every opcode with every kind of LEB128 behind it: both say the same.
TEST(InstructionReader, ReadsAlikeInTheMiddleAndAtTheEnd) {
  const std::vector<Bytes> operands = {
      {0x00, 0x00},
      {0x01, 0x7f},
      {0x3f, 0x40},
      {0x40, 0x01},
      {0x7f, 0x7f},
      {0x80, 0x00},
      {0x80, 0x7f},
      {0xff, 0x00},
      {0xff, 0x3f},
      {0x02, 0x80, 0x01},
      {0x02, 0xff, 0x7f},
      {0x3f, 0x80, 0x80, 0x01},
      {0x40, 0x80, 0x80, 0x01},
      {0x80, 0x80, 0xc0, 0x00},
      {0xff, 0xff, 0xff, 0x7f},
      {0x80, 0x80, 0x80, 0x40},
      {0x02, 0xff, 0xff, 0xff, 0x3f},
      {0xff, 0xff, 0xff, 0xff, 0x0f},
      {0xff, 0xff, 0xff, 0xff, 0x1f},
      {0x80, 0x80, 0x80, 0x80, 0x78},
  };
  size_t compared = 0;
  for (unsigned byte = 0; byte < 0x100; ++byte) {
    for (const Bytes& operand : operands) {
      Bytes code = {static_cast<uint8_t>(byte)};
      append(code, operand);
      Bytes in_the_middle = code;
      in_the_middle.resize(code.size() + 32, 0x01);
      const auto middle = decode(in_the_middle);
      bool found = false;
      // What the general reader takes is found by giving it as little as it takes.
      for (size_t length = 1; length <= code.size(); ++length) {
        const auto end = decode(Bytes(code.begin(), code.begin() + static_cast<ptrdiff_t>(length)));
        if (!end) continue;
        ASSERT_TRUE(middle) << byte;
        EXPECT_EQ(end->op, middle->op);
        EXPECT_EQ(end->end, middle->end) << byte;
        ASSERT_EQ(end->imm_count, middle->imm_count);
        for (size_t i = 0; i < end->imm_count; ++i) {
          EXPECT_EQ(end->imm[i].value, middle->imm[i].value) << byte << " " << i;
          EXPECT_EQ(end->imm[i].begin, middle->imm[i].begin) << byte << " " << i;
          EXPECT_EQ(end->imm[i].end, middle->imm[i].end) << byte << " " << i;
        }
        ++compared;
        found = true;
        break;
      }
      // The other way round: what fits is read at the end too.
      const bool fits = middle && middle->end - middle->offset <= code.size();
      EXPECT_EQ(found, fits) << byte;
    }
  }
  EXPECT_GT(compared, 3200u);
}

TEST(InstructionReader, RejectsUnknownOpcodes) {
  for (const Bytes& code : {Bytes{0xff}, Bytes{0xfc, 0x12}, Bytes{0xfd, 0x9a, 0x01}}) {
    const auto instruction = decode(code);
    ASSERT_FALSE(instruction);
    EXPECT_EQ(instruction.error().code(), Errc::kWasmMalformed);
    EXPECT_EQ(instruction.error().offset(), 100u);
  }
}

TEST(InstructionReader, RejectsEveryTruncation) {
  const Bytes codes[] = {
      {0x28, 0x02, 0x80, 0x01},       {0x0e, 0x02, 0x00, 0x00, 0x00}, {0x1c, 0x01, 0x7f},
      {0x43, 0x00, 0x00, 0x00, 0x00}, {0xfd, 0x54, 0x00, 0x00, 0x03}, {0xfc, 0x08, 0x00, 0x00}};
  for (const Bytes& code : codes) {
    EXPECT_TRUE(decode(code));
    for (size_t n = 0; n < code.size(); ++n) {
      const Bytes cut(code.begin(), code.begin() + static_cast<ptrdiff_t>(n));
      const auto instruction = decode(cut);
      ASSERT_FALSE(instruction);
      EXPECT_EQ(instruction.error().code(), Errc::kUnexpectedEof);
      EXPECT_LE(*instruction.error().offset(), 100 + n);
    }
  }
}

TEST(Opcodes, AreEachInTheTableOnce) {
  std::set<uint32_t> codes;
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const OpcodeInfo& row = info(Opcode{static_cast<uint16_t>(i)});
    EXPECT_TRUE(codes.insert(row.code).second) << row.text;
    EXPECT_GE(row.complexity, row.text == "unreachable" ? 0 : 1) << row.text;
  }
  // 185 plain, 18 behind 0xfc, 236 behind 0xfd.
  EXPECT_EQ(kOpcodeCount, 439u);
}

}  // namespace
}  // namespace canrec::wasm
