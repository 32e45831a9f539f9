// SPDX-License-Identifier: Apache-2.0
// Text ⇄ body through WABT. The only file that includes WABT.
#include "patch/wat_window.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "base/checked.h"
#include "base/leb128.h"
#include "patch/apply.h"
#include "patch/draft.h"
#include "patch/proof_body.h"
#include "patch/wat_scan.h"
#include "patch/wat_skeleton.h"
#include "wasm/validate.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <wabt/apply-names.h>
#include <wabt/binary-reader-ir.h>
#include <wabt/binary-reader.h>
#include <wabt/binary-writer.h>
#include <wabt/cast.h>
#include <wabt/ir.h>
#include <wabt/stream.h>
#include <wabt/wast-lexer.h>
#include <wabt/wast-parser.h>
#include <wabt/wat-writer.h>
#pragma GCC diagnostic pop

namespace canrec::patch {
namespace {

using wasm::ByteRange;
using wasm::FuncIdx;
using wasm::Imm;
using wasm::Instruction;
using wasm::Module;

// What the network accepts; the rest stays off, so that WABT names it at its place in the text.
wabt::Features features() {
  wabt::Features features;
  features.enable_tail_call();
  features.enable_memory64();
  return features;
}

std::unexpected<Error> wabt_failed(std::string_view what, const wabt::Errors& errors) {
  return fail(Errc::kPatchText,
              fmt::format("{}: {}", what,
                          errors.empty() ? std::string("no reason given") : errors[0].message));
}

// Blocks nested too deep for a library that recurses.
Status check_depth(const Module& module, FuncIdx function) {
  uint32_t depth = 0;
  uint32_t deepest = 0;
  CANREC_CHECK(walk(module, function, [&](const Site& site) {
    const wasm::Opcode op = site.instruction.op;
    if (op == wasm::Opcode::kBlock || op == wasm::Opcode::kLoop || op == wasm::Opcode::kIf) {
      deepest = std::max(deepest, ++depth);
    }
    if (op == wasm::Opcode::kEnd && depth > 0) --depth;
  }));
  if (deepest <= kWatDepth) return Ok{};
  return fail(Errc::kLimit, module.function(function).code.begin,
              fmt::format("blocks are nested {} deep; as text at most {} can be shown", deepest,
                          kWatDepth));
}

// The skeleton as text, and where the function stands in it.
struct Window {
  std::string text;
  size_t begin = 0;  // of the function's first line
  size_t end = 0;    // behind its last line
};

Result<Window> open_window(const Module& module, FuncIdx function) {
  CANREC_CHECK(check_depth(module, function));
  CANREC_TRY(const Bytes bytes, skeleton(module, function));
  wabt::Errors errors;
  wabt::Module ir;
  const wabt::ReadBinaryOptions options(features(), nullptr, true, true, true);
  if (Failed(wabt::ReadBinaryIr("", bytes.data(), bytes.size(), options, &errors, &ir))) {
    return wabt_failed("WABT cannot read the function's skeleton", errors);
  }
  if (Failed(wabt::ApplyNames(&ir))) return wabt_failed("WABT cannot name things", errors);
  wabt::MemoryStream stream;
  if (Failed(wabt::WriteWat(&stream, &ir, wabt::WriteWatOptions{}))) {
    return wabt_failed("WABT cannot write the function", errors);
  }
  Window window;
  window.text = as_text(stream.output_buffer().data);
  // Fields stand on lines of their own, indented by two; texts inside hold no line ends.
  constexpr std::string_view kFunc = "\n  (func ";
  size_t at = 0;
  for (uint32_t i = module.imported_functions;; ++i) {
    at = window.text.find(kFunc, at);
    if (at == std::string::npos) return wabt_failed("the function is not in WABT's text", errors);
    ++at;
    if (FuncIdx{i} == function) break;
  }
  window.begin = at;
  const size_t next = window.text.find("\n  (", at);
  window.end = next == std::string::npos ? window.text.rfind(')') : next + 1;
  return window;
}

// Two spaces fewer in front of every line.
std::string outdented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    std::string_view line = text.substr(0, end);
    if (line.starts_with("  ")) line.remove_prefix(2);
    out += line;
    text.remove_prefix(end);
  }
  while (out.ends_with('\n')) out.pop_back();
  return out + "\n";
}

