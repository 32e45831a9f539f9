// SPDX-License-Identifier: Apache-2.0
#pragma once

// An installed module: its bytes as they are stored, its model, and the engine's preparation.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "engine/engine.h"
#include "ic/context.h"
#include "ic/system_api.h"
#include "wasm/load.h"
#include "wasm/persisted.h"

namespace canrec::executor {

/// A module that passed the network's checks. Immovable: the engine keeps references into it.
class Code {
 public:
  /// Reads, validates and prepares a module as the network does before it installs one.
  ///
  /// Shape:  `stored` is the module as it is uploaded, plain or compressed with gzip.
  /// Errors: kGzip, those of wasm::read_module and wasm::validate, kWasmNetworkRule with the
  ///         network's own words, kEngine.
  static Result<std::unique_ptr<Code>> load(Bytes stored);

  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  ByteView stored() const { return stored_; }
  const Sha256& hash() const { return loaded_.hash; }
  const wasm::Module& module() const { return loaded_.module; }
  const engine::CompiledModule& compiled() const { return *compiled_; }
  bool is_64() const { return module().is_64(); }
  bool has_memory() const { return !module().memories.empty(); }
  /// Bytes a memory must have at least.
  uint64_t minimum_heap_bytes() const;

  /// The function behind an export name such as "canister_init", if there is one.
  std::optional<wasm::FuncIdx> function(std::string_view export_name) const {
    return compiled_->find_function(export_name);
  }
  /// A public method of that kind.
  std::optional<wasm::FuncIdx> method(ic::MethodKind kind, std::string_view name) const;
  /// Globals as snapshots list them.
  const std::vector<wasm::PersistedGlobal>& persisted() const { return persisted_; }
  /// The section that lets an upgrade keep the heap.
  bool supports_kept_memory() const { return supports_kept_memory_; }
  /// A Motoko program so old that its last heap pages are kept free for upgrades.
  bool is_old_motoko() const { return is_old_motoko_; }
  /// What the network charges for compiling it (compile_cost.h).
  uint64_t compile_instructions() const { return compile_instructions_; }
  /// One System API function for each function import, in order.
  const std::vector<ic::SystemApi>& imports() const { return imports_; }

 private:
  Code() = default;

  Bytes stored_;
  wasm::LoadedModule loaded_;
  std::optional<engine::CompiledModule> compiled_;
  std::vector<wasm::PersistedGlobal> persisted_;
  std::vector<ic::SystemApi> imports_;
  uint64_t compile_instructions_ = 0;
  bool supports_kept_memory_ = false;
  bool is_old_motoko_ = false;
};

/// Modules by content: each is prepared once, and stays as long as the library.
class CodeLibrary {
 public:
  /// The module with these bytes; it may have been loaded before. Errors: those of Code::load.
  Result<const Code*> load(ByteView stored);

 private:
  std::map<Sha256, std::unique_ptr<Code>> all_;
};

}  // namespace canrec::executor
