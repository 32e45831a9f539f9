// SPDX-License-Identifier: Apache-2.0
// install_code: stages, checks and roll-back in the network's order.
//
//   0 validate    rights, mode against state                        nothing changed yet
//   1 pre-upgrade in the old module (upgrade only)
//   2 create      module read, validated, compiled; options checked; memories kept or made fresh
//   3 start       the start function, if there is one
//   4 init        canister_init (install, reinstall) or canister_post_upgrade (upgrade)
//   5 finish      the memory limit; then everything is committed at once
//
// Source: dfinity/ic rs/execution_environment/src/execution/{install,upgrade,install_code}.rs.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "executor/compile_cost.h"
#include "executor/network.h"
#include "executor/prices.h"

namespace canrec::executor {
namespace {

constexpr std::string_view kMissingOption =
    "Missing upgrade option: Enhanced orthogonal persistence requires the "
    "`wasm_memory_persistence` upgrade option.";
constexpr std::string_view kInvalidOption =
    "Invalid upgrade option: The `wasm_memory_persistence: opt Keep` upgrade option requires that "
    "the new canister module supports enhanced orthogonal persistence.";

// The words for a module that was refused.
Stop module_stop(const Error& error) {
  using enum ic::ExecutionError;
  switch (error.code()) {
    case Errc::kWasmNetworkRule: {
      const bool is_size = error.message().find(" exceeds ") != std::string::npos;
      return stop(is_size ? kModuleLimit : kModuleInvalid, {error.message()});
    }
    case Errc::kGzip:
    case Errc::kWasmMagic:
      return stop(kModuleInvalid,
                  {fmt::format("Failed to decode wasm module: {}", error.message())});
    case Errc::kEngine:
      return stop(kEngineError, {error.message()});
    default:
      return stop(kModuleInvalid,
                  {fmt::format("wasmtime::Module::validate() failed with {}", error.message())});
  }
}

// One installation under way. The old state is changed in place by the pre-upgrade hook and lends
// its memories to the new one; undo() gives everything back.
class Installation {
 public:
  Installation(Network& network, Canister& canister, const InstallRequest& request)
      : network_(network),
        canister_(canister),
        request_(request),
        budget_(network.options.profile[Limit::kInstallInstructions]),
        usage_before_(memory_usage(canister)) {
    if (canister.wasm) old_globals_ = canister.wasm->globals;
  }

  Result<InstallOutcome> perform();

 private:
  using Step = Result<std::optional<Failure>>;

  Step stages();
  std::optional<Failure> validate() const;
  std::optional<Failure> prepay();
  std::optional<Failure> pay_for_growth() const;
  Step pre_upgrade();
  Step create();
  Step create_state(const Code& code);
  Step start_and_init();
  std::optional<Failure> finish() const;
  Step run_stage(WasmState& state, wasm::FuncIdx function, std::string_view name,
                 ic::Context context);
  void spend(uint64_t instructions);
  void commit();
  void undo();

  bool is_upgrade() const { return request_.mode == InstallMode::kUpgrade; }
  bool keeps_heap() const { return request_.memory == MemoryPersistence::kKeep; }
  Failure described(const Stop& stop) const {
    return failure_of(stop, canister_.id.text(), std::string_view());
  }

