// SPDX-License-Identifier: Apache-2.0
// Constants before a call, and what they point to in the static data.
#include "recover/panic_site.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace canrec::recover {
namespace {

constexpr uint32_t kLocationBytes = 16;
constexpr uint32_t kMostText = 4096;  // of a path or a message; rustc's are far shorter

// `size` bytes at `address` as the module's data segments put them there; empty when none does.
ByteView static_bytes(const wasm::Module& module, uint32_t address, uint32_t size) {
  for (const wasm::DataSegment& segment : module.data) {
    if (segment.mode != wasm::SegmentMode::kActive) continue;
    const wasm::Instruction& offset = segment.offset.instruction;
    if (offset.op != wasm::Opcode::kI32Const) continue;
    const auto begin = static_cast<uint32_t>(offset.imm[0].value);
    if (address < begin) continue;
    const uint64_t at = address - begin;
    if (at + size > segment.bytes.size()) continue;
    return module.view(segment.bytes).subspan(static_cast<size_t>(at), size);
  }
  return {};
}

// The text there, when every byte of it could stand in a message or a path.
std::optional<std::string> static_text(const wasm::Module& module, uint32_t address,
                                       uint32_t size) {
  if (size == 0 || size > kMostText) return std::nullopt;
  const ByteView bytes = static_bytes(module, address, size);
  const auto readable = [](uint8_t byte) { return byte >= 0x20 || byte == '\n'; };
  if (bytes.empty() || !std::ranges::all_of(bytes, readable)) return std::nullopt;
  return std::string(bytes.begin(), bytes.end());
}

// Text that two words in the static data point to: address and length.
std::optional<std::string> text_at(const wasm::Module& module, uint32_t address) {
  const ByteView bytes = static_bytes(module, address, 8);
  if (bytes.empty()) return std::nullopt;
  return static_text(module, load_le<uint32_t>(bytes.data()), load_le<uint32_t>(bytes.data() + 4));
}

std::optional<PanicSite> location(const wasm::Module& module, uint32_t address) {
  const ByteView bytes = static_bytes(module, address, kLocationBytes);
  auto file = text_at(module, address);
  if (bytes.empty() || !file || !file->ends_with(".rs")) return std::nullopt;
  PanicSite site;
  site.file = std::move(*file);
  site.line = load_le<uint32_t>(bytes.data() + 8);
  site.column = load_le<uint32_t>(bytes.data() + 12);
  if (site.line == 0 || site.column == 0) return std::nullopt;
  return site;
}

// The constant that each instruction before the one at `offset` pushes, nothing for other
// instructions; from the last place on where control may come from elsewhere or go there.
using Constants = std::vector<std::optional<uint32_t>>;

Constants constants_before(const wasm::Module& module, const wasm::Function& function,
                           uint64_t offset) {
  Constants out;
  wasm::InstructionReader reader = module.instructions(function);
  wasm::Instruction instruction;
  while (!reader.at_end() && reader.pos() < offset) {
    if (!reader.next(instruction)) return {};
    switch (wasm::info(instruction.op).imm) {
      case wasm::Imm::kBlockType:
      case wasm::Imm::kLabel:
      case wasm::Imm::kLabelTable:
      case wasm::Imm::kFunc:
      case wasm::Imm::kTypeTable:
        out.clear();
        continue;
      default:
        break;
    }
    if (instruction.op == wasm::Opcode::kEnd || instruction.op == wasm::Opcode::kElse) {
      out.clear();
    } else if (instruction.op == wasm::Opcode::kI32Const) {
      out.emplace_back(static_cast<uint32_t>(instruction.imm[0].value));
    } else {
      out.emplace_back(std::nullopt);
    }
  }
  return reader.pos() == offset ? out : Constants{};
}

// The nearest text before the Location, which is the last of `constants`.
void find_message(const wasm::Module& module, const Constants& constants, PanicSite& site) {
  for (size_t i = constants.size() - 1; i-- > 0;) {
    if (!constants[i]) continue;
    const bool is_pair = i + 2 < constants.size() && constants[i + 1].has_value();
    if (auto text = is_pair ? static_text(module, *constants[i], *constants[i + 1])
                            : text_at(module, *constants[i])) {
      site.message = std::move(*text);
      site.is_whole = is_pair;
      return;
    }
  }
}

}  // namespace

std::string PanicSite::sentence() const {
  const std::string place =
      fmt::format("it panicked at {}:{}:{}, in {}", file, line, column, caller);
  if (message.empty()) return place + "; its words are not in the code";
  return fmt::format("{}, with {} \"{}\"", place, is_whole ? "the words" : "words that begin",
                     message);
}

std::optional<PanicSite> panic_site(const wasm::Module& module,
                                    std::span<const executor::Frame> backtrace) {
  for (const executor::Frame& frame : backtrace) {
    if (frame.function >= module.functions.size()) continue;
    const wasm::Function& function = module.functions[frame.function];
    if (function.is_import()) continue;
    const Constants constants = constants_before(module, function, frame.offset);
    if (constants.empty() || !constants.back()) continue;
    auto site = location(module, *constants.back());
    if (!site) continue;
    site->caller = frame.name;
    find_message(module, constants, *site);
    return site;
  }
  return std::nullopt;
}

}  // namespace canrec::recover
