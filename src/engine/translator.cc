// SPDX-License-Identifier: Apache-2.0
// One pass over a body, with a stack of operand descriptions instead of operands:
//
//   kTemp    lies in the slot that belongs to its stack position
//   kLocal   a local.get that was not carried out: users read the local's slot
//   kConst   a constant that was not carried out: users take it as an immediate
//
// A pending local is copied to its own slot before the local is written and before any block, so
// that all paths through a block agree. Constants may stay pending anywhere.
//
// A second thing saved: `x = a + b` writes the local's slot directly (the destination of the last
// instruction is changed when local.set follows), and a comparison in front of a branch melts into
// it.
#include "engine/translator.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/checked.h"
#include "engine/interpreter.h"
#include "engine/opcode_map.h"
#include "engine/simd.h"

namespace canrec::engine {
namespace {

using wasm::FuncType;
using wasm::Instruction;
using wasm::Opcode;
using wasm::ValType;

constexpr uint32_t kMaxSlots = 65'535;
constexpr uint64_t kMaxCodeBytes = uint64_t{1} << 30;  // targets are signed 32-bit offsets

uint32_t width(ValType type) { return type == ValType::kV128 ? 2 : 1; }

uint32_t slots_of(std::span<const ValType> types) {
  uint32_t slots = 0;
  for (const ValType type : types) slots += width(type);
  return slots;
}

// --- the pass -----------------------------------------------------------------------------------

class Translator {
 public:
  Translator(const CompiledModule::Impl& impl, FunctionCode& out)
      : impl_(impl),
        module_(*impl.module),
        out_(out),
        function_(module_.functions[out.index]),
        type_(module_.type_of(wasm::FuncIdx{out.index})),
        wide_(module_.is_64() ? uint16_t{1} : uint16_t{0}) {}

  Status run() {
    CANREC_CHECK(measure_segments());
    CANREC_CHECK(lay_out_locals());
    begin();
    wasm::InstructionReader reader = module_.instructions(function_);
    Instruction insn;
    while (!controls_.empty()) {
      CANREC_CHECK(reader.next(insn));
      at_ = insn.offset;
      if (live_) {
        translate(insn);
      } else {
        skip(insn);
      }
      if (max_slots_ > kMaxSlots || words_.size() * 8 > kMaxCodeBytes) return too_large();
    }
    finish();
    return Ok{};
  }

 private:
  enum class Kind : uint8_t { kTemp, kLocal, kConst };
  struct Entry {
    Kind kind;
    ValType type;
    uint32_t slot;      // of its stack position
    uint32_t local;     // of kLocal
    uint32_t previous;  // of kLocal: the next older entry of the same local, index + 1
    uint64_t bits;      // of kConst
  };
  // A jump whose target and charge are told when its label is reached; byte offsets in the code.
  struct Fixup {
    uint64_t instruction;
    uint64_t target;
    uint64_t cost;
  };
  struct Control {
    Opcode kind;        // kBlock, kLoop, kIf; kElse behind an else; kEnd = the function
    size_t height;      // entries below the parameters
    uint32_t base;      // slot of the first parameter or result
    uint64_t loop = 0;  // where the Loop instruction stands
    uint32_t loop_cost = 0;
    std::span<const ValType> params;
    std::span<const ValType> results;
    std::vector<Fixup> fixups;
    std::optional<Fixup> otherwise;  // of kIf: the way to the else branch
  };
  struct Cond {
    Op op;  // kBrNz, kBrZ, or the RR or RI form of a comparison
    uint16_t a;
    uint16_t b = 0;
    uint32_t imm = 0;
  };

  std::unexpected<Error> too_large() const {
    return fail(Errc::kEngine, function_.body.begin,
                fmt::format("function {} needs more than {} slots or {} bytes of code", out_.index,
                            kMaxSlots, kMaxCodeBytes));
  }

  // --- metering ---

  // The costs of all segments in the order of their starts (system-api.md 5.2).
  Status measure_segments() {
    wasm::InstructionReader reader = module_.instructions(function_);
    Instruction insn;
    uint64_t cost = 1;
    while (!reader.at_end()) {
      CANREC_CHECK(reader.next(insn));
      const wasm::OpcodeInfo& info = wasm::info(insn.op);
      cost += wide_ ? info.weight64 : info.weight32;
      if (!cuts_segment(insn.op)) continue;
      if (cost > UINT32_MAX) {
        return fail(Errc::kEngine, insn.offset,
                    "a straight run of instructions costs 2^32 instructions or more");
      }
      segments_.push_back(static_cast<uint32_t>(cost));
      cost = 0;
    }
    segments_.push_back(0);  // behind the final end
    return Ok{};
  }
  uint32_t next_segment() { return segments_[++segment_]; }

