// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the network says of a canister, as `icp canister status ID --json` prints it: who controls
// it, which module is installed, and the settings that decide whether a snapshot can be loaded.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "ic/principal.h"

namespace canrec::recover {

struct CanisterStatus {
  ic::Principal canister;
  std::vector<ic::Principal> controllers;
  std::optional<Sha256> module_hash;  ///< nothing = no module is installed
  uint64_t wasm_memory_limit = 0;     ///< bytes; 0 = none
  uint64_t wasm_memory_threshold = 0;
};

/// Reads the file.
/// Errors: kSnapshotMetadata with the key at fault, also for the answer of somebody who may not
///         read the status; those of opening.
Result<CanisterStatus> read_canister_status(const std::filesystem::path& path);

}  // namespace canrec::recover
