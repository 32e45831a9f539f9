// SPDX-License-Identifier: Apache-2.0
#pragma once

// The words of an autopsy: cause and explanation from the report of the failed run.

#include <string>
#include <vector>

#include "recover/autopsy.h"

namespace canrec::recover {

/// The cause, from how the run was stopped; kRefused when no code ran. A program that gives up
/// because it got no memory is kMemory: its heap has the `heap_limit` in bytes, or its words say
/// so.
Cause cause_of(const executor::InstallOutcome& outcome, uint64_t heap_limit);

/// What happened, in sentences: the failing call with its arguments, the sizes at that moment, what
/// lies at the addresses involved.
///
/// Shape:   `module` is the one that ran; `heap_before` is the heap that it found, empty when that
///          is not known.
std::vector<std::string> explain(const executor::RunReport& run, Cause cause,
                                 const wasm::Module& module, ByteView heap_before);

/// The run of an installation that was stopped, or nullptr.
const executor::RunReport* stopped_run(const executor::InstallOutcome& outcome);

}  // namespace canrec::recover
