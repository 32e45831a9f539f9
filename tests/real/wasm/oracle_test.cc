// SPDX-License-Identifier: Apache-2.0
// Other tools as judges: wasm-objdump on every opcode and on real code, wasm-validate on random
// modules that wasm-opt makes and on damaged copies of them.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/leb128.h"
#include "support/shell.h"
#include "support/temporary_directory.h"
#include "wasm/builder.h"
#include "wasm/load.h"
#include "wasm/validate.h"

namespace canrec::wasm {
namespace {

using test::Answer;
using test::shell;

void write_bytes(const std::filesystem::path& path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(out.good());
}

// Offset -> first word of the text, from lines like " 00015c: 20 00        | local.get 0".
std::map<uint64_t, std::string> objdump(const std::filesystem::path& path) {
  std::map<uint64_t, std::string> lines;
  const Answer answer = shell("wasm-objdump -d '" + path.string() + "' 2>&1");
  EXPECT_EQ(answer.status, 0) << answer.out.substr(0, 300);
  size_t begin = 0;
  while (begin < answer.out.size()) {
    const size_t end = std::min(answer.out.find('\n', begin), answer.out.size());
    const std::string_view line = std::string_view(answer.out).substr(begin, end - begin);
    begin = end + 1;
    const size_t bar = line.find('|');
    if (bar == std::string_view::npos || line.size() < 8 || line[7] != ':') continue;
    const size_t word = line.find_first_not_of(' ', bar + 1);
    if (word == std::string_view::npos) continue;
    const std::string_view text = line.substr(word, line.find(' ', word) - word);
    // Local declarations are listed like instructions.
    if (text.starts_with("local[")) continue;
    lines[std::stoull(std::string(line.substr(1, 6)), nullptr, 16)] = text;
  }
  return lines;
}

// Every instruction of the module stands in the listing, at its place and by its name.
void expect_agreement(const std::filesystem::path& path, size_t at_least) {
  const auto file = open_module(path);
  ASSERT_TRUE(file) << file.error().message();
  const Module& module = file->module();
  const auto listed = objdump(path);
  size_t seen = 0;
  for (size_t i = module.imported_functions; i < module.functions.size(); ++i) {
    InstructionReader reader = module.instructions(module.functions[i]);
    Instruction instruction;
    while (!reader.at_end()) {
      const Status status = reader.next(instruction);
      ASSERT_TRUE(status) << status.error().message();
      const auto line = listed.find(instruction.offset);
      ASSERT_NE(line, listed.end())
          << fmt::format("0x{:x} {}", instruction.offset, info(instruction.op).text);
      ASSERT_EQ(line->second, info(instruction.op).text)
          << fmt::format("0x{:x}", instruction.offset);
      ++seen;
    }
  }
  EXPECT_EQ(seen, listed.size());
  EXPECT_GE(seen, at_least);
}

// An opcode with the shortest immediates of its kind.
Bytes sample_instruction(const OpcodeInfo& row) {
  Bytes out;
  const uint32_t prefix = row.code >> 16;
  if (prefix != 0) {
    out.push_back(static_cast<uint8_t>(prefix));
    append_leb_u64(out, row.code & 0xffff);
  } else {
    out.push_back(static_cast<uint8_t>(row.code));
  }
  const auto add = [&](size_t n, uint8_t byte = 0) { out.insert(out.end(), n, byte); };
  switch (row.imm) {
    case Imm::kNone:
      break;
    case Imm::kBlockType:
      add(1, 0x40);
      break;
    case Imm::kRefType:
      add(1, 0x70);
      break;
    case Imm::kSelectTypes:
      append(out, Bytes{0x01, 0x7f});
      break;
    case Imm::kTypeTable:
    case Imm::kMemoryMemory:
    case Imm::kDataMemory:
    case Imm::kElemTable:
    case Imm::kTableTable:
    case Imm::kMemArg:
    case Imm::kLabelTable:
      add(2);
      break;
    case Imm::kMemArgLane:
      add(3);
      break;
    case Imm::kF32:
      add(4);
      break;
    case Imm::kF64:
      add(8);
      break;
    case Imm::kShuffle:
    case Imm::kV128:
      add(16);
      break;
    default:
      add(1);
      break;
  }
  return out;
}

TEST(Objdump, KnowsEveryOpcodeByTheSameName) {
  Bytes functions{};
  std::vector<Bytes> bodies;
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const OpcodeInfo& row = info(Opcode{static_cast<uint16_t>(i)});
    Bytes code = sample_instruction(row);
    // Blocks are closed, so that the listing keeps its balance.
    if (row.imm == Imm::kBlockType) code.push_back(0x0b);
    if (row.text == "else") code = {0x41, 0x00, 0x04, 0x40, 0x05, 0x0b};
    if (row.text == "end") code.clear();
    code.push_back(0x0b);
    bodies.push_back(body(Bytes{0x00}, code));
  }
  append_leb_u64(functions, bodies.size());
  functions.insert(functions.end(), bodies.size(), 0x00);
  const Bytes module =
      concat({module_header(), section(SectionId::kType, vec({Bytes{0x60, 0x00, 0x00}})),
              section(SectionId::kFunction, functions),
              section(SectionId::kTable, vec({Bytes{0x70, 0x00, 0x01}})),
              section(SectionId::kMemory, vec({Bytes{0x00, 0x01}})),
              section(SectionId::kGlobal, vec({Bytes{0x7f, 0x01, 0x41, 0x00, 0x0b}})),
              section(SectionId::kElement, vec({Bytes{0x01, 0x00, 0x00}})),
              section(SectionId::kDataCount, Bytes{0x01}), section(SectionId::kCode, vec(bodies)),
              section(SectionId::kData, vec({Bytes{0x01, 0x00}}))});
  const test::TemporaryDirectory directory;
  write_bytes(directory / "all.wasm", module);
  expect_agreement(directory / "all.wasm", 2 * kOpcodeCount - 1);
}

TEST(Objdump, ListsRealCodeAsWeDecodeIt) {
  const std::filesystem::path fixtures = CANREC_FIXTURES;
  expect_agreement(fixtures / "motoko/3.11.1/ledger.wasm", 50'000);
  expect_agreement(fixtures / "azle/0.33.0/stable.wasm", 1'000'000);
}

Bytes random_bytes(std::mt19937& random, size_t n) {
  Bytes out(n);
  for (uint8_t& byte : out) byte = static_cast<uint8_t>(random());
  return out;
}

class RandomModules : public testing::Test {
 protected:
  // The judgement of both; a difference is a failure.
  void compare(const Bytes& bytes) {
    const std::filesystem::path path = directory_ / "module.wasm";
    write_bytes(path, bytes);
    const Answer wabt = shell("wasm-validate --enable-tail-call '" + path.string() + "' 2>&1");
    const auto module = read_module(bytes);
    const Status status = module ? validate(*module) : Status(fail(module.error().copy()));
    const std::string ours = status ? "valid" : status.error().message();
    (status ? accepted_ : refused_) += 1;
    // WABT 1.0.32 does not miss the end of a block at the end of a body; wasm-opt does.
    if (ours.ends_with("function body ends inside a block")) return;
    EXPECT_EQ(status.has_value(), wabt.status == 0) << "ours: " << ours << "\nWABT: " << wabt.out;
  }

  Bytes generate() {
    const std::filesystem::path seed = directory_ / "seed";
    const std::filesystem::path made = directory_ / "made.wasm";
    write_bytes(seed, random_bytes(random_, 300 + random_() % 4000));
    const Answer answer = shell(
        "wasm-opt --translate-to-fuzz --enable-simd --enable-bulk-memory "
        "--enable-multivalue --enable-tail-call --enable-sign-ext "
        "--enable-nontrapping-float-to-int --enable-mutable-globals '" +
        seed.string() + "' -o '" + made.string() + "' 2>&1");
    EXPECT_EQ(answer.status, 0) << answer.out;
    std::ifstream in(made, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }

  // Changes one or two bytes of the code section.
  Bytes damage(const Bytes& bytes) {
    static constexpr std::array<uint8_t, 8> kTelling = {0x0b, 0x00, 0x1a, 0x20,
                                                        0x7f, 0x05, 0x0f, 0x41};
    const auto module = read_module(bytes);
    EXPECT_TRUE(module);
    const ByteRange code = module->section(SectionId::kCode)->content;
    Bytes out = bytes;
    for (unsigned n = 1 + random_() % 2; n > 0; --n) {
      uint8_t& byte = out[static_cast<size_t>(code.begin + random_() % code.size())];
      switch (random_() % 3) {
        case 0:
          byte = static_cast<uint8_t>(random_());
          break;
        case 1:
          byte = static_cast<uint8_t>(byte ^ (1u << random_() % 8));
          break;
        default:
          byte = kTelling[random_() % kTelling.size()];
      }
    }
    return out;
  }

  test::TemporaryDirectory directory_;
  std::mt19937 random_{20'261'122};
  size_t accepted_ = 0;
  size_t refused_ = 0;
};

TEST_F(RandomModules, AreValidForBoth) {
  for (int i = 0; i < 40; ++i) compare(generate());
  EXPECT_EQ(refused_, 0u);
}

TEST_F(RandomModules, AreJudgedAlikeWhenDamaged) {
  for (int i = 0; i < 20; ++i) {
    const Bytes whole = generate();
    for (int j = 0; j < 15; ++j) compare(damage(whole));
  }
  EXPECT_GT(accepted_, 30u);
  EXPECT_GT(refused_, 100u);
}

}  // namespace
}  // namespace canrec::wasm
