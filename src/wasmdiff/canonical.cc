// SPDX-License-Identifier: Apache-2.0
// The one place where an index immediate becomes what it denotes.
#include "wasmdiff/canonical.h"

#include <fmt/core.h>

#include <algorithm>

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

bool never_falls_through(wasm::Opcode op) {
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

// Replaces the indices of an instruction.
Status canonicalise(const Side& side, const wasm::Instruction& in, CanonicalInstruction& out) {
  out = CanonicalInstruction{.op = in.op, .has_labels = false, .vector = {}};
  switch (wasm::info(in.op).imm) {
    case Imm::kNone:
      return Ok{};
    case Imm::kLabel:
    case Imm::kLocal:
    case Imm::kLane:
    case Imm::kRefType:
    case Imm::kI32:
    case Imm::kI64:
    case Imm::kF32:
    case Imm::kF64:
    case Imm::kMemory:
      out.a = in.imm[0].value;
      return Ok{};
    case Imm::kMemArg:
    case Imm::kMemoryMemory:
      out.a = in.imm[0].value;
      out.b = in.imm[1].value;
      return Ok{};
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
  }
  return Ok{};
}

}  // namespace

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

Status CanonicalReader::next(wasm::Instruction& in, CanonicalInstruction& out) {
  CANREC_CHECK(fetch(in));
  if (dead_) CANREC_CHECK(skip_dead(in));
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
  CANREC_CHECK(canonicalise(side_, in, out));
  if (wasm::info(in.op).imm == Imm::kLocal) return number_local(out, in);
  return Ok{};
}

Status CanonicalReader::number_local(CanonicalInstruction& out, const wasm::Instruction& in) {
  const uint64_t local = in.index();
  if (local < type_->params.size()) return Ok{};
  const auto group = std::ranges::upper_bound(groups_, local, {}, &Group::end);
  if (group == groups_.end()) return no_such(in, "local", local);
  if (local >= numbers_.size()) numbers_.resize(local + 1);
  Number& number = numbers_[local];
  if (number.function != function_) number = {function_, next_number_++};
  out.a = type_->params.size() + number.number;
  out.b = std::to_underlying(group->type);
  return Ok{};
}

}  // namespace canrec::wasmdiff
