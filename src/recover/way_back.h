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
#include "ic/principal.h"
#include "recover/finding.h"

namespace canrec::recover {

struct WayBack {
  /// kNote: it restores the canister as it is now, as far as was asked. kWarning: it may, look
  /// first. kError: it does not.
  Severity severity = Severity::kError;
  std::string words;  ///< what it is, or what is wrong with it
  std::string next;
};

/// What a way back must bring back.
struct WantedState {
  Sha256 module{};  ///< hash of the installed module
  /// A snapshot directory whose files the backup must hold byte for byte.
  std::optional<std::filesystem::path> directory;
  std::optional<ic::Principal> canister;  ///< nothing = as the directory's files say, if they do
};

/// Judges a way back: "STORE" (its newest backup), "STORE:ID", or a snapshot directory.
///
/// Errors: kInterrupted. Whatever cannot be read is a way back that does not exist.
Result<WayBack> judge_way_back(const std::string& place, const WantedState& wanted,
                               const Interrupt& interrupt);

}  // namespace canrec::recover
