// SPDX-License-Identifier: Apache-2.0
// The persisted globals by the two rules of the network, and tables as instantiation leaves them.
#include "wasm/persisted.h"

#include <fmt/core.h>

#include "base/checked.h"
#include "ic/limits.h"

namespace canrec::wasm {

std::vector<PersistedGlobal> persisted_globals(const Module& module) {
  std::vector<PersistedGlobal> list;
  std::vector<bool> exported(module.globals.size());
  for (const Export& entry : module.exports) {
    if (entry.kind != ExternKind::kGlobal) continue;
    exported[entry.index] = true;
    list.push_back({GlobalIdx{entry.index}, module.globals[entry.index].type, entry.name});
  }
  for (uint32_t i = 0; i < module.globals.size(); ++i) {
    const GlobalType type = module.globals[i].type;
    if (type.is_mutable && !exported[i]) list.push_back({GlobalIdx{i}, type, {}});
  }
  return list;
}

Result<std::vector<std::optional<FuncIdx>>> table_image(const Module& module, TableIdx table) {
  const Table& declared = module.tables[std::to_underlying(table)];
  const uint64_t size = declared.type.limits.min;
  if (size > ic::limits::kTableElements) {
    return fail(Errc::kLimit, declared.range.begin,
                fmt::format("table of {} elements, the network allows {}", size,
                            ic::limits::kTableElements));
  }
  std::vector<std::optional<FuncIdx>> slots(static_cast<size_t>(size));
  for (const ElementSegment& segment : module.elements) {
    if (segment.mode != SegmentMode::kActive || segment.table != table) continue;
    const std::optional<uint64_t> offset = constant_address(segment.offset);
    if (!offset) {
      return fail(Errc::kWasmIndex, segment.offset.range.begin,
                  "place of an element segment is not a constant");
    }
    if (!in_bounds(*offset, segment.count, size)) {
      return fail(Errc::kWasmIndex, segment.range.begin,
                  fmt::format("element segment of {} items at slot {} does not fit a table of {}",
                              segment.count, *offset, size));
    }
    size_t slot = static_cast<size_t>(*offset);
    for (const ElementItem& item : read_items(module, segment)) slots[slot++] = item.function;
  }
  return slots;
}

}  // namespace canrec::wasm
