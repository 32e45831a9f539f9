// SPDX-License-Identifier: Apache-2.0
// LLD lays out a module in one of two ways:
//
//   stack first   [0, stack start) stack | data segments | zero statics | heap     (rustc, moc)
//   data first    1024.. data segments | zero statics | stack up to its start | heap   (older
//   clang)
//
// Only the data segments are visible in the module. The rest is told by exports (__data_end,
// __heap_base) or inferred from the stack pointer and from accesses whose address is a constant.
#include "wasmdiff/layout.h"

#include <algorithm>

#include "base/checked.h"

namespace canrec::wasmdiff {
namespace {

std::optional<uint64_t> exported_constant(const wasm::Module& module, std::string_view name) {
  const wasm::Export* e = module.find_export(name);
  if (e == nullptr || e->kind != wasm::ExternKind::kGlobal) return std::nullopt;
  return constant_value(module, e->index);
}

void find_stack_pointer(const wasm::Module& module, const CodeScan& scan, Layout& out) {
  const wasm::Export* e = module.find_export("__stack_pointer");
  if (e != nullptr && e->kind == wasm::ExternKind::kGlobal) {
    out.stack_pointer = e->index;
    out.stack_pointer_exported = true;
  }
  const wasm::ValType address = module.is_64() ? wasm::ValType::kI64 : wasm::ValType::kI32;
  uint32_t most = 0;
  for (uint32_t i = 0; i < module.globals.size() && !out.stack_pointer_exported; ++i) {
    const wasm::GlobalType& type = module.globals[i].type;
    if (!type.is_mutable || type.type != address || !scan.globals[i].is_stack_pointer()) continue;
    if (scan.globals[i].stack_frames <= most) continue;
    most = scan.globals[i].stack_frames;
    out.stack_pointer = i;
  }
  if (out.stack_pointer) out.stack_start = constant_value(module, *out.stack_pointer);
}

void find_statics(const wasm::Module& module, const CodeScan& scan, Layout& out) {
  const uint64_t memory_end =
      module.memories.empty()
          ? 0
          : checked_mul(module.memories[0].limits.min, wasm::kPageSize).value_or(~uint64_t{0});
  const bool has_data = !out.image.empty();
  const uint64_t lowest = has_data ? out.image.begin : scan.lowest_static;
  const bool stack_first = out.stack_start && lowest != ~uint64_t{0} && lowest >= *out.stack_start;
  uint64_t begin = stack_first ? *out.stack_start : std::min(lowest, scan.lowest_static);
  uint64_t end = has_data ? out.image.end : 0;
  if (out.heap_base || out.data_end) {
    end = std::max({end, out.data_end.value_or(0), out.heap_base.value_or(0)});
    out.statics_told = true;
  } else if (stack_first) {
    // Whatever lies between the stack and the end of the first memory may be a static.
    end = std::max(end, memory_end);
  } else {
    end = std::max(end, scan.highest_static);
  }
  if (begin >= end) begin = end = 0;
  out.statics_begin = begin;
  out.statics_end = end;
}

}  // namespace

std::optional<uint64_t> constant_value(const wasm::Module& module, uint32_t global) {
  if (global >= module.globals.size() || module.globals[global].import) return std::nullopt;
  return wasm::constant_address(module.globals[global].init);
}

Layout read_layout(const Side& side, const CodeScan& scan, const wasm::FunctionNames& names) {
  const wasm::Module& module = *side.module;
  Layout out;
  out.image = data_image(module);
  for (uint32_t i = 0; i < module.tables.size(); ++i) {
    auto table = wasm::table_image(module, wasm::TableIdx{i});
    if (!table) {
      if (!out.table_problem) out.table_problem.emplace(std::move(table).error());
      out.tables.emplace_back();
      continue;
    }
    out.tables.push_back(std::move(*table));
  }
  out.persisted = wasm::persisted_globals(module);
  out.toolchain = recognise_toolchain(module, names);
  out.data_end = exported_constant(module, "__data_end");
  out.heap_base = exported_constant(module, "__heap_base");
  find_stack_pointer(module, scan, out);
  find_statics(module, scan, out);
  return out;
}

}  // namespace canrec::wasmdiff