  // --- emitting ---

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
  void site() { out_sites_.push_back({static_cast<uint32_t>(here()), static_cast<uint32_t>(at_)}); }
  uint32_t read32(uint64_t offset) const {
    return static_cast<uint32_t>(words_[offset / 8] >> (offset % 8 * 8));
  }
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

  // --- the operand stack ---

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

  // --- start and end ---

  Status lay_out_locals() {
    CANREC_TRY(const std::vector<wasm::LocalGroup> groups, wasm::read_locals(module_, function_));
    local_types_ = type_.params;
    for (const wasm::LocalGroup& group : groups) {
      local_types_.insert(local_types_.end(), group.count, group.type);
    }
    uint32_t slot = 0;
    for (const ValType type : local_types_) {
      local_slots_.push_back(slot);
      slot += width(type);
    }
    pending_.resize(local_types_.size());
    locals_end_ = slot;
    need_slots(std::max(slot, slots_of(type_.results)));
    return Ok{};
  }

  void begin() {
    const uint32_t params = slots_of(type_.params);
    at_ = function_.code.begin;
    site();
    enter_ = emit(Op::kEnter);
    halves(0, params);
    halves(locals_end_ - params, segments_[0]);
    controls_.push_back({Opcode::kEnd, 0, locals_end_, 0, 0, {}, type_.results, {}, {}});
  }

  void finish() {
    write32(enter_ + kEnterFrame, max_slots_);
    out_.code = std::make_unique_for_overwrite<uint64_t[]>(words_.size());
    std::copy(words_.begin(), words_.end(), out_.code.get());
    out_sites_.shrink_to_fit();
    out_.sites = std::move(out_sites_);
    out_.entry = reinterpret_cast<const uint8_t*>(out_.code.get());
  }

  // --- control ---

  std::span<const ValType> block_results(const Instruction& insn) {
    const uint64_t block = insn.imm[0].value;
    if (block == wasm::kBlockTypeEmpty) return {};
    if (block >= wasm::kBlockTypeIndex) return module_.types[block - wasm::kBlockTypeIndex].results;
    static constexpr ValType kTypes[] = {ValType::kI32,      ValType::kI64,  ValType::kF32,
                                         ValType::kF64,      ValType::kV128, ValType::kFuncRef,
                                         ValType::kExternRef};
    const auto type = static_cast<ValType>(block);
    return {std::find(std::begin(kTypes), std::end(kTypes), type), 1};
  }
  std::span<const ValType> block_params(const Instruction& insn) {
    const uint64_t block = insn.imm[0].value;
    if (block < wasm::kBlockTypeIndex) return {};
    return module_.types[block - wasm::kBlockTypeIndex].params;
  }
  Control& label(uint64_t depth) { return controls_[controls_.size() - 1 - depth]; }
  static std::span<const ValType> label_types(const Control& control) {
    return control.kind == Opcode::kLoop ? control.params : control.results;
  }

  void open(const Instruction& insn, std::optional<Fixup> otherwise = {}) {
    Control control{.kind = insn.op,
                    .height = 0,
                    .base = 0,
                    .params = block_params(insn),
                    .results = block_results(insn),
                    .fixups = {},
                    .otherwise = otherwise};
    control.height = stack_.size() - control.params.size();
    control.base = control.params.empty() ? top_slot() : stack_[control.height].slot;
    controls_.push_back(std::move(control));
  }
  // All paths into and out of a block agree on where operands are.
  void settle(const Instruction& insn) {
    flush_locals();
    carry_out_top(block_params(insn).size());
  }

  void block(const Instruction& insn) {
    settle(insn);
    open(insn);
  }

  void loop(const Instruction& insn) {
    settle(insn);
    open(insn);
    Control& control = controls_.back();
    control.loop_cost = next_segment();
    site();
    control.loop = emit(Op::kLoop);
    halves(control.loop_cost, 0);
  }

