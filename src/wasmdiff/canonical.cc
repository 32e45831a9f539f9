// SPDX-License-Identifier: Apache-2.0
// The one place where an index immediate becomes what it denotes.
#include "wasmdiff/canonical.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace canrec::wasmdiff {
namespace {

using wasm::Imm;

std::unexpected<Error> no_such(const wasm::Instruction& in, std::string_view what, uint64_t index) {
  return fail(Errc::kWasmIndex, in.offset, fmt::format("no {} {}", what, index));
}

Result<uint32_t> block_type(const Side& side, const wasm::Instruction& in) {
  const uint64_t value = in.imm[0].value;
  const Denotations& names = *side.denotations;
  if (value < wasm::kBlockTypeIndex) {
    if (value < names.short_block_types.size()) {
      const bool known = value == wasm::kBlockTypeEmpty || (value >= 0x7b && value <= 0x7f) ||
                         value == 0x70 || value == 0x6f;
      if (known) return names.short_block_types[value];
    }
    return fail(Errc::kWasmMalformed, in.offset, "invalid block type");
  }
  const uint64_t index = value - wasm::kBlockTypeIndex;
  if (index >= names.types.size()) return no_such(in, "type", index);
  return names.types[index];
}

Status element_reference(const Side& side, const wasm::Instruction& in, CanonicalInstruction& out) {
  const uint64_t segment = in.imm[0].value;
  if (segment >= side.module->elements.size()) return no_such(in, "element segment", segment);
  out.reference = side.element_node(static_cast<uint32_t>(segment));
  return Ok{};
}

Status data_reference(const Side& side, const wasm::Instruction& in, CanonicalInstruction& out) {
  const uint64_t segment = in.imm[0].value;
  if (segment >= side.denotations->data.size()) return no_such(in, "data segment", segment);
  out.a = side.denotations->data[segment];
  return Ok{};
}

Status table_exists(const Side& side, const wasm::Instruction& in, uint64_t table) {
  if (table >= side.module->tables.size()) return no_such(in, "table", table);
  return Ok{};
}

constexpr bool never_falls_through(wasm::Opcode op) {
  switch (op) {
    case wasm::Opcode::kUnreachable:
    case wasm::Opcode::kBr:
    case wasm::Opcode::kBrTable:
    case wasm::Opcode::kReturn:
    case wasm::Opcode::kReturnCall:
    case wasm::Opcode::kReturnCallIndirect:
      return true;
    default:
      return false;
  }
}

constexpr CanonicalForm form_of(wasm::Opcode op) {
  constexpr uint64_t kKept = ~uint64_t{0};
  CanonicalForm form{.a = 0, .b = 0, .kind = CanonicalForm::kAsItStands};
  switch (wasm::info(op).imm) {
    case Imm::kNone:
      break;
    case Imm::kLocal:
      form.a = kKept;
      form.kind = CanonicalForm::kLocal;
      break;
    case Imm::kFunc:
      form.kind = CanonicalForm::kCall;
      break;
    case Imm::kLabel:
    case Imm::kLane:
    case Imm::kRefType:
    case Imm::kI32:
    case Imm::kI64:
    case Imm::kF32:
    case Imm::kF64:
    case Imm::kMemory:
      form.a = kKept;
      break;
    case Imm::kMemArg:
    case Imm::kMemoryMemory:
      form.a = form.b = kKept;
      break;
    default:
      form.kind = CanonicalForm::kOther;
      break;
  }
  if (never_falls_through(op) || op == wasm::Opcode::kElse) form.kind = CanonicalForm::kOther;
  return form;
}

// Replaces the indices of an instruction. What is copied as it stands is there already.
Status canonicalise(const Side& side, const wasm::Instruction& in, CanonicalInstruction& out) {
  switch (wasm::info(in.op).imm) {
    case Imm::kMemArgLane:
      out.a = in.imm[0].value | (in.imm[2].value << 8);
      out.b = in.imm[1].value;
      return Ok{};
    case Imm::kFunc:
      if (in.index() >= side.module->functions.size()) return no_such(in, "function", in.index());
      out.reference = side.function_node(static_cast<uint32_t>(in.index()));
      return Ok{};
    case Imm::kGlobal:
      if (in.index() >= side.module->globals.size()) return no_such(in, "global", in.index());
      out.a = side.denotations->globals[in.index()];
      if (side.denotations->global_holds_function[in.index()]) {
        out.reference = side.global_node(static_cast<uint32_t>(in.index()));
      }
      return Ok{};
    case Imm::kBlockType: {
      CANREC_TRY(out.a, block_type(side, in));
      return Ok{};
    }
    case Imm::kTypeTable:
      if (in.imm[0].value >= side.denotations->types.size()) {
        return no_such(in, "type", in.imm[0].value);
      }
      out.a = side.denotations->types[in.imm[0].value];
      out.b = in.imm[1].value;
      return table_exists(side, in, out.b);
    case Imm::kTable:
      out.a = in.imm[0].value;
      return table_exists(side, in, out.a);
    case Imm::kTableTable:
      out.a = in.imm[0].value;
      out.b = in.imm[1].value;
      CANREC_CHECK(table_exists(side, in, out.a));
      return table_exists(side, in, out.b);
    case Imm::kElemTable:
      out.b = in.imm[1].value;
      CANREC_CHECK(table_exists(side, in, out.b));
      return element_reference(side, in, out);
    case Imm::kElem:
      return element_reference(side, in, out);
    case Imm::kDataMemory:
      out.b = in.imm[1].value;
      return data_reference(side, in, out);
    case Imm::kData:
      return data_reference(side, in, out);
    case Imm::kShuffle:
    case Imm::kV128:
      out.vector = in.raw;
      return Ok{};
    case Imm::kSelectTypes:
    case Imm::kLabelTable:
      out.has_labels = in.op == wasm::Opcode::kBrTable;
      out.a = in.imm[0].value;  // the count
      out.vector = in.raw;
      return Ok{};
    default:
      return Ok{};
  }
  return Ok{};
}

}  // namespace

