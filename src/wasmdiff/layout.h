// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where a module keeps what a heap refers to: its static area, stack, tables and globals.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wasm/persisted.h"
#include "wasmdiff/code_scan.h"
#include "wasmdiff/data_image.h"
#include "wasmdiff/pairing.h"
#include "wasmdiff/toolchain.h"

namespace canrec::wasmdiff {

/// Layout facts of one module.
struct Layout {
  DataImage image;
  std::vector<TableImage> tables;
  std::optional<Error> table_problem;  ///< a table that cannot be laid out
  std::vector<wasm::PersistedGlobal> persisted;
  ToolchainFacts toolchain;

  std::optional<uint32_t> stack_pointer;  ///< global index: exported by name, or by its use
  bool stack_pointer_exported = false;
  std::optional<uint64_t> stack_start;  ///< its initial value
  std::optional<uint64_t> data_end;     ///< value of the export __data_end
  std::optional<uint64_t> heap_base;    ///< value of the export __heap_base

  /// Addresses in which the module's statics lie: [begin, end), empty when it has none. Without
  /// exports it is what data segments and certain static accesses span.
  uint64_t statics_begin = 0;
  uint64_t statics_end = 0;
  bool statics_told = false;  ///< the end comes from an export

  bool is_static(uint64_t address) const {
    return address >= statics_begin && address < statics_end;
  }
};
Layout read_layout(const Side& side, const CodeScan& scan, const wasm::FunctionNames& names);

/// The value of a constant i32 or i64 global, zero-extended.
std::optional<uint64_t> constant_value(const wasm::Module& module, uint32_t global);

}  // namespace canrec::wasmdiff
