// SPDX-License-Identifier: Apache-2.0
// skip-trap: a branch out of the block in place of a trap that stands in the middle of a function.
//
// Compilers write a check as a block that ends with `unreachable`, often behind a call that never
// returns. Behind a branch, too, the validator asks for nothing, so that what else stands in the
// block may stay.
#include <fmt/core.h>

#include "base/checked.h"
#include "patch/draft.h"
#include "patch/operations.h"

namespace canrec::patch {
namespace {

using wasm::FuncIdx;
using wasm::Module;
using wasm::Opcode;

/// How many labels lie between a place and the nearest that is no loop (a branch to a loop begins
/// it anew), and how many values a branch there takes.
struct WayOut {
  uint32_t depth = 0;
  size_t values = 0;
};

size_t values_of(const Module& module, uint64_t block_type) {
  if (block_type == wasm::kBlockTypeEmpty) return 0;
  if (block_type < wasm::kBlockTypeIndex) return 1;
  return module.types[block_type - wasm::kBlockTypeIndex].results.size();
}

Result<WayOut> way_out(const Module& module, const Site& site) {
  std::vector<wasm::Instruction> open;
  CANREC_CHECK(walk(module, site.function, [&](const Site& at) {
    if (at.instruction.offset >= site.instruction.offset) return;
    const Opcode op = at.instruction.op;
    if (op == Opcode::kBlock || op == Opcode::kLoop || op == Opcode::kIf) {
      open.push_back(at.instruction);
    } else if (op == Opcode::kEnd && !open.empty()) {
      open.pop_back();
    }
  }));
  WayOut out;
  while (out.depth < open.size()) {
    const wasm::Instruction& label = open[open.size() - 1 - out.depth];
    if (label.op != Opcode::kLoop) {
      out.values = values_of(module, label.index());
      return out;
    }
    ++out.depth;
  }
  out.values = module.type_of(site.function).results.size();
  return out;
}

Result<wasm::Instruction> instruction_behind(const Module& module, const Site& site) {
  std::optional<wasm::Instruction> found;
  CANREC_CHECK(walk(module, site.function, [&](const Site& at) {
    if (at.instruction.offset == site.instruction.end) found = at.instruction;
  }));
  if (found) return *found;
  return fail(Errc::kPatchSite, site.instruction.offset, "this is the end of the function");
}

}  // namespace

Result<Plan> skip_trap(const wasm::LoadedModule& input, std::string_view site) {
  const Module& module = input.module;
  const Places places(module);
  CANREC_TRY(const Site found, places.instruction(site));
  const wasm::Instruction& instruction = found.instruction;
  CANREC_CHECK(check_reachable(found));
  wasm::ByteRange range = instruction.range();
  Code code;
  if (instruction.op != Opcode::kUnreachable) {
    CANREC_TRY(const wasm::Instruction behind, instruction_behind(module, found));
    if (instruction.op != Opcode::kCall || behind.op != Opcode::kUnreachable) {
      return fail(Errc::kPatchSite, instruction.offset,
                  "is no trap: neither `unreachable` nor a call with `unreachable` behind it");
    }
    const auto callee = FuncIdx{narrow<uint32_t>(instruction.index())};
    for (size_t i = 0; i < module.type_of(callee).params.size(); ++i) code.op(Opcode::kDrop);
    range.end = behind.end;
  }
  CANREC_TRY(const WayOut out, way_out(module, found));
  if (out.values != 0) {
    return fail(Errc::kPatchSite, instruction.offset,
                "the block around the trap yields a value, which nobody computed: use canrec patch "
                "edit");
  }
  code.op(Opcode::kBr, out.depth);
  CANREC_TRY(Draft draft, Draft::begin(module));
  draft.in_body(range, code.bytes(), "leave the block in place of the trap");
  return std::move(draft).finish(input, fmt::format("skip-trap {}", places.describe(found)));
}

}  // namespace canrec::patch
