// SPDX-License-Identifier: Apache-2.0
// The instructions that are rare or do much at once, out of the interpreter's line: memory.grow,
// bulk memory, tables. A bulk operation first pays for its size (system-api.md 5.2), then checks
// its bounds, then does everything or nothing.

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "engine/runtime.h"

namespace canrec::engine {

TrapKind memory_grow(Runtime& rt, uint64_t* fp, uint32_t d, uint32_t a, uint32_t, uint64_t) {
  Memory& memory = *rt.memory;
  const uint64_t old_pages = memory.pages();
  const uint64_t delta = fp[a];
  const uint64_t max = rt.module->max_pages();
  const bool wide = rt.impl->module->is_64();
  const bool fits = old_pages <= max && delta <= max - old_pages;
  if (!fits || !memory.grow(delta)) {
    fp[d] = wide ? UINT64_MAX : UINT32_MAX;
    return kNoTrap;
  }
  if (rt.config.grow_policy.decide != nullptr) {
    rt.host_status =
        rt.config.grow_policy.decide(rt.config.grow_policy.context, old_pages, old_pages + delta);
    if (rt.host_status) return rt.host_status->kind;
  }
  fp[d] = old_pages;
  return kNoTrap;
}

TrapKind memory_fill(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t) {
  const uint64_t destination = fp[a];
  const uint64_t length = fp[c];
  if (const TrapKind trap = charge(rt, length); trap != kNoTrap) return trap;
  if (const TrapKind trap = touch(rt, destination, length, true); trap != kNoTrap) return trap;
  if (length != 0) std::memset(rt.memory_base + destination, static_cast<uint8_t>(fp[b]), length);
  return kNoTrap;
}

TrapKind memory_copy(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t) {
  const uint64_t destination = fp[a];
  const uint64_t source = fp[b];
  const uint64_t length = fp[c];
  if (const TrapKind trap = charge(rt, length); trap != kNoTrap) return trap;
  const uint64_t size = rt.memory->size();
  if (!in_bounds(destination, length, size)) return TrapKind::kMemoryOutOfBounds;
  if (const TrapKind trap = touch(rt, source, length, false); trap != kNoTrap) return trap;
  if (const TrapKind trap = touch(rt, destination, length, true); trap != kNoTrap) return trap;
  if (length != 0) std::memmove(rt.memory_base + destination, rt.memory_base + source, length);
  return kNoTrap;
}

TrapKind memory_init(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t data) {
  const uint64_t destination = fp[a];
  const uint64_t source = fp[b];
  const uint64_t length = fp[c];
  if (const TrapKind trap = charge(rt, length); trap != kNoTrap) return trap;
  const wasm::Module& module = *rt.impl->module;
  const ByteView bytes = rt.dropped_data[data] ? ByteView{} : module.view(module.data[data].bytes);
  if (!in_bounds(source, length, bytes.size())) return TrapKind::kMemoryOutOfBounds;
  if (const TrapKind trap = touch(rt, destination, length, true); trap != kNoTrap) return trap;
  if (length != 0) std::memcpy(rt.memory_base + destination, bytes.data() + source, length);
  return kNoTrap;
}

TrapKind data_drop(Runtime& rt, uint64_t*, uint32_t, uint32_t, uint32_t, uint64_t data) {
  rt.dropped_data[data] = true;
  return kNoTrap;
}

TrapKind table_get(Runtime& rt, uint64_t* fp, uint32_t d, uint32_t a, uint32_t, uint64_t table) {
  const std::vector<uint64_t>& slots = rt.tables[table].slots;
  if (fp[a] >= slots.size()) return TrapKind::kTableOutOfBounds;
  fp[d] = slots[fp[a]];
  return kNoTrap;
}

TrapKind table_set(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t, uint64_t table) {
  std::vector<uint64_t>& slots = rt.tables[table].slots;
  if (fp[a] >= slots.size()) return TrapKind::kTableOutOfBounds;
  slots[fp[a]] = fp[b];
  return kNoTrap;
}

TrapKind table_size(Runtime& rt, uint64_t* fp, uint32_t d, uint32_t, uint32_t, uint64_t table) {
  fp[d] = rt.tables[table].slots.size();
  return kNoTrap;
}

TrapKind table_grow(Runtime& rt, uint64_t* fp, uint32_t d, uint32_t a, uint32_t b, uint64_t table) {
  Table& target = rt.tables[table];
  const uint64_t old_size = target.slots.size();
  if (fp[b] > target.max - old_size) {
    fp[d] = rt.impl->module->tables[table].type.limits.is_64 ? UINT64_MAX : UINT32_MAX;
    return kNoTrap;
  }
  target.slots.resize(old_size + fp[b], fp[a]);
  fp[d] = old_size;
  return kNoTrap;
}

TrapKind table_fill(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t table) {
  if (const TrapKind trap = charge(rt, fp[c]); trap != kNoTrap) return trap;
  std::vector<uint64_t>& slots = rt.tables[table].slots;
  if (!in_bounds(fp[a], fp[c], slots.size())) return TrapKind::kTableOutOfBounds;
  std::fill_n(slots.data() + fp[a], fp[c], fp[b]);
  return kNoTrap;
}

TrapKind table_copy(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c,
                    uint64_t tables) {
  if (const TrapKind trap = charge(rt, fp[c]); trap != kNoTrap) return trap;
  std::vector<uint64_t>& to = rt.tables[tables & UINT32_MAX].slots;
  const std::vector<uint64_t>& from = rt.tables[tables >> 32].slots;
  if (!in_bounds(fp[a], fp[c], to.size()) || !in_bounds(fp[b], fp[c], from.size())) {
    return TrapKind::kTableOutOfBounds;
  }
  if (fp[c] != 0) std::memmove(to.data() + fp[a], from.data() + fp[b], fp[c] * sizeof(uint64_t));
  return kNoTrap;
}

TrapKind table_init(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t imm) {
  if (const TrapKind trap = charge(rt, fp[c]); trap != kNoTrap) return trap;
  const uint64_t segment = imm & UINT32_MAX;
  std::vector<uint64_t>& to = rt.tables[imm >> 32].slots;
  const std::vector<uint64_t>& items = rt.impl->elements[segment];
  const uint64_t available = rt.dropped_elements[segment] ? 0 : items.size();
  if (!in_bounds(fp[b], fp[c], available) || !in_bounds(fp[a], fp[c], to.size())) {
    return TrapKind::kTableOutOfBounds;
  }
  std::copy_n(items.data() + fp[b], fp[c], to.data() + fp[a]);
  return kNoTrap;
}

TrapKind elem_drop(Runtime& rt, uint64_t*, uint32_t, uint32_t, uint32_t, uint64_t segment) {
  rt.dropped_elements[segment] = true;
  return kNoTrap;
}

}  // namespace canrec::engine
