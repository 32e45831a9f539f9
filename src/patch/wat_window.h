// SPDX-License-Identifier: Apache-2.0
#pragma once

// One function as WAT, out and back in.
//
// WABT turns text into bytes and bytes into text, but it refuses what today's compilers emit
// (64-bit tables) and re-encodes what it reads. So it sees a skeleton: a module with the same index
// spaces in which everything is declared, tables as 32-bit ones, and every body but one is
// `unreachable`. Of what comes back only that body is taken, and of the body only the instructions
// that differ.

#include <string>
#include <string_view>

#include "patch/plan.h"
#include "patch/site.h"

namespace canrec::patch {

/// The function as text: comments on what it is and what it may call, then one `(func ...)`.
///
/// Errors: kPatchText (WABT cannot show it), kLimit (blocks nested more than kWatDepth deep), those
///         of decoding.
Result<std::string> function_to_wat(const wasm::LoadedModule& input, wasm::FuncIdx function);

/// The plan that gives the function the body of the text. No change when the text has the same
/// instructions and locals.
///
/// Errors: kPatchText with line and column of the text (syntax, unknown names, another signature,
///         anything beside the one function), kLimit as above.
Result<Plan> edit_function(const wasm::LoadedModule& input, wasm::FuncIdx function,
                           std::string_view wat);

/// Nested blocks and parentheses that WABT, which recurses, is given.
inline constexpr uint32_t kWatDepth = 2000;

}  // namespace canrec::patch