  Network& network_;
  Canister& canister_;
  const InstallRequest& request_;
  uint64_t budget_;
  Cycles prepaid_ = 0;
  uint64_t usage_before_;
  std::vector<engine::Value> old_globals_;
  std::optional<WasmState> next_;
  Effects effects_;  // of all stages together
  InstallOutcome outcome_;
  std::vector<std::string> log_lines_;
};

Result<InstallOutcome> Installation::perform() {
  outcome_.instruction_limit = budget_;
  auto result = stages();
  if (result && !*result) {
    commit();
    outcome_.stage.clear();
  } else {
    undo();
  }
  canister_.append_log(log_lines_, network_.world.time_ns,
                       network_.options.profile[Limit::kLogBytes]);
  if (!result) return fail(std::move(result).error());
  outcome_.failure = std::move(*result);
  outcome_.instructions =
      outcome_.instruction_limit - std::min(budget_, outcome_.instruction_limit);
  if (prepaid_ != 0) {
    outcome_.cycles = execution_price(network_.options.profile, outcome_.instructions, false);
    canister_.balance =
        saturating_add(canister_.balance, saturating_sub(prepaid_, *outcome_.cycles));
  }
  return std::move(outcome_);
}

Installation::Step Installation::stages() {
  outcome_.stage = "validation";
  if (auto why = validate()) return why;
  if (auto why = prepay()) return why;
  if (is_upgrade() && !request_.skip_pre_upgrade) {
    CANREC_TRY(auto why, pre_upgrade());
    if (why) return why;
  }
  outcome_.stage = "creation of the new state";
  CANREC_TRY(auto why, create());
  if (why) return why;
  CANREC_TRY(why, start_and_init());
  if (why) return why;
  outcome_.stage = "final checks";
  return finish();
}

std::optional<Failure> Installation::validate() const {
  if (!canister_.is_controller(request_.sender)) return not_controller(canister_, request_.sender);
  if (request_.mode == InstallMode::kInstall && canister_.wasm) {
    return failure(ic::ErrorCode::kNonEmpty,
                   fmt::format("Canister {} cannot be installed because the canister is not empty. "
                               "Try installing with mode='reinstall' instead.",
                               canister_.id.text()));
  }
  if (is_upgrade() && !canister_.wasm) return no_module(canister_);
  return std::nullopt;
}

// The longest installation is paid for in advance, at the price of 32-bit modules.
std::optional<Failure> Installation::prepay() {
  if (!network_.options.cycles) return std::nullopt;
  const Profile& profile = network_.options.profile;
  const Cycles price = execution_price(profile, budget_, false);
  const Cycles threshold = freezing_threshold(profile, memory_usage(canister_),
                                              canister_.settings.freezing_threshold_seconds);
  if (const auto why = out_of_cycles(canister_, threshold, price, true)) {
    return failure(ic::ErrorCode::kOutOfCycles,
                   fmt::format("Canister installation failed with `{}`.", *why));
  }
  canister_.balance -= price;
  prepaid_ = price;
  return std::nullopt;
}

// The stages themselves may grow the memories freely; what came of it is looked at in the end,
// while the payment is still set aside.
std::optional<Failure> Installation::pay_for_growth() const {
  if (!network_.options.cycles) return std::nullopt;
  const uint64_t usage = memory_usage(canister_, &*next_);
  const Cycles needed = freezing_threshold(network_.options.profile, usage,
                                           canister_.settings.freezing_threshold_seconds);
  if (usage <= usage_before_ || canister_.balance >= needed) return std::nullopt;
  return failure(ic::ErrorCode::kCyclesForMemoryGrow,
                 fmt::format("Canister cannot grow memory by {} bytes due to insufficient cycles. "
                             "At least {} additional cycles are required.",
                             usage - usage_before_, cycles_text(needed - canister_.balance)));
}

Installation::Step Installation::pre_upgrade() {
  constexpr std::string_view kHook = "canister_pre_upgrade";
  const auto function = canister_.wasm->code->function(kHook);
  if (!function) return std::optional<Failure>();
  return run_stage(*canister_.wasm, *function, kHook, ic::Context::kPreUpgrade);
}

Installation::Step Installation::create() {
  // The missing option wins over everything that may be wrong with the new module.
  if (is_upgrade() && !request_.memory && canister_.wasm->code->supports_kept_memory()) {
    return failure(ic::ErrorCode::kContractViolation, std::string(kMissingOption));
  }
  auto code = network_.codes.load(request_.module);
  if (!code) {
    outcome_.compile_instructions = refused_compile_cost(request_.module);
    spend(outcome_.compile_instructions);
    return described(module_stop(code.error()));
  }
  outcome_.compile_instructions = (*code)->compile_instructions();
  if (outcome_.compile_instructions > budget_) {
    const Stop end =
        stop(ic::ExecutionError::kOutOfInstructions, {std::to_string(outcome_.instruction_limit)});
    spend(outcome_.compile_instructions);
    return described(end);
  }
  spend(outcome_.compile_instructions);
  if (is_upgrade() && keeps_heap() && !(*code)->supports_kept_memory()) {
    return failure(ic::ErrorCode::kContractViolation, std::string(kInvalidOption));
  }
  if (is_upgrade() && keeps_heap()) {
    if (auto misfit = memory_misfit(**code, canister_.wasm->heap.size())) {
      return described(stop(ic::ExecutionError::kModuleInvalid, {std::move(*misfit)}));
    }
  }
  return create_state(**code);
}

Installation::Step Installation::create_state(const Code& code) {
  const bool keep = is_upgrade() && keeps_heap();
  std::optional<engine::Memory> fresh_heap;
  if (!keep) {
    CANREC_TRY(engine::Memory heap, empty_heap(code.minimum_heap_bytes() / wasm::kPageSize));
    const Status applied = engine::apply_active_segments(code.compiled(), heap);
    if (!applied) return described(module_stop(applied.error()));
    fresh_heap.emplace(std::move(heap));
  }
  std::optional<engine::Memory> fresh_stable;
  if (!is_upgrade()) {
    CANREC_TRY(engine::Memory stable, empty_stable_memory());
    fresh_stable.emplace(std::move(stable));
  }
  const bool has_old = canister_.wasm.has_value();
  next_.emplace(WasmState{
      .code = &code,
      .heap = keep ? std::move(canister_.wasm->heap) : std::move(*fresh_heap),
      .stable = is_upgrade() ? std::move(canister_.wasm->stable) : std::move(*fresh_stable),
      .globals = engine::initial_globals(code.compiled()),
      .heap_file = keep && has_old ? canister_.wasm->heap_file : nullptr,
      .stable_file = is_upgrade() && has_old ? canister_.wasm->stable_file : nullptr});
  return std::optional<Failure>();
}

Installation::Step Installation::start_and_init() {
  const Code& code = *next_->code;
  effects_.global_timer_ns = 0;  // off, unless the new code sets it
  if (code.module().start) {
    CANREC_TRY(auto why, run_stage(*next_, *code.module().start, "(start)", ic::Context::kStart));
    if (why) return why;
  }
  const std::string_view hook = is_upgrade() ? "canister_post_upgrade" : "canister_init";
  const auto function = code.function(hook);
  if (!function) return std::optional<Failure>();
  return run_stage(*next_, *function, hook, ic::Context::kInit);
}

Installation::Step Installation::run_stage(WasmState& state, wasm::FuncIdx function,
                                           std::string_view name, ic::Context context) {
  outcome_.stage = name;
  const bool in_new_code = context != ic::Context::kPreUpgrade;
  Inputs in = network_.inputs(canister_, context);
  in.caller = request_.sender;
  in.instructions = budget_;
  in.slice_instructions = std::min(in.slice_instructions, in.instructions);
  if (in_new_code) {
    in.version = canister_.version + 1;
    in.global_timer_ns = 0;
  }
  if (context == ic::Context::kInit) in.argument = request_.argument;
  const uint64_t memory_limit = in_new_code ? network_.memory_limit(canister_) : 0;
  CANREC_TRY(Run result,
             run(network_.frame(), state, function, std::string(name), in, memory_limit));
  spend(result.report.instructions);
  log_lines_.insert(log_lines_.end(), result.log_lines.begin(), result.log_lines.end());
  network_.runs.add(result.report);
  if (!result.ok()) return failure_of(result.report);
  effects_.burned += result.effects.burned;
  if (result.effects.certified_data) effects_.certified_data = result.effects.certified_data;
  if (result.effects.global_timer_ns) effects_.global_timer_ns = result.effects.global_timer_ns;
  return std::optional<Failure>();
}

std::optional<Failure> Installation::finish() const {
  const uint64_t limit = network_.memory_limit(canister_);
  if (limit == 0 || next_->heap.size() <= limit) return pay_for_growth();
  return described(stop(ic::ExecutionError::kMemoryLimit,
                        {std::to_string(limit), std::to_string(next_->heap.size())}));
}

void Installation::spend(uint64_t instructions) { budget_ -= std::min(budget_, instructions); }

void Installation::commit() {
  next_->commit();
  canister_.wasm = std::move(next_);
  canister_.balance = saturating_sub(canister_.balance, effects_.burned);
  canister_.global_timer_ns = effects_.global_timer_ns.value_or(0);
  if (!is_upgrade()) {
    canister_.certified_data.clear();
    canister_.log.clear();
    canister_.log_bytes = 0;
  }
  if (effects_.certified_data) canister_.certified_data = std::move(*effects_.certified_data);
  ++canister_.version;
  canister_.update_hook_status();
}

void Installation::undo() {
  if (!canister_.wasm) return;
  WasmState& old = *canister_.wasm;
  if (next_ && is_upgrade()) {
    if (keeps_heap()) old.heap = std::move(next_->heap);
    old.stable = std::move(next_->stable);
  }
  old.rollback();
  old.globals = old_globals_;
}

}  // namespace

Result<InstallOutcome> Network::install(const InstallRequest& request) {
  CANREC_TRY(Canister* const target, canister(request.canister));
  return Installation(*this, *target, request).perform();
}

Status Network::replace(Canister& target, ByteView module) {
  if (!target.wasm) return fail(Errc::kInstallRefused, "the canister has no module to replace");
  CANREC_TRY(const Code* const code, codes.load(module));
  CANREC_TRY(std::vector<engine::Value> globals,
             restore_persisted(*code, persisted_values(*target.wasm)));
  if (auto misfit = memory_misfit(*code, target.wasm->heap.size())) {
    return fail(Errc::kSnapshotMetadata, std::move(*misfit));
  }
  target.wasm->code = code;
  target.wasm->globals = std::move(globals);
  ++target.version;
  target.update_hook_status();
  return Ok{};
}

}  // namespace canrec::executor
