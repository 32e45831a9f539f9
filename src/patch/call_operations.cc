// SPDX-License-Identifier: Apache-2.0
// remove, insert, stub: patches of single calls and functions.
#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"
#include "patch/draft.h"
#include "patch/operations.h"

namespace canrec::patch {
namespace {

using wasm::ByteRange;
using wasm::FuncIdx;
using wasm::Module;
using wasm::Opcode;
using wasm::ValType;

std::unexpected<Error> bad(std::string message) {
  return fail(Errc::kBadArgument, std::move(message));
}

// Pushes one constant for each result, from what the user wrote.
Status push_results(Code& code, const std::vector<ValType>& types,
                    const std::vector<std::string>& values) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] != ValType::kI32 && types[i] != ValType::kI64) {
      if (values[i] != "0") {
        return bad(fmt::format("a result of type {} can only be 0", to_string(types[i])));
      }
      code.zero(types[i]);
      continue;
    }
    CANREC_TRY(const int64_t value, parse_integer(values[i], types[i]));
    types[i] == ValType::kI32 ? code.i32(static_cast<int32_t>(value)) : code.i64(value);
  }
  return Ok{};
}

// Everything that insert_call knows while it writes.
class Inserter {
 public:
  Inserter(Draft& draft, const CallText& call, const Insertion& insertion)
      : draft_(draft),
        module_(draft.module()),
        call_(call),
        insertion_(insertion),
        type_(signature(ic::info(call.function), module_.is_64())) {}

  // At the entry of a function: its parameters are the arguments.
  Status at_entry(FuncIdx function) {
    function_ = function;
    if (uses(OperandKind::kPop))
      return bad("`pop` at a function's entry: the stack is empty there");
    CANREC_CHECK(find_locals());
    argument_types_ = module_.type_of(function).params;
    Code code;
    CANREC_CHECK(call(code));
    const uint64_t begin = module_.function(function).code.begin;
    draft_.in_body({begin, begin}, code.bytes(), reason());
    return Ok{};
  }

  Status at_site(const Site& site) {
    function_ = site.function;
    CANREC_CHECK(find_locals());
    const Opcode op = site.instruction.op;
    if (insertion_.where == Where::kAfter && ends_flow(op)) {
      return fail(Errc::kPatchSite, site.instruction.offset,
                  "control never comes behind this instruction");
    }
    if (insertion_.where == Where::kAfter && site.instruction.end == body().code.end) {
      return fail(Errc::kPatchSite, site.instruction.offset, "this is the end of the function");
    }
    if (uses(OperandKind::kArgument)) return with_arguments(site);
    Code code;
    CANREC_CHECK(call(code));
    if (insertion_.where == Where::kOver) {
      CANREC_TRY(const uint64_t end, end_of_replaced(site));
      draft_.in_body({site.instruction.offset, end}, code.bytes(), reason());
      return Ok{};
    }
    const uint64_t at =
        insertion_.where == Where::kAfter ? site.instruction.end : site.instruction.offset;
    draft_.in_body({at, at}, code.bytes(), reason());
    return Ok{};
  }

 private:
  const wasm::Function& body() const { return module_.function(function_); }

  bool uses(OperandKind kind) const {
    return std::ranges::any_of(call_.operands, [&](const Operand& o) { return o.kind == kind; });
  }

  std::string reason() const {
    return fmt::format("insert call of ic0.{}", ic::info(call_.function).name);
  }

  Status find_locals() {
    local_types_ = module_.type_of(function_).params;
    CANREC_TRY(const auto groups, wasm::read_locals(module_, body()));
    for (const wasm::LocalGroup& group : groups) {
      local_types_.insert(local_types_.end(), group.count, group.type);
    }
    return Ok{};
  }

