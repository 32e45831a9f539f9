// SPDX-License-Identifier: Apache-2.0
// Parses the call of `insert`.
#include "patch/call_text.h"

#include <fmt/core.h>

#include <charconv>

#include "patch/draft.h"

namespace canrec::patch {
namespace {

using wasm::ValType;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::unexpected<Error> bad(std::string message) {
  return fail(Errc::kBadArgument, std::move(message));
}

Result<uint32_t> parse_index(std::string_view text, std::string_view what) {
  uint32_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return bad(fmt::format("\"{}{}\" is not {}0, {}1, ...", what, text, what, what));
  }
  return index;
}

Result<Operand> parse_operand(std::string_view text, ValType type) {
  Operand operand{};
  operand.type = type;
  if (text == "pop") {
    operand.kind = OperandKind::kPop;
    return operand;
  }
  if (text.starts_with("arg")) {
    operand.kind = OperandKind::kArgument;
    CANREC_TRY(operand.index, parse_index(text.substr(3), "arg"));
    return operand;
  }
  if (text.starts_with("local")) {
    operand.kind = OperandKind::kLocal;
    CANREC_TRY(operand.index, parse_index(text.substr(5), "local"));
    return operand;
  }
  operand.kind = OperandKind::kConstant;
  for (const ValType constant : {ValType::kI32, ValType::kI64}) {
    const std::string word = fmt::format("{}.const ", to_string(constant));
    if (!text.starts_with(word)) continue;
    if (constant != type) {
      return bad(fmt::format("\"{}\" stands where {} is wanted", text, to_string(type)));
    }
    text = trimmed(text.substr(word.size()));
    break;
  }
  CANREC_TRY(operand.value, parse_integer(text, type));
  return operand;
}

}  // namespace

Result<int64_t> parse_integer(std::string_view text, ValType type) {
  const bool negative = text.starts_with('-');
  std::string_view digits = negative ? text.substr(1) : text;
  const bool hex = digits.starts_with("0x");
  if (hex) digits.remove_prefix(2);
  uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, hex ? 16 : 10);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    return bad(fmt::format("\"{}\" is not a number", text));
  }
  const uint64_t highest = type == ValType::kI32 ? UINT32_MAX : UINT64_MAX;
  if (error != std::errc{} || magnitude > (negative ? highest / 2 + 1 : highest)) {
    return bad(fmt::format("\"{}\" does not fit {}", text, to_string(type)));
  }
  const uint64_t bits = negative ? 0 - magnitude : magnitude;
  if (type == ValType::kI32) return static_cast<int32_t>(static_cast<uint32_t>(bits));
  return static_cast<int64_t>(bits);
}

Result<CallText> parse_call(std::string_view text, bool module_is_64) {
  text = trimmed(text);
  const size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')')) {
    return bad(fmt::format("\"{}\" is not a call such as ic0.stable64_grow(i64.const 160)", text));
  }
  std::string_view name = trimmed(text.substr(0, open));
  if (name.starts_with("ic0.")) name.remove_prefix(4);
  const ic::SystemApiFunction* function = ic::find_system_api(name);
  if (function == nullptr) return bad(fmt::format("the System API has no function ic0.{}", name));
  CallText call{function->id, {}};
  const wasm::FuncType type = signature(*function, module_is_64);
  std::string_view rest = trimmed(text.substr(open + 1, text.size() - open - 2));
  std::vector<std::string_view> parts;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    parts.push_back(trimmed(rest.substr(0, comma)));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    if (comma != std::string_view::npos && rest.empty()) parts.emplace_back();
  }
  if (parts.size() != type.params.size()) {
    return bad(fmt::format("ic0.{} is {}: {} arguments are wanted, {} given", name, to_string(type),
                           type.params.size(), parts.size()));
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    auto operand = parse_operand(parts[i], type.params[i]);
    if (!operand) {
      return fail(std::move(operand).error().in(fmt::format("argument {} of ic0.{}", i, name)));
    }
    if (operand->kind == OperandKind::kPop && i > 0 &&
        call.operands.back().kind != OperandKind::kPop) {
      return bad("`pop` stands behind another operand: what lies on the stack comes first");
    }
    call.operands.push_back(*operand);
  }
  return call;
}

}  // namespace canrec::patch
