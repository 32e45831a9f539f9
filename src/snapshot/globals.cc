// SPDX-License-Identifier: Apache-2.0
// Types, initial values and texts of globals.
#include "snapshot/globals.h"

#include <fmt/core.h>

#include <bit>
#include <cmath>
#include <utility>

namespace canrec::snapshot {

GlobalType global_type(wasm::ValType type) {
  switch (type) {
    case wasm::ValType::kI64:
      return GlobalType::kI64;
    case wasm::ValType::kF32:
      return GlobalType::kF32;
    case wasm::ValType::kF64:
      return GlobalType::kF64;
    case wasm::ValType::kV128:
      return GlobalType::kV128;
    default:
      return GlobalType::kI32;
  }
}

std::optional<GlobalValue> initial_value(const wasm::Module& module, wasm::GlobalIdx global) {
  for (uint32_t index = std::to_underlying(global);;) {
    const wasm::Global& found = module.globals[index];
    if (found.import) return std::nullopt;
    const wasm::Instruction& init = found.init.instruction;
    GlobalValue value{global_type(found.type.type)};
    switch (init.op) {
      case wasm::Opcode::kI32Const:
      case wasm::Opcode::kF32Const:
        value.low = static_cast<uint32_t>(init.imm[0].value);
        return value;
      case wasm::Opcode::kI64Const:
      case wasm::Opcode::kF64Const:
        value.low = init.imm[0].value;
        return value;
      case wasm::Opcode::kV128Const:
        value.low = load_le<uint64_t>(init.raw.data());
        value.high = load_le<uint64_t>(init.raw.data() + 8);
        return value;
      case wasm::Opcode::kGlobalGet:
        if (init.index() >= index) return std::nullopt;  // only of an earlier one: this ends
        index = static_cast<uint32_t>(init.index());
        break;
      default:
        return std::nullopt;
    }
  }
}

Status check_finite(const GlobalValue& value) {
  const bool finite =
      value.type == GlobalType::kF32
          ? std::isfinite(std::bit_cast<float>(static_cast<uint32_t>(value.low)))
          : value.type != GlobalType::kF64 || std::isfinite(std::bit_cast<double>(value.low));
  if (finite) return Ok{};
  return fail(Errc::kSnapshotMetadata,
              fmt::format("{} is a NaN or an infinity, which metadata.json cannot hold",
                          to_string(value.type)));
}

std::string value_text(const GlobalValue& value) {
  switch (value.type) {
    case GlobalType::kI32:
      return fmt::format("{}", static_cast<int32_t>(value.low));
    case GlobalType::kI64:
      return fmt::format("{}", static_cast<int64_t>(value.low));
    case GlobalType::kF32:
      return fmt::format("bits 0x{:08x}", value.low);
    case GlobalType::kF64:
      return fmt::format("bits 0x{:016x}", value.low);
    case GlobalType::kV128:
      return fmt::format("bits 0x{:016x}{:016x}", value.high, value.low);
  }
  return {};
}

}  // namespace canrec::snapshot
