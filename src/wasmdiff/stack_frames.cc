// SPDX-License-Identifier: Apache-2.0
// A forward dataflow over each body that writes the global. What is known at a place is: the
// global's value and that of a few locals, where they are the value at entry plus a constant.
//
//   global.get 0  i32.const 16  i32.sub  local.tee 1  global.set 0     global = local 1 = entry -
//   16
//   ...
//   local.get 1   i32.const 16  i32.add  global.set 0                  global = entry
//
// Where paths meet only what is the same on all of them stays known. Loops are walked again until
// what comes back to their heads adds nothing. A callee counts as one that puts the global back:
// that is what is shown of all functions at once, by induction over the calls. LLVM goes on with
// what memset, memcpy and memmove return, so callees that return their first argument are told.
#include "wasmdiff/stack_frames.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

namespace canrec::wasmdiff {
namespace {

using wasm::Instruction;
using wasm::Opcode;

// More of these than any compiler makes: what is beyond them counts as not understood.
constexpr size_t kMostLocals = 16;
constexpr size_t kMostBlocks = 10'000;
constexpr int kMostRounds = 16;

// A value on the operand stack: nothing known, a constant, or the value at entry plus a number.
struct Value {
  enum Kind : uint8_t { kUnknown, kConstant, kEntry };
  Kind kind = kUnknown;
  uint64_t number = 0;
  bool operator==(const Value&) const = default;
};
constexpr Value kAtEntry = {Value::kEntry, 0};

// What is known at a place that can be reached.
struct Facts {
  Value global = kAtEntry;
  std::map<uint64_t, Value> locals;  // those that are kEntry
  bool operator==(const Facts&) const = default;
};
using Place = std::optional<Facts>;  // nothing = cannot be reached

void join(Place& into, const Place& from) {
  if (!from) return;
  if (!into) {
    into = from;
    return;
  }
  if (into->global != from->global) into->global = {};
  std::erase_if(into->locals, [&](const auto& entry) {
    const auto other = from->locals.find(entry.first);
    return other == from->locals.end() || other->second != entry.second;
  });
}

// The functions that return their first parameter, which they never write, whatever the way out.
class FirstReturned {
 public:
  explicit FirstReturned(const wasm::Module& module) : module_(module) {}

  bool operator()(uint32_t function) {
    const auto [known, is_new] = known_.try_emplace(function, false);
    if (is_new) known->second = look(function);
    return known->second;
  }

 private:
  bool look(uint32_t function) const {
    const wasm::Function& fn = module_.functions[function];
    const wasm::FuncType& type = module_.type_of(wasm::FuncIdx{function});
    if (fn.is_import() || type.params.empty() || type.results.size() != 1) return false;
    wasm::InstructionReader reader = module_.instructions(fn);
    Instruction at;
    bool pushed = false;  // the instruction before is `local.get 0`
    uint64_t depth = 0;
    while (!reader.at_end()) {
      if (!reader.next(at)) return false;
      switch (at.op) {
        case Opcode::kBlock:
        case Opcode::kLoop:
        case Opcode::kIf:
          ++depth;
          break;
        case Opcode::kEnd:
          if (depth-- == 0 && !pushed) return false;
          break;
        case Opcode::kReturn:
          if (!pushed) return false;
          break;
        case Opcode::kLocalSet:
        case Opcode::kLocalTee:
          if (at.index() == 0) return false;
          break;
        case Opcode::kBr:
        case Opcode::kBrIf:
          if (at.index() >= depth) return false;
          break;
        case Opcode::kBrTable: {
          wasm::LabelReader labels(at);
          for (uint64_t i = 0; i <= at.imm[0].value; ++i) {
            if (labels.next() >= depth) return false;
          }
          break;
        }
        case Opcode::kReturnCall:
        case Opcode::kReturnCallIndirect:
          return false;
        default:
          break;
      }
      pushed = at.op == Opcode::kLocalGet && at.index() == 0;
    }
    return true;
  }

  const wasm::Module& module_;
  std::map<uint32_t, bool> known_;
};

class Body {
 public:
  Body(const wasm::Module& module, FirstReturned& first_returned, const wasm::Function& fn,
       uint32_t global)
      : module_(module),
        first_returned_(first_returned),
        fn_(fn),
        global_(global),
        wide_(module.globals[global].type.type == wasm::ValType::kI64) {}

  // Whether every way out leaves the global as it was at entry. Walks no more bytes than are left.
  bool puts_back(uint64_t& bytes_left) {
    for (int round = 0; round < kMostRounds && fn_.code.size() <= bytes_left; ++round) {
      bytes_left -= fn_.code.size();
      loops_changed_ = false;
      if (!walk()) return false;
      if (!loops_changed_) return true;
    }
    return false;
  }

