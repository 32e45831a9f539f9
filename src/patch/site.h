// SPDX-License-Identifier: Apache-2.0
#pragma once

// How a user names a function or a place in one.
//
//   function   export name, name from the name section (raw or readable), 17, #17 or f17
//   place      @0x2a10              the instruction at that offset of the unpacked module
//              stable_write         the only call of that import
//              FUNC:stable_write    the only call of it in FUNC
//              FUNC:stable_write#2  the second one

#include <functional>
#include <string_view>
#include <vector>

#include "wasm/module.h"
#include "wasm/names.h"

namespace canrec::patch {

/// An instruction in a body.
struct Site {
  wasm::FuncIdx function{};
  wasm::Instruction instruction;
  bool reachable = true;  ///< false behind a br, return, unreachable, ... of the same block
};

/// Calls `visit` for every instruction of a defined function, in order.
/// Errors: those of InstructionReader.
Status walk(const wasm::Module& module, wasm::FuncIdx function,
            const std::function<void(const Site&)>& visit);

/// Whether the instruction calls an imported function directly.
bool is_import_call(const wasm::Module& module, const wasm::Instruction& instruction);
/// Whether control never goes on behind the instruction.
bool ends_flow(wasm::Opcode op);

/// Errors: kPatchSite when the place is never reached.
Status check_reachable(const Site& site);

/// Finds functions and places by what users write.
class Places {
 public:
  explicit Places(const wasm::Module& module);

  const wasm::Module& module() const { return module_; }
  const wasm::FunctionNames& names() const { return readable_; }

  /// Errors: kPatchSite (none or several; candidates are listed).
  Result<wasm::FuncIdx> function(std::string_view text) const;
  /// The same, and it must have a body.
  Result<wasm::FuncIdx> defined(std::string_view text) const;
  /// A direct call of an imported function. Errors: kPatchSite.
  Result<Site> call(std::string_view text) const;
  /// Any instruction: a call as above, or `@offset`. Errors: kPatchSite.
  Result<Site> instruction(std::string_view text) const;
  /// "canister_pre_upgrade:stable_write#2 @0x00002a10", which names the place again.
  std::string describe(const Site& site) const;
  /// The same for a call that is known to be number `number` (from 1) of `of` in its function.
  std::string describe(const Site& site, size_t number, size_t of) const;

 private:
  Result<Site> at_offset(std::string_view text) const;
  Result<std::vector<Site>> calls_of(std::string_view import, wasm::FuncIdx function) const;
  std::vector<wasm::FuncIdx> functions_named(std::string_view text) const;
  std::unexpected<Error> unknown_function(std::string_view text) const;
  std::string_view import_name(const wasm::Instruction& call) const;

  const wasm::Module& module_;
  wasm::FunctionNames readable_;
  wasm::FunctionNames raw_;
};

}  // namespace canrec::patch
