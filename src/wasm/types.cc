// SPDX-License-Identifier: Apache-2.0
// Types as reports spell them.
#include "wasm/types.h"

namespace canrec::wasm {
namespace {

void append_list(std::string& out, const std::vector<ValType>& types) {
  out += '(';
  for (size_t i = 0; i < types.size(); ++i) {
    if (i > 0) out += ", ";
    out += to_string(types[i]);
  }
  out += ')';
}

}  // namespace

std::string_view to_string(ValType type) {
  switch (type) {
    case ValType::kI32:
      return "i32";
    case ValType::kI64:
      return "i64";
    case ValType::kF32:
      return "f32";
    case ValType::kF64:
      return "f64";
    case ValType::kV128:
      return "v128";
    case ValType::kFuncRef:
      return "funcref";
    case ValType::kExternRef:
      return "externref";
  }
  return "unknown type";
}

std::string to_string(const FuncType& type) {
  std::string out;
  append_list(out, type.params);
  out += " -> ";
  append_list(out, type.results);
  return out;
}

}  // namespace canrec::wasm
