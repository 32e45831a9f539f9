// SPDX-License-Identifier: Apache-2.0
#pragma once

// The words of a rehearsed step that the text and the HTML report share. Each is empty when there
// is nothing to say.

#include <cstdint>
#include <string>
#include <vector>

#include "recover/rehearse.h"

namespace canrec::recover {

/// "Step 2 of 5 failed and was rolled back; the steps behind it did not run."
std::string verdict_text(const Rehearsal& rehearsal);

/// Whether a step kept a heap under a module that it does not fit.
bool has_misfit(const Rehearsal& rehearsal);
uint64_t bytes_of(const std::vector<TouchedRange>& ranges);
/// Whether the step's executions were limited at all.
bool has_limit(const StepReport& step);
/// "1,618,460 in 10 executions, at most 161,846 of 40,000,000,000 in one (under 0.1 %)".
std::string instructions_text(const StepReport& step);
/// How far beyond its limit the step would have gone.
std::string beyond_text(const StepReport& step);
/// "131,072 bytes (128.0 KiB) -> 196,608 bytes (192.0 KiB), 4,096 bytes changed".
std::string heap_text(const StepReport& step);
std::string stable_text(const StepReport& step);
/// What lies in the pages of the heap that changed; how much of which cannot be told, since pages
/// are shared.
std::string kinds_text(const StepReport& step);

}  // namespace canrec::recover
