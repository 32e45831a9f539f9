// SPDX-License-Identifier: Apache-2.0
// Running one export: the engine on one side, the System API on the other.
#include "executor/run.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

#include "engine/engine.h"
#include "executor/system_calls.h"
#include "wasm/names.h"

namespace canrec::executor {
namespace {

// The contexts in which growth beyond the Motoko reserve is what the reserve is for.
bool is_upgrade(ic::Context context) {
  return context == ic::Context::kStart || context == ic::Context::kInit ||
         context == ic::Context::kPreUpgrade;
}

// The counter of the instance that is calling.
class InstanceMeter final : public Meter {
 public:
  void attach(engine::Instance& instance) { instance_ = &instance; }
  int64_t remaining() const override { return instance_->counter(); }
  void set_remaining(int64_t value) override { instance_->set_counter(value); }
  engine::BudgetState look() override { return instance_->look(); }
  uint64_t slice_overrun() const override { return instance_->slice_overrun(); }

 private:
  engine::Instance* instance_ = nullptr;
};

// One execution, as the engine's host functions see it.
class Execution {
 public:
  Execution(const RunFrame& frame, WasmState& state, const Inputs& inputs, uint64_t memory_limit,
            RunReport& report)
      : frame_(frame),
        state_(state),
        inputs_(inputs),
        memory_limit_(memory_limit),
        heap_(state.heap, MemoryKind::kHeap, frame.profile.page_charges(), meter_),
        stable_(state.stable, MemoryKind::kStable, frame.profile.page_charges(), meter_),
        calls_(frame.profile, inputs, report),
        machine_{state.code->has_memory() ? &heap_ : nullptr, stable_, meter_, state.code->is_64()},
        report_(report) {}

  // Runs the entry; the report gets everything but the name and the sizes before.
  Status run(const Entry& entry);
  SystemCalls& calls() { return calls_; }

 private:
  struct Import {
    Execution* execution;
    ic::SystemApi function;
  };

  static engine::HostStatus on_import(void* context, engine::HostCall& call);
  static engine::HostStatus on_grow(void* context, uint64_t old_pages, uint64_t new_pages);
  static void on_progress(void* context, uint64_t instructions);
  engine::InstanceConfig config();
  engine::HostStatus host_stop(Stop&& stop);
  OrStop<Ok> may_grow(uint64_t old_pages, uint64_t new_pages);
  engine::Outcome enter(engine::Instance& instance, const Entry& entry) const;
  Stop stop_of(const engine::Trap& trap, const Entry& entry);
  void report_stop(Stop&& stop, const engine::Trap* trap);

