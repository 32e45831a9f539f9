// SPDX-License-Identifier: Apache-2.0
#pragma once

// The operand stack of the translator: descriptions of operands instead of operands.
//
//   kTemp    lies in the slot that belongs to its stack position
//   kLocal   a local.get that was not carried out: users read the local's slot
//   kConst   a constant that was not carried out: users take it as an immediate
//
// A pending local is copied to its own slot before the local is written and before any block, so
// that all paths through a block agree. Constants may stay pending anywhere.

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/emitter.h"

namespace canrec::engine {

/// The translator's second layer. Every entry is carried out at most once.
class OperandStack : protected Emitter {
 protected:
  enum class Kind : uint8_t { kTemp, kLocal, kConst };
  struct Entry {
    Kind kind;
    ValType type;
    uint32_t slot;      // of its stack position
    uint32_t local;     // of kLocal
    uint32_t previous;  // of kLocal: the next older entry of the same local, index + 1
    uint64_t bits;      // of kConst
  };

  // Gives the locals their slots; operands begin behind them.
  void lay_out_locals(std::vector<ValType> types) {
    local_types_ = std::move(types);
    for (const ValType type : local_types_) {
      local_slots_.push_back(locals_end_);
      locals_end_ += width(type);
    }
    pending_.resize(local_types_.size());
    need_slots(locals_end_);
  }

  uint32_t top_slot() const {
    return stack_.empty() ? locals_end_ : stack_.back().slot + width(stack_.back().type);
  }
  void need_slots(uint32_t end) { max_slots_ = std::max(max_slots_, end); }
  uint32_t push(ValType type) {
    const uint32_t slot = top_slot();
    stack_.push_back({Kind::kTemp, type, slot, 0, 0, 0});
    need_slots(slot + width(type));
    return slot;
  }
  void push_constant(ValType type, uint64_t bits) {
    push(type);
    stack_.back().kind = Kind::kConst;
    stack_.back().bits = bits;
  }
  void push_local(uint32_t local) {
    push(local_types_[local]);
    Entry& entry = stack_.back();
    entry.kind = Kind::kLocal;
    entry.local = local;
    entry.previous = std::exchange(pending_[local], static_cast<uint32_t>(stack_.size()));
  }
  Entry pop() {
    const Entry entry = stack_.back();
    if (entry.kind == Kind::kLocal) pending_[entry.local] = entry.previous;
    stack_.pop_back();
    flushed_ = std::min(flushed_, stack_.size());
    return entry;
  }
  void pop(size_t n) {
    for (; n > 0; --n) pop();
  }
  // The slot to read an operand from, made to hold it where it is a constant.
  uint32_t use(const Entry& entry) {
    if (entry.kind == Kind::kLocal) return local_slots_[entry.local];
    if (entry.kind == Kind::kConst) constant(entry.slot, entry.bits);
    return entry.slot;
  }
  uint32_t pop_slot() { return use(pop()); }
  // Puts a pending entry into its own slot. For a kLocal the caller mends the pending list.
  void carry_out(Entry& entry) {
    if (entry.kind == Kind::kLocal) copy(entry.slot, local_slots_[entry.local], entry.type);
    if (entry.kind == Kind::kConst) constant(entry.slot, entry.bits);
    entry.kind = Kind::kTemp;
  }
  // Carries out every local.get of `local` that is still pending, before the local changes.
  void preserve(uint32_t local) {
    while (pending_[local] != 0) {
      Entry& entry = stack_[pending_[local] - 1];
      pending_[local] = entry.previous;
      carry_out(entry);
    }
  }
  void flush_locals() {
    for (; flushed_ < stack_.size(); ++flushed_) {
      Entry& entry = stack_[flushed_];
      if (entry.kind != Kind::kLocal) continue;
      pending_[entry.local] = 0;
      carry_out(entry);
    }
  }
  // Puts the top n entries into their own slots, one behind the other.
  void carry_out_top(size_t n) {
    for (size_t i = stack_.size() - n; i < stack_.size(); ++i) {
      Entry& entry = stack_[i];
      if (entry.kind == Kind::kLocal) {
        preserve(entry.local);
      } else {
        carry_out(entry);
      }
    }
  }
  void truncate(size_t height) {
    while (stack_.size() > height) pop();
  }
  // Whether the last instruction made this entry and nothing has used or could jump over it.
  bool just_made(const Entry& entry) const {
    return last_.known && entry.kind == Kind::kTemp && last_.destination == entry.slot;
  }

  std::vector<ValType> local_types_;
  std::vector<uint32_t> local_slots_;
  uint32_t locals_end_ = 0;
  uint32_t max_slots_ = 0;
  std::vector<Entry> stack_;
  std::vector<uint32_t> pending_;  // local -> its topmost pending entry, index + 1
  size_t flushed_ = 0;             // no entry below is a pending local
};

}  // namespace canrec::engine
