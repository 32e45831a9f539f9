// SPDX-License-Identifier: Apache-2.0
#pragma once

// Between a module's globals and the values that a snapshot has for them.

#include <optional>
#include <string>

#include "base/error.h"
#include "snapshot/metadata.h"
#include "wasm/module.h"

namespace canrec::snapshot {

/// The type of a global. Modules with globals of other types do not pass the network's rules; they
/// count as i32.
GlobalType global_type(wasm::ValType type);

/// What a global of the module begins with, as installing leaves it: its constant, or that of the
/// earlier global that it is told to take. Nothing when that is imported, or no constant.
/// Shape: a global of the module.
std::optional<GlobalValue> initial_value(const wasm::Module& module, wasm::GlobalIdx global);

/// Whether JSON can hold the value: not a NaN or an infinity. Errors: kSnapshotMetadata.
Status check_finite(const GlobalValue& value);

/// A value as reports show it: integers signed, as metadata.json has them, the others as
/// "bits 0x3fc00000".
std::string value_text(const GlobalValue& value);

}  // namespace canrec::snapshot