  const RunFrame& frame_;
  WasmState& state_;
  const Inputs& inputs_;
  uint64_t memory_limit_;
  InstanceMeter meter_;
  MeteredMemory heap_;
  MeteredMemory stable_;
  SystemCalls calls_;
  Machine machine_;
  RunReport& report_;
  std::optional<Stop> pending_;  // why a host function or the grow policy ended the call
};

engine::HostStatus Execution::host_stop(Stop&& stop) {
  std::string message = stop.message;
  pending_ = std::move(stop);
  return engine::host_trap(0, std::move(message));
}

engine::HostStatus Execution::on_import(void* context, engine::HostCall& call) {
  const Import& import = *static_cast<Import*>(context);
  Execution& self = *import.execution;
  std::array<uint64_t, 8> arguments{};
  std::transform(call.args.begin(), call.args.end(), arguments.begin(),
                 [](const engine::Value& value) { return value.lo; });
  self.meter_.attach(call.instance);
  auto result = self.calls_.call(import.function, std::span(arguments).first(call.args.size()),
                                 self.machine_);
  if (!result) return self.host_stop(std::move(result).error());
  if (!call.results.empty()) {
    const bool narrow =
        ic::resolve_width(ic::info(import.function).results[0], self.machine_.is_64) == 'i';
    const uint64_t value = result->value_or(0);
    call.results[0] =
        narrow ? engine::Value::i32(static_cast<uint32_t>(value)) : engine::Value::i64(value);
  }
  return nullptr;
}

engine::HostStatus Execution::on_grow(void* context, uint64_t old_pages, uint64_t new_pages) {
  Execution& self = *static_cast<Execution*>(context);
  if (auto may = self.may_grow(old_pages, new_pages); !may) {
    return self.host_stop(std::move(may).error());
  }
  return nullptr;
}

void Execution::on_progress(void* context, uint64_t instructions) {
  static_cast<Execution*>(context)->frame_.events->on_instructions(instructions);
}

OrStop<Ok> Execution::may_grow(uint64_t old_pages, uint64_t new_pages) {
  const uint64_t bytes = new_pages * wasm::kPageSize;
  if (memory_limit_ != 0 && bytes > memory_limit_) {
    return fail(stop(ic::ExecutionError::kMemoryLimit,
                     {std::to_string(memory_limit_), std::to_string(bytes)}));
  }
  const uint64_t reserved = frame_.profile[Limit::kMotokoReservedPages];
  if (state_.code->is_old_motoko() && !is_upgrade(inputs_.context) &&
      new_pages > engine::kHeapPages32 - reserved) {
    return fail(stop(ic::ExecutionError::kMotokoReserved));
  }
  return calls_.pay_for_growth((new_pages - old_pages) * wasm::kPageSize);
}

engine::InstanceConfig Execution::config() {
  engine::InstanceConfig config;
  config.instructions = static_cast<int64_t>(inputs_.instructions);
  config.slice_instructions = static_cast<int64_t>(inputs_.slice_instructions);
  config.page_model = frame_.profile.page_charges();
  config.interrupt = frame_.interrupt;
  if (frame_.events != nullptr) config.progress = {&on_progress, this};
  config.grow_policy = {&on_grow, this};
  return config;
}

engine::Outcome Execution::enter(engine::Instance& instance, const Entry& entry) const {
  if (const auto* function = std::get_if<wasm::FuncIdx>(&entry)) {
    return instance.call(*function, {});
  }
  const auto& at = std::get<Continuation>(entry);
  const wasm::ValType width = machine_.is_64 ? wasm::ValType::kI64 : wasm::ValType::kI32;
  const engine::Value argument = machine_.is_64
                                     ? engine::Value::i64(at.environment)
                                     : engine::Value::i32(static_cast<uint32_t>(at.environment));
  return instance.call_table(at.function, {{width}, {}}, std::span(&argument, 1));
}

Status Execution::run(const Entry& entry) {
  const Code& code = *state_.code;
  if (state_.heap.pages() > code.compiled().max_pages() && code.has_memory()) {
    report_stop(stop(ic::ExecutionError::kEngineError,
                     {fmt::format("Failed to instantiate module: Failed to grow wasm memory to {} "
                                  "pages: exceeds module's declared maximum",
                                  state_.heap.pages())}),
                nullptr);
    return Ok{};
  }
  std::vector<Import> imports;
  for (const ic::SystemApi function : code.imports()) imports.push_back({this, function});
  std::vector<engine::HostFunction> functions;
  for (Import& import : imports) functions.push_back({&on_import, &import});

  state_.heap.begin_message();
  state_.stable.begin_message();
  auto instance =
      engine::Instance::attach(code.compiled(), code.has_memory() ? &state_.heap : nullptr,
                               state_.globals, functions, config());
  if (!instance) {
    report_stop(stop(ic::ExecutionError::kEngineError,
                     {fmt::format("Failed to instantiate module: {}", instance.error().message())}),
                nullptr);
    return Ok{};
  }
  const engine::Outcome outcome = enter(*instance, entry);
  report_.instructions = inputs_.instructions - static_cast<uint64_t>(instance->counter());
  report_.heap.accessed_os_pages = state_.heap.counts().os_accessed;
  report_.heap.dirty_os_pages = state_.heap.counts().os_written;
  report_.stable.accessed_os_pages = state_.stable.counts().os_accessed;
  report_.stable.dirty_os_pages = state_.stable.counts().os_written;
  report_.heap.after_bytes = state_.heap.size();
  report_.stable.after_bytes = state_.stable.size();
  if (outcome.ok()) return Ok{};
  if (outcome.trap->kind == engine::TrapKind::kInterrupted) {
    return fail(Errc::kInterrupted, "interrupted");
  }
  if (calls_.out_of_message_room()) return fail(too_many_waiting(frame_.profile));
  report_stop(stop_of(*outcome.trap, entry), outcome.trap.get());
  return Ok{};
}

// The network's words for a trap of the engine.
Stop Execution::stop_of(const engine::Trap& trap, const Entry& entry) {
  using enum engine::TrapKind;
  const bool entering = std::holds_alternative<Continuation>(entry) && trap.backtrace.empty();
  switch (trap.kind) {
    case kHost:
      return std::move(*pending_);
    case kOutOfInstructions:
      return stop(ic::ExecutionError::kOutOfInstructions, {std::to_string(inputs_.instructions)});
    case kSliceOverrun:
      return slice_overrun(inputs_, trap.slice_instructions);
    case kUnreachable:
      return trapped(ic::TrapCode::kUnreachable);
    case kMemoryOutOfBounds:
      return trapped(ic::TrapCode::kHeapOutOfBounds);
    case kTableOutOfBounds:
      if (entering) {
        return stop(ic::ExecutionError::kNoSuchFunction,
                    {std::to_string(std::get<Continuation>(entry).function)});
      }
      return trapped(ic::TrapCode::kTableOutOfBounds);
    case kIndirectCallNull:
      if (entering) return toolchain_violation("unexpected null function reference");
      return trapped(ic::TrapCode::kOther);
    case kIndirectCallMismatch:
      return toolchain_violation("function invocation does not match its signature");
    case kIntegerDivideByZero:
      return trapped(ic::TrapCode::kDivisionByZero);
    case kStackOverflow:
      return trapped(ic::TrapCode::kStackOverflow);
    case kIntegerOverflow:
    case kBadConversion:
      return trapped(ic::TrapCode::kOther);
    case kInterrupted:
    case kEngineLimit:
      break;
  }
  return stop(ic::ExecutionError::kEngineError, {trap.message});
}

void Execution::report_stop(Stop&& stop, const engine::Trap* trap) {
  StopReport report{std::move(stop), {}, {}, {}};
  if (trap != nullptr) {
    report.heap_address = trap->address;
    const wasm::Module& module = state_.code->module();
    const wasm::FunctionNames readable(module, wasm::FunctionNames::Style::kReadable);
    for (const engine::Location& place : trap->backtrace) {
      report.backtrace.push_back(
          {std::to_underlying(place.function), place.offset, readable.of(place.function)});
    }
    report.network_backtrace =
        network_backtrace(module, report.backtrace, frame_.profile[Limit::kBacktraceFrames]);
  }
  calls_.log_stop(report.stop);
  report_.stopped = std::move(report);
}

}  // namespace

Error too_many_waiting(const Profile& profile) {
  return {Errc::kMessageLimit, std::nullopt,
          fmt::format("more than {} of messages are on their way at once; nothing they did is kept "
                      "(--limit waiting-message-bytes=N allows more)",
                      human_size(profile[Limit::kWaitingMessageBytes]))};
}

Result<Run> run(const RunFrame& frame, WasmState& state, const Entry& entry, std::string name,
                const Inputs& inputs, uint64_t memory_limit_bytes) {
  Run result;
  RunReport& report = result.report;
  report.canister = inputs.self;
  report.context = inputs.context;
  report.entry = std::move(name);
  report.instruction_limit = inputs.instructions;
  report.heap.before_bytes = report.heap.after_bytes = state.heap.size();
  report.stable.before_bytes = report.stable.after_bytes = state.stable.size();
  if (frame.events != nullptr) frame.events->on_run_begin(report.entry, inputs.instructions);
  Execution execution(frame, state, inputs, memory_limit_bytes, report);
  const Status ran = execution.run(entry);
  if (frame.events != nullptr) frame.events->on_run_end(report);
  if (!ran) return fail(ran.error().copy());
  result.effects = std::move(execution.calls().effects());
  result.log_lines = execution.calls().log_lines();
  return result;
}

}  // namespace canrec::executor
