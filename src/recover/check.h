// SPDX-License-Identifier: Apache-2.0
#pragma once

// The checklist before an upgrade: one row a question, each with an answer that counts.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "executor/executor.h"
#include "ic/principal.h"
#include "recover/finding.h"

namespace canrec::recover {

enum class Answer : uint8_t {
  kGood,
  kLook,      ///< a person must decide
  kBad,       ///< the upgrade fails or loses data
  kUnknown,   ///< it matters and could not be told
  kNotAsked,  ///< it does not apply, or what it needs was not given
};
std::string_view to_string(Answer answer);

struct CheckRow {
  std::string id;  ///< stable: "layout", "hooks", "candid", ...
  std::string question;
  Answer answer = Answer::kUnknown;
  std::string text;
  std::string next;
  std::vector<Finding> findings;
};

struct Checklist {
  std::string old_path, new_path, state_path;
  std::string old_hash, new_hash;
  std::vector<CheckRow> rows;
  Answer worst() const;
};

struct CheckRequest {
  std::filesystem::path old_module;
  std::filesystem::path new_module;
  std::optional<std::filesystem::path> state;  ///< a snapshot directory to rehearse on
  /// "yes" or "no" where the user says so; else a store, STORE:ID or a snapshot directory, which is
  /// looked at. Empty = not told.
  std::string backup;
  /// What `icp canister status --json` printed: looked at for controllers and the module.
  std::optional<std::filesystem::path> status;
  std::vector<ic::Principal> controllers;  ///< where there is no status; empty = not told
  std::optional<ic::Principal> identity;   ///< that upgrades
  std::string argument;                    ///< of the upgrade, Candid text
  executor::Options executor;
};

/// Errors: those of opening the modules and the state; kInterrupted.
Result<Checklist> check(const CheckRequest& request);

}  // namespace canrec::recover