  void begin_if(const Instruction& insn) {
    const Cond cond = negate(take_condition());
    settle(insn);
    const uint64_t at = conditional(cond, next_segment());
    open(insn, forward(at));
  }

  void begin_else() {
    Control& control = controls_.back();
    if (live_) {
      carry_out_top(control.results.size());
      control.fixups.push_back(jump());
    }
    truncate(control.height);
    bind(*control.otherwise, here(), next_segment());
    control.otherwise.reset();
    control.kind = Opcode::kElse;
    for (const ValType type : control.params) push(type);
    flushed_ = stack_.size();
    live_ = true;
    last_.known = false;
  }

  void end() {
    if (controls_.back().kind == Opcode::kEnd) {
      if (live_) emit_return();
      next_segment();
      controls_.pop_back();
      return;
    }
    Control control = std::move(controls_.back());
    controls_.pop_back();
    if (live_) carry_out_top(control.results.size());
    if (control.otherwise) control.fixups.push_back(*control.otherwise);
    const uint32_t cost = next_segment();
    if (live_ && cost > 0) {
      emit(Op::kCharge);
      halves(cost, 0);
    }
    for (const Fixup& fixup : control.fixups) bind(fixup, here(), cost);
    if (!control.fixups.empty()) {
      live_ = true;
      last_.known = false;
    }
    truncate(control.height);
    for (const ValType type : control.results) push(type);
    flushed_ = stack_.size();
  }

  void bind(const Fixup& fixup, uint64_t target, uint32_t cost) {
    write32(fixup.target, static_cast<uint32_t>(target - fixup.instruction));
    write32(fixup.cost, cost);
  }
  static Fixup forward(uint64_t conditional) {
    return {conditional, conditional + kBrTarget, conditional + kBrTaken};
  }
  Fixup jump() {
    const uint64_t at = emit(Op::kJump);
    halves(0, 0);
    return {at, at + kJumpTarget, at + kJumpCost};
  }

  // --- conditions ---

  // Pops the condition; a comparison made just now is taken out of the code.
  Cond take_condition() {
    const Entry entry = pop();
    if (just_made(entry)) {
      const uint64_t operands = words_[last_.offset / 8 + 1];
      const auto a = static_cast<uint16_t>(operands >> 16);
      const auto high = static_cast<uint32_t>(operands >> 32);
      if (is_compare_value(last_.op)) {
        const Cond cond{last_.op, a, static_cast<uint16_t>(high), high};
        remove_last();
        return cond;
      }
      if (last_.op == Op::kI32Eqz) {
        remove_last();
        return {Op::kBrZ, a};
      }
      if (last_.op == Op::kI64Eqz) {
        remove_last();
        return {Op::kI64EqRI, a, 0, 0};
      }
    }
    return {Op::kBrNz, static_cast<uint16_t>(use(entry))};
  }
  void remove_last() {
    words_.resize(last_.offset / 8);
    last_.known = false;
  }
  static Cond negate(Cond cond) {
    if (cond.op == Op::kBrNz) {
      cond.op = Op::kBrZ;
    } else if (cond.op == Op::kBrZ) {
      cond.op = Op::kBrNz;
    } else {
      cond.op = inverse(cond.op);
    }
    return cond;
  }
  // A branch with its target open; `back` for one to a loop.
  uint64_t conditional(const Cond& cond, uint32_t fall, bool back = false) {
    const bool compare = cond.op != Op::kBrNz && cond.op != Op::kBrZ;
    const bool immediate = compare && is_immediate_compare(cond.op);
    Op op = cond.op;
    if (compare) {
      op = plus(op, static_cast<uint16_t>(back ? CompareForm::kBackRR : CompareForm::kBrRR));
    } else if (back) {
      op = op == Op::kBrNz ? Op::kBackNz : Op::kBackZ;
    }
    const uint64_t at = emit(op);
    slots_imm(cond.a, immediate ? 0 : cond.b, 0);
    halves(0, fall);
    if (immediate) word(cond.imm);
    return at;
  }

  // --- branches ---

