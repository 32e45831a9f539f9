// SPDX-License-Identifier: Apache-2.0
// Resolves the names of functions and places.
#include "patch/site.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/checked.h"

namespace canrec::patch {
namespace {

using wasm::FuncIdx;
using wasm::Instruction;
using wasm::Module;
using wasm::Opcode;

constexpr size_t kCandidates = 12;

template <typename T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string listed(const std::vector<std::string>& candidates) {
  std::string out;
  for (size_t i = 0; i < candidates.size() && i < kCandidates; ++i) {
    out += "\n  " + candidates[i];
  }
  if (candidates.size() > kCandidates) {
    out += fmt::format("\n  ... {} more", candidates.size() - kCandidates);
  }
  return out;
}

FuncIdx func(size_t index) { return FuncIdx{narrow<uint32_t>(index)}; }

}  // namespace

bool is_import_call(const Module& module, const Instruction& instruction) {
  return (instruction.op == Opcode::kCall || instruction.op == Opcode::kReturnCall) &&
         instruction.index() < module.imported_functions;
}

bool ends_flow(Opcode op) {
  switch (op) {
    case Opcode::kUnreachable:
    case Opcode::kBr:
    case Opcode::kBrTable:
    case Opcode::kReturn:
    case Opcode::kReturnCall:
    case Opcode::kReturnCallIndirect:
      return true;
    default:
      return false;
  }
}

Status walk(const Module& module, FuncIdx function, const std::function<void(const Site&)>& visit) {
  Site site;
  site.function = function;
  std::vector<bool> outer;  // whether the code around each open block is reachable
  wasm::InstructionReader reader = module.instructions(module.function(function));
  while (!reader.at_end()) {
    CANREC_CHECK(reader.next(site.instruction));
    const Opcode op = site.instruction.op;
    if (op == Opcode::kElse && !outer.empty()) site.reachable = outer.back();
    if (op == Opcode::kEnd && !outer.empty()) {
      site.reachable = outer.back();
      outer.pop_back();
    }
    visit(site);
    if (op == Opcode::kBlock || op == Opcode::kLoop || op == Opcode::kIf) {
      outer.push_back(site.reachable);
    }
    if (ends_flow(op)) site.reachable = false;
  }
  return Ok{};
}

Status check_reachable(const Site& site) {
  if (site.reachable) return Ok{};
  return fail(Errc::kPatchSite, site.instruction.offset,
              "is never reached: the instruction stands behind a branch, return or unreachable");
}

Places::Places(const Module& module)
    : module_(module),
      readable_(module, wasm::FunctionNames::Style::kReadable),
      raw_(module, wasm::FunctionNames::Style::kRaw) {}

std::vector<FuncIdx> Places::functions_named(std::string_view text) const {
  std::vector<FuncIdx> found;
  const auto add = [&](FuncIdx fn) {
    if (std::ranges::find(found, fn) == found.end()) found.push_back(fn);
  };
  for (const wasm::Export& entry : module_.exports) {
    if (entry.kind == wasm::ExternKind::kFunc && entry.name == text) add(FuncIdx{entry.index});
  }
  if (!found.empty()) return found;
  for (size_t i = 0; i < module_.functions.size(); ++i) {
    if (raw_.raw(func(i)) == text) add(func(i));
  }
  if (!found.empty()) return found;
  for (size_t i = 0; i < module_.functions.size(); ++i) {
    if (readable_.of(func(i)) == text) add(func(i));
  }
  return found;
}

std::unexpected<Error> Places::unknown_function(std::string_view text) const {
  std::vector<std::string> similar;
  for (size_t i = 0; i < module_.functions.size(); ++i) {
    const std::string name = readable_.of(func(i));
    if (!text.empty() && name.find(text) != std::string::npos) {
      similar.push_back(fmt::format("{} (#{})", name, i));
    }
  }
  return fail(Errc::kPatchSite,
              fmt::format("no function \"{}\"{}", text,
                          similar.empty() ? std::string() : "; similar:" + listed(similar)));
}

Result<FuncIdx> Places::function(std::string_view text) const {
  const std::vector<FuncIdx> found = functions_named(text);
  if (found.size() == 1) return found[0];
  if (found.size() > 1) {
    std::vector<std::string> candidates;
    for (const FuncIdx fn : found) {
      candidates.push_back(fmt::format("#{} {}", std::to_underlying(fn), readable_.of(fn)));
    }
    return fail(Errc::kPatchSite, fmt::format("{} functions are called \"{}\":{}", found.size(),
                                              text, listed(candidates)));
  }
  std::string_view digits = text;
  if (digits.starts_with('#') || digits.starts_with('f')) digits.remove_prefix(1);
  const auto index = parse_number<uint32_t>(digits);
  if (!index) return unknown_function(text);
  if (*index >= module_.functions.size()) {
    return fail(Errc::kPatchSite,
                fmt::format("no function {}, the module has {}", *index, module_.functions.size()));
  }
  return FuncIdx{*index};
}

Result<FuncIdx> Places::defined(std::string_view text) const {
  CANREC_TRY(const FuncIdx fn, function(text));
  if (module_.function(fn).is_import()) {
    return fail(Errc::kPatchSite, fmt::format("{} is imported and has no body", readable_.of(fn)));
  }
  return fn;
}

std::string_view Places::import_name(const Instruction& call) const {
  return module_.imports[*module_.functions[call.index()].import].name;
}

Result<std::vector<Site>> Places::calls_of(std::string_view import, FuncIdx function) const {
  std::vector<Site> found;
  CANREC_CHECK(walk(module_, function, [&](const Site& site) {
    if (is_import_call(module_, site.instruction) && import_name(site.instruction) == import) {
      found.push_back(site);
    }
  }));
  return found;
}

std::string Places::describe(const Site& site) const {
  if (!is_import_call(module_, site.instruction)) return describe(site, 1, 1);
  const auto calls = calls_of(import_name(site.instruction), site.function);
  if (!calls) return describe(site, 1, 1);
  const auto behind =
      std::ranges::upper_bound(*calls, site.instruction.offset, {},
                               [](const Site& other) { return other.instruction.offset; });
  return describe(site, static_cast<size_t>(behind - calls->begin()), calls->size());
}

std::string Places::describe(const Site& site, size_t number, size_t of) const {
  std::string text = readable_.of(site.function);
  if (is_import_call(module_, site.instruction)) {
    text += fmt::format(":{}", import_name(site.instruction));
    if (of > 1) text += fmt::format("#{}", number);
  }
  return fmt::format("{} @0x{:08x}", text, site.instruction.offset);
}

Result<Site> Places::at_offset(std::string_view text) const {
  std::string_view digits = text;
  if (digits.starts_with('@')) digits.remove_prefix(1);
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  if (hex) digits.remove_prefix(2);
  const auto offset = parse_number<uint64_t>(digits, hex ? 16 : 10);
  if (!offset) {
    return fail(Errc::kPatchSite, fmt::format("\"{}\" is not an offset such as @0x2a10", text));
  }
  for (size_t i = module_.imported_functions; i < module_.functions.size(); ++i) {
    const wasm::Function& fn = module_.functions[i];
    if (*offset < fn.code.begin || *offset >= fn.code.end) continue;
    Site found;
    Site around;
    CANREC_CHECK(walk(module_, func(i), [&](const Site& site) {
      if (site.instruction.offset == *offset) found = site;
      if (site.instruction.offset <= *offset) around = site;
    }));
    if (found.instruction.end != 0) return found;
    return fail(Errc::kPatchSite, *offset,
                fmt::format("lies inside the instruction at 0x{:08x} of {}",
                            around.instruction.offset, readable_.of(func(i))));
  }
  return fail(Errc::kPatchSite, *offset, "lies in no function's code");
}

Result<Site> Places::call(std::string_view text) const {
  if (text.starts_with('@') || text.starts_with("0x")) {
    CANREC_TRY(const Site site, at_offset(text));
    if (is_import_call(module_, site.instruction)) return site;
    return fail(Errc::kPatchSite, site.instruction.offset,
                "the instruction here is not a call of an imported function");
  }
  // FUNC:NAME#2. Names of functions may hold colons themselves: the last single one counts.
  std::string_view name = text;
  std::optional<uint32_t> number;
  if (const size_t hash = name.rfind('#'); hash != std::string_view::npos && hash > 0) {
    number = parse_number<uint32_t>(name.substr(hash + 1));
    if (number) name = name.substr(0, hash);
  }
  const size_t colon = name.rfind(':');
  std::string_view import = colon == std::string_view::npos ? name : name.substr(colon + 1);
  if (import.starts_with("ic0.")) import.remove_prefix(4);
  std::vector<Site> found;
  if (colon != std::string_view::npos) {
    CANREC_TRY(const FuncIdx fn, defined(name.substr(0, colon)));
    CANREC_TRY(found, calls_of(import, fn));
  } else {
    for (size_t i = module_.imported_functions; i < module_.functions.size(); ++i) {
      CANREC_TRY(const auto more, calls_of(import, func(i)));
      found.insert(found.end(), more.begin(), more.end());
    }
  }
  if (number && *number >= 1 && *number <= found.size()) return found[*number - 1];
  if (!number && found.size() == 1) return found[0];
  std::vector<std::string> candidates;
  for (const Site& site : found) {
    // The rest is only counted.
    candidates.push_back(candidates.size() < kCandidates ? describe(site) : std::string());
  }
  if (found.empty() && colon == std::string_view::npos) {
    return fail(Errc::kPatchSite, fmt::format("no call of ic0.{} in the module; `canrec patch "
                                              "calls` lists what it calls",
                                              import));
  }
  if (found.empty()) {
    CANREC_TRY(const FuncIdx fn, defined(name.substr(0, colon)));
    CANREC_CHECK(walk(module_, fn, [&](const Site& site) {
      if (!is_import_call(module_, site.instruction)) return;
      candidates.push_back(candidates.size() < kCandidates ? describe(site) : std::string());
    }));
    return fail(Errc::kPatchSite,
                fmt::format("no call of ic0.{} in that function{}", import,
                            candidates.empty()
                                ? std::string(", nor of any imported function (--from shows what "
                                              "it reaches: canrec patch calls MODULE --from FUNC)")
                                : "; its calls are:" + listed(candidates)));
  }
  return fail(Errc::kPatchSite,
              fmt::format("\"{}\" names {} calls:{}", text, found.size(), listed(candidates)));
}

Result<Site> Places::instruction(std::string_view text) const {
  if (text.starts_with('@') || text.starts_with("0x")) return at_offset(text);
  return call(text);
}

}  // namespace canrec::patch