std::string header(const wasm::LoadedModule& input, FuncIdx function, const Window& window) {
  const Module& module = input.module;
  const Places places(module);
  std::string out = fmt::format(
      ";; Function {} ({}) of the module with SHA-256\n;; {}.\n"
      ";; Only what is between (func and its closing parenthesis comes back, and of that only the\n"
      ";; locals and instructions: the name, type and parameters stay as they are.\n",
      std::to_underlying(function), places.names().of(function), to_hex(input.hash));
  if (module.imported_functions > 0) {
    out += ";; Imported functions, to be called by these names:\n";
    // WABT's own spelling, from the imports of the skeleton.
    std::string_view text = std::string_view(window.text).substr(0, window.begin);
    size_t at = 0;
    while ((at = text.find("\n  (import ", at)) != std::string_view::npos) {
      ++at;
      const std::string_view line = text.substr(at, text.find('\n', at) - at);
      const size_t name = line.find("(func $");
      if (name == std::string_view::npos) continue;
      const std::string_view rest = line.substr(name + 6);
      out += fmt::format(";;   {}\n", rest.substr(0, rest.find(' ')));
    }
  }
  return out;
}

// The place of the user's text in the whole that WABT parses.
class TextPlace {
 public:
  TextPlace(std::string_view before, std::string_view wat)
      : lines_before_(static_cast<uint64_t>(std::ranges::count(before, '\n'))),
        lines_(static_cast<uint64_t>(std::ranges::count(wat, '\n')) + 1) {}

  std::unexpected<Error> error(const wabt::Location& place, std::string_view why) const {
    const auto line = static_cast<uint64_t>(std::max(place.line, 0));
    if (line > lines_before_ && line <= lines_before_ + lines_) {
      return text_error(line - lines_before_,
                        static_cast<uint64_t>(std::max(place.first_column, 1)), why);
    }
    return text_error(lines_, 1, fmt::format("{} (behind the end of the text)", why));
  }

 private:
  uint64_t lines_before_;
  uint64_t lines_;
};

// Where every instruction of a function stands in WABT's text, in the order of the binary format,
// with the `end` of the function last; an empty `else` has no place, as in take_apart().
class InstructionPlaces {
 public:
  static std::vector<wabt::Location> of(const wabt::Func& function) {
    InstructionPlaces places;
    places.open(function.exprs, function.loc);
    while (!places.lists_.empty()) places.step();
    return std::move(places.out_);
  }

 private:
  // A list of instructions that is being walked, and what comes behind it.
  struct List {
    wabt::ExprList::const_iterator at;
    wabt::ExprList::const_iterator end;
    wabt::Location behind;                  // of its `end` or `else`
    const wabt::IfExpr* else_of = nullptr;  // whose other branch follows
  };

  void open(const wabt::ExprList& list, const wabt::Location& behind,
            const wabt::IfExpr* else_of = nullptr) {
    lists_.push_back({list.begin(), list.end(), behind, else_of});
  }

  void step() {
    List& list = lists_.back();
    if (list.at == list.end) {
      const wabt::IfExpr* other = list.else_of;
      // WABT writes no place for the end of the function: its last instruction is next to it.
      const bool last = lists_.size() == 1 && !out_.empty();
      out_.push_back(last ? out_.back() : list.behind);
      lists_.pop_back();
      if (other != nullptr) open(other->false_, other->false_end_loc);
      return;
    }
    const wabt::Expr& expr = *list.at++;
    out_.push_back(expr.loc);
    if (const auto* block = wabt::dyn_cast<wabt::BlockExpr>(&expr)) {
      open(block->block.exprs, block->block.end_loc);
    } else if (const auto* loop = wabt::dyn_cast<wabt::LoopExpr>(&expr)) {
      open(loop->block.exprs, loop->block.end_loc);
    } else if (const auto* branch = wabt::dyn_cast<wabt::IfExpr>(&expr)) {
      open(branch->true_.exprs, branch->true_.end_loc, branch->false_.empty() ? nullptr : branch);
    }
  }

  std::vector<List> lists_;
  std::vector<wabt::Location> out_;
};

// The text as a module, and where its function's instructions stood.
struct Assembled {
  Bytes bytes;
  std::vector<wabt::Location> places;
};

