// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inputs are only read: an output inside an input directory would change what it is.

#include <filesystem>

#include "base/error.h"

namespace canrec::recover {

/// Refuses an output in the input directory or below it. Links are followed.
/// Errors: kBadArgument.
Status check_outside(const std::filesystem::path& input, const std::filesystem::path& output);

}  // namespace canrec::recover
