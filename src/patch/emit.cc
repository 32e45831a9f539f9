// SPDX-License-Identifier: Apache-2.0
// The instruction writer.
#include "patch/emit.h"

#include "base/leb128.h"

namespace canrec::patch {

using wasm::Opcode;
using wasm::ValType;

void Code::opcode(Opcode op) {
  const uint32_t code = wasm::info(op).code;
  if (code <= 0xff) {
    bytes_.push_back(static_cast<uint8_t>(code));
    return;
  }
  bytes_.push_back(static_cast<uint8_t>(code >> 16));
  append_leb_u64(bytes_, code & 0xffff);
}

Code& Code::op(Opcode op) {
  opcode(op);
  return *this;
}

Code& Code::op(Opcode op, uint64_t immediate) {
  opcode(op);
  append_leb_u64(bytes_, immediate);
  return *this;
}

Code& Code::i32(int32_t value) {
  opcode(Opcode::kI32Const);
  append_leb_s64(bytes_, value);
  return *this;
}

Code& Code::i64(int64_t value) {
  opcode(Opcode::kI64Const);
  append_leb_s64(bytes_, value);
  return *this;
}

Code& Code::zero(ValType type) {
  switch (type) {
    case ValType::kI32:
      return i32(0);
    case ValType::kI64:
      return i64(0);
    case ValType::kF32:
      opcode(Opcode::kF32Const);
      bytes_.insert(bytes_.end(), 4, 0);
      return *this;
    case ValType::kF64:
      opcode(Opcode::kF64Const);
      bytes_.insert(bytes_.end(), 8, 0);
      return *this;
    case ValType::kV128:
      opcode(Opcode::kV128Const);
      bytes_.insert(bytes_.end(), 16, 0);
      return *this;
    case ValType::kFuncRef:
    case ValType::kExternRef:
      opcode(Opcode::kRefNull);
      bytes_.push_back(std::to_underlying(type));
      return *this;
  }
  return *this;
}

Code& Code::if_() {
  opcode(Opcode::kIf);
  bytes_.push_back(static_cast<uint8_t>(wasm::kBlockTypeEmpty));
  return *this;
}

Code& Code::raw(ByteView bytes) {
  append(bytes_, bytes);
  return *this;
}

}  // namespace canrec::patch
