// SPDX-License-Identifier: Apache-2.0
#pragma once

// Two separate judgements of a module: the WebAssembly specification, and the network's own rules.
// Sources: https://webassembly.github.io/spec/core/valid/ ; system-api.md section 2.

#include <string>
#include <vector>

#include "wasm/module.h"

namespace canrec::wasm {

/// Full validation by the specification, every body included, with the features the network
/// accepts. Errors: kWasmInvalid, kWasmUnsupported, kWasmIndex, and those of decoding; offset =
/// first offending byte.
Status validate(const Module& module);

/// Type-checks one body against the module; used on edited functions.
Status validate_function(const Module& module, FuncIdx fn);

/// A rule of the network that a (valid) module breaks.
struct RuleViolation {
  std::string text;     ///< the network's own words, without the IC0505 prefix
  uint64_t offset = 0;  ///< where the reason stands
  std::string why;      ///< what it means for an installation
};

/// The violations, in the network's order of checks; the first is the one it reports. At most
/// 1,000. Shape: `module` has passed validate().
std::vector<RuleViolation> check_network_rules(const Module& module);

}  // namespace canrec::wasm
