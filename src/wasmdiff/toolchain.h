// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a comparison needs to know of the compiler that made a module. It decides how a heap is laid
// out and what an upgrade that keeps memory means; it is a claim of the module, not a proof.
// Source: stable-layouts.md 0.2 and 3.13.

#include <string>
#include <string_view>

#include "wasm/module.h"
#include "wasm/names.h"
#include "wasm/toolchain.h"

namespace canrec::wasmdiff {

struct ToolchainFacts {
  wasm::Toolchain kind = wasm::Toolchain::kUnknown;
  /// "rustc 1.88.0", "moc 1.5.0"; empty when the module does not say. Tools that only rewrite
  /// modules are left out: what they did shows in the code.
  std::string compiler;
  std::string_view eop;  ///< payload of the section that route K asks for
  bool has_eop_section = false;

  /// Whether the runtime takes its heap over by itself.
  bool is_motoko_eop() const { return kind == wasm::Toolchain::kMotokoEnhanced && has_eop_section; }
};
ToolchainFacts recognise_toolchain(const wasm::Module& module, const wasm::FunctionNames& names);

/// A custom section that the network knows by a bare name: `icp:private NAME` or `icp:public NAME`.
const wasm::Section* icp_section(const wasm::Module& module, std::string_view name);

}  // namespace canrec::wasmdiff
