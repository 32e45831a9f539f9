// SPDX-License-Identifier: Apache-2.0
// What running code asks of its surroundings: counting, calls of the host, indirect calls.
#include "engine/runtime.h"

#include <algorithm>

#include "engine/translator.h"

namespace canrec::engine {
namespace {

// Instructions between two looks at the interrupt and reports of progress: some hundredths of a
// second.
constexpr int64_t kPollEvery = 20'000'000;

int64_t saturating_sub(int64_t value, uint64_t amount) {
  // The distance to the smallest value, as an unsigned number.
  const uint64_t room = static_cast<uint64_t>(value) - static_cast<uint64_t>(INT64_MIN);
  if (amount >= room) return INT64_MIN;
  return static_cast<int64_t>(static_cast<uint64_t>(value) - amount);
}

bool polls(const Runtime& rt) {
  return rt.config.interrupt != nullptr || rt.config.progress.report != nullptr;
}

TrapKind trap_of(BudgetState state) {
  switch (state) {
    case BudgetState::kSpent:
      return TrapKind::kOutOfInstructions;
    case BudgetState::kSliceOverrun:
      return TrapKind::kSliceOverrun;
    case BudgetState::kLeft:
      break;
  }
  return kNoTrap;
}

uint64_t mask(wasm::ValType type, uint64_t bits) {
  return type == wasm::ValType::kI32 || type == wasm::ValType::kF32 ? bits & UINT32_MAX : bits;
}

}  // namespace

void Runtime::set_counter(int64_t counter) {
  // Fuel lasts to the end of the slice or to the next poll; when the slice is over, to the next
  // test.
  if (counter < slices.end()) {
    reserve = counter < 0 ? 0 : counter + 1;
  } else {
    reserve = slices.end();
    if (polls(*this) && counter - reserve > kPollEvery) reserve = counter - kPollEvery;
  }
  fuel = counter - reserve;
}

TrapKind charge(Runtime& rt, uint64_t instructions) {
  const int64_t counter = saturating_sub(rt.counter(), instructions);
  const TrapKind trap = trap_of(rt.slices.look(counter));
  rt.set_counter(counter);
  return trap;
}

TrapKind poll(Runtime& rt) {
  const int64_t counter = rt.counter();
  if (const TrapKind trap = trap_of(rt.slices.look(counter)); trap != kNoTrap) return trap;
  if (rt.config.interrupt != nullptr && rt.config.interrupt->requested()) {
    return TrapKind::kInterrupted;
  }
  if (rt.config.progress.report != nullptr) {
    const uint64_t executed =
        static_cast<uint64_t>(rt.config.instructions) - static_cast<uint64_t>(counter);
    rt.config.progress.report(rt.config.progress.context, executed);
  }
  rt.set_counter(counter);
  return kNoTrap;
}

TrapKind touch(Runtime& rt, uint64_t address, uint64_t size, bool write) {
  Memory& memory = *rt.memory;
  const PageCounts before = memory.counts();
  if (!(write ? memory.touch_write(address, size) : memory.touch_read(address, size))) {
    rt.trap_address = address;
    return TrapKind::kMemoryOutOfBounds;
  }
  const int64_t cost = page_charge(rt.config.page_model, before, memory.counts());
  return cost == 0 ? kNoTrap : charge(rt, static_cast<uint64_t>(cost));
}

TrapKind translate_on_call(Runtime& rt, FunctionCode& function) {
  if (Status done = translate(*rt.impl, function); !done) {
    rt.limit_message = done.error().message();
    return TrapKind::kEngineLimit;
  }
  ++rt.impl->translated;
  return kNoTrap;
}

TrapKind resolve_indirect(const Runtime& rt, uint32_t table, uint64_t index,
                          uint32_t canonical_type, FunctionCode*& function) {
  const std::vector<uint64_t>& slots = rt.tables[table].slots;
  if (index >= slots.size()) [[unlikely]]
    return TrapKind::kTableOutOfBounds;
  const uint64_t reference = slots[index];
  if (reference == 0) [[unlikely]]
    return TrapKind::kIndirectCallNull;
  function = rt.functions + (reference - 1);
  if (function->canonical_type != canonical_type) [[unlikely]]
    return TrapKind::kIndirectCallMismatch;
  return kNoTrap;
}

void store_values(std::span<const wasm::ValType> types, const Value* values, uint64_t* slots) {
  for (const wasm::ValType type : types) {
    *slots++ = mask(type, values->lo);
    if (type == wasm::ValType::kV128) *slots++ = values->hi;
    ++values;
  }
}

void load_values(std::span<const wasm::ValType> types, const uint64_t* slots, Value* values) {
  for (const wasm::ValType type : types) {
    values->lo = *slots++;
    values->hi = type == wasm::ValType::kV128 ? *slots++ : 0;
    ++values;
  }
}

TrapKind call_host(Runtime& rt, uint32_t index, uint64_t* slots) {
  const wasm::FuncType& type = rt.impl->module->type_of(wasm::FuncIdx{index});
  const HostFunction& host = rt.imports[index];
  const size_t values = type.params.size() + type.results.size();
  if (rt.host_values.size() < values) rt.host_values.resize(values);
  const std::span<Value> args{rt.host_values.data(), type.params.size()};
  const std::span<Value> results{rt.host_values.data() + args.size(), type.results.size()};
  load_values(type.params, slots, args.data());
  std::fill(results.begin(), results.end(), Value{});
  HostCall call{*rt.instance, args, results};
  rt.host_status = host.body(host.context, call);
  if (rt.host_status) [[unlikely]]
    return rt.host_status->kind;
  store_values(type.results, results.data(), slots);
  return kNoTrap;
}

}  // namespace canrec::engine
