// SPDX-License-Identifier: Apache-2.0
// One pass over a body. Instructions whose types stand in opcodes.def take one path; those that
// depend on immediates or the stack have a method each.
//
// An operand is the byte of its type, or kUnknown: what a polymorphic stack yields. The stack is
// polymorphic from an unconditional branch to the end of the block around it; there, an operand
// that is not on the stack matches every type.
#include "wasm/function_validator.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/limits.h"

namespace canrec::wasm {
namespace {

static_assert(sizeof(ValType) == 1, "types are copied as bytes");

constexpr uint8_t kUnknown = 0;
constexpr uint8_t kAddress = 1;  // 'p' in a signature
constexpr uint8_t kIndex = 2;    // 't' in a signature: handled by table()

// The signature column of opcodes.def, ready for use. `special` rows are checked by hand.
struct Signature {
  bool special = false;
  uint8_t param_count = 0;
  uint8_t result_count = 0;
  std::array<uint8_t, 3> params{};
  uint8_t result = 0;
};

consteval uint8_t type_byte(char letter) {
  switch (letter) {
    case 'i':
      return std::to_underlying(ValType::kI32);
    case 'l':
      return std::to_underlying(ValType::kI64);
    case 'f':
      return std::to_underlying(ValType::kF32);
    case 'd':
      return std::to_underlying(ValType::kF64);
    case 'v':
      return std::to_underlying(ValType::kV128);
    case 'p':
      return kAddress;
    case 't':
      return kIndex;
    default:
      throw "unknown letter in a signature";
  }
}

consteval Signature parse_signature(std::string_view text) {
  Signature out;
  if (text == "*") {
    out.special = true;
    return out;
  }
  bool results = false;
  for (const char letter : text) {
    if (letter == ':') {
      results = true;
    } else if (results) {
      out.result = type_byte(letter);
      ++out.result_count;
    } else {
      out.params[out.param_count++] = type_byte(letter);
    }
    // Table indices are 32 or 64 bits wide by the table that is named.
    if (letter == 't') out.special = true;
  }
  return out;
}

// Whether check_memory() looks at the immediates.
consteval bool is_checked(Imm imm) {
  switch (imm) {
    case Imm::kMemory:
    case Imm::kMemoryMemory:
    case Imm::kMemArg:
    case Imm::kMemArgLane:
    case Imm::kDataMemory:
    case Imm::kData:
    case Imm::kElem:
    case Imm::kLane:
    case Imm::kShuffle:
      return true;
    default:
      return false;
  }
}

struct Row {
  Signature signature;
  Imm imm;
  bool checked;
};
constexpr std::array<Row, kOpcodeCount> kRows = {{
#define OP(name, code, text, imm, sig, align, w32, w64, complexity) \
  {parse_signature(sig), Imm::k##imm, is_checked(Imm::k##imm)},
#include "wasm/opcodes.def"
#undef OP
}};

std::string operand_name(uint8_t operand) {
  return operand == kUnknown ? "any type" : std::string(to_string(ValType{operand}));
}

// The place of an immediate, where an index is wrong.
uint64_t place(const Instruction& in, unsigned immediate) {
  return in.offset + in.imm[immediate].begin;
}

std::unexpected<Error> no_such(const Instruction& in, unsigned immediate, std::string_view what) {
  return fail(Errc::kWasmIndex, place(in, immediate),
              fmt::format("{}: no {} {}", info(in.op).text, what, in.imm[immediate].value));
}

std::unexpected<Error> too_many_operands(const Instruction& in) {
  return fail(Errc::kLimit, in.offset,
              fmt::format("more than {} values on the stack", limits::kOperands));
}

// A block type of one value needs a list of one type to point to.
std::span<const ValType> single(uint64_t byte) {
  static constexpr std::array<ValType, 7> kAll = {
      ValType::kI32,  ValType::kI64,     ValType::kF32,      ValType::kF64,
      ValType::kV128, ValType::kFuncRef, ValType::kExternRef};
  const auto it =
      std::ranges::find(kAll, byte, [](ValType t) { return uint64_t{std::to_underlying(t)}; });
  if (it == kAll.end()) return {};
  return {it, 1};
}

bool is_value_type(uint8_t byte) { return !single(byte).empty(); }

// Number of lanes by the shape in front of the instruction's text or of its operand.
unsigned lane_count(std::string_view text) {
  if (text.starts_with("i8x16") || text.find("8_lane") != std::string_view::npos) return 16;
  if (text.starts_with("i16x8") || text.find("16_lane") != std::string_view::npos) return 8;
  if (text.starts_with("i32x4") || text.starts_with("f32x4") ||
      text.find("32_lane") != std::string_view::npos) {
    return 4;
  }
  return 2;
}

}  // namespace

inline Status FunctionValidator::pop(ValType type, const Instruction& in) {
  if (operands_.size() > floor_ && operands_.back() == std::to_underlying(type)) [[likely]] {
    operands_.pop_back();
    return Ok{};
  }
  return pop_slow(type, in);
}

inline Status FunctionValidator::push(ValType type, const Instruction& in) {
  if (operands_.size() >= limits::kOperands) [[unlikely]]
    return too_many_operands(in);
  operands_.push_back(std::to_underlying(type));
  return Ok{};
}

// Three of ten instructions.
inline Status FunctionValidator::local(const Instruction& in) {
  ValType type{};
  if (in.index() < flat_locals_.size()) [[likely]] {
    type = flat_locals_[static_cast<size_t>(in.index())];
  } else {
    CANREC_TRY(type, far_local(in));
  }
  if (in.op != Opcode::kLocalGet) CANREC_CHECK(pop(type, in));
  if (in.op != Opcode::kLocalSet) CANREC_CHECK(push(type, in));
  return Ok{};
}

inline Status FunctionValidator::step(const Instruction& in) {
  const Row& row = kRows[std::to_underlying(in.op)];
  if (row.imm == Imm::kLocal) return local(in);
  const Signature& signature = row.signature;
  if (signature.special) return special(in);
  if (row.checked) CANREC_CHECK(check_memory(in));
  for (unsigned i = signature.param_count; i-- > 0;) {
    const uint8_t param = signature.params[i];
    CANREC_CHECK(pop(param == kAddress ? address_ : ValType{param}, in));
  }
  if (signature.result_count == 0) return Ok{};
  return push(signature.result == kAddress ? address_ : ValType{signature.result}, in);
}

FunctionValidator::FunctionValidator(const ValidationContext& context)
    : context_(context),
      module_(context.module),
      address_(context.module.is_64() ? ValType::kI64 : ValType::kI32) {}

Status FunctionValidator::check(FuncIdx index) {
  const Function& fn = module_.function(index);
  const FuncType& type = module_.type_of(index);
  CANREC_CHECK(begin(fn, type));
  InstructionReader reader = module_.instructions(fn);
  Instruction in;
  CANREC_CHECK(push_frame(Opcode::kBlock, {}, type.results, in));
  while (!frames_.empty()) {
    if (reader.at_end()) {
      return fail(Errc::kWasmMalformed, reader.pos(), "function body ends inside a block");
    }
    CANREC_CHECK(reader.next(in));
    CANREC_CHECK(step(in));
  }
  if (!reader.at_end()) {
    return fail(Errc::kWasmMalformed, reader.pos(), "instructions behind the end of the function");
  }
  return Ok{};
}

Status FunctionValidator::begin(const Function& fn, const FuncType& type) {
  operands_.clear();
  frames_.clear();
  floor_ = 0;
  local_runs_.clear();
  flat_locals_.assign(type.params.begin(), type.params.end());
  local_count_ = type.params.size();
  CANREC_TRY(const std::vector<LocalGroup> groups, read_locals(module_, fn));
  for (const LocalGroup& group : groups) {
    local_count_ += group.count;
    local_runs_.push_back({local_count_, group.type});
    const size_t flat = std::min<uint64_t>(local_count_, kFlatLocals);
    if (flat_locals_.size() < flat) flat_locals_.resize(flat, group.type);
  }
  return Ok{};
}

Status FunctionValidator::special(const Instruction& in) {
  switch (in.op) {
    case Opcode::kUnreachable:
      unreachable();
      return Ok{};
    case Opcode::kBlock:
    case Opcode::kLoop:
    case Opcode::kIf:
      return block(in);
    case Opcode::kElse:
      return otherwise(in);
    case Opcode::kEnd:
      return end(in);
    case Opcode::kBr:
      return branch(in);
    case Opcode::kBrIf:
      return branch_if(in);
    case Opcode::kBrTable:
      return branch_table(in);
    case Opcode::kReturn:
      CANREC_CHECK(pop(frames_[0].results, in));
      unreachable();
      return Ok{};
    case Opcode::kCall:
    case Opcode::kReturnCall:
      if (in.index() >= module_.functions.size()) return no_such(in, 0, "function");
      return call(in, module_.type_of(FuncIdx{static_cast<uint32_t>(in.index())}),
                  in.op == Opcode::kReturnCall);
    case Opcode::kCallIndirect:
    case Opcode::kReturnCallIndirect:
      return call_indirect(in, in.op == Opcode::kReturnCallIndirect);
    case Opcode::kDrop:
      CANREC_CHECK(pop_any(in));
      return Ok{};
    case Opcode::kSelect:
      return select(in);
    case Opcode::kSelectTyped:
      return select_typed(in);
    case Opcode::kGlobalGet:
    case Opcode::kGlobalSet:
      return global(in);
    case Opcode::kRefNull:
    case Opcode::kRefIsNull:
    case Opcode::kRefFunc:
      return reference(in);
    default:
      return table(in);
  }
}

// ---- blocks and branches

Status FunctionValidator::block(const Instruction& in) {
  Types params;
  Types results;
  const uint64_t value = in.index();
  if (value >= kBlockTypeIndex) {
    const uint64_t index = value - kBlockTypeIndex;
    if (index >= module_.types.size()) {
      return fail(Errc::kWasmIndex, place(in, 0), fmt::format("block: no type {}", index));
    }
    const FuncType& type = module_.types[static_cast<size_t>(index)];
    params = type.params;
    results = type.results;
  } else if (value != kBlockTypeEmpty) {
    results = single(value);
    if (results.empty()) {
      return fail(Errc::kWasmMalformed, place(in, 0),
                  fmt::format("unknown block type 0x{:02x}", value));
    }
  }
  if (in.op == Opcode::kIf) CANREC_CHECK(pop(ValType::kI32, in));
  CANREC_CHECK(pop(params, in));
  return push_frame(in.op, params, results, in);
}

Status FunctionValidator::otherwise(const Instruction& in) {
  const Frame frame = frames_.back();
  if (frame.opener != Opcode::kIf) return invalid(in, "else without if");
  CANREC_CHECK(pop_frame(in));
  return push_frame(Opcode::kElse, frame.params, frame.results, in);
}

Status FunctionValidator::end(const Instruction& in) {
  const Frame frame = frames_.back();
  CANREC_CHECK(pop_frame(in));
  // Without else, what goes in comes out.
  if (frame.opener == Opcode::kIf && !std::ranges::equal(frame.params, frame.results)) {
    return invalid(in, "if without else must leave the types it found");
  }
  if (frames_.empty()) return Ok{};
  return push(frame.results, in);
}

Result<FunctionValidator::Frame*> FunctionValidator::label(const Instruction& in, uint64_t depth,
                                                           uint64_t offset) {
  if (depth >= frames_.size()) {
    return fail(
        Errc::kWasmIndex, offset,
        fmt::format("{}: label {} with {} blocks around", info(in.op).text, depth, frames_.size()));
  }
  return &frames_[frames_.size() - 1 - static_cast<size_t>(depth)];
}

Status FunctionValidator::branch(const Instruction& in) {
  CANREC_TRY(const Frame* target, label(in, in.index(), place(in, 0)));
  CANREC_CHECK(pop(target->label(), in));
  unreachable();
  return Ok{};
}

Status FunctionValidator::branch_if(const Instruction& in) {
  CANREC_TRY(const Frame* target, label(in, in.index(), place(in, 0)));
  CANREC_CHECK(pop(ValType::kI32, in));
  const Types types = target->label();
  CANREC_CHECK(pop(types, in));
  return push(types, in);
}

// Every label must accept what is on the stack. A label that this instruction has named before is
// not checked again.
Status FunctionValidator::branch_table(const Instruction& in) {
  CANREC_CHECK(pop(ValType::kI32, in));
  const uint64_t stamp = ++tables_seen_;
  const auto vector_at = static_cast<uint64_t>(in.raw.data() - module_.bytes.data());
  Cursor labels(in.raw, vector_at);
  size_t arity = 0;
  Types types;
  for (uint64_t i = 0; i <= in.index(); ++i) {
    const uint64_t offset = labels.pos();
    CANREC_TRY(const uint32_t depth, labels.u32());
    CANREC_TRY(Frame * target, label(in, depth, offset));
    if (target->stamp == stamp) continue;
    target->stamp = stamp;
    types = target->label();
    if (i == 0) arity = types.size();
    if (types.size() != arity) {
      return fail(Errc::kWasmInvalid, offset, "br_table: labels take different numbers of values");
    }
    CANREC_CHECK(matches(types, in));
  }
  unreachable();
  return Ok{};
}

Status FunctionValidator::push_frame(Opcode opener, Types params, Types results,
                                     const Instruction& in) {
  if (frames_.size() >= limits::kBlockDepth) {
    return fail(Errc::kLimit, in.offset,
                fmt::format("more than {} nested blocks", limits::kBlockDepth));
  }
  floor_ = operands_.size();
  frames_.push_back({opener, false, floor_, params, results, 0});
  return push(params, in);
}

Status FunctionValidator::pop_frame(const Instruction& in) {
  const Frame& frame = frames_.back();
  CANREC_CHECK(pop(frame.results, in));
  if (operands_.size() != frame.height) {
    return invalid(in, fmt::format("{} more values on the stack than the block gives",
                                   operands_.size() - frame.height));
  }
  frames_.pop_back();
  floor_ = frames_.empty() ? 0 : frames_.back().height;
  return Ok{};
}

void FunctionValidator::unreachable() {
  operands_.resize(floor_);
  frames_.back().unreachable = true;
}

// ---- operands

Status FunctionValidator::pop_slow(ValType type, const Instruction& in) {
  CANREC_TRY(const uint8_t found, pop_any(in));
  if (found == kUnknown || found == std::to_underlying(type)) return Ok{};
  return invalid(in, fmt::format("{} expected, {} found", to_string(type), operand_name(found)));
}

Result<uint8_t> FunctionValidator::pop_any(const Instruction& in) {
  if (operands_.size() == floor_) {
    if (frames_.back().unreachable) return kUnknown;
    return invalid(in, "a value is expected, the stack is empty");
  }
  const uint8_t found = operands_.back();
  operands_.pop_back();
  return found;
}

// Long lists are compared and copied at once: two bytes of `call` may push a thousand values.
Status FunctionValidator::pop(Types types, const Instruction& in) {
  const size_t n = types.size();
  if (operands_.size() - floor_ >= n &&
      (n == 0 || std::memcmp(operands_.data() + operands_.size() - n, types.data(), n) == 0)) {
    operands_.resize(operands_.size() - n);
    return Ok{};
  }
  for (size_t i = n; i-- > 0;) CANREC_CHECK(pop(types[i], in));
  return Ok{};
}

Status FunctionValidator::push(Types types, const Instruction& in) {
  if (operands_.size() + types.size() > limits::kOperands) return too_many_operands(in);
  const size_t height = operands_.size();
  operands_.resize(height + types.size());
  if (!types.empty()) std::memcpy(operands_.data() + height, types.data(), types.size());
  return Ok{};
}

// Whether the top of the stack is of these types; nothing is popped.
Status FunctionValidator::matches(Types types, const Instruction& in) const {
  for (size_t i = 0; i < types.size(); ++i) {
    const ValType type = types[types.size() - 1 - i];
    if (i >= operands_.size() - floor_) {
      if (frames_.back().unreachable) return Ok{};
      return invalid(in, "a value is expected, the stack is empty");
    }
    const uint8_t found = operands_[operands_.size() - 1 - i];
    if (found != kUnknown && found != std::to_underlying(type)) {
      return invalid(in,
                     fmt::format("{} expected, {} found", to_string(type), operand_name(found)));
    }
  }
  return Ok{};
}

std::unexpected<Error> FunctionValidator::invalid(const Instruction& in,
                                                  std::string message) const {
  return fail(Errc::kWasmInvalid, in.offset, fmt::format("{}: {}", info(in.op).text, message));
}

// ---- calls and select

Status FunctionValidator::call(const Instruction& in, const FuncType& type, bool tail) {
  CANREC_CHECK(pop(Types(type.params), in));
  if (!tail) return push(Types(type.results), in);
  if (!std::ranges::equal(type.results, frames_[0].results)) {
    return invalid(in, "the callee's results are not those of this function");
  }
  unreachable();
  return Ok{};
}

Status FunctionValidator::call_indirect(const Instruction& in, bool tail) {
  if (in.index() >= module_.types.size()) return no_such(in, 0, "type");
  CANREC_TRY(const Table* target, table_at(in, 1));
  if (target->type.element != ValType::kFuncRef) {
    return invalid(in, fmt::format("table {} holds no functions", in.imm[1].value));
  }
  CANREC_CHECK(pop(target->type.limits.is_64 ? ValType::kI64 : ValType::kI32, in));
  return call(in, module_.types[static_cast<size_t>(in.index())], tail);
}

Status FunctionValidator::select(const Instruction& in) {
  CANREC_CHECK(pop(ValType::kI32, in));
  CANREC_TRY(const uint8_t second, pop_any(in));
  CANREC_TRY(const uint8_t first, pop_any(in));
  for (const uint8_t operand : {first, second}) {
    if (operand != kUnknown && is_reference(ValType{operand})) {
      return invalid(in, "references need the select that names its type");
    }
  }
  if (first != second && first != kUnknown && second != kUnknown) {
    return invalid(
        in, fmt::format("operands of types {} and {}", operand_name(first), operand_name(second)));
  }
  operands_.push_back(first == kUnknown ? second : first);
  return Ok{};
}

Status FunctionValidator::select_typed(const Instruction& in) {
  if (in.raw.size() != 1) return invalid(in, "select must name exactly one type");
  if (!is_value_type(in.raw[0])) {
    return fail(Errc::kWasmMalformed, in.offset,
                fmt::format("select: unknown value type 0x{:02x}", in.raw[0]));
  }
  const ValType type{in.raw[0]};
  CANREC_CHECK(pop(ValType::kI32, in));
  CANREC_CHECK(pop(type, in));
  CANREC_CHECK(pop(type, in));
  return push(type, in);
}

// ---- variables

Result<ValType> FunctionValidator::far_local(const Instruction& in) const {
  const uint64_t index = in.index();
  if (index >= local_count_) {
    return fail(Errc::kWasmIndex, place(in, 0),
                fmt::format("{}: no local {}, of {}", info(in.op).text, index, local_count_));
  }
  return std::ranges::upper_bound(local_runs_, index, {}, &LocalRun::end)->type;
}

Status FunctionValidator::global(const Instruction& in) {
  if (in.index() >= module_.globals.size()) return no_such(in, 0, "global");
  const GlobalType type = module_.globals[static_cast<size_t>(in.index())].type;
  if (in.op == Opcode::kGlobalGet) return push(type.type, in);
  if (!type.is_mutable) return invalid(in, fmt::format("global {} is immutable", in.index()));
  return pop(type.type, in);
}

// ---- memories, segments, lanes

Status FunctionValidator::check_memory(const Instruction& in) {
  const Imm imm = kRows[std::to_underlying(in.op)].imm;
  if (imm == Imm::kLane || imm == Imm::kShuffle) return check_lane(in);
  if (imm == Imm::kElem || imm == Imm::kData || imm == Imm::kDataMemory) {
    CANREC_CHECK(check_segments(in));
    if (imm != Imm::kDataMemory) return Ok{};
  }
  if (module_.memories.empty()) return invalid(in, "the module has no memory");
  if (imm == Imm::kMemory || imm == Imm::kMemoryMemory || imm == Imm::kDataMemory) {
    for (unsigned i = imm == Imm::kDataMemory ? 1 : 0; i < in.imm_count; ++i) {
      if (in.imm[i].value != 0) return no_such(in, i, "memory");
    }
    // Without multiple memories this is a zero byte, not an index that could be padded.
    if (imm == Imm::kMemory && in.op != Opcode::kMemoryFill &&
        in.imm[0].end - in.imm[0].begin != 1) {
      return fail(Errc::kWasmMalformed, place(in, 0),
                  fmt::format("{}: zero byte expected", info(in.op).text));
    }
    return Ok{};
  }
  if (in.imm[0].value > info(in.op).align) {
    return fail(Errc::kWasmInvalid, place(in, 0),
                fmt::format("{}: alignment 2^{} is larger than natural", info(in.op).text,
                            in.imm[0].value));
  }
  if (address_ == ValType::kI32 && in.imm[1].value > UINT32_MAX) {
    return fail(Errc::kWasmInvalid, place(in, 1),
                fmt::format("{}: offset does not fit a 32-bit memory", info(in.op).text));
  }
  return imm == Imm::kMemArgLane ? check_lane(in) : Ok{};
}

Status FunctionValidator::check_segments(const Instruction& in) {
  if (in.op == Opcode::kElemDrop) {
    if (in.index() >= module_.elements.size()) return no_such(in, 0, "element segment");
    return Ok{};
  }
  if (!module_.data_count) return invalid(in, "the module has no data count section");
  if (in.index() >= *module_.data_count) return no_such(in, 0, "data segment");
  return Ok{};
}

Status FunctionValidator::check_lane(const Instruction& in) {
  if (in.op == Opcode::kI8x16Shuffle) {
    for (const uint8_t lane : in.raw) {
      if (lane >= 32) return invalid(in, fmt::format("no lane {}, of 32", lane));
    }
    return Ok{};
  }
  const uint64_t lane = in.imm[in.imm_count - 1].value;
  const unsigned count = lane_count(info(in.op).text);
  if (lane >= count) {
    return fail(Errc::kWasmInvalid, place(in, in.imm_count - 1u),
                fmt::format("{}: no lane {}, of {}", info(in.op).text, lane, count));
  }
  return Ok{};
}

// ---- tables and references

Result<const Table*> FunctionValidator::table_at(const Instruction& in, unsigned immediate) const {
  const uint64_t index = in.imm[immediate].value;
  if (index >= module_.tables.size()) return no_such(in, immediate, "table");
  return &module_.tables[static_cast<size_t>(index)];
}

Status FunctionValidator::table(const Instruction& in) {
  const auto index_type = [](const Table* t) {
    return t->type.limits.is_64 ? ValType::kI64 : ValType::kI32;
  };
  if (in.op == Opcode::kTableCopy) {
    CANREC_TRY(const Table* to, table_at(in, 0));
    CANREC_TRY(const Table* from, table_at(in, 1));
    if (to->type.element != from->type.element) return invalid(in, "tables of different types");
    const bool both_64 = to->type.limits.is_64 && from->type.limits.is_64;
    CANREC_CHECK(pop(both_64 ? ValType::kI64 : ValType::kI32, in));
    CANREC_CHECK(pop(index_type(from), in));
    return pop(index_type(to), in);
  }
  CANREC_TRY(const Table* target, table_at(in, in.op == Opcode::kTableInit ? 1 : 0));
  const ValType element = target->type.element;
  const ValType index = index_type(target);
  switch (in.op) {
    case Opcode::kTableGet:
      CANREC_CHECK(pop(index, in));
      return push(element, in);
    case Opcode::kTableSet:
      CANREC_CHECK(pop(element, in));
      return pop(index, in);
    case Opcode::kTableSize:
      return push(index, in);
    case Opcode::kTableGrow:
      CANREC_CHECK(pop(index, in));
      CANREC_CHECK(pop(element, in));
      return push(index, in);
    case Opcode::kTableFill:
      CANREC_CHECK(pop(index, in));
      CANREC_CHECK(pop(element, in));
      return pop(index, in);
    default:
      break;
  }
  CANREC_ASSERT(in.op == Opcode::kTableInit);
  if (in.index() >= module_.elements.size()) return no_such(in, 0, "element segment");
  if (module_.elements[static_cast<size_t>(in.index())].type != element) {
    return invalid(in, "segment and table of different types");
  }
  CANREC_CHECK(pop(ValType::kI32, in));
  CANREC_CHECK(pop(ValType::kI32, in));
  return pop(index, in);
}

Status FunctionValidator::reference(const Instruction& in) {
  if (in.op == Opcode::kRefIsNull) {
    CANREC_TRY(const uint8_t found, pop_any(in));
    if (found != kUnknown && !is_reference(ValType{found})) {
      return invalid(in, fmt::format("a reference expected, {} found", operand_name(found)));
    }
    return push(ValType::kI32, in);
  }
  if (in.op == Opcode::kRefNull) {
    if (!is_value_type(static_cast<uint8_t>(in.index())) ||
        !is_reference(ValType{static_cast<uint8_t>(in.index())})) {
      return fail(Errc::kWasmMalformed, place(in, 0),
                  fmt::format("ref.null: unknown reference type 0x{:02x}", in.index()));
    }
    return push(ValType{static_cast<uint8_t>(in.index())}, in);
  }
  if (in.index() >= module_.functions.size()) return no_such(in, 0, "function");
  if (!context_.declared[static_cast<size_t>(in.index())]) {
    return invalid(in, fmt::format("function {} is not declared as a reference", in.index()));
  }
  return push(ValType::kFuncRef, in);
}

}  // namespace canrec::wasm
