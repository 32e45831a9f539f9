// SPDX-License-Identifier: Apache-2.0
#pragma once

// What to do next: how the fix that works goes onto the network, and where none works, which other
// ways this state has.

#include <string>
#include <vector>

#include "recover/autopsy_trial.h"

namespace canrec::recover {

/// The ways on after `autopsy`, whose other fields are filled in; the surest first.
/// Errors: those of the executor.
Result<std::vector<Way>> ways_on(Trial& trial, const Autopsy& autopsy);

/// What a user should know of the two modules, whatever the upgrade does: the same module again,
/// or one that has little in common with what is installed. Nothing when all is usual.
std::vector<std::string> remarks_on_modules(const Trial& trial);

}  // namespace canrec::recover
