// SPDX-License-Identifier: Apache-2.0
// Counting the instructions of a module as the network compiles it.
#include "executor/compile_cost.h"

#include <algorithm>

#include "ic/limits.h"
#include "wasm/instruction.h"

namespace canrec::executor {
namespace {

using enum wasm::Opcode;

constexpr uint64_t kCharge = 4;
constexpr uint64_t kTest = 6;
constexpr uint64_t kGrowCheck = 3;
constexpr uint64_t kHelpers = 72;
constexpr uint64_t kInitialiser = 2;  // of a global: a constant and its end

// Where a metering segment ends (system-api.md 5.2).
bool cuts(wasm::Opcode op) {
  switch (op) {
    case kLoop:
    case kIf:
    case kElse:
    case kEnd:
    case kBr:
    case kBrIf:
    case kBrTable:
    case kReturn:
    case kUnreachable:
    case kReturnCall:
    case kReturnCallIndirect:
      return true;
    default:
      return false;
  }
}

// What stands in front of an instruction, or behind it, beside the charges of segments.
uint64_t added_at(wasm::Opcode op, bool is_64) {
  switch (op) {
    case kMemoryFill:
    case kMemoryCopy:
    case kTableFill:
    case kTableCopy:
      return is_64 ? 1 : 3;
    case kMemoryInit:
    case kTableInit:
      return 3;
    case kMemoryGrow:
      return kGrowCheck;
    default:
      return 0;
  }
}

Result<uint64_t> count_body(const wasm::Module& module, const wasm::Function& function) {
  const bool is_64 = module.is_64();
  uint64_t count = 0;
  uint64_t cost = 1;    // of the segment under way
  bool entered = true;  // its start is the function's entry or a loop header
  wasm::InstructionReader reader = module.instructions(function);
  wasm::Instruction instruction;
  while (!reader.at_end()) {
    CANREC_CHECK(reader.next(instruction));
    const wasm::OpcodeInfo& info = wasm::info(instruction.op);
    count += 1 + added_at(instruction.op, is_64);
    cost += is_64 ? info.weight64 : info.weight32;
    if (!cuts(instruction.op)) continue;
    if (entered) {
      count += kCharge + kTest;
    } else if (cost > 0) {
      count += kCharge;
    }
    cost = 0;
    entered = instruction.op == kLoop;
  }
  return count;
}

}  // namespace

Result<uint64_t> compile_cost(const wasm::Module& module) {
  uint64_t count = kHelpers + kInitialiser * module.globals.size();
  for (const wasm::Function& function : module.functions) {
    if (function.is_import()) continue;
    CANREC_TRY(const uint64_t body, count_body(module, function));
    count += body;
  }
  return ic::limits::kCompileInstructionsBase + count * ic::limits::kCompileInstructionsPerOperator;
}

uint64_t refused_compile_cost(ByteView stored) {
  constexpr size_t kShortestGzip = 18;
  uint64_t bytes = stored.size();
  if (stored.size() >= kShortestGzip && stored[0] == 0x1f && stored[1] == 0x8b) {
    bytes = std::max<uint64_t>(bytes, load_le<uint32_t>(stored.last(4).data()));
  }
  return ic::limits::kCompileInstructionsBase + bytes * ic::limits::kCompileInstructionsPerOperator;
}

}  // namespace canrec::executor