 private:
  struct Block {
    Opcode op{};
    uint64_t offset = 0;
    Place otherwise;  // of an `if`: where its `else` begins
    Place exit;       // what branches to its end know
  };

  bool walk() {
    here_ = Facts{};
    blocks_.clear();
    stack_.clear();
    good_ = true;
    wasm::InstructionReader reader = module_.instructions(fn_);
    Instruction at;
    while (good_ && !reader.at_end()) {
      if (!reader.next(at)) return false;
      if (!control(at) && here_) plain(at);
    }
    return good_;
  }

  // A way out of the function.
  void leave(const Place& from) { good_ = good_ && (!from || from->global == kAtEntry); }

  void branch(uint64_t depth) {
    if (depth >= blocks_.size()) {
      leave(here_);
      return;
    }
    Block& block = blocks_[blocks_.size() - 1 - depth];
    if (block.op != Opcode::kLoop) {
      join(block.exit, here_);
      return;
    }
    Place& head = loops_[block.offset];
    const Place before = head;
    join(head, here_);
    loops_changed_ = loops_changed_ || head != before;
  }

  // Instructions that steer; what lies on the stack across them is not followed.
  bool control(const Instruction& at) {
    switch (at.op) {
      case Opcode::kBlock:
      case Opcode::kLoop:
      case Opcode::kIf:
        open(at);
        break;
      case Opcode::kElse:
        if (blocks_.empty()) return true;
        join(blocks_.back().exit, here_);
        here_ = std::exchange(blocks_.back().otherwise, std::nullopt);
        break;
      case Opcode::kEnd:
        close();
        break;
      case Opcode::kBrIf:
        branch(at.index());
        break;
      case Opcode::kBr:
        branch(at.index());
        here_.reset();
        break;
      case Opcode::kBrTable: {
        wasm::LabelReader labels(at);
        for (uint64_t i = 0; i <= at.imm[0].value; ++i) branch(labels.next());
        here_.reset();
        break;
      }
      case Opcode::kReturn:
      case Opcode::kReturnCall:
      case Opcode::kReturnCallIndirect:
        leave(here_);
        here_.reset();
        break;
      case Opcode::kUnreachable:
        here_.reset();
        break;
      default:
        return false;
    }
    stack_.clear();
    return true;
  }

  void open(const Instruction& at) {
    if (blocks_.size() >= kMostBlocks) {
      good_ = false;
      return;
    }
    if (at.op == Opcode::kLoop && here_) {
      Place& head = loops_[at.offset];
      join(head, here_);
      here_ = head;
    }
    blocks_.push_back({at.op, at.offset, at.op == Opcode::kIf ? here_ : std::nullopt, {}});
  }

  void close() {
    if (blocks_.empty()) {
      leave(here_);
      here_.reset();
      return;
    }
    // An `if` without `else` goes on where it began.
    join(here_, blocks_.back().otherwise);
    join(here_, blocks_.back().exit);
    blocks_.pop_back();
  }

  Value pop() {
    if (stack_.empty()) return {};
    const Value value = stack_.back();
    stack_.pop_back();
    return value;
  }

  void set_local(uint64_t local, const Value& value) {
    here_->locals.erase(local);
    if (value.kind == Value::kEntry && here_->locals.size() < kMostLocals) {
      here_->locals.emplace(local, value);
    }
  }

  Value get_local(uint64_t local) const {
    const auto found = here_->locals.find(local);
    return found == here_->locals.end() ? Value{} : found->second;
  }

  // The global's width is that of the arithmetic: a value at entry has no other type.
  Value sum(const Value& a, const Value& b, bool minus) const {
    if (b.kind != Value::kConstant && (minus || a.kind != Value::kConstant)) return {};
    if (a.kind == Value::kUnknown || b.kind == Value::kUnknown) return {};
    const Value::Kind kind = a.kind == Value::kConstant ? b.kind : a.kind;
    const uint64_t number = minus ? a.number - b.number : a.number + b.number;
    return {kind, wide_ ? number : static_cast<uint32_t>(number)};
  }

