// SPDX-License-Identifier: Apache-2.0
#pragma once

// Instructions as people read them: the words of the text format, with names in place of indices
// where names are known. For reports and side-by-side views; patches go through WABT.

#include <string>
#include <string_view>
#include <vector>

#include "wasm/module.h"
#include "wasm/names.h"

namespace canrec::wasm {

/// A name as an identifier of the text format: $name, or $"name" when it has other characters.
std::string text_identifier(std::string_view name);

/// One instruction without indentation: "call $ic0.msg_reply", "i32.load offset=8",
/// "br_table 0 1 2", "local.get 3", "f64.const 0x1.8p+1".
///
/// Shape: indices that the module does not have are printed as numbers, so unvalidated code can be
///        shown too.
std::string instruction_text(const Module& module, const FunctionNames& names,
                             const Instruction& instruction);

/// The value that a constant instruction gives: "1048576", "0x1.8p+1", "function 7", "null",
/// "global 2".
std::string constant_text(const Instruction& constant);

/// One line of a body.
struct TextLine {
  ByteRange range;  ///< the instruction
  uint32_t depth;   ///< blocks around it; `else` and `end` stand with their opener
  Opcode op;
  std::string text;
};
/// A defined function, instruction by instruction.
/// Errors: those of InstructionReader.
Result<std::vector<TextLine>> body_text(const Module& module, const FunctionNames& names,
                                        FuncIdx fn);

}  // namespace canrec::wasm
