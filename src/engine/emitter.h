// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes internal code: words, jumps whose targets come later, and where instructions came from.

#include <vector>

#include "engine/code.h"
#include "engine/interpreter.h"
#include "wasm/types.h"

namespace canrec::engine {

/// Slots that a value of the type takes.
inline uint32_t width(wasm::ValType type) { return type == wasm::ValType::kV128 ? 2 : 1; }

/// The lowest layer of the translator. `last_` is the instruction that was emitted last, as long as
/// it may still be changed.
class Emitter {
 protected:
  using ValType = wasm::ValType;

  // A jump whose target and charge are told when its label is reached; byte offsets in the code.
  struct Fixup {
    uint64_t instruction;
    uint64_t target;
    uint64_t cost;
  };

  uint64_t here() const { return words_.size() * 8; }
  uint64_t emit(Op op) {
    const uint64_t offset = here();
    words_.push_back(reinterpret_cast<uint64_t>(handlers()[static_cast<size_t>(op)]));
    last_ = {offset, op, 0, false};
    return offset;
  }
  void word(uint64_t bits) { words_.push_back(bits); }
  void slots(uint64_t d, uint64_t a, uint64_t b = 0, uint64_t c = 0) {
    word((d & 0xffff) | (a & 0xffff) << 16 | (b & 0xffff) << 32 | c << 48);
  }
  void slots_imm(uint64_t d, uint64_t a, uint32_t imm) {
    word((d & 0xffff) | (a & 0xffff) << 16 | uint64_t{imm} << 32);
  }
  void halves(uint32_t low, uint32_t high) { word(low | uint64_t{high} << 32); }
  // The instruction just emitted writes `slot` and nothing else, named in its first u16.
  void writes(uint32_t slot) {
    last_.destination = slot;
    last_.known = true;
  }
  void site() { sites_.push_back({static_cast<uint32_t>(here()), static_cast<uint32_t>(at_)}); }
  void write32(uint64_t offset, uint32_t value) {
    uint64_t& at = words_[offset / 8];
    const uint64_t shift = offset % 8 * 8;
    at = (at & ~(uint64_t{0xffffffff} << shift)) | uint64_t{value} << shift;
  }

  void copy(uint32_t destination, uint32_t source, ValType type) {
    if (destination == source) return;
    emit(type == ValType::kV128 ? Op::kCopy128 : Op::kCopy);
    slots(destination, source);
    writes(destination);
  }
  void constant(uint32_t destination, uint64_t bits) {
    if (bits <= UINT32_MAX) {
      emit(Op::kConst32);
      slots_imm(destination, 0, static_cast<uint32_t>(bits));
    } else {
      emit(Op::kConst64);
      slots(destination, 0);
      word(bits);
    }
    writes(destination);
  }

  void remove_last() {
    words_.resize(last_.offset / 8);
    last_.known = false;
  }
  void bind(const Fixup& fixup, uint64_t target, uint32_t cost) {
    write32(fixup.target, static_cast<uint32_t>(target - fixup.instruction));
    write32(fixup.cost, cost);
  }
  // The fixup of a conditional branch.
  static Fixup forward(uint64_t conditional) {
    return {conditional, conditional + kBrTarget, conditional + kBrTaken};
  }
  Fixup jump() {
    const uint64_t at = emit(Op::kJump);
    halves(0, 0);
    return {at, at + kJumpTarget, at + kJumpCost};
  }

  uint64_t at_ = 0;  // module offset of the current instruction
  std::vector<uint64_t> words_;
  std::vector<Site> sites_;
  struct Last {
    uint64_t offset = 0;
    Op op{};
    uint32_t destination = 0;
    bool known = false;  // it writes `destination`, no label is behind it
  } last_;
};

}  // namespace canrec::engine
