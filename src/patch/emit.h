// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes instructions in their shortest encoding: the code that patches put in.

#include <string_view>

#include "base/bytes.h"
#include "wasm/instruction.h"
#include "wasm/types.h"

namespace canrec::patch {

/// A growing piece of code. Each call appends one instruction and gives the object back.
class Code {
 public:
  /// An instruction without immediates.
  Code& op(wasm::Opcode op);
  /// An instruction with one unsigned immediate: local.get 3, call 7, br 0.
  Code& op(wasm::Opcode op, uint64_t immediate);
  Code& i32(int32_t value);
  Code& i64(int64_t value);
  /// The zero of a value type.
  Code& zero(wasm::ValType type);
  /// `if` without parameters and results.
  Code& if_();
  Code& end() { return op(wasm::Opcode::kEnd); }
  Code& raw(ByteView bytes);

  const Bytes& bytes() const { return bytes_; }

 private:
  void opcode(wasm::Opcode op);
  Bytes bytes_;
};

}  // namespace canrec::patch