  // The site's own arguments, saved to fresh locals and put back.
  Status with_arguments(const Site& site) {
    if (!is_import_call(module_, site.instruction)) {
      return bad("`argN` needs a site that calls an imported function");
    }
    if (uses(OperandKind::kPop)) return bad("`pop` and `argN` do not go together");
    if (insertion_.where == Where::kOver) return bad("`argN` does not go with --over");
    const auto callee = FuncIdx{narrow<uint32_t>(site.instruction.index())};
    argument_types_ = module_.type_of(callee).params;
    CANREC_TRY(saved_,
               draft_.add_locals(body(), argument_types_, "locals for the call's arguments"));
    Code before;
    for (size_t i = argument_types_.size(); i-- > 0;) before.op(Opcode::kLocalSet, *saved_ + i);
    if (insertion_.where == Where::kBefore) CANREC_CHECK(call(before));
    for (size_t i = 0; i < argument_types_.size(); ++i) before.op(Opcode::kLocalGet, *saved_ + i);
    const uint64_t at = site.instruction.offset;
    if (insertion_.where == Where::kBefore) {
      draft_.in_body({at, at}, before.bytes(), reason());
      return Ok{};
    }
    draft_.in_body({at, at}, before.bytes(), "keep the call's arguments");
    Code after;
    CANREC_CHECK(call(after));
    draft_.in_body({site.instruction.end, site.instruction.end}, after.bytes(), reason());
    return Ok{};
  }

  Result<uint64_t> end_of_replaced(const Site& site) const {
    uint32_t seen = 0;
    std::optional<uint64_t> end;
    CANREC_CHECK(walk(module_, function_, [&](const Site& next) {
      if (next.instruction.offset < site.instruction.offset) return;
      if (++seen == insertion_.over && next.instruction.end < body().code.end) {
        end = next.instruction.end;
      }
    }));
    if (!end) {
      return bad(fmt::format("--over {} reaches beyond the function", insertion_.over));
    }
    return *end;
  }

  // Operands, call, and what becomes of its result.
  Status call(Code& code) {
    for (size_t i = 0; i < call_.operands.size(); ++i) {
      CANREC_CHECK(operand(code, call_.operands[i], i));
    }
    code.op(Opcode::kCall, draft_.system_api(call_.function));
    return result(code);
  }

  Status operand(Code& code, const Operand& operand, size_t position) {
    const ValType wanted = type_.params[position];
    if (operand.kind == OperandKind::kPop) return Ok{};
    if (operand.kind == OperandKind::kConstant) {
      wanted == ValType::kI32 ? code.i32(static_cast<int32_t>(operand.value))
                              : code.i64(operand.value);
      return Ok{};
    }
    const bool argument = operand.kind == OperandKind::kArgument;
    const std::vector<ValType>& types = argument ? argument_types_ : local_types_;
    if (operand.index >= types.size()) {
      return bad(fmt::format("no {}{}: there are {}", argument ? "arg" : "local", operand.index,
                             types.size()));
    }
    const ValType have = types[operand.index];
    code.op(Opcode::kLocalGet, argument ? saved_.value_or(0) + operand.index : operand.index);
    if (have == wanted) return Ok{};
    // Addresses, offsets and sizes are unsigned.
    if (have == ValType::kI32 && wanted == ValType::kI64) {
      code.op(Opcode::kI64ExtendI32U);
      return Ok{};
    }
    return bad(fmt::format("{}{} is {} where ic0.{} wants {}", argument ? "arg" : "local",
                           operand.index, to_string(have), ic::info(call_.function).name,
                           to_string(wanted)));
  }

  Status result(Code& code) {
    if (insertion_.trap_if && type_.results.empty()) {
      return bad(fmt::format("--trap-if: ic0.{} returns nothing", ic::info(call_.function).name));
    }
    if (insertion_.trap_if) {
      CANREC_TRY(const int64_t value, parse_integer(*insertion_.trap_if, type_.results[0]));
      const bool wide = type_.results[0] == ValType::kI64;
      wide ? code.i64(value) : code.i32(static_cast<int32_t>(value));
      code.op(wide ? Opcode::kI64Eq : Opcode::kI32Eq).if_().op(Opcode::kUnreachable).end();
      return Ok{};
    }
    if (!insertion_.keep_result) {
      for (size_t i = 0; i < type_.results.size(); ++i) code.op(Opcode::kDrop);
    }
    return Ok{};
  }