  // Whether the values for a label lie where it wants them, once they are carried out.
  bool in_place(const Control& control) const {
    const size_t n = label_types(control).size();
    return n == 0 || stack_.size() - n == control.height;
  }
  // Moves the values on top of the stack to where the label wants them; the stack stays.
  void move_to(const Control& control) {
    const std::span<const ValType> types = label_types(control);
    if (types.empty()) return;
    if (in_place(control)) {
      carry_out_top(types.size());
      return;
    }
    if (types.size() == 1) {
      const Entry& entry = stack_.back();
      if (entry.kind == Kind::kConst) {
        constant(control.base, entry.bits);
      } else {
        copy(control.base, use(entry), entry.type);
      }
      return;
    }
    carry_out_top(types.size());
    move_block(control.base, stack_[stack_.size() - types.size()].slot, slots_of(types));
  }
  void move_block(uint32_t destination, uint32_t source, uint32_t count) {
    emit(Op::kMoveN);
    slots(destination, source, count);
  }
  void back_to(const Control& control) {
    const uint64_t at = emit(Op::kJumpBack);
    halves(0, 0);
    bind({at, at + kJumpTarget, at + kJumpCost}, control.loop + kSmall, control.loop_cost);
  }

  void branch(uint64_t depth) {
    Control& control = label(depth);
    if (control.kind == Opcode::kEnd) {
      emit_return();
      return;
    }
    move_to(control);
    if (control.kind == Opcode::kLoop) {
      back_to(control);
    } else {
      control.fixups.push_back(jump());
    }
  }

  void branch_if(uint64_t depth) {
    const Cond cond = take_condition();
    const uint32_t fall = next_segment();
    Control& control = label(depth);
    if (control.kind != Opcode::kEnd && in_place(control)) {
      carry_out_top(label_types(control).size());
      const bool back = control.kind == Opcode::kLoop;
      const uint64_t at = conditional(cond, fall, back);
      if (back) {
        bind(forward(at), control.loop + kSmall, control.loop_cost);
      } else {
        control.fixups.push_back(forward(at));
      }
      return;
    }
    // Around the moves when the branch is not taken.
    carry_out_top(label_types(control).size());
    const uint64_t at = conditional(negate(cond), 0);
    branch(depth);
    bind(forward(at), here(), fall);
    last_.known = false;
  }

  void branch_table(const Instruction& insn) {
    const uint32_t index = pop_slot();
    const auto count = static_cast<uint32_t>(insn.imm[0].value);
    std::vector<uint32_t> depths(uint64_t{count} + 1);
    wasm::LabelReader labels(insn);
    for (uint32_t& depth : depths) depth = labels.next();
    carry_out_top(label_types(label(depths.back())).size());

    const uint64_t at = emit(Op::kBrTable);
    halves(index, count);
    words_.resize(words_.size() + depths.size());
    const uint64_t entries = at + kTableEntries;
    std::map<uint32_t, uint64_t> stubs;  // depth -> code that moves values and goes there
    for (size_t i = 0; i < depths.size(); ++i) {
      const Fixup fixup{at, entries + i * 8, entries + i * 8 + 4};
      Control& control = label(depths[i]);
      if (control.kind != Opcode::kEnd && control.kind != Opcode::kLoop && in_place(control)) {
        control.fixups.push_back(fixup);
        continue;
      }
      const auto [stub, fresh] = stubs.try_emplace(depths[i], here());
      if (fresh) branch(depths[i]);
      bind(fixup, stub->second, 0);
    }
  }

  void emit_return() {
    const size_t n = type_.results.size();
    const uint32_t count = slots_of(type_.results);
    if (n == 0) {
      emit(Op::kReturn0);
      return;
    }
    if (count == 1) {
      const uint32_t slot = use(stack_.back());
      emit(Op::kReturn1);
      slots(slot, 0);
      return;
    }
    carry_out_top(n);
    return_block(stack_[stack_.size() - n].slot, count);
  }
  void return_block(uint32_t first, uint32_t count) {
    emit(Op::kReturnN);
    halves(first, count);
  }

  // In code that cannot be reached only the nesting and the segments count.
  void skip(const Instruction& insn) {
    switch (insn.op) {
      case Opcode::kBlock:
      case Opcode::kLoop:
      case Opcode::kIf:
        ++dead_depth_;
        break;
      case Opcode::kElse:
        if (dead_depth_ == 0) return begin_else();
        break;
      case Opcode::kEnd:
        if (dead_depth_ == 0) return end();
        --dead_depth_;
        break;
      default:
        break;
    }
    if (cuts_segment(insn.op)) next_segment();
  }

  // --- calls ---

