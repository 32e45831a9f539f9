// SPDX-License-Identifier: Apache-2.0
#pragma once

// The face of the engine: a validated module is compiled once, and instantiated for every message
// over a Memory and globals that the caller owns.
//
//   CompiledModule   functions, translated one by one on their first call
//   create_state()   fresh globals and active data segments: once, when a state is made
//   Instance         a table from element segments, segments un-dropped, a stack, a counter:
//                    for one message, then thrown away
//
// Only functions are imported, as the network has it. Instructions are counted exactly as the
// network counts them (system-api.md section 5).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "engine/memory.h"
#include "engine/slices.h"
#include "engine/trap.h"
#include "engine/value.h"
#include "wasm/module.h"

namespace canrec::engine {

class Instance;
struct Runtime;

/// Largest memory of a canister by the width of its addresses, in 64 KiB pages.
inline constexpr uint64_t kHeapPages32 = 65'536;
inline constexpr uint64_t kHeapPages64 = 98'304;
/// Largest stable memory, in 64 KiB pages.
inline constexpr uint64_t kStablePages = 8'192'000;
/// Elements of a table, as the network's engine limits them.
inline constexpr uint64_t kTableElements = 1'000'000;

/// A module made ready to run.
class CompiledModule {
 public:
  /// Prepares a module. Functions are translated when they are first called.
  ///
  /// Shape:  `module` has passed wasm::validate().
  /// Errors: kEngine for what validates and cannot run here: imports that are not functions, more
  ///         than kTableElements table elements.
  /// Owns:   keeps a reference; `module` and its bytes outlive the result.
  static Result<CompiledModule> compile(const wasm::Module& module);

  CompiledModule(CompiledModule&&) noexcept;
  CompiledModule& operator=(CompiledModule&&) noexcept;
  ~CompiledModule();

  const wasm::Module& module() const;
  /// The function exported under that name, if it is a function.
  std::optional<wasm::FuncIdx> find_function(std::string_view export_name) const;
  /// Pages the memory may grow to: the declared maximum, capped by the width's limit; 0 without a
  /// memory.
  uint64_t max_pages() const;
  /// Functions translated so far.
  uint64_t translated_functions() const;

  struct Impl;
  Impl& impl() const { return *impl_; }

 private:
  explicit CompiledModule(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Values of all globals by their initialisers.
std::vector<Value> initial_globals(const CompiledModule& module);

/// An empty memory of the module's declared minimum, with room to grow to its largest size; of zero
/// pages when the module declares none.
Result<Memory> initial_memory(const CompiledModule& module);

/// Copies the active data segments, in order, as instantiation of a fresh state does. The writes
/// are counted by `memory`; call begin_message() after it.
///
/// Errors: kEngine when a segment does not fit; the segments before it are written.
Status apply_active_segments(const CompiledModule& module, Memory& memory);

/// What a host function sees of its call.
struct HostCall {
  Instance& instance;
  std::span<const Value> args;
  std::span<Value> results;  ///< to be filled, by the signature
};

/// A function import. It may read and write memory, read the counter and charge for its work
/// through `HostCall::instance`; it may not call back into it.
struct HostFunction {
  using Body = HostStatus (*)(void* context, HostCall& call);
  Body body = nullptr;
  void* context = nullptr;
};

/// Decides about a memory.grow that the module's maximum allows. Called with the sizes before and
/// after; an answer that is not null ends the call with that trap.
struct GrowPolicy {
  HostStatus (*decide)(void* context, uint64_t old_pages, uint64_t new_pages) = nullptr;
  void* context = nullptr;
};

/// Called now and then from loops and calls with the instructions executed so far.
struct Progress {
  void (*report)(void* context, uint64_t instructions) = nullptr;
  void* context = nullptr;
};

/// How touching memory is charged (system-api.md 5.3).
enum class PageModel : uint8_t {
  kNone,
  k2025,  ///< each OS page written, after the call: 1,000 (32-bit) or 4,000 (64-bit)
  k2026,  ///< each Wasm page on first access 80,000, on first write 80,000 more
};
/// What the Wasm pages touched between two counts cost under k2026; 0 under the other models.
int64_t page_charge(PageModel model, const PageCounts& before, const PageCounts& after);

struct InstanceConfig {
  int64_t instructions = INT64_MAX;        ///< what the counter starts with
  int64_t slice_instructions = INT64_MAX;  ///< of one slice of them
  PageModel page_model = PageModel::kNone;
  uint64_t stack_bytes = uint64_t{8} << 20;  ///< operands, parameters and locals of all frames
  uint64_t call_depth = 100'000;             ///< frames
  const Interrupt* interrupt = nullptr;
  Progress progress;
  GrowPolicy grow_policy;
};

/// How a call ended: results by the signature, or a trap.
struct Outcome {
  std::vector<Value> results;
  std::unique_ptr<Trap> trap;
  bool ok() const { return trap == nullptr; }
};

/// A module running over a memory and globals.
class Instance {
 public:
  /// Attaches the module to existing state: fills the table, applies no data segments, runs no
  /// start function.
  ///
  /// Shape:  `memory` is null only for modules without a memory; `globals` has one value for every
  ///         global of the module; `imports` one entry for every function import, in order.
  /// Errors: kEngine when an active element segment does not fit, when the stack cannot be had, and
  ///         when the shape is wrong.
  /// Owns:   keeps references to all arguments; they outlive the instance.
  static Result<Instance> attach(const CompiledModule& module, Memory* memory,
                                 std::span<Value> globals, std::span<const HostFunction> imports,
                                 const InstanceConfig& config);

  Instance(Instance&&) noexcept;
  Instance& operator=(Instance&&) noexcept;
  ~Instance();

  /// Calls a function with arguments that fit its signature.
  Outcome call(wasm::FuncIdx function, std::span<const Value> args);
  /// Calls what table 0 holds at `slot`, if it has the expected type; else a trap of kind
  /// kTableOutOfBounds, kIndirectCallNull or kIndirectCallMismatch.
  Outcome call_table(uint64_t slot, const wasm::FuncType& expected, std::span<const Value> args);

  // --- the instruction counter ------------------------------------------------------------------

  /// What is left; may be negative. Exact inside host functions too, with the pre-charge of the
  /// segment that is running.
  int64_t counter() const;
  void set_counter(int64_t instructions);
  /// Takes `instructions` off (saturating) and looks for the end of the budget or of a slice, as
  /// system calls do.
  HostStatus charge(uint64_t instructions);
  /// Looks at the counter as a test point of the code does.
  BudgetState look();
  /// After kSliceOverrun: what the slice took.
  uint64_t slice_overrun() const;

  // --- for host functions -----------------------------------------------------------------------

  /// Views memory for reading, with counting and page charges.
  /// Trap kinds: kMemoryOutOfBounds, kOutOfInstructions.
  HostStatus read(uint64_t address, uint64_t length, ByteView& out);
  /// Views memory for writing.
  HostStatus write(uint64_t address, uint64_t length, std::span<uint8_t>& out);
  const CompiledModule& module() const;
  Memory* memory() const;
  std::span<Value> globals() const;
  PageModel page_model() const;
  /// Slots of table 0; what a slot holds, as a reference; both for reports.
  uint64_t table_size() const;
  Value table_slot(uint64_t slot) const;

 private:
  explicit Instance(std::unique_ptr<Runtime> runtime);
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace canrec::engine