  Draft& draft_;
  const Module& module_;
  const CallText& call_;
  const Insertion& insertion_;
  const wasm::FuncType type_;
  FuncIdx function_{};
  std::vector<ValType> local_types_;
  std::vector<ValType> argument_types_;
  std::optional<uint32_t> saved_;
};

}  // namespace

Result<Plan> remove_call(const wasm::LoadedModule& input, std::string_view site,
                         const std::vector<std::string>& results) {
  const Module& module = input.module;
  const Places places(module);
  CANREC_TRY(const Site found, places.call(site));
  CANREC_CHECK(check_reachable(found));
  const auto callee = FuncIdx{narrow<uint32_t>(found.instruction.index())};
  const wasm::FuncType& type = module.type_of(callee);
  const std::string name = places.names().of(callee);
  if (results.size() != type.results.size()) {
    return bad(fmt::format("{} is {}: --result is wanted {} times, {} given", name, to_string(type),
                           type.results.size(), results.size()));
  }
  Code code;
  for (size_t i = 0; i < type.params.size(); ++i) code.op(Opcode::kDrop);
  CANREC_CHECK(push_results(code, type.results, results));
  if (found.instruction.op == Opcode::kReturnCall) code.op(Opcode::kReturn);
  CANREC_TRY(Draft draft, Draft::begin(module));
  draft.in_body(found.instruction.range(), code.bytes(), fmt::format("remove call of {}", name));
  return std::move(draft).finish(input, fmt::format("remove {}", places.describe(found)));
}

Result<Plan> insert_call(const wasm::LoadedModule& input, std::string_view site,
                         const Insertion& insertion) {
  const Module& module = input.module;
  const Places places(module);
  CANREC_TRY(const CallText call, parse_call(insertion.call, module.is_64()));
  if (insertion.where == Where::kOver && insertion.over == 0) {
    return bad("--over wants at least one instruction");
  }
  if (insertion.keep_result && insertion.trap_if) {
    return bad("--keep-result and --trap-if exclude each other");
  }
  const std::array needed = {call.function};
  CANREC_TRY(Draft draft, Draft::begin(module, needed));
  Inserter inserter(draft, call, insertion);
  std::string where;
  if (insertion.where == Where::kAtEntry) {
    CANREC_TRY(const FuncIdx function, places.defined(site));
    CANREC_CHECK(inserter.at_entry(function));
    where = places.names().of(function);
  } else {
    CANREC_TRY(const Site found, places.instruction(site));
    CANREC_CHECK(check_reachable(found));
    CANREC_CHECK(inserter.at_site(found));
    where = places.describe(found);
  }
  return std::move(draft).finish(input, fmt::format("insert {} {}", where, insertion.call));
}

Result<Plan> stub(const wasm::LoadedModule& input, std::string_view function,
                  const std::vector<std::string>& results) {
  const Module& module = input.module;
  const Places places(module);
  CANREC_TRY(const FuncIdx fn, places.defined(function));
  const wasm::FuncType& type = module.type_of(fn);
  const std::string name = places.names().of(fn);
  std::vector<std::string> values = results;
  if (values.empty()) values.assign(type.results.size(), "0");
  if (values.size() != type.results.size()) {
    return bad(fmt::format("{} is {}: --return is wanted {} times, {} given", name, to_string(type),
                           type.results.size(), values.size()));
  }
  Code code;
  CANREC_CHECK(push_results(code, type.results, values));
  code.end();
  CANREC_TRY(Draft draft, Draft::begin(module));
  draft.in_body(module.function(fn).code, code.bytes(), fmt::format("{} returns at once", name));
  return std::move(draft).finish(input, fmt::format("stub {}", name));
}

}  // namespace canrec::patch
