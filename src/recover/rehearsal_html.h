// SPDX-License-Identifier: Apache-2.0
#pragma once

// A rehearsal as one self-contained HTML page: the steps in a table, then each step with its words,
// costs, changes, and a map of the memories (memory_strip.h).

#include <string>

#include "recover/rehearse.h"

namespace canrec::recover {

/// The page; no script, no outside reference, below 2 MB whatever the state's size and however many
/// steps there are: strips have a fixed number of cells, long words are cut with a note, and when
/// the page is full the details of steps that went well are left to --json, also with a note.
std::string rehearsal_html(const Rehearsal& rehearsal);

}  // namespace canrec::recover
