// SPDX-License-Identifier: Apache-2.0
#pragma once

// May this state be put under this module by route K, an upgrade that keeps memory? What the module
// diff cannot know is decided here with the state at hand: globals restart at the module's initial
// values, start and post-upgrade run, pre-upgrade of the old program may not have.
// Source: system-api.md 3.5 to 3.9, stable-layouts.md 3.7 and 5.1.

#include "base/bytes.h"
#include "recover/finding.h"
#include "snapshot/metadata.h"
#include "wasm/module.h"

namespace canrec::recover {

/// The state that is to be kept.
struct KeptState {
  const snapshot::Metadata* metadata;
  ByteView heap;
  /// Whether the old program's canister_pre_upgrade runs before (false when it is skipped because
  /// it traps).
  bool pre_upgrade_runs = false;
};

/// Every reason against route K and every warning about it; nothing = the state carries over.
std::vector<Finding> judge_route_k(const wasm::Module& module, const KeptState& state);

}  // namespace canrec::recover
