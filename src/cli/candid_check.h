// SPDX-License-Identifier: Apache-2.0
#pragma once

// The verdict on two interfaces as text and JSON; `canrec candid check`, `canrec check` and
// `canrec diff` show the same.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "candid/upgrade.h"
#include "cli/interface_input.h"
#include "cli/session.h"

namespace canrec::cli {

/// The answer of a check; `unknown` says why there is none.
struct CandidCheck {
  std::string unknown;  ///< empty when both interfaces could be read
  candid::InterfaceVerdict upgrade;
  std::optional<candid::InterfaceVerdict> rollback;  ///< when asked for

  bool known() const { return unknown.empty(); }
  bool clean() const { return known() && upgrade.strict; }
};

/// Compares two interfaces; `rollback` asks for the other direction too.
/// Errors: kLimit.
Result<CandidCheck> check_candid(const ModuleTexts& previous, const ModuleTexts& next,
                                 bool rollback);

/// The word, then a block for every problem.
void print_candid_check(Session& session, const CandidCheck& check);
/// {"compatible", "strict", "unknown", "problems", "truncated"}, also "rollback" when asked for;
/// the verdicts are null when unknown.
nlohmann::ordered_json candid_check_json(const CandidCheck& check);

}  // namespace canrec::cli