// Parses the whole and writes it as a module.
Result<Assembled> assemble(const Module& module, FuncIdx function, std::string_view whole,
                           const TextPlace& place) {
  wabt::Errors errors;
  const auto lexer = wabt::WastLexer::CreateBufferLexer("", whole.data(), whole.size(), &errors);
  std::unique_ptr<wabt::Module> ir;
  wabt::WastParseOptions options(features());
  if (Failed(wabt::ParseWatModule(lexer.get(), &ir, &errors, &options)) || !errors.empty()) {
    if (errors.empty()) return wabt_failed("the text does not parse", errors);
    return place.error(errors[0].loc, errors[0].message);
  }
  const wabt::Func* fn = std::to_underlying(function) < ir->funcs.size()
                             ? ir->funcs[std::to_underlying(function)]
                             : nullptr;
  if (fn == nullptr || ir->funcs.size() != module.functions.size() || !ir->exports.empty() ||
      ir->imports.size() != module.imports.size()) {
    return place.error(fn != nullptr ? fn->loc : wabt::Location(),
                       "the function may not be imported or exported here");
  }
  wasm::FuncType type;
  const auto convert = [](const wabt::TypeVector& from, std::vector<wasm::ValType>& to) {
    for (const wabt::Type value : from) {
      to.push_back(wasm::ValType{static_cast<uint8_t>(static_cast<int32_t>(value) & 0x7f)});
    }
  };
  convert(fn->decl.sig.param_types, type.params);
  convert(fn->decl.sig.result_types, type.results);
  if (type != module.type_of(function)) {
    return place.error(fn->loc, fmt::format("the signature is {} and must stay {}", to_string(type),
                                            to_string(module.type_of(function))));
  }
  wabt::MemoryStream stream;
  const wabt::WriteBinaryOptions write(features(), true, false, false);
  if (Failed(wabt::WriteBinaryModule(&stream, ir.get(), write))) {
    return wabt_failed("WABT cannot encode the function", errors);
  }
  return Assembled{std::move(stream.output_buffer().data), InstructionPlaces::of(*fn)};
}

// A body taken apart. Views point into the module it was taken from.
struct Body {
  std::vector<wasm::ValType> locals;
  std::vector<Instruction> instructions;
};

Result<Body> take_apart(const Module& module, FuncIdx function) {
  Body body;
  const wasm::Function& fn = module.function(function);
  CANREC_TRY(const auto groups, wasm::read_locals(module, fn));
  for (const wasm::LocalGroup& group : groups) {
    body.locals.insert(body.locals.end(), group.count, group.type);
  }
  CANREC_CHECK(walk(module, function, [&](const Site& site) {
    // WABT leaves an empty `else` out: it is taken as part of its `end`.
    Instruction at = site.instruction;
    if (at.op == wasm::Opcode::kEnd && !body.instructions.empty() &&
        body.instructions.back().op == wasm::Opcode::kElse) {
      at.offset = body.instructions.back().offset;
      body.instructions.pop_back();
    }
    body.instructions.push_back(at);
  }));
  return body;
}

wasm::FuncType block_type(const Module& module, uint64_t value) {
  if (value == wasm::kBlockTypeEmpty) return {};
  if (value >= wasm::kBlockTypeIndex) {
    const uint64_t index = value - wasm::kBlockTypeIndex;
    return index < module.types.size() ? module.types[index] : wasm::FuncType{};
  }
  return {{}, {wasm::ValType{static_cast<uint8_t>(value)}}};
}

bool same(const Module& old_module, const Instruction& old, const Module& now_module,
          const Instruction& now) {
  if (old.op == now.op && wasm::info(old.op).imm == Imm::kBlockType) {
    return block_type(old_module, old.index()) == block_type(now_module, now.index());
  }
  return same_instruction(old, now, Numbering{});
}

// The instructions [from, to) of the text's module, with its types in our numbering.
Result<Bytes> translated(Draft& draft, const Module& now, std::span<const Instruction> code) {
  Bytes out;
  for (const Instruction& at : code) {
    const Imm imm = wasm::info(at.op).imm;
    uint64_t type = UINT64_MAX;
    if (imm == Imm::kTypeTable) type = at.index();
    if (imm == Imm::kBlockType && at.index() >= wasm::kBlockTypeIndex) {
      type = at.index() - wasm::kBlockTypeIndex;
    }
    const ByteView bytes = now.view(at.range());
    if (type == UINT64_MAX || type < draft.module().types.size()) {
      append(out, bytes);
      continue;
    }
    if (type >= now.types.size())
      return fail(Errc::kPatchText, "WABT wrote a type that it has not");
    append(out, bytes.first(at.imm[0].begin));
    const uint32_t index = draft.type(now.types[type]);
    imm == Imm::kBlockType ? append_leb_s64(out, index) : append_leb_u64(out, index);
    append(out, bytes.subspan(at.imm[0].end));
  }
  return out;
}

