// SPDX-License-Identifier: Apache-2.0
#pragma once

// Conditions that a script can put on a comparison beside its verdict.

#include <optional>
#include <string>
#include <vector>

#include "wasmdiff/compare.h"

namespace canrec::wasmdiff {

struct Gates {
  std::optional<uint32_t> max_changed_functions;  ///< changed, added and removed ones together
  std::vector<std::string> only_in;               ///< exports, or "(start)"
};

/// A gate and whether the comparison passes it.
struct GateResult {
  std::string gate;  ///< as on the command line
  bool passed;
  std::string text;  ///< why not, or what was counted
};

/// Applies the gates. A function counts as reached by an entry point if it may be, through tables
/// too.
/// Errors: kBadArgument for a name in `only_in` that neither module has as an entry point.
Result<std::vector<GateResult>> apply_gates(const Comparison& comparison, const Gates& gates);

}  // namespace canrec::wasmdiff
