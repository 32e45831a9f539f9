// SPDX-License-Identifier: Apache-2.0
#pragma once

// The ways past a hook that cannot run: without it, and over a kept heap.

#include "recover/autopsy_trial.h"

namespace canrec::recover {

/// The failing hook is skipped and the new program goes on with the heap as it is (route K).
/// Everything that speaks against that is asked first; only a fix that is sound counts as one that
/// succeeds. Nothing when the module cannot be made ready for it.
Result<std::optional<Fix>> over_kept_heap(Trial& trial);

/// The hook dropped, and an ordinary upgrade. Nothing for a module without the hook.
Result<std::optional<Fix>> without_hook(Trial& trial, std::string_view hook);

}  // namespace canrec::recover