  // Lays the arguments out at the end of the frame and takes them off the stack; gives their slot.
  uint32_t arguments(const FuncType& type) {
    carry_out_top(type.params.size());
    pop(type.params.size());
    return top_slot();
  }
  void results(const FuncType& type) {
    for (const ValType result : type.results) push(result);
  }
  void call(uint32_t callee, bool tail) {
    const FuncType& type = module_.type_of(wasm::FuncIdx{callee});
    const bool host = callee < module_.imported_functions;
    const uint32_t base = arguments(type);
    site();
    emit(host ? Op::kCallHost : tail ? Op::kReturnCall : Op::kCall);
    halves(callee, base);
    if (tail && !host) {
      word(0);
      word(slots_of(type.params));
    }
    if (tail && host) {
      need_slots(base + slots_of(type.results));
      return_block(base, slots_of(type.results));
    }
    if (!tail) results(type);
  }
  void call_indirect(const Instruction& insn, bool tail) {
    const auto type_index = static_cast<uint32_t>(insn.imm[0].value);
    const FuncType& type = module_.types[type_index];
    const uint32_t index = pop_slot();
    const uint32_t base = arguments(type);
    // Results of a host function come to lie at `base` even in a tail call.
    need_slots(base + slots_of(type.results));
    site();
    emit(tail ? Op::kReturnCallIndirect : Op::kCallIndirect);
    halves(impl_.canonical_types[type_index], base);
    halves(index, static_cast<uint32_t>(insn.imm[1].value));
    if (tail) halves(slots_of(type.params), slots_of(type.results));
    if (!tail) results(type);
  }

  // --- locals, constants, parametric ---

  void local_set(uint32_t local) {
    const Entry entry = pop();
    write_local(local, entry);
  }
  void local_tee(uint32_t local) {
    const Entry entry = pop();
    write_local(local, entry);
    push_local(local);
  }
  void write_local(uint32_t local, const Entry& entry) {
    const uint32_t slot = local_slots_[local];
    if (pending_[local] == 0 && just_made(entry)) {
      // The instruction that made the value writes the local instead.
      uint64_t& operands = words_[last_.offset / 8 + 1];
      operands = (operands & ~uint64_t{0xffff}) | slot;
      last_.destination = slot;
      last_.known = false;
      return;
    }
    if (entry.kind == Kind::kLocal && entry.local == local) return;
    preserve(local);
    if (entry.kind == Kind::kConst) {
      constant(slot, entry.bits);
    } else {
      copy(slot, use(entry), entry.type);
    }
    last_.known = false;
  }

  void select() {
    const uint32_t condition = pop_slot();
    const Entry second = pop();
    const uint32_t b = use(second);
    const uint32_t a = pop_slot();
    const uint32_t d = push(second.type);
    emit(second.type == ValType::kV128 ? Op::kSelect128 : Op::kSelect);
    slots(d, a, b, condition);
    writes(d);
  }

  void global_get(uint32_t global) {
    const ValType type = module_.globals[global].type.type;
    const uint32_t d = push(type);
    emit(type == ValType::kV128 ? Op::kGlobalGet128 : Op::kGlobalGet);
    slots_imm(d, 0, global);
    writes(d);
  }
  void global_set(uint32_t global) {
    const ValType type = module_.globals[global].type.type;
    const uint32_t a = pop_slot();
    emit(type == ValType::kV128 ? Op::kGlobalSet128 : Op::kGlobalSet);
    slots_imm(0, a, global);
  }

  // --- numeric ---

  static bool fits_immediate(const Entry& entry) {
    if (entry.kind != Kind::kConst) return false;
    if (entry.type == ValType::kI32) return true;
    const auto value = static_cast<int64_t>(entry.bits);
    return value >= INT32_MIN && value <= INT32_MAX;
  }

  void binary_rr_ri(Op rr, ValType result, bool compare) {
    Entry right = pop();
    Entry left = pop();
    if (fits_immediate(left) && !fits_immediate(right) && (compare || commutes(rr))) {
      // The constant's own slot is the left one, so only its value may move.
      std::swap(left, right);
      if (compare) rr = swapped(rr);
    }
    if (fits_immediate(right)) {
      const uint32_t a = use(left);
      const uint32_t d = push(result);
      emit(plus(rr, 1));
      slots_imm(d, a, static_cast<uint32_t>(right.bits));
      writes(d);
      return;
    }
    const uint32_t a = use(left);
    const uint32_t b = use(right);
    const uint32_t d = push(result);
    emit(rr);
    slots(d, a, b);
    writes(d);
  }

