// SPDX-License-Identifier: Apache-2.0
#pragma once

// From validated bytecode to the internal form of code.h, one function at a time.

#include "engine/runtime.h"

namespace canrec::engine {

/// Translates `function` and sets its entry.
///
/// Shape:  the module has passed validation; `function` is defined in it.
/// Errors: kEngine when the frame would need more than 65,535 slots, or a segment costs 2^32
///         instructions or more. The function then stays untranslated.
Status translate(const CompiledModule::Impl& module, FunctionCode& function);

}  // namespace canrec::engine
