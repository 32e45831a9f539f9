// SPDX-License-Identifier: Apache-2.0
// Validation of a module, section by section; bodies are checked by FunctionValidator.
// The earliest section that breaks a rule gives the error. What the reader has settled (indices of
// exports, segments, start; order and sizes of sections) is not looked at again.
#include "wasm/validate.h"

#include <fmt/core.h>

#include <future>
#include <unordered_set>

#include "base/limits.h"
#include "wasm/function_validator.h"

namespace canrec::wasm {
namespace {

constexpr uint64_t kMaxPages32 = uint64_t{1} << 16;
constexpr uint64_t kMaxPages64 = uint64_t{1} << 48;

std::unexpected<Error> invalid(uint64_t offset, std::string message) {
  return fail(Errc::kWasmInvalid, offset, std::move(message));
}

ValType index_type(const Limits& limits) { return limits.is_64 ? ValType::kI64 : ValType::kI32; }

// Calls `one(instruction)` for every expression of a segment's items.
template <typename One>
Status each_item_expression(const Module& module, const ElementSegment& segment, One one) {
  InstructionReader reader(module.view(segment.items), segment.items.begin);
  Instruction instruction;
  Instruction end;
  for (uint32_t i = 0; i < segment.count; ++i) {
    CANREC_CHECK(reader.next(instruction));
    CANREC_CHECK(one(instruction));
    CANREC_CHECK(reader.next(end));
  }
  return Ok{};
}

// The functions that occur outside of bodies: in element segments, exports and globals.
// Source: https://webassembly.github.io/spec/core/valid/modules.html#modules
std::vector<bool> declared_functions(const Module& module) {
  std::vector<bool> declared(module.functions.size());
  for (const Export& entry : module.exports) {
    if (entry.kind == ExternKind::kFunc) declared[entry.index] = true;
  }
  for (const Global& global : module.globals) {
    const Instruction& init = global.init.instruction;
    if (!global.import && init.op == Opcode::kRefFunc && init.index() < declared.size()) {
      declared[static_cast<size_t>(init.index())] = true;
    }
  }
  for (const ElementSegment& segment : module.elements) {
    for (const ElementItem& item : read_items(module, segment)) {
      if (item.function) declared[std::to_underlying(*item.function)] = true;
    }
  }
  return declared;
}

class ModuleValidator {
 public:
  explicit ModuleValidator(const Module& module) : module_(module) {}

  Status run() {
    CANREC_CHECK(types());
    CANREC_CHECK(tables());
    CANREC_CHECK(memories());
    CANREC_CHECK(globals());
    CANREC_CHECK(exports());
    CANREC_CHECK(start());
    CANREC_CHECK(elements());
    CANREC_CHECK(code());
    return data();
  }

 private:
  Status types() const {
    for (size_t i = 0; i < module_.types.size(); ++i) {
      const FuncType& type = module_.types[i];
      if (type.params.size() > limits::kTypeValues || type.results.size() > limits::kTypeValues) {
        return fail(
            Errc::kLimit, module_.type_ranges[i].begin,
            fmt::format("type {} has more than {} parameters or results", i, limits::kTypeValues));
      }
    }
    return Ok{};
  }

  Status tables() const {
    for (const Table& table : module_.tables) {
      const Limits& limits = table.type.limits;
      if (limits.has_max && limits.max < limits.min) {
        return invalid(table.range.begin, "table: maximum is smaller than minimum");
      }
    }
    return Ok{};
  }

  Status memories() const {
    for (const Memory& memory : module_.memories) {
      const uint64_t most = memory.limits.is_64 ? kMaxPages64 : kMaxPages32;
      if (memory.limits.min > most || (memory.limits.has_max && memory.limits.max > most)) {
        return invalid(memory.range.begin, fmt::format("memory: more than {} pages", most));
      }
      if (memory.limits.has_max && memory.limits.max < memory.limits.min) {
        return invalid(memory.range.begin, "memory: maximum is smaller than minimum");
      }
    }
    return Ok{};
  }

  Status globals() const {
    for (size_t i = 0; i < module_.globals.size(); ++i) {
      const Global& global = module_.globals[i];
      if (global.import) continue;
      if (Status status = constant(global.init.instruction, global.type.type); !status) {
        return fail(std::move(status).error().in(fmt::format("global {}", i)));
      }
    }
    return Ok{};
  }

  Status exports() const {
    std::unordered_set<std::string_view> names;
    for (const Export& entry : module_.exports) {
      if (!names.insert(entry.name).second) {
        return invalid(entry.range.begin,
                       fmt::format("export \"{}\" appears twice", printable(as_bytes(entry.name))));
      }
    }
    return Ok{};
  }

  Status start() const {
    if (!module_.start) return Ok{};
    const FuncType& type = module_.type_of(*module_.start);
    if (type.params.empty() && type.results.empty()) return Ok{};
    return invalid(module_.start_range.begin,
                   fmt::format("start function is of type {}", to_string(type)));
  }

