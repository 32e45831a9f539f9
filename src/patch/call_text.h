// SPDX-License-Identifier: Apache-2.0
#pragma once

// The call that `insert` puts in, as users write it:
//
//   ic0.stable64_grow(i64.const 160)
//   ic0.stable64_write(arg0, local2, 8)
//   ic0.stable_write(pop, pop, pop)
//
// An operand is a constant (`i64.const 160`, or a bare number that takes the parameter's type),
// `argN` (argument N of the call at the site, or parameter N of the function at its entry),
// `localN`, or `pop` (what lies on the stack there; only in front of the others).

#include <string_view>
#include <vector>

#include "base/error.h"
#include "ic/system_api.h"
#include "wasm/types.h"

namespace canrec::patch {

enum class OperandKind : uint8_t { kConstant, kArgument, kLocal, kPop };
struct Operand {
  OperandKind kind;
  int64_t value = 0;     ///< of a constant; unsigned ones beyond 2^63 keep their bits
  uint32_t index = 0;    ///< of an argument or local
  wasm::ValType type{};  ///< of a constant
};

struct CallText {
  ic::SystemApi function;
  std::vector<Operand> operands;
};

/// Reads a call and checks it against the table for a module of that width.
/// Errors: kBadArgument, naming the place in the text.
Result<CallText> parse_call(std::string_view text, bool module_is_64);

/// A number of an integer type as users write it: decimal or hex, negative or up to the unsigned
/// maximum. Errors: kBadArgument.
Result<int64_t> parse_integer(std::string_view text, wasm::ValType type);

}  // namespace canrec::patch