// A mistake that only validation finds (operands of other types, an index that names nothing) gets
// its place in the text, where the proof could only name a byte of the result.
Status check_types(const Module& module, FuncIdx function, const Plan& plan, const TextPlace& place,
                   std::span<const wabt::Location> places) {
  CANREC_TRY(const Bytes bytes, build(module, plan));
  CANREC_TRY(const Module result, wasm::read_module(bytes));
  const Status valid = wasm::validate_function(result, function);
  if (valid) return Ok{};
  // The proof says what is wrong with an input that was invalid before.
  if (!wasm::validate_function(module, function)) return Ok{};
  CANREC_TRY(const Body body, take_apart(result, function));
  const uint64_t offset = valid.error().offset().value_or(0);
  for (size_t i = 0; i < std::min(body.instructions.size(), places.size()); ++i) {
    if (body.instructions[i].end > offset) return place.error(places[i], valid.error().message());
  }
  return fail(Errc::kPatchText, std::string(valid.error().message()));
}

}  // namespace

Result<std::string> function_to_wat(const wasm::LoadedModule& input, FuncIdx function) {
  CANREC_TRY(const Window window, open_window(input.module, function));
  const std::string_view text = window.text;
  return header(input, function, window) +
         outdented(text.substr(window.begin, window.end - window.begin));
}

Result<Plan> edit_function(const wasm::LoadedModule& input, FuncIdx function,
                           std::string_view wat) {
  const Module& module = input.module;
  CANREC_CHECK(check_one_function(wat, kWatDepth));
  CANREC_TRY(const Window window, open_window(module, function));
  const std::string_view before = std::string_view(window.text).substr(0, window.begin);
  std::string whole(before);
  whole += wat;
  whole += "\n";
  whole += std::string_view(window.text).substr(window.end);
  const TextPlace place(before, wat);
  CANREC_TRY(const Assembled assembled, assemble(module, function, whole, place));
  const auto now = wasm::read_module(assembled.bytes);
  if (!now) return fail(Errc::kPatchText, fmt::format("WABT's module: {}", now.error().message()));
  if (now->functions.size() != module.functions.size()) {
    return fail(Errc::kPatchText, "WABT's module has other functions");
  }

  CANREC_TRY(const Body old_body, take_apart(module, function));
  CANREC_TRY(const Body now_body, take_apart(*now, function));
  const auto& old_code = old_body.instructions;
  const auto& now_code = now_body.instructions;
  CANREC_TRY(Draft draft, Draft::begin(module));
  const wasm::Function& fn = module.function(function);
  if (old_body.locals != now_body.locals) {
    const ByteView locals = now->view(now->function(function).locals);
    draft.in_body(fn.locals, Bytes(locals.begin(), locals.end()), "edited locals");
  }
  // What is the same at both ends keeps its bytes.
  size_t first = 0;
  while (first < old_code.size() && first < now_code.size() &&
         same(module, old_code[first], *now, now_code[first])) {
    ++first;
  }
  size_t old_last = old_code.size();
  size_t now_last = now_code.size();
  while (old_last > first && now_last > first &&
         same(module, old_code[old_last - 1], *now, now_code[now_last - 1])) {
    --old_last;
    --now_last;
  }
  if (old_last > first || now_last > first) {
    CANREC_TRY(Bytes code,
               translated(draft, *now, std::span(now_code).subspan(first, now_last - first)));
    const uint64_t begin = first < old_code.size() ? old_code[first].offset : fn.code.end;
    const uint64_t end = old_last < old_code.size() ? old_code[old_last].offset : fn.code.end;
    draft.in_body({begin, std::max(begin, end)}, std::move(code), "edited as text");
  }
  const Places places(module);
  CANREC_TRY(Plan plan,
             std::move(draft).finish(input, fmt::format("edit {}", places.names().of(function))));
  CANREC_CHECK(check_types(module, function, plan, place, assembled.places));
  return plan;
}

}  // namespace canrec::patch
