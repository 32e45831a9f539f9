// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which compiler made a module. It decides how a heap is laid out and what an upgrade that keeps
// memory means; it is read from sections and exports, so it is a claim of the module, not a proof.
// Source: stable-layouts.md 0.2 and 3.13.

#include <cstdint>
#include <string>

#include "wasm/module.h"

namespace canrec::wasmdiff {

enum class Toolchain : uint8_t {
  kUnknown,
  kRust,
  kAzle,
  kC,
  kMotokoClassical,
  kMotokoEop,  ///< enhanced orthogonal persistence: stable variables stay in the 64-bit heap
};

struct ToolchainFacts {
  Toolchain kind = Toolchain::kUnknown;
  std::string compiler;  ///< "rustc 1.88.0", "motoko 4.10.0"; empty when the module does not say
  std::string_view eop;  ///< payload of the section that route K asks for
  bool has_eop_section = false;
};
ToolchainFacts recognise_toolchain(const wasm::Module& module);

/// "Rust", "Motoko (classical persistence)", ...
std::string_view to_string(Toolchain toolchain);

/// A custom section that the network knows by a bare name: `icp:private NAME` or `icp:public NAME`.
const wasm::Section* icp_section(const wasm::Module& module, std::string_view name);

}  // namespace canrec::wasmdiff
