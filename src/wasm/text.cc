// SPDX-License-Identifier: Apache-2.0
// Prints instructions from the table of opcodes and the immediates.
#include "wasm/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/checked.h"

namespace canrec::wasm {
namespace {

bool is_identifier_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-./:<=>?@\\^_`|~").find(c) != std::string_view::npos;
}

// Floats in hexadecimal are exact and do not depend on rounding.
template <typename Float, typename Bits>
std::string float_text(Bits bits, unsigned mantissa_bits) {
  const auto value = std::bit_cast<Float>(bits);
  const std::string_view sign = std::signbit(value) ? "-" : "";
  if (std::isinf(value)) return fmt::format("{}inf", sign);
  if (!std::isnan(value)) return fmt::format("{}{:a}", sign, std::fabs(value));
  const Bits payload = bits & ((Bits{1} << mantissa_bits) - 1);
  const bool canonical = payload == Bits{1} << (mantissa_bits - 1);
  return canonical ? fmt::format("{}nan", sign) : fmt::format("{}nan:{:#x}", sign, payload);
}

std::string func_text(const Module& module, const FunctionNames& names, uint64_t index) {
  if (index >= module.functions.size()) return fmt::format("{}", index);
  return text_identifier(names.of(FuncIdx{static_cast<uint32_t>(index)}));
}

std::string type_text(const Module& module, uint64_t index) {
  if (index >= module.types.size()) return fmt::format("(type {})", index);
  const FuncType& type = module.types[static_cast<size_t>(index)];
  std::string out;
  const auto list = [&](std::string_view word, const std::vector<ValType>& types) {
    if (types.empty()) return;
    out += out.empty() ? "(" : " (";
    out += word;
    for (const ValType t : types) out += fmt::format(" {}", to_string(t));
    out += ')';
  };
  list("param", type.params);
  list("result", type.results);
  return out;
}

std::string block_text(const Module& module, uint64_t value) {
  if (value == kBlockTypeEmpty) return {};
  if (value >= kBlockTypeIndex) return type_text(module, value - kBlockTypeIndex);
  return fmt::format("(result {})", to_string(ValType{static_cast<uint8_t>(value)}));
}

std::string label_table_text(const Instruction& instruction) {
  std::string out;
  LabelReader labels(instruction);
  for (uint64_t i = 0; i <= instruction.index(); ++i) {
    out += fmt::format("{}{}", i == 0 ? "" : " ", labels.next());
  }
  return out;
}

std::string mem_arg_text(const Instruction& instruction) {
  std::string out;
  if (instruction.imm[1].value != 0) out = fmt::format("offset={}", instruction.imm[1].value);
  const uint64_t align = instruction.imm[0].value;
  if (align != info(instruction.op).align) {
    out += fmt::format("{}align={}", out.empty() ? "" : " ", uint64_t{1} << (align & 63));
  }
  return out;
}

std::string lanes_text(ByteView lanes) {
  std::string out;
  for (const uint8_t lane : lanes) out += fmt::format("{}{}", out.empty() ? "" : " ", lane);
  return out;
}

std::string v128_text(ByteView bytes) {
  return fmt::format("i32x4 {:#010x} {:#010x} {:#010x} {:#010x}", load_le<uint32_t>(&bytes[0]),
                     load_le<uint32_t>(&bytes[4]), load_le<uint32_t>(&bytes[8]),
                     load_le<uint32_t>(&bytes[12]));
}

std::string select_text(ByteView types) {
  std::string out = "(result";
  for (const uint8_t type : types) out += fmt::format(" {}", to_string(ValType{type}));
  return out + ')';
}

std::string call_indirect_text(const Module& module, const Instruction& instruction) {
  const uint64_t table = instruction.imm[1].value;
  const std::string type = type_text(module, instruction.index());
  if (table == 0) return type;
  return fmt::format("{}{}{}", table, type.empty() ? "" : " ", type);
}

std::string immediates_text(const Module& module, const FunctionNames& names,
                            const Instruction& instruction) {
  const uint64_t first = instruction.imm[0].value;
  const uint64_t second = instruction.imm[1].value;
  switch (info(instruction.op).imm) {
    case Imm::kNone:
      return {};
    case Imm::kBlockType:
      return block_text(module, first);
    case Imm::kLabelTable:
      return label_table_text(instruction);
    case Imm::kFunc:
      return func_text(module, names, first);
    case Imm::kTypeTable:
      return call_indirect_text(module, instruction);
    case Imm::kTable:
    case Imm::kMemory:
      return first == 0 ? std::string() : fmt::format("{}", first);
    case Imm::kLabel:
    case Imm::kLocal:
    case Imm::kGlobal:
    case Imm::kData:
    case Imm::kElem:
    case Imm::kLane:
      return fmt::format("{}", first);
    case Imm::kMemoryMemory:
    case Imm::kTableTable:
      return first == 0 && second == 0 ? std::string() : fmt::format("{} {}", first, second);
    case Imm::kDataMemory:
    case Imm::kElemTable:
      return second == 0 ? fmt::format("{}", first) : fmt::format("{} {}", second, first);
    case Imm::kMemArg:
      return mem_arg_text(instruction);
    case Imm::kMemArgLane: {
      const std::string arg = mem_arg_text(instruction);
      return fmt::format("{}{}{}", arg, arg.empty() ? "" : " ", instruction.imm[2].value);
    }
    case Imm::kShuffle:
      return lanes_text(instruction.raw);
    case Imm::kV128:
      return v128_text(instruction.raw);
    case Imm::kI32:
    case Imm::kI64:
      return fmt::format("{}", static_cast<int64_t>(first));
    case Imm::kF32:
      return float_text<float>(static_cast<uint32_t>(first), 23);
    case Imm::kF64:
      return float_text<double>(first, 52);
    case Imm::kRefType:
      return first == std::to_underlying(ValType::kFuncRef) ? "func" : "extern";
    case Imm::kSelectTypes:
      return select_text(instruction.raw);
  }
  return {};
}

}  // namespace

std::string text_identifier(std::string_view name) {
  if (!name.empty() && std::ranges::all_of(name, is_identifier_character)) {
    return fmt::format("${}", name);
  }
  return fmt::format("$\"{}\"", name);
}

std::string instruction_text(const Module& module, const FunctionNames& names,
                             const Instruction& instruction) {
  const std::string immediates = immediates_text(module, names, instruction);
  return fmt::format("{}{}{}", info(instruction.op).text, immediates.empty() ? "" : " ",
                     immediates);
}

std::string constant_text(const Instruction& constant) {
  const uint64_t value = constant.index();
  switch (constant.op) {
    case Opcode::kF32Const:
      return float_text<float>(static_cast<uint32_t>(value), 23);
    case Opcode::kF64Const:
      return float_text<double>(value, 52);
    case Opcode::kV128Const:
      return v128_text(constant.raw);
    case Opcode::kRefFunc:
      return fmt::format("function {}", value);
    case Opcode::kRefNull:
      return "null";
    case Opcode::kGlobalGet:
      return fmt::format("global {}", value);
    default:
      return fmt::format("{}", static_cast<int64_t>(value));
  }
}

Result<std::vector<TextLine>> body_text(const Module& module, const FunctionNames& names,
                                        FuncIdx fn) {
  std::vector<TextLine> lines;
  InstructionReader reader = module.instructions(module.function(fn));
  Instruction instruction;
  uint32_t depth = 0;
  while (!reader.at_end()) {
    CANREC_CHECK(reader.next(instruction));
    const Opcode op = instruction.op;
    const bool closes = op == Opcode::kEnd || op == Opcode::kElse;
    const bool opens = op == Opcode::kBlock || op == Opcode::kLoop || op == Opcode::kIf;
    if (closes && depth > 0) --depth;
    lines.push_back({instruction.range(), depth, op, instruction_text(module, names, instruction)});
    if (opens || op == Opcode::kElse) ++depth;
  }
  return lines;
}

}  // namespace canrec::wasm
