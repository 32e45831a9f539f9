// SPDX-License-Identifier: Apache-2.0
// Control flow and metering: the top layer of the translator. A first pass over the body finds the
// costs of the segments; the second emits code. A comparison in front of a branch melts into it.
#include "engine/translator.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "engine/value_translator.h"

namespace canrec::engine {
namespace {

using wasm::FuncType;
using wasm::Instruction;
using wasm::Opcode;
using wasm::ValType;

constexpr uint32_t kMaxSlots = 65'535;
constexpr uint64_t kMaxCodeBytes = uint64_t{1} << 30;  // targets are signed 32-bit offsets

uint32_t slots_of(std::span<const ValType> types) {
  uint32_t slots = 0;
  for (const ValType type : types) slots += width(type);
  return slots;
}

class Translator : ValueTranslator {
 public:
  Translator(const CompiledModule::Impl& impl, FunctionCode& out)
      : ValueTranslator(*impl.module),
        impl_(impl),
        out_(out),
        function_(module_.functions[out.index]),
        type_(module_.type_of(wasm::FuncIdx{out.index})) {}

  Status run() {
    CANREC_CHECK(measure_segments());
    CANREC_CHECK(read_locals());
    begin();
    wasm::InstructionReader reader = module_.instructions(function_);
    Instruction insn;
    while (!controls_.empty()) {
      CANREC_CHECK(reader.next(insn));
      at_ = insn.offset;
      if (!live_) {
        skip(insn);
      } else if (!translate_control(insn)) {
        translate_value(insn);
      }
      if (max_slots_ > kMaxSlots || words_.size() * 8 > kMaxCodeBytes) return too_large();
    }
    finish();
    return Ok{};
  }

 private:
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

  // --- start and end ---

  Status read_locals() {
    CANREC_TRY(const std::vector<wasm::LocalGroup> groups, wasm::read_locals(module_, function_));
    std::vector<ValType> types = type_.params;
    for (const wasm::LocalGroup& group : groups) {
      types.insert(types.end(), group.count, group.type);
    }
    lay_out_locals(std::move(types));
    need_slots(slots_of(type_.results));
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
    sites_.shrink_to_fit();
    out_.sites = std::move(sites_);
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

  const CompiledModule::Impl& impl_;
  FunctionCode& out_;
  const wasm::Function& function_;
  const FuncType& type_;

  bool live_ = true;
  uint64_t dead_depth_ = 0;
  std::vector<uint32_t> segments_;
  size_t segment_ = 0;

  uint64_t enter_ = 0;

  std::vector<Control> controls_;
};

}  // namespace

Status translate(const CompiledModule::Impl& module, FunctionCode& function) {
  return Translator(module, function).run();
}

}  // namespace canrec::engine
