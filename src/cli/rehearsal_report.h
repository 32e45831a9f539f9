// SPDX-License-Identifier: Apache-2.0
#pragma once

// A rehearsal as text and JSON.

#include <nlohmann/json.hpp>

#include "cli/session.h"
#include "recover/rehearse.h"

namespace canrec::cli {

void print_rehearsal(Session& session, const recover::Rehearsal& rehearsal);
nlohmann::ordered_json rehearsal_json(const recover::Rehearsal& rehearsal);
/// 0 when everything went as wanted, 5 when an expectation did not hold, 6 when a step failed.
ExitCode exit_code_of_rehearsal(const recover::Rehearsal& rehearsal);

}  // namespace canrec::cli