constinit const std::array<CanonicalForm, wasm::kOpcodeCount> kCanonicalForms = [] {
  std::array<CanonicalForm, wasm::kOpcodeCount> forms{};
  for (size_t i = 0; i < forms.size(); ++i) {
    forms[i] = form_of(wasm::Opcode{static_cast<uint16_t>(i)});
  }
  return forms;
}();

Status CanonicalReader::begin(const wasm::Function& fn) {
  reader_ = side_.module->instructions(fn);
  held_.reset();
  dead_ = false;
  type_ = &side_.module->types[std::to_underlying(fn.type)];
  ++function_;
  next_number_ = 0;
  groups_.clear();
  CANREC_TRY(const auto declared, wasm::read_locals(*side_.module, fn));
  uint64_t end = type_->params.size();
  for (const wasm::LocalGroup& group : declared) {
    end += group.count;
    groups_.push_back({end, group.type});
  }
  return Ok{};
}

// The next instruction when the one before is held, or was the last that can be reached.
Status CanonicalReader::resume(wasm::Instruction& in) {
  CANREC_CHECK(fetch(in));
  if (dead_) CANREC_CHECK(skip_dead(in));
  dead_ = false;
  return Ok{};
}

Status CanonicalReader::fetch(wasm::Instruction& in) {
  if (held_) {
    in = *held_;
    held_.reset();
    return Ok{};
  }
  return reader_.next(in);
}

// Reads on to the `else` or `end` of the block at hand.
Status CanonicalReader::skip_dead(wasm::Instruction& in) {
  for (uint64_t inside = 0; !at_end();) {
    switch (in.op) {
      case wasm::Opcode::kBlock:
      case wasm::Opcode::kLoop:
      case wasm::Opcode::kIf:
        ++inside;
        break;
      case wasm::Opcode::kElse:
        if (inside == 0) return Ok{};
        break;
      case wasm::Opcode::kEnd:
        if (inside-- == 0) return Ok{};
        break;
      default:
        break;
    }
    CANREC_CHECK(fetch(in));
  }
  return Ok{};
}

// An opcode that needs more than copying. An `else` may be left out, and then the `end` behind it
// is what comes next.
Status CanonicalReader::other(wasm::Instruction& in, CanonicalInstruction& out) {
  dead_ = never_falls_through(in.op);
  if (in.op == wasm::Opcode::kElse && !reader_.at_end()) {
    wasm::Instruction behind;
    CANREC_CHECK(reader_.next(behind));
    if (behind.op == wasm::Opcode::kEnd) {
      in = behind;
    } else {
      held_ = behind;
    }
  }
  out.op = in.op;
  return canonicalise(side_, in, out);
}

Status CanonicalReader::new_number(const wasm::Instruction& in) {
  const uint64_t local = in.index();
  const auto group = std::ranges::upper_bound(groups_, local, {}, &Group::end);
  if (group == groups_.end()) return no_such(in, "local", local);
  if (local >= numbers_.size()) numbers_.resize(local + 1);
  numbers_[local] = {function_, next_number_++, group->type};
  return Ok{};
}

}  // namespace canrec::wasmdiff
