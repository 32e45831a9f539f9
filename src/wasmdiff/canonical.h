// SPDX-License-Identifier: Apache-2.0
#pragma once

// One instruction with every index replaced by what it denotes, so that instructions of two modules
// can be compared. References to functions (and to what holds functions) stay references: a node
// number that identity.h gives a meaning.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"
#include "wasm/module.h"
#include "wasmdiff/denotation.h"

namespace canrec::wasmdiff {

/// Numbers of everything whose meaning depends on functions, within one module: the functions, then
/// the element segments, then the globals.
using Node = uint32_t;
inline constexpr Node kNoNode = 0xffffffff;

/// One module of a comparison.
struct Side {
  const wasm::Module* module = nullptr;
  const Denotations* denotations = nullptr;

  Node function_node(uint32_t fn) const { return fn; }
  Node element_node(uint32_t segment) const {
    return static_cast<Node>(module->functions.size() + segment);
  }
  Node global_node(uint32_t global) const {
    return static_cast<Node>(module->functions.size() + module->elements.size() + global);
  }
  size_t nodes() const {
    return module->functions.size() + module->elements.size() + module->globals.size();
  }
};

/// An instruction without indices. Equal values of all fields, with `reference` read through a
/// function identity and `vector` compared as bytes, mean the same instruction.
struct CanonicalInstruction {
  wasm::Opcode op{};
  bool has_labels = false;  ///< `vector` is the label vector of a br_table, to be read as LEB128s
  Node reference = kNoNode;
  uint64_t a = 0;  ///< constant, local, depth, alignment and lane, denotation of a type, ...
  uint64_t b = 0;  ///< offset of a memory access, table or memory index
  ByteView vector;
};

/// Reads bodies, instruction by instruction, in canonical form. Beside indices it evens out what
/// tools rewrite without changing a function: declared locals are numbered by first use (with their
/// type), so that unused ones and their order do not count; an empty `else` is left out, and so is
/// what stands between an instruction that never falls through and the end of its block.
class CanonicalReader {
 public:
  explicit CanonicalReader(const Side& side) : side_(side) {}

  /// Begins a defined function.
  /// Errors: those of read_locals.
  Status begin(const wasm::Function& fn);
  bool at_end() const { return !held_ && reader_.at_end(); }
  /// The next instruction, as it stands and in canonical form.
  /// Errors: those of the decoder; kWasmIndex when an index names nothing in the module.
  Status next(wasm::Instruction& in, CanonicalInstruction& out);

 private:
  Status number_local(CanonicalInstruction& out, const wasm::Instruction& in);
  Status fetch(wasm::Instruction& in);
  Status skip_dead(wasm::Instruction& in);

  const Side& side_;
  wasm::InstructionReader reader_{ByteView{}, 0};
  std::optional<wasm::Instruction> held_;  // read ahead, behind an `else`
  bool dead_ = false;                      // the last instruction never falls through
  const wasm::FuncType* type_ = nullptr;
  struct Group {
    uint64_t end;  // one past its last local
    wasm::ValType type;
  };
  std::vector<Group> groups_;
  struct Number {
    uint32_t function = 0;  // whose number it is
    uint32_t number = 0;
  };
  std::vector<Number> numbers_;  // by local; grows with the highest local that is used
  uint32_t function_ = 0;        // counts the functions that were begun
  uint32_t next_number_ = 0;
};

}  // namespace canrec::wasmdiff
