// SPDX-License-Identifier: Apache-2.0
#pragma once

// One instruction with every index replaced by what it denotes, so that instructions of two modules
// can be compared. References to functions (and to what holds functions) stay references: a node
// number that identity.h gives a meaning.

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
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

/// How the immediates of an opcode become canonical. Most are what they say, so that they only have
/// to be copied: `a` and `b` are all ones where the first and the second immediate are kept.
struct CanonicalForm {
  enum Kind : uint8_t { kAsItStands, kLocal, kCall, kOther };
  uint64_t a = 0;
  uint64_t b = 0;
  Kind kind = kOther;
};
extern const std::array<CanonicalForm, wasm::kOpcodeCount> kCanonicalForms;

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
  Status next(wasm::Instruction& in, CanonicalInstruction& out) {
    if (dead_ || held_) [[unlikely]] {
      CANREC_CHECK(resume(in));
    } else {
      CANREC_CHECK(reader_.next(in));
    }
    const CanonicalForm& form = kCanonicalForms[std::to_underlying(in.op)];
    out = {.op = in.op,
           .has_labels = false,
           .a = in.imm[0].value & form.a,
           .b = in.imm[1].value & form.b,
           .vector = {}};
    if (form.kind == CanonicalForm::kAsItStands) return Ok{};
    if (form.kind == CanonicalForm::kLocal) return number_local(in, out);
    return other(in, out);
  }

  /// The same for an instruction that can be peeked at and needs no more than copying, as four of
  /// five do. Otherwise false, and nothing has happened: next() reads it.
  bool next_plain(CanonicalInstruction& out) {
    if (dead_ || held_) return false;
    const wasm::PeekedInstruction peeked = reader_.peek();
    if (!peeked.good) return false;
    const CanonicalForm& form = kCanonicalForms[std::to_underlying(peeked.op)];
    out.op = peeked.op;
    out.a = peeked.first & form.a;
    out.b = peeked.second & form.b;
    switch (form.kind) {
      case CanonicalForm::kAsItStands:
        break;
      case CanonicalForm::kLocal:
        if (out.a < type_->params.size()) break;
        if (out.a >= numbers_.size() || numbers_[out.a].function != function_) return false;
        out.b = std::to_underlying(numbers_[out.a].type);
        out.a = type_->params.size() + numbers_[out.a].number;
        break;
      case CanonicalForm::kCall:
        if (peeked.first >= side_.module->functions.size()) return false;
        out.reference = side_.function_node(static_cast<uint32_t>(peeked.first));
        break;
      case CanonicalForm::kOther:
        return false;
    }
    reader_.pass(peeked);
    return true;
  }

 private:
  Status number_local(const wasm::Instruction& in, CanonicalInstruction& out) {
    const uint64_t local = in.index();
    const uint64_t params = type_->params.size();
    if (local < params) return Ok{};
    if (local >= numbers_.size() || numbers_[local].function != function_) {
      CANREC_CHECK(new_number(in));
    }
    out.a = params + numbers_[local].number;
    out.b = std::to_underlying(numbers_[local].type);
    return Ok{};
  }
  Status new_number(const wasm::Instruction& in);
  Status other(wasm::Instruction& in, CanonicalInstruction& out);
  Status resume(wasm::Instruction& in);
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
    wasm::ValType type{};
  };
  std::vector<Number> numbers_;  // by local; grows with the highest local that is used
  uint32_t function_ = 0;        // counts the functions that were begun
  uint32_t next_number_ = 0;
};

}  // namespace canrec::wasmdiff