  void binary(Op op, ValType result) {
    const Entry right = pop();
    const Entry left = pop();
    const uint32_t a = use(left);
    const uint32_t b = use(right);
    const uint32_t d = push(result);
    if (may_trap(op)) site();
    emit(op);
    slots(d, a, b);
    writes(d);
  }

  void unary(Op op, ValType result) {
    const Entry operand = pop();
    if (op == Op::kI32Eqz && just_made(operand) && is_compare_value(last_.op)) {
      const Op other = inverse(last_.op);
      words_[last_.offset / 8] = reinterpret_cast<uint64_t>(handlers()[static_cast<size_t>(other)]);
      last_.op = other;
      push(result);
      return;
    }
    const uint32_t a = use(operand);
    const uint32_t d = push(result);
    if (may_trap(op)) site();
    emit(op);
    slots(d, a);
    writes(d);
  }

  // --- memory ---

  // The slot and the 32-bit offset of an access; a larger offset is added by an instruction.
  struct Place {
    uint32_t slot;
    uint32_t offset;
  };
  Place place(uint32_t address, uint64_t offset, uint32_t scratch) {
    if (offset <= UINT32_MAX) return {address, static_cast<uint32_t>(offset)};
    need_slots(scratch + 1);
    emit(Op::kAddress);
    slots(scratch, address);
    word(offset);
    return {scratch, 0};
  }
  void emit_load(Op op, uint32_t d, Place at) {
    site();
    emit(plus(op, wide_));
    slots_imm(d, at.slot, at.offset);
    writes(d);
  }
  void load(const MemoryOp& op, const Instruction& insn) {
    const uint32_t scratch = top_slot();
    const uint32_t address = pop_slot();
    const Place at = place(address, insn.imm[1].value, scratch);
    emit_load(op.narrow, push(op.type), at);
  }
  void emit_store(Op op, uint32_t value, Place at) {
    site();
    emit(plus(op, wide_));
    slots_imm(value, at.slot, at.offset);
  }
  void store(Op op, const Instruction& insn) {
    const uint32_t scratch = top_slot();
    const uint32_t value = pop_slot();
    const uint32_t address = pop_slot();
    emit_store(op, value, place(address, insn.imm[1].value, scratch));
  }
  void load_vector(const VectorLoad& op, const Instruction& insn) {
    const bool lane = wasm::info(insn.op).imm == wasm::Imm::kMemArgLane;
    const uint32_t scratch = top_slot();
    need_slots(scratch + 2);
    const uint32_t vector = lane ? pop_slot() : 0;
    const uint32_t address = pop_slot();
    const Place at = place(address, insn.imm[1].value, scratch);
    const uint32_t d = push(ValType::kV128);
    if (op.then == Opcode::kV128Const) {
      emit_load(op.load, d, at);
      constant(d + 1, 0);
      last_.known = false;
      return;
    }
    emit_load(op.load, scratch, at);
    if (lane) {
      emit_simd(op.then, d, vector, scratch, 0, static_cast<uint32_t>(insn.imm[2].value));
    } else {
      emit_simd(op.then, d, scratch, 0, 0, 0);
    }
  }
  void store_lane(const LaneStore& op, const Instruction& insn) {
    const uint32_t scratch = top_slot();
    need_slots(scratch + 2);
    const uint32_t vector = pop_slot();
    const uint32_t address = pop_slot();
    emit_simd(op.extract, scratch, vector, 0, 0, static_cast<uint32_t>(insn.imm[2].value));
    emit_store(op.store, scratch, place(address, insn.imm[1].value, scratch + 1));
  }

  // --- vectors ---

