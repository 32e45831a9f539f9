// SPDX-License-Identifier: Apache-2.0
#pragma once

// The ways past a hook that cannot run: over a kept heap (route K), with the code exchanged under
// the state (route S), and without the hook.

#include <vector>

#include "recover/autopsy_trial.h"

namespace canrec::recover {

/// The new program goes on with the heap as it is, by an upgrade that keeps it; when its
/// canister_post_upgrade spoils that, also without it. Everything that speaks against a kept heap
/// is asked first; only a fix that is sound counts as one that succeeds.
///
/// Shape:   pre-upgrade is skipped when `stage` says that it fails. Nothing when the module cannot
///          be made ready for a kept heap.
Result<std::vector<Fix>> over_kept_heap(Trial& trial, std::string_view stage);

/// The new module in place of the old one in the snapshot: no code runs, nothing moves. Nothing for
/// an upgrade of a module to itself.
Result<std::vector<Fix>> by_snapshot(Trial& trial);

/// The hook that fails dropped, and an ordinary upgrade. Nothing for a failure outside of hooks.
Result<std::vector<Fix>> without_hook(Trial& trial, std::string_view stage);

}  // namespace canrec::recover
