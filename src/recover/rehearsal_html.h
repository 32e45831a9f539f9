// SPDX-License-Identifier: Apache-2.0
#pragma once

// A rehearsal as one self-contained HTML page, with a map of the heap per step.

#include <string>

#include "recover/rehearse.h"

namespace canrec::recover {

/// The page; no script, no outside reference, well below 2 MB whatever the state's size: a memory
/// is drawn in a fixed number of cells.
std::string rehearsal_html(const Rehearsal& rehearsal);

}  // namespace canrec::recover