  Status elements() const {
    for (size_t i = 0; i < module_.elements.size(); ++i) {
      if (Status status = element(module_.elements[i]); !status) {
        return fail(std::move(status).error().in(fmt::format("element segment {}", i)));
      }
    }
    return Ok{};
  }

  Status element(const ElementSegment& segment) const {
    if (segment.mode == SegmentMode::kActive) {
      const TableType& table = module_.tables[std::to_underlying(segment.table)].type;
      if (table.element != segment.type) {
        return invalid(segment.range.begin,
                       fmt::format("a segment of {} in a table of {}", to_string(segment.type),
                                   to_string(table.element)));
      }
      CANREC_CHECK(constant(segment.offset.instruction, index_type(table.limits)));
    }
    if (!segment.has_exprs) return Ok{};
    return each_item_expression(
        module_, segment, [&](const Instruction& item) { return constant(item, segment.type); });
  }

  // Bodies are checked alone, so each half of the code has a processor of its own. The error is
  // that of the first body that breaks a rule, as it is without threads.
  Status code() const {
    constexpr uint64_t kWorthAThread = 256 * 1024;
    const ValidationContext context{module_, declared_functions(module_)};
    const size_t begin = module_.imported_functions;
    const size_t end = module_.functions.size();
    const Section* section = module_.section(SectionId::kCode);
    if (section == nullptr || section->content.size() < kWorthAThread) {
      return bodies(context, begin, end);
    }
    const uint64_t half = section->content.begin + section->content.size() / 2;
    size_t middle = begin;
    while (middle < end && module_.functions[middle].body.begin < half) ++middle;
    auto behind = std::async(std::launch::async, [&] { return bodies(context, middle, end); });
    Status first = bodies(context, begin, middle);
    Status second = behind.get();
    return first ? std::move(second) : std::move(first);
  }

  Status bodies(const ValidationContext& context, size_t begin, size_t end) const {
    FunctionValidator validator(context);
    for (size_t i = begin; i < end; ++i) {
      const FuncIdx fn{static_cast<uint32_t>(i)};
      if (Status status = validator.check(fn); !status) {
        return fail(std::move(status).error().in(fmt::format("function {}", i)));
      }
    }
    return Ok{};
  }

  Status data() const {
    for (size_t i = 0; i < module_.data.size(); ++i) {
      const DataSegment& segment = module_.data[i];
      if (segment.mode != SegmentMode::kActive) continue;
      const Limits& limits = module_.memories[std::to_underlying(segment.memory)].limits;
      if (Status status = constant(segment.offset.instruction, index_type(limits)); !status) {
        return fail(std::move(status).error().in(fmt::format("data segment {}", i)));
      }
    }
    return Ok{};
  }

  // One constant instruction that gives a value of that type.
  // Source: https://webassembly.github.io/spec/core/valid/instructions.html#constant-expressions
  Status constant(const Instruction& in, ValType expected) const {
    CANREC_TRY(const ValType found, constant_type(in));
    if (found == expected) return Ok{};
    return invalid(in.offset, fmt::format("{} expected in a constant expression, {} found",
                                          to_string(expected), to_string(found)));
  }

  Result<ValType> constant_type(const Instruction& in) const {
    switch (in.op) {
      case Opcode::kI32Const:
        return ValType::kI32;
      case Opcode::kI64Const:
        return ValType::kI64;
      case Opcode::kF32Const:
        return ValType::kF32;
      case Opcode::kF64Const:
        return ValType::kF64;
      case Opcode::kV128Const:
        return ValType::kV128;
      case Opcode::kRefNull:
        if (in.index() == std::to_underlying(ValType::kFuncRef)) return ValType::kFuncRef;
        if (in.index() == std::to_underlying(ValType::kExternRef)) return ValType::kExternRef;
        return fail(Errc::kWasmMalformed, in.offset,
                    fmt::format("ref.null: unknown reference type 0x{:02x}", in.index()));
      case Opcode::kRefFunc:
        if (in.index() < module_.functions.size()) return ValType::kFuncRef;
        return fail(Errc::kWasmIndex, in.offset, fmt::format("no function {}", in.index()));
      case Opcode::kGlobalGet:
        return constant_global(in);
      default:
        return invalid(in.offset, fmt::format("{} is not constant", info(in.op).text));
    }
  }

  Result<ValType> constant_global(const Instruction& in) const {
    if (in.index() >= module_.imported_globals) {
      return invalid(in.offset, fmt::format("global.get {} in a constant expression: only imported "
                                            "globals may be read",
                                            in.index()));
    }
    const GlobalType type = module_.globals[static_cast<size_t>(in.index())].type;
    if (type.is_mutable) {
      return invalid(in.offset, "global.get of a mutable global in a constant expression");
    }
    return type.type;
  }

  const Module& module_;
};

}  // namespace

Status validate(const Module& module) { return ModuleValidator(module).run(); }

Status validate_function(const Module& module, FuncIdx fn) {
  const ValidationContext context{module, declared_functions(module)};
  return FunctionValidator(context).check(fn);
}

}  // namespace canrec::wasm
