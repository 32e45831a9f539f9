// SPDX-License-Identifier: Apache-2.0
#pragma once

// The rows of `canrec check`, by what they look at: the two modules, their interfaces, the people
// and the way back. What is run on a state is in check.cc. Each fills the row it is given.

#include <string>
#include <string_view>

#include "base/hash.h"
#include "recover/canister_status.h"
#include "recover/check.h"
#include "wasm/load.h"

namespace canrec::recover {

/// The two modules of an upgrade.
struct CheckedModules {
  const wasm::ModuleFile& before;
  const wasm::ModuleFile& after;
  std::string old_path, new_path;

  const wasm::Module& old_module() const { return before.module(); }
  const wasm::Module& new_module() const { return after.module(); }
  /// Whether both ask for the heap to be kept.
  bool kept() const;
};

void ask(CheckRow& row, std::string_view id, std::string_view question);
void say(CheckRow& row, Answer answer, std::string text, std::string next = {});

void check_network(const CheckedModules& modules, CheckRow& row);
void check_persistence(const CheckedModules& modules, CheckRow& row);
Status check_layout(const CheckedModules& modules, CheckRow& row);
void check_hooks(const CheckedModules& modules, CheckRow& row);
void check_methods(const CheckedModules& modules, CheckRow& row);

Status check_candid(const CheckedModules& modules, CheckRow& row);
void check_motoko(const CheckedModules& modules, CheckRow& row);

/// Whether OLD is what is installed. Shape: `status` may be null, `module` is the hash of OLD.
void check_installed(const CanisterStatus* status, const Sha256& module, CheckRow& row);
void check_controllers(const CheckRequest& request, const CanisterStatus* status, CheckRow& row);
Status check_backup(const CheckRequest& request, const CanisterStatus* status, const Sha256& module,
                    CheckRow& row);

}  // namespace canrec::recover