  void emit_simd(Opcode op, uint32_t d, uint32_t a, uint32_t b, uint32_t c, uint32_t lane) {
    emit(Op::kSimd);
    slots(d, a, b, c);
    word(reinterpret_cast<uint64_t>(simd_function(op)));
    word(lane);
    writes(d);
  }
  void simd(const Instruction& insn) {
    const std::string_view signature = wasm::info(insn.op).signature;
    const size_t operands = signature.find(':');
    const uint32_t scratch = top_slot();
    uint32_t operand[3] = {0, 0, 0};
    for (size_t i = operands; i > 0; --i) operand[i - 1] = pop_slot();
    uint32_t lane = 0;
    if (insn.op == Opcode::kI8x16Shuffle) {
      need_slots(scratch + 2);
      vector_constant(scratch, insn);
      operand[2] = scratch;
    } else if (insn.imm_count > 0) {
      lane = static_cast<uint32_t>(insn.imm[0].value);
    }
    const uint32_t d = push(letter_type(signature[operands + 1]));
    emit_simd(insn.op, d, operand[0], operand[1], operand[2], lane);
  }
  void vector_constant(uint32_t d, const Instruction& insn) {
    emit(Op::kConst128);
    slots(d, 0);
    word(load_le<uint64_t>(insn.raw.data()));
    word(load_le<uint64_t>(insn.raw.data() + 8));
    writes(d);
  }

  // --- the rest ---

  // Pops `operands` values and pushes a result of the given type, if any.
  void special(Special helper, size_t operands, std::optional<ValType> result, uint64_t imm) {
    uint32_t slot[4] = {0, 0, 0, 0};
    const size_t first = result ? 1 : 0;
    for (size_t i = operands; i > 0; --i) slot[first + i - 1] = pop_slot();
    if (result) slot[0] = push(*result);
    site();
    emit(Op::kSpecial);
    slots(slot[0], slot[1], slot[2]);
    word(reinterpret_cast<uint64_t>(helper));
    word(imm);
    if (result) writes(slot[0]);
  }
  static uint64_t pair(const Instruction& insn) {
    return insn.imm[0].value | insn.imm[1].value << 32;
  }
  ValType table_index_type(uint64_t table) const {
    return module_.tables[table].type.limits.is_64 ? ValType::kI64 : ValType::kI32;
  }

  void translate(const Instruction& insn) {
    if (const auto op = int_binary(insn.op)) return binary_rr_ri(*op, result_type(insn.op), false);
    if (const auto op = int_compare(insn.op)) return binary_rr_ri(*op, ValType::kI32, true);
    if (const auto op = scalar_load(insn.op)) return load(*op, insn);
    if (const auto op = scalar_store(insn.op)) return store(*op, insn);
    if (only_retypes(insn.op)) return retype(result_type(insn.op));
    if (const auto op = plain_binary(insn.op)) return binary(*op, result_type(insn.op));
    if (const auto op = plain_unary(insn.op)) return unary(*op, result_type(insn.op));
    if (const auto op = vector_load(insn.op)) return load_vector(*op, insn);
    if (const auto op = lane_store(insn.op)) return store_lane(*op, insn);
    if (simd_function(insn.op) != nullptr) return simd(insn);
    if (translate_variable(insn)) return;
    if (translate_control(insn)) return;
    translate_bulk(insn);
  }
  static ValType result_type(Opcode op) {
    const std::string_view signature = wasm::info(op).signature;
    return op == Opcode::kRefIsNull ? ValType::kI32
                                    : letter_type(signature[signature.find(':') + 1]);
  }
  void retype(ValType type) {
    Entry& entry = stack_.back();
    entry.type = type;
  }

  bool translate_variable(const Instruction& insn) {
    const auto index = static_cast<uint32_t>(insn.imm[0].value);
    switch (insn.op) {
      case Opcode::kNop:
        break;
      case Opcode::kDrop:
        pop();
        break;
      case Opcode::kSelect:
      case Opcode::kSelectTyped:
        select();
        break;
      case Opcode::kLocalGet:
        push_local(index);
        break;
      case Opcode::kLocalSet:
        local_set(index);
        break;
      case Opcode::kLocalTee:
        local_tee(index);
        break;
      case Opcode::kGlobalGet:
        global_get(index);
        break;
      case Opcode::kGlobalSet:
        global_set(index);
        break;
      case Opcode::kI32Const:
        push_constant(ValType::kI32, index);
        break;
      case Opcode::kI64Const:
        push_constant(ValType::kI64, insn.imm[0].value);
        break;
      case Opcode::kF32Const:
        push_constant(ValType::kF32, index);
        break;
      case Opcode::kF64Const:
        push_constant(ValType::kF64, insn.imm[0].value);
        break;
      case Opcode::kV128Const:
        vector_constant(push(ValType::kV128), insn);
        break;
      case Opcode::kRefNull:
        push_constant(ValType::kFuncRef, 0);
        break;
      case Opcode::kRefFunc:
        push_constant(ValType::kFuncRef, uint64_t{index} + 1);
        break;
      default:
        return false;
    }
    return true;
  }

