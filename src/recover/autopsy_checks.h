// SPDX-License-Identifier: Apache-2.0
#pragma once

// Queries to judge a recovery by, for a user who names none: those of the program's own that take
// no argument and tell something of its state.

#include <filesystem>
#include <string>
#include <vector>

#include "recover/subject.h"

namespace canrec::recover {

/// Queries without arguments that answer, say the same at another time, and say something else in
/// an empty canister of the same module: a version number says nothing of the data.
///
/// Shape:   at most eight, in the order of the module's exports; none when the module cannot be
///          installed without an argument. `subject` holds the state of `directory`.
/// Errors:  those of opening the directory again, and of the executor.
Result<std::vector<std::string>> choose_checks(Subject& subject,
                                               const std::filesystem::path& directory,
                                               const executor::Options& options);

}  // namespace canrec::recover