  void plain(const Instruction& at) {
    switch (at.op) {
      case Opcode::kLocalGet:
        stack_.push_back(get_local(at.index()));
        return;
      case Opcode::kLocalSet:
        set_local(at.index(), pop());
        return;
      case Opcode::kLocalTee:
        set_local(at.index(), stack_.empty() ? Value{} : stack_.back());
        return;
      case Opcode::kGlobalGet:
        stack_.push_back(at.index() == global_ ? here_->global : Value{});
        return;
      case Opcode::kGlobalSet: {
        const Value value = pop();
        if (at.index() == global_) here_->global = value;
        return;
      }
      case Opcode::kI32Const:
      case Opcode::kI64Const:
        stack_.push_back((at.op == Opcode::kI64Const) == wide_
                             ? Value{Value::kConstant, at.imm[0].value}
                             : Value{});
        return;
      case Opcode::kI32Add:
      case Opcode::kI64Add:
      case Opcode::kI32Sub:
      case Opcode::kI64Sub: {
        const bool minus = at.op == Opcode::kI32Sub || at.op == Opcode::kI64Sub;
        const Value b = pop();
        const Value a = pop();
        stack_.push_back(sum(a, b, minus));
        return;
      }
      case Opcode::kCall:
        call(static_cast<uint32_t>(at.index()));
        return;
      case Opcode::kCallIndirect: {
        const wasm::FuncType& type = module_.types[at.index()];
        become(type.params.size() + 1, type.results.size());
        return;
      }
      case Opcode::kDrop:
        become(1, 0);
        return;
      case Opcode::kSelect:
      case Opcode::kSelectTyped:
        become(3, 1);
        return;
      default:
        other(wasm::info(at.op).signature);
    }
  }

  void call(uint32_t callee) {
    const wasm::FuncType& type = module_.type_of(wasm::FuncIdx{callee});
    const bool passed = !type.params.empty() && stack_.size() >= type.params.size();
    const Value first = passed ? stack_[stack_.size() - type.params.size()] : Value{};
    become(type.params.size(), type.results.size());
    if (first_returned_(callee)) stack_.back() = first;
  }

  // "ii:i": two operands become one of which nothing is known.
  void other(std::string_view signature) {
    if (signature == "*") {
      stack_.clear();
      return;
    }
    const size_t colon = signature.find(':');
    become(colon, signature.size() - colon - 1);
  }

  // Operands are taken, and results come of which nothing is known.
  void become(size_t operands, size_t results) {
    stack_.resize(stack_.size() - std::min(operands, stack_.size()));
    stack_.insert(stack_.end(), results, Value{});
  }

  const wasm::Module& module_;
  FirstReturned& first_returned_;
  const wasm::Function& fn_;
  const uint32_t global_;
  const bool wide_;
  Place here_;
  std::vector<Block> blocks_;
  std::vector<Value> stack_;         // its top part, as far as it is followed
  std::map<uint64_t, Place> loops_;  // what comes to the head of a loop, by its offset
  bool loops_changed_ = false;
  bool good_ = true;
};

// The wanted globals that a body writes, each once.
std::vector<uint32_t> written(const wasm::Module& module, const wasm::Function& fn,
                              const std::vector<bool>& wanted) {
  std::vector<uint32_t> out;
  const ByteView code = module.view(fn.code);
  const auto opcode = static_cast<uint8_t>(wasm::info(Opcode::kGlobalSet).code);
  if (std::memchr(code.data(), opcode, code.size()) == nullptr) return out;
  wasm::InstructionReader reader = module.instructions(fn);
  Instruction at;
  while (!reader.at_end() && reader.next(at)) {
    if (at.op != Opcode::kGlobalSet || at.index() >= wanted.size() || !wanted[at.index()]) continue;
    out.push_back(static_cast<uint32_t>(at.index()));
  }
  std::ranges::sort(out);
  const auto twice = std::ranges::unique(out);
  out.erase(twice.begin(), twice.end());
  return out;
}

}  // namespace

std::vector<std::optional<uint32_t>> moved_for_good(const wasm::Module& module,
                                                    const std::vector<bool>& globals) {
  // A compiler's module has a stack pointer, which takes every function that writes it a walk or
  // two.
  constexpr uint64_t kTimesTheModule = 16;
  uint64_t bytes_left = kTimesTheModule * module.bytes.size();
  std::vector<std::optional<uint32_t>> moved(globals.size());
  if (std::ranges::find(globals, true) == globals.end()) return moved;
  FirstReturned first_returned(module);
  for (uint32_t i = module.imported_functions; i < module.functions.size(); ++i) {
    const wasm::Function& fn = module.functions[i];
    for (const uint32_t global : written(module, fn, globals)) {
      if (moved[global]) continue;
      if (!Body(module, first_returned, fn, global).puts_back(bytes_left)) moved[global] = i;
    }
  }
  return moved;
}

}  // namespace canrec::wasmdiff
