// SPDX-License-Identifier: Apache-2.0
#pragma once

// Exit statuses, from the table exit_codes.def.

#include <string>

#include "base/error.h"

namespace canrec::cli {

enum class ExitCode : int {
#define EXIT(name, number, words) name = number,
#include "cli/exit_codes.def"
#undef EXIT
};

/// The status a command ends with when it fails with this error.
ExitCode exit_code_of(Errc code);

/// The EXIT STATUS block that ends every --help.
std::string exit_status_help();

}  // namespace canrec::cli
