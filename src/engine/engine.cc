// SPDX-License-Identifier: Apache-2.0
// Modules and instances: what the face promises, around the interpreter.
#include "engine/engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/checked.h"
#include "engine/interpreter.h"
#include "engine/runtime.h"

namespace canrec::engine {
namespace {

using wasm::FuncType;
using wasm::Opcode;
using wasm::ValType;

// The value of a constant expression; global.get and anything stranger were refused by compile().
Value constant(const wasm::ConstExpr& expr) {
  const wasm::Instruction& insn = expr.instruction;
  switch (insn.op) {
    case Opcode::kI32Const:
    case Opcode::kF32Const:
      return Value::i32(static_cast<uint32_t>(insn.imm[0].value));
    case Opcode::kI64Const:
    case Opcode::kF64Const:
      return Value::i64(insn.imm[0].value);
    case Opcode::kV128Const:
      return Value::v128(load_le<uint64_t>(insn.raw.data()),
                         load_le<uint64_t>(insn.raw.data() + 8));
    case Opcode::kRefFunc:
      return Value::function(static_cast<uint32_t>(insn.imm[0].value));
    default:
      return Value::null();
  }
}

uint32_t slots_of(const std::vector<ValType>& types) {
  uint32_t slots = 0;
  for (const ValType type : types) slots += type == ValType::kV128 ? 2 : 1;
  return slots;
}

// Type index -> the first type of equal structure.
std::vector<uint32_t> canonical_types(const std::vector<FuncType>& types) {
  const auto less = [](const FuncType* a, const FuncType* b) {
    return std::tie(a->params, a->results) < std::tie(b->params, b->results);
  };
  std::map<const FuncType*, uint32_t, decltype(less)> first(less);
  std::vector<uint32_t> canonical;
  for (uint32_t i = 0; i < types.size(); ++i) {
    canonical.push_back(first.try_emplace(&types[i], i).first->second);
  }
  return canonical;
}

Status check_runnable(const wasm::Module& module) {
  for (const wasm::Import& import : module.imports) {
    if (import.kind != wasm::ExternKind::kFunc) {
      return fail(Errc::kEngine, import.range.begin,
                  fmt::format("import {}.{} is not a function", import.module, import.name));
    }
  }
  for (const wasm::Table& table : module.tables) {
    if (table.type.limits.min > kTableElements) {
      return fail(Errc::kEngine, table.range.begin,
                  fmt::format("table of {} elements is over the limit of {}", table.type.limits.min,
                              kTableElements));
    }
  }
  return Ok{};
}

std::vector<Location> backtrace(const Runtime& rt, uint64_t& frames) {
  const Frame* first = rt.frames.get() + 1;
  frames = static_cast<uint64_t>(rt.trap_frame - first + 1);
  std::vector<Location> trace;
  const uint8_t* ip = rt.trap_ip;
  for (const Frame* frame = rt.trap_frame; frame >= first && trace.size() < kBacktraceFrames;
       --frame) {
    const FunctionCode& function = *frame->function;
    uint64_t offset = function.start;
    if (function.code != nullptr) {
      const auto at =
          static_cast<uint32_t>(ip - reinterpret_cast<const uint8_t*>(function.code.get()));
      const auto site = std::upper_bound(function.sites.begin(), function.sites.end(), at,
                                         [](uint32_t value, Site s) { return value < s.code; });
      if (site != function.sites.begin()) offset = std::prev(site)->module;
    }
    trace.push_back({wasm::FuncIdx{function.index}, offset});
    ip = frame->return_ip - 1;  // in the call instruction
  }
  return trace;
}

}  // namespace

// --- modules ------------------------------------------------------------------------------------

CompiledModule::CompiledModule(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CompiledModule::CompiledModule(CompiledModule&&) noexcept = default;
CompiledModule& CompiledModule::operator=(CompiledModule&&) noexcept = default;
CompiledModule::~CompiledModule() = default;

Result<CompiledModule> CompiledModule::compile(const wasm::Module& module) {
  CANREC_CHECK(check_runnable(module));
  auto impl = std::make_unique<Impl>();
  impl->module = &module;
  impl->canonical_types = canonical_types(module.types);
  impl->functions.resize(module.functions.size());
  for (uint32_t i = 0; i < module.functions.size(); ++i) {
    const wasm::Function& function = module.functions[i];
    const FuncType& type = module.type_of(wasm::FuncIdx{i});
    FunctionCode& code = impl->functions[i];
    code.entry = function.is_import() ? nullptr : untranslated_entry();
    code.index = i;
    code.canonical_type = impl->canonical_types[std::to_underlying(function.type)];
    code.parameter_slots = slots_of(type.params);
    code.result_slots = slots_of(type.results);
    code.start = function.code.begin;
  }
  for (const wasm::ElementSegment& segment : module.elements) {
    std::vector<uint64_t>& items = impl->elements.emplace_back();
    for (const wasm::ElementItem& item : wasm::read_items(module, segment)) {
      items.push_back(item.function ? uint64_t{std::to_underlying(*item.function)} + 1 : 0);
    }
  }
  for (const wasm::Export& entry : module.exports) {
    if (entry.kind == wasm::ExternKind::kFunc) {
      impl->exports.try_emplace(entry.name, wasm::FuncIdx{entry.index});
    }
  }
  return CompiledModule(std::move(impl));
}

const wasm::Module& CompiledModule::module() const { return *impl_->module; }
uint64_t CompiledModule::translated_functions() const { return impl_->translated; }

std::optional<wasm::FuncIdx> CompiledModule::find_function(std::string_view export_name) const {
  const auto found = impl_->exports.find(export_name);
  if (found == impl_->exports.end()) return std::nullopt;
  return found->second;
}

uint64_t CompiledModule::max_pages() const {
  const wasm::Module& module = *impl_->module;
  if (module.memories.empty()) return 0;
  const wasm::Limits& limits = module.memories[0].limits;
  const uint64_t most = limits.is_64 ? kHeapPages64 : kHeapPages32;
  return limits.has_max ? std::min(limits.max, most) : most;
}

std::vector<Value> initial_globals(const CompiledModule& module) {
  std::vector<Value> values;
  for (const wasm::Global& global : module.module().globals) {
    if (global.init.instruction.op == Opcode::kGlobalGet) {
      values.push_back(values[global.init.instruction.index()]);
    } else {
      values.push_back(constant(global.init));
    }
  }
  return values;
}

Result<Memory> initial_memory(const CompiledModule& module) {
  const auto& memories = module.module().memories;
  const uint64_t pages = memories.empty() ? 0 : memories[0].limits.min;
  return Memory::zeros(pages, std::max(module.max_pages(), pages));
}

Status apply_active_segments(const CompiledModule& module, Memory& memory) {
  for (const wasm::DataSegment& segment : module.module().data) {
    if (segment.mode != wasm::SegmentMode::kActive) continue;
    const ByteView bytes = module.module().view(segment.bytes);
    const std::optional<uint64_t> address = wasm::constant_address(segment.offset);
    const auto target = address ? memory.write(*address, bytes.size()) : std::nullopt;
    if (!target) {
      return fail(Errc::kEngine, segment.range.begin,
                  fmt::format("data segment of {} bytes does not fit the memory", bytes.size()));
    }
    std::copy(bytes.begin(), bytes.end(), target->begin());
  }
  return Ok{};
}

int64_t page_charge(PageModel model, const PageCounts& before, const PageCounts& after) {
  constexpr int64_t kPerWasmPage = 5'000 * kOsPagesPerWasmPage;
  if (model != PageModel::k2026) return 0;
  return static_cast<int64_t>(after.wasm_accessed - before.wasm_accessed + after.wasm_written -
                              before.wasm_written) *
         kPerWasmPage;
}

// --- instances ----------------------------------------------------------------------------------

Instance::Instance(std::unique_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {
  runtime_->instance = this;
}
Instance::Instance(Instance&& other) noexcept : runtime_(std::move(other.runtime_)) {
  if (runtime_) runtime_->instance = this;
}
Instance& Instance::operator=(Instance&& other) noexcept {
  runtime_ = std::move(other.runtime_);
  if (runtime_) runtime_->instance = this;
  return *this;
}
Instance::~Instance() = default;

namespace {

Status fill_tables(Runtime& rt) {
  const wasm::Module& module = *rt.impl->module;
  for (const wasm::Table& table : module.tables) {
    const wasm::Limits& limits = table.type.limits;
    rt.tables.push_back({std::vector<uint64_t>(limits.min),
                         limits.has_max ? std::min(limits.max, kTableElements) : kTableElements});
  }
  rt.dropped_elements.resize(module.elements.size());
  rt.dropped_data.resize(module.data.size());
  for (size_t i = 0; i < module.elements.size(); ++i) {
    const wasm::ElementSegment& segment = module.elements[i];
    if (segment.mode == wasm::SegmentMode::kPassive) continue;
    rt.dropped_elements[i] = true;
    if (segment.mode == wasm::SegmentMode::kDeclarative) continue;
    const std::vector<uint64_t>& items = rt.impl->elements[i];
    std::vector<uint64_t>& slots = rt.tables[std::to_underlying(segment.table)].slots;
    const std::optional<uint64_t> offset = wasm::constant_address(segment.offset);
    if (!offset || !in_bounds(*offset, items.size(), slots.size())) {
      return fail(Errc::kEngine, segment.range.begin,
                  fmt::format("element segment {} does not fit the table", i));
    }
    std::copy(items.begin(), items.end(), slots.begin() + static_cast<ptrdiff_t>(*offset));
  }
  for (size_t i = 0; i < module.data.size(); ++i) {
    rt.dropped_data[i] = module.data[i].mode == wasm::SegmentMode::kActive;
  }
  return Ok{};
}

}  // namespace

Result<Instance> Instance::attach(const CompiledModule& module, Memory* memory,
                                  std::span<Value> globals, std::span<const HostFunction> imports,
                                  const InstanceConfig& config) {
  const wasm::Module& parsed = module.module();
  if (globals.size() != parsed.globals.size() || imports.size() != parsed.imported_functions ||
      (memory == nullptr && !parsed.memories.empty())) {
    return fail(Errc::kEngine, "state does not have the shape of the module");
  }
  auto rt = std::make_unique<Runtime>();
  if (memory != nullptr) {
    rt->memory_base = memory->base();
    rt->page_states = memory->page_states();
  }
  rt->globals = globals.data();
  rt->module = &module;
  rt->impl = &module.impl();
  rt->functions = rt->impl->functions.data();
  rt->memory = memory;
  rt->global_values = globals;
  rt->imports = imports;
  rt->config = config;
  CANREC_CHECK(fill_tables(*rt));
  const uint64_t slots = std::max<uint64_t>(config.stack_bytes / sizeof(uint64_t), 1);
  rt->slots = std::make_unique_for_overwrite<uint64_t[]>(slots);
  rt->slots_end = rt->slots.get() + slots;
  // One frame for what the first function returns into.
  rt->frames = std::make_unique_for_overwrite<Frame[]>(config.call_depth + 2);
  rt->frames_end = rt->frames.get() + config.call_depth + 1;
  rt->slices = Slices(config.instructions, config.slice_instructions);
  rt->set_counter(config.instructions);
  return Instance(std::move(rt));
}

namespace {

std::unique_ptr<Trap> make_trap(Runtime& rt, TrapKind kind) {
  auto trap = std::make_unique<Trap>();
  trap->kind = kind;
  if (rt.host_status && rt.host_status->kind == kind) {
    trap->host_code = rt.host_status->code;
    trap->message = std::move(rt.host_status->message);
  } else if (kind == TrapKind::kEngineLimit) {
    trap->message = rt.limit_message;
  } else {
    trap->message = to_string(kind);
  }
  const std::optional<uint64_t> address = std::exchange(rt.trap_address, std::nullopt);
  if (kind == TrapKind::kMemoryOutOfBounds) trap->address = address;
  if (kind == TrapKind::kSliceOverrun) trap->slice_instructions = rt.slices.overrun();
  rt.host_status.reset();
  return trap;
}

}  // namespace

Outcome Instance::call(wasm::FuncIdx function, std::span<const Value> args) {
  Runtime& rt = *runtime_;
  FunctionCode& code = rt.functions[std::to_underlying(function)];
  const FuncType& type = rt.impl->module->type_of(function);
  CANREC_ASSERT(!rt.running && args.size() == type.params.size());
  Outcome outcome;
  const auto room = static_cast<uint64_t>(rt.slots_end - rt.slots.get());
  if (std::max(code.parameter_slots, code.result_slots) > room) {
    outcome.trap = make_trap(rt, TrapKind::kStackOverflow);
    return outcome;
  }
  rt.running = true;
  store_values(type.params, args.data(), rt.slots.get());
  const bool host = code.entry == nullptr;
  const TrapKind trap = host ? call_host(rt, code.index, rt.slots.get()) : run(rt, code);
  rt.running = false;
  if (rt.config.page_model == PageModel::k2025 && rt.memory != nullptr) {
    // Charged behind the execution, without a test.
    const uint64_t price = rt.impl->module->is_64() ? 4'000 : 1'000;
    static_cast<void>(engine::charge(rt, price * rt.memory->counts().os_written));
  }
  if (trap != kNoTrap) {
    outcome.trap = make_trap(rt, trap);
    if (!host) outcome.trap->backtrace = backtrace(rt, outcome.trap->frames);
    return outcome;
  }
  outcome.results.resize(type.results.size());
  load_values(type.results, rt.slots.get(), outcome.results.data());
  return outcome;
}

Outcome Instance::call_table(uint64_t slot, const FuncType& expected, std::span<const Value> args) {
  Runtime& rt = *runtime_;
  const auto trapped = [&](TrapKind kind) {
    Outcome outcome;
    outcome.trap = make_trap(rt, kind);
    return outcome;
  };
  if (slot >= table_size()) return trapped(TrapKind::kTableOutOfBounds);
  const Value reference = table_slot(slot);
  if (reference.is_null()) return trapped(TrapKind::kIndirectCallNull);
  const wasm::FuncIdx function{static_cast<uint32_t>(reference.lo - 1)};
  if (rt.impl->module->type_of(function) != expected) {
    return trapped(TrapKind::kIndirectCallMismatch);
  }
  return call(function, args);
}

int64_t Instance::counter() const { return runtime_->counter(); }
void Instance::set_counter(int64_t instructions) { runtime_->set_counter(instructions); }

HostStatus Instance::charge(uint64_t instructions) {
  const TrapKind trap = engine::charge(*runtime_, instructions);
  return trap == kNoTrap ? nullptr : host_trap(trap);
}

BudgetState Instance::look() {
  Runtime& rt = *runtime_;
  const int64_t counter = rt.counter();
  const BudgetState state = rt.slices.look(counter);
  rt.set_counter(counter);
  return state;
}

uint64_t Instance::slice_overrun() const { return runtime_->slices.overrun(); }

HostStatus Instance::read(uint64_t address, uint64_t length, ByteView& out) {
  Runtime& rt = *runtime_;
  if (rt.memory == nullptr) return host_trap(TrapKind::kMemoryOutOfBounds);
  if (const TrapKind trap = touch(rt, address, length, false); trap != kNoTrap) {
    return host_trap(trap);
  }
  out = {rt.memory_base + address, static_cast<size_t>(length)};
  return nullptr;
}

HostStatus Instance::write(uint64_t address, uint64_t length, std::span<uint8_t>& out) {
  Runtime& rt = *runtime_;
  if (rt.memory == nullptr) return host_trap(TrapKind::kMemoryOutOfBounds);
  if (const TrapKind trap = touch(rt, address, length, true); trap != kNoTrap) {
    return host_trap(trap);
  }
  out = {rt.memory_base + address, static_cast<size_t>(length)};
  return nullptr;
}

const CompiledModule& Instance::module() const { return *runtime_->module; }
Memory* Instance::memory() const { return runtime_->memory; }
std::span<Value> Instance::globals() const { return runtime_->global_values; }
PageModel Instance::page_model() const { return runtime_->config.page_model; }

uint64_t Instance::table_size() const {
  return runtime_->tables.empty() ? 0 : runtime_->tables[0].slots.size();
}
Value Instance::table_slot(uint64_t slot) const {
  CANREC_ASSERT(slot < table_size());
  return {runtime_->tables[0].slots[slot], 0};
}

}  // namespace canrec::engine
