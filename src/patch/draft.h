// SPDX-License-Identifier: Apache-2.0
#pragma once

// A plan in the making: the operations say what they want, the draft keeps types, imports,
// functions and counts in order.

#include <span>
#include <string>
#include <vector>

#include "ic/system_api.h"
#include "patch/emit.h"
#include "patch/plan.h"
#include "patch/renumber.h"

namespace canrec::patch {

/// Builds one plan for one module.
class Draft {
 public:
  /// Begins a plan that may call these System API functions; those the module does not import are
  /// added behind its imports. They must be named here because they decide the numbering.
  ///
  /// Errors: kBadArgument (a 32-bit function in a 64-bit module), kWasmNetworkRule (imported
  ///         already with another signature).
  /// Owns:   keeps a view of `module`.
  static Result<Draft> begin(const wasm::Module& module,
                             std::span<const ic::SystemApi> needed = {});

  const wasm::Module& module() const { return *module_; }

  /// The result's index of a System API function that was named at the beginning.
  uint32_t system_api(ic::SystemApi function) const;
  /// The result's index of an input function.
  uint32_t after(wasm::FuncIdx function) const { return moved_(std::to_underlying(function)); }

  /// The index of a type of that structure, appended when the module has none.
  uint32_t type(const wasm::FuncType& type);
  /// Appends a function and gives its index in the result; `body` is locals and code.
  uint32_t add_function(const wasm::FuncType& type, ByteView body, std::string name,
                        std::string reason);

  /// Replaces bytes inside one function body.
  void in_body(wasm::ByteRange range, Bytes bytes, std::string reason);
  /// Adds locals to a function and gives the index of the first one.
  /// Errors: kLimit (more than limits::kFunctionLocals).
  Result<uint32_t> add_locals(const wasm::Function& fn, std::span<const wasm::ValType> types,
                              std::string reason);
  /// Any other change; section counts are the caller's.
  void change(wasm::EditScope scope, wasm::ByteRange range, Bytes bytes, std::string reason);
  void note(std::string text) { plan_.notes.push_back(std::move(text)); }

  /// The finished plan. `input` gives hash and size.
  Result<Plan> finish(const wasm::LoadedModule& input, std::string command) &&;

 private:
  struct NewFunction {
    uint32_t type;
    Bytes entry;
    std::string reason;
  };
  struct NewImport {
    const ic::SystemApiFunction* function;
    uint32_t type;
  };
  explicit Draft(const wasm::Module& module) : module_(&module) {}
  void append_to(wasm::SectionId id, uint64_t old_count, const std::vector<Bytes>& items,
                 std::string reason);
  void write_types();
  void write_imports();
  void write_functions();

  const wasm::Module* module_;
  Numbering moved_;
  Plan plan_;
  std::vector<wasm::FuncType> new_types_;
  std::vector<NewImport> new_imports_;
  std::vector<NewFunction> new_functions_;
  std::vector<std::pair<ic::SystemApi, uint32_t>> api_;
};

/// The signature of a System API function in a module of that width.
wasm::FuncType signature(const ic::SystemApiFunction& function, bool module_is_64);

}  // namespace canrec::patch
