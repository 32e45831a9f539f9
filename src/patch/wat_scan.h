// SPDX-License-Identifier: Apache-2.0
#pragma once

// A first look at WAT that a user wrote: is it one `(func ...)` and nothing else?

#include <string_view>

#include "base/error.h"

namespace canrec::patch {

/// Checks that the text is exactly one balanced `(func ...)` among comments, so that nothing beside
/// it can enter the module that it is put into.
/// Errors: kPatchText with line and column; kLimit when nested more than `depth` deep.
Status check_one_function(std::string_view wat, uint32_t depth);

/// "line 3, column 7: why"
std::unexpected<Error> text_error(uint64_t line, uint64_t column, std::string_view why);

}  // namespace canrec::patch
