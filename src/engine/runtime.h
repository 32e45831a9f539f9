// SPDX-License-Identifier: Apache-2.0
#pragma once

// What running code works on: the parts of an instance that the interpreter uses, and compiled code
// could. The first fields are the ones that code touches all the time.

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/code.h"
#include "engine/engine.h"

namespace canrec::engine {

/// "No trap", where a TrapKind is the answer.
inline constexpr TrapKind kNoTrap = TrapKind{0xff};

struct CompiledModule::Impl {
  const wasm::Module* module = nullptr;
  std::vector<FunctionCode> functions;          // the function index space
  std::vector<uint32_t> canonical_types;        // type index -> first structurally equal type index
  std::vector<std::vector<uint64_t>> elements;  // items of each element segment, as references
  std::map<std::string_view, wasm::FuncIdx> exports;
  uint64_t translated = 0;
};

struct Frame {
  const uint8_t* return_ip;  // where the caller goes on
  uint64_t* fp;
  FunctionCode* function;
};

struct Table {
  std::vector<uint64_t> slots;  // references
  uint64_t max = 0;
};

struct Runtime {
  uint8_t* memory_base = nullptr;
  uint8_t* page_states = nullptr;
  Value* globals = nullptr;
  FunctionCode* functions = nullptr;
  // The counter is fuel + reserve. Running code counts `fuel` down and comes to poll() when a test
  // finds it negative; `reserve` is what stays back until then, so that slices, progress and
  // interrupts need no test of their own.
  int64_t fuel = 0;
  int64_t reserve = 0;
  Slices slices{0, 0};
  std::vector<Table> tables;

  const CompiledModule* module = nullptr;
  CompiledModule::Impl* impl = nullptr;
  Memory* memory = nullptr;
  std::span<Value> global_values;
  std::span<const HostFunction> imports;
  InstanceConfig config;
  Instance* instance = nullptr;
  std::vector<bool> dropped_elements;
  std::vector<bool> dropped_data;

  std::unique_ptr<uint64_t[]> slots;
  uint64_t* slots_end = nullptr;
  std::unique_ptr<Frame[]> frames;
  Frame* frames_end = nullptr;
  std::vector<Value> host_values;  // arguments and results of the host call that runs
  bool running = false;

  // Of the trap that ended the last run.
  Frame* trap_frame = nullptr;
  const uint8_t* trap_ip = nullptr;
  HostStatus host_status;                // of a trap that the host made
  std::string limit_message;             // of kEngineLimit
  std::optional<uint64_t> trap_address;  // of kMemoryOutOfBounds in a load or store

  int64_t counter() const { return fuel + reserve; }
  void set_counter(int64_t counter);
};

/// Counts an access that the page states did not let pass, and charges for its pages.
TrapKind touch(Runtime& rt, uint64_t address, uint64_t size, bool write);

/// Takes a dynamic amount off the counter, saturating, and looks at it.
TrapKind charge(Runtime& rt, uint64_t instructions);

/// At a test point with negative fuel: the end of the budget or of a slice, an interrupt, or new
/// fuel.
TrapKind poll(Runtime& rt);

/// Between values and slots, by their types.
void store_values(std::span<const wasm::ValType> types, const Value* values, uint64_t* slots);
void load_values(std::span<const wasm::ValType> types, const uint64_t* slots, Value* values);

/// Calls import `index` with its arguments in `slots`; results come to the same place.
TrapKind call_host(Runtime& rt, uint32_t index, uint64_t* slots);

/// Checks slot `index` of a table for a call; `function` is set when there is no trap.
TrapKind resolve_indirect(const Runtime& rt, uint32_t table, uint64_t index,
                          uint32_t canonical_type, FunctionCode*& function);

/// Translates a function on its first call; kEngineLimit when it cannot be.
TrapKind translate_on_call(Runtime& rt, FunctionCode& function);

/// The rare instructions, out of line: a, b, c are slots of the frame, `imm` packs two indices.
using Special = TrapKind (*)(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c,
                             uint64_t imm);
TrapKind memory_grow(Runtime& rt, uint64_t* fp, uint32_t d, uint32_t a, uint32_t, uint64_t);
TrapKind memory_fill(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t);
TrapKind memory_copy(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t);
TrapKind memory_init(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t data);
TrapKind data_drop(Runtime& rt, uint64_t* fp, uint32_t, uint32_t, uint32_t, uint64_t data);
TrapKind table_get(Runtime& rt, uint64_t* fp, uint32_t d, uint32_t a, uint32_t, uint64_t table);
TrapKind table_set(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t, uint64_t table);
TrapKind table_size(Runtime& rt, uint64_t* fp, uint32_t d, uint32_t, uint32_t, uint64_t table);
TrapKind table_grow(Runtime& rt, uint64_t* fp, uint32_t d, uint32_t a, uint32_t b, uint64_t table);
TrapKind table_fill(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t table);
/// imm: destination table, source table << 32.
TrapKind table_copy(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t tables);
/// imm: segment, table << 32.
TrapKind table_init(Runtime& rt, uint64_t* fp, uint32_t a, uint32_t b, uint32_t c, uint64_t imm);
TrapKind elem_drop(Runtime& rt, uint64_t* fp, uint32_t, uint32_t, uint32_t, uint64_t segment);

}  // namespace canrec::engine
