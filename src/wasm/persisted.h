// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which globals the network persists, in which order.
// Source: system-api.md 6.3: every global export in export order (once per export, mutable or not),
// then the mutable globals that are not exported, in index order.

#include <vector>

#include "wasm/module.h"

namespace canrec::wasm {

/// One entry of the snapshot's `globals` list.
struct PersistedGlobal {
  GlobalIdx global;
  GlobalType type;
  std::string_view export_name;  ///< empty for an unexported one
};
std::vector<PersistedGlobal> persisted_globals(const Module& module);

/// The table slots that active element segments fill, as instantiation leaves them.
///
/// Shape:  result[slot] = function or nothing (null); size = table minimum.
/// Errors: kLimit when the table is larger than the network's 1,000,000 elements; kWasmIndex when a
///         segment does not fit; offset = the table or segment.
Result<std::vector<std::optional<FuncIdx>>> table_image(const Module& module, TableIdx table);

}  // namespace canrec::wasm
