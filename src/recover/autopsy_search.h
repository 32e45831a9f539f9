// SPDX-License-Identifier: Apache-2.0
#pragma once

// The search for patches that let an upgrade through: one repair after the other, because the
// first often uncovers a second failure, in the old hook or in the new module's.

#include <vector>

#include "recover/autopsy_trial.h"

namespace canrec::recover {

struct Found {
  std::vector<Fix> fixes;  ///< in the order of the search; also the one that came furthest in vain
  bool exhausted = true;   ///< false when the search ended because it had tried enough
};

/// Tries repairs of the failure, and of what shows behind it, until a sequence helps.
///
/// Shape:   at most eight repairs in a row, four of them functions that return at once, and at
///          most 64 upgrades; all sequences of a length are tried before longer ones. `failure`
///          is that of the unpatched upgrade.
/// Errors:  those of the executor.
Result<Found> search_repairs(Trial& trial, const executor::InstallOutcome& failure);

/// The module in which an installation failed, by its stage.
enum class Side : uint8_t { kInstalled, kTarget, kNeither };
Side side_of(std::string_view stage);

}  // namespace canrec::recover
