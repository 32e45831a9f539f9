// SPDX-License-Identifier: Apache-2.0
#pragma once

// The verdict on two stable signatures as text and JSON; `canrec motoko check`, `canrec check` and
// `canrec diff` show the same.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "candid/motoko_check.h"
#include "cli/interface_input.h"
#include "cli/session.h"

namespace canrec::cli {

/// The answer of a check; `unknown` says why there is none.
struct MotokoCheck {
  bool applies = true;  ///< false: neither side has a stable signature, so it is no Motoko
  std::string unknown;  ///< empty when both signatures could be read
  candid::motoko::StableVerdict verdict;

  bool known() const { return unknown.empty(); }
  bool clean() const {
    return known() && verdict.lossless && verdict.runtime == candid::motoko::Runtime::kAccepts;
  }
};

/// Compares the stable signatures of two modules.
MotokoCheck check_motoko(const ModuleTexts& previous, const ModuleTexts& next);

void print_motoko_check(Session& session, const MotokoCheck& check);
/// {"compatible", "strict", "unknown", "problems", "runtime", "runtime_problems", "truncated"}.
nlohmann::ordered_json motoko_check_json(const MotokoCheck& check);

}  // namespace canrec::cli
