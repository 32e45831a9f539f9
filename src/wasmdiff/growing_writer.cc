// SPDX-License-Identifier: Apache-2.0
// Recognises growing writers from their instructions, from front to end.
#include "wasmdiff/growing_writer.h"

#include <utility>

namespace canrec::wasmdiff {
namespace {

using ic::SystemApi;
using wasm::Instruction;
using wasm::Opcode;

// Longer functions are not looked at: the one that patches add has about forty instructions.
constexpr uint64_t kLongest = 512;

bool is_harmless_arithmetic(Opcode op) {
  switch (op) {
    case Opcode::kI32Const:
    case Opcode::kI64Const:
    case Opcode::kI32Eqz:
    case Opcode::kI32Eq:
    case Opcode::kI32Ne:
    case Opcode::kI32LtU:
    case Opcode::kI32GtU:
    case Opcode::kI32LeU:
    case Opcode::kI32GeU:
    case Opcode::kI64Eqz:
    case Opcode::kI64Eq:
    case Opcode::kI64Ne:
    case Opcode::kI64LtU:
    case Opcode::kI64GtU:
    case Opcode::kI64LeU:
    case Opcode::kI64GeU:
    case Opcode::kI32Add:
    case Opcode::kI32Sub:
    case Opcode::kI32And:
    case Opcode::kI32Or:
    case Opcode::kI32Shl:
    case Opcode::kI32ShrU:
    case Opcode::kI64Add:
    case Opcode::kI64Sub:
    case Opcode::kI64And:
    case Opcode::kI64Or:
    case Opcode::kI64Shl:
    case Opcode::kI64ShrU:
    case Opcode::kI32WrapI64:
    case Opcode::kI64ExtendI32U:
    case Opcode::kLocalGet:
    case Opcode::kDrop:
    case Opcode::kElse:
      return true;
    default:
      return false;
  }
}

const ic::SystemApiFunction* called(const wasm::Module& module, const Instruction& at) {
  if (at.op != Opcode::kCall || at.index() >= module.imported_functions) return nullptr;
  const wasm::Import& import = module.imports[*module.functions[at.index()].import];
  return import.module == ic::kSystemApiModule ? ic::find_system_api(import.name) : nullptr;
}

bool is_growth(SystemApi function) {
  return function == SystemApi::kStableSize || function == SystemApi::kStableGrow ||
         function == SystemApi::kStable64Size || function == SystemApi::kStable64Grow;
}

bool is_write(SystemApi function) {
  return function == SystemApi::kStableWrite || function == SystemApi::kStable64Write;
}

// Follows the instructions; one that does not belong ends it.
class Recogniser {
 public:
  Recogniser(const wasm::Module& module, uint32_t function)
      : module_(module), type_(module.type_of(wasm::FuncIdx{function})) {}

  // Whether the instruction may stand here.
  bool take(const Instruction& at) {
    if (written_) return std::exchange(written_, false) && at.op == Opcode::kEnd && depth_ == 0;
    const bool next_argument = at.op == Opcode::kLocalGet && at.index() == arguments_;
    if (const auto* function = called(module_, at)) {
      if (is_write(function->id)) {
        const wasm::FuncType& type =
            module_.type_of(wasm::FuncIdx{static_cast<uint32_t>(at.index())});
        if (depth_ != 0 || type != type_ || arguments_ != type_.params.size()) return false;
        found_.write = static_cast<Node>(at.index());
        return done_ = written_ = true;
      }
      arguments_ = 0;
      if (!is_growth(function->id)) return false;
      found_.grows.push_back({function->id, at.offset});
      return true;
    }
    // The parameters in order, right in front of the write.
    arguments_ = next_argument                                   ? arguments_ + 1
                 : at.op == Opcode::kLocalGet && at.index() == 0 ? 1
                                                                 : 0;
    switch (at.op) {
      case Opcode::kLocalSet:
      case Opcode::kLocalTee:
        return at.index() >= type_.params.size();
      case Opcode::kIf:
        ++depth_;
        return at.index() == wasm::kBlockTypeEmpty;
      case Opcode::kEnd:
        if (depth_ == 0) return false;
        --depth_;
        return true;
      default:
        return is_harmless_arithmetic(at.op);
    }
  }

  std::optional<GrowingWriter> found() && {
    // `written_` is taken back by the `end` behind the write.
    if (!done_ || written_) return std::nullopt;
    return std::move(found_);
  }

 private:
  const wasm::Module& module_;
  const wasm::FuncType& type_;
  GrowingWriter found_{};
  size_t depth_ = 0;      // open `if` blocks
  size_t arguments_ = 0;  // parameters that the instructions right in front have pushed in order
  bool written_ = false;  // the write was the last instruction
  bool done_ = false;
};

}  // namespace

std::optional<GrowingWriter> growing_writer(const wasm::Module& module, uint32_t function) {
  const wasm::Function& fn = module.functions[function];
  if (fn.is_import() || fn.code.size() > kLongest) return std::nullopt;
  Recogniser recogniser(module, function);
  wasm::InstructionReader reader = module.instructions(fn);
  Instruction at;
  while (!reader.at_end()) {
    if (!reader.next(at) || !recogniser.take(at)) return std::nullopt;
  }
  return std::move(recogniser).found();
}

}  // namespace canrec::wasmdiff