  bool translate_control(const Instruction& insn) {
    const auto index = static_cast<uint32_t>(insn.imm[0].value);
    switch (insn.op) {
      case Opcode::kBlock:
        block(insn);
        return true;
      case Opcode::kLoop:
        loop(insn);
        return true;
      case Opcode::kIf:
        begin_if(insn);
        return true;
      case Opcode::kElse:
        begin_else();
        return true;
      case Opcode::kEnd:
        end();
        return true;
      case Opcode::kBrIf:
        branch_if(index);
        return true;
      case Opcode::kCall:
        call(index, false);
        return true;
      case Opcode::kCallIndirect:
        call_indirect(insn, false);
        return true;
      case Opcode::kBr:
        branch(index);
        break;
      case Opcode::kBrTable:
        branch_table(insn);
        break;
      case Opcode::kReturn:
        emit_return();
        break;
      case Opcode::kUnreachable:
        site();
        emit(Op::kUnreachable);
        break;
      case Opcode::kReturnCall:
        call(index, true);
        break;
      case Opcode::kReturnCallIndirect:
        call_indirect(insn, true);
        break;
      default:
        return false;
    }
    next_segment();
    live_ = false;
    return true;
  }

  void translate_bulk(const Instruction& insn) {
    const uint64_t index = insn.imm[0].value;
    const ValType address = wide_ ? ValType::kI64 : ValType::kI32;
    switch (insn.op) {
      case Opcode::kMemorySize: {
        const uint32_t d = push(address);
        emit(Op::kMemorySize);
        slots(d, 0);
        writes(d);
        break;
      }
      case Opcode::kMemoryGrow:
        return special(memory_grow, 1, address, 0);
      case Opcode::kMemoryFill:
        return special(memory_fill, 3, {}, 0);
      case Opcode::kMemoryCopy:
        return special(memory_copy, 3, {}, 0);
      case Opcode::kMemoryInit:
        return special(memory_init, 3, {}, index);
      case Opcode::kDataDrop:
        return special(data_drop, 0, {}, index);
      case Opcode::kTableGet:
        return special(table_get, 1, ValType::kFuncRef, index);
      case Opcode::kTableSet:
        return special(table_set, 2, {}, index);
      case Opcode::kTableSize:
        return special(table_size, 0, table_index_type(index), index);
      case Opcode::kTableGrow:
        return special(table_grow, 2, table_index_type(index), index);
      case Opcode::kTableFill:
        return special(table_fill, 3, {}, index);
      case Opcode::kTableCopy:
        return special(table_copy, 3, {}, pair(insn));
      case Opcode::kTableInit:
        return special(table_init, 3, {}, pair(insn));
      case Opcode::kElemDrop:
        return special(elem_drop, 0, {}, index);
      default:
        CANREC_ASSERT(false);
    }
  }

  const CompiledModule::Impl& impl_;
  const wasm::Module& module_;
  FunctionCode& out_;
  const wasm::Function& function_;
  const FuncType& type_;
  const uint16_t wide_;  // 1 for 64-bit memories: added to the 32-bit form of an access

  uint64_t at_ = 0;  // module offset of the current instruction
  bool live_ = true;
  uint64_t dead_depth_ = 0;
  std::vector<uint32_t> segments_;
  size_t segment_ = 0;

  std::vector<uint64_t> words_;
  std::vector<Site> out_sites_;
  uint64_t enter_ = 0;
  struct Last {
    uint64_t offset = 0;
    Op op{};
    uint32_t destination = 0;
    bool known = false;  // it writes `destination`, no label is behind it
  } last_;

  std::vector<ValType> local_types_;
  std::vector<uint32_t> local_slots_;
  uint32_t locals_end_ = 0;
  uint32_t max_slots_ = 0;
  std::vector<Entry> stack_;
  std::vector<uint32_t> pending_;  // local -> its topmost pending entry, index + 1
  size_t flushed_ = 0;             // no entry below is a pending local
  std::vector<Control> controls_;
};

}  // namespace

Status translate(const CompiledModule::Impl& module, FunctionCode& function) {
  return Translator(module, function).run();
}

}  // namespace canrec::engine
