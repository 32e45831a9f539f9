// SPDX-License-Identifier: Apache-2.0
#pragma once

// Type checking of function bodies: the algorithm in the specification's appendix, with both stacks
// on the heap. Internal to validate.cc.
// Source: https://webassembly.github.io/spec/core/appendix/algorithm.html

#include <cstdint>
#include <span>
#include <vector>

#include "wasm/module.h"

namespace canrec::wasm {

/// What bodies may refer to beside the module itself.
struct ValidationContext {
  const Module& module;
  /// Functions that occur outside of bodies; only these may stand in ref.func.
  std::vector<bool> declared;
};

/// Checks bodies one after another and keeps its stacks for the next one.
class FunctionValidator {
 public:
  explicit FunctionValidator(const ValidationContext& context);

  /// Checks one defined function.
  /// Errors: kWasmInvalid, kWasmMalformed, kWasmIndex, kLimit and those of decoding.
  Status check(FuncIdx fn);

 private:
  using Types = std::span<const ValType>;

  struct Frame {
    Opcode opener;
    bool unreachable;
    size_t height;  // of the operand stack below the block
    Types params;
    Types results;
    uint64_t stamp;  // the last br_table that checked this label
    Types label() const { return opener == Opcode::kLoop ? params : results; }
  };

  Status begin(const Function& fn, const FuncType& type);
  Status step(const Instruction& in);
  Status special(const Instruction& in);
  Status local(const Instruction& in);
  Status global(const Instruction& in);
  Status table(const Instruction& in);
  Status reference(const Instruction& in);

  Status block(const Instruction& in);
  Status otherwise(const Instruction& in);
  Status end(const Instruction& in);
  Status branch(const Instruction& in);
  Status branch_if(const Instruction& in);
  Status branch_table(const Instruction& in);
  Status call(const Instruction& in, const FuncType& type, bool tail);
  Status call_indirect(const Instruction& in, bool tail);
  Status select(const Instruction& in);
  Status select_typed(const Instruction& in);
  Status check_memory(const Instruction& in);
  Status check_segments(const Instruction& in);
  Status check_lane(const Instruction& in);

  Status push_frame(Opcode opener, Types params, Types results, const Instruction& in);
  Status pop_frame(const Instruction& in);
  Result<Frame*> label(const Instruction& in, uint64_t depth, uint64_t offset);

  Status pop(ValType type, const Instruction& in);
  Status pop_slow(ValType type, const Instruction& in);
  Result<uint8_t> pop_any(const Instruction& in);
  Status pop(Types types, const Instruction& in);
  Status push(ValType type, const Instruction& in);
  Status push(Types types, const Instruction& in);
  Status matches(Types types, const Instruction& in) const;
  void unreachable();

  Result<ValType> far_local(const Instruction& in) const;
  Result<const Table*> table_at(const Instruction& in, unsigned immediate) const;
  std::unexpected<Error> invalid(const Instruction& in, std::string message) const;

  const ValidationContext& context_;
  const Module& module_;
  ValType address_;  // of the memory
  std::vector<uint8_t> operands_;
  std::vector<Frame> frames_;
  size_t floor_ = 0;  // height of the innermost frame
  uint64_t tables_seen_ = 0;

  // Types of the first locals one by one, of the others by groups: a body of a few bytes may
  // declare 50,000 locals.
  static constexpr size_t kFlatLocals = 256;
  struct LocalRun {
    uint64_t end;
    ValType type;
  };
  std::vector<ValType> flat_locals_;
  std::vector<LocalRun> local_runs_;
  uint64_t local_count_ = 0;
};

}  // namespace canrec::wasm
