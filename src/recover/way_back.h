// SPDX-License-Identifier: Apache-2.0
#pragma once

// Is there a way back from an upgrade? What the user points to is looked at: a backup in a chunk
// store, or a snapshot directory, whole and of the module that is installed, and where the state is
// at hand, of that state.

#include <filesystem>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/interrupt.h"
#include "recover/finding.h"

namespace canrec::recover {

struct WayBack {
  /// kNote: it restores the canister as it is now, as far as was asked. kWarning: it may, look
  /// first. kError: it does not.
  Severity severity = Severity::kError;
  std::string words;  ///< what it is, or what is wrong with it
  std::string next;
};

/// Judges a way back: "STORE" (its newest backup), "STORE:ID", or a snapshot directory.
///
/// Shape:  `module` is the hash of the installed module; `state` a snapshot directory whose files
///         the backup must hold byte for byte.
/// Errors: kInterrupted. Whatever cannot be read is a way back that does not exist.
Result<WayBack> judge_way_back(const std::string& place, const Sha256& module,
                               const std::optional<std::filesystem::path>& state,
                               const Interrupt& interrupt);

}  // namespace canrec::recover
