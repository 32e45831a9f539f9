// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which regions a stable memory has, and what of each a step changed.

#include "engine/memory.h"
#include "recover/rehearse.h"

namespace canrec::recover {

/// All regions, in the order of stable::read_regions.
///
/// Shape:  `changed` is ascending and disjoint, in addresses of stable memory; a range that crosses
///         regions counts in each of them.
std::vector<StableRegion> stable_map(const engine::Memory& stable, const stable::Regions& regions,
                                     const std::vector<TouchedRange>& changed);

/// Access for stable::read_regions. Owns: `stable` outlives the result.
stable::Peek peek_of(const engine::Memory& stable);

}  // namespace canrec::recover
