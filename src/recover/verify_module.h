// SPDX-License-Identifier: Apache-2.0
#pragma once

// Does the module of a snapshot directory load, and do metadata and memories fit it?

#include <optional>
#include <vector>

#include "base/hash.h"
#include "recover/finding.h"
#include "snapshot/directory.h"

namespace canrec::recover {

/// Everything about the module that an upload would not notice and loading would refuse, or worse,
/// take: validity, the network's rules, count, order and types of persisted globals, memory limits,
/// the stack pointer, and what contradicts itself (mixture.h).
///
/// Shape:  `wanted` is the hash that the network reports for the canister, where it is known.
std::vector<Finding> judge_module(const snapshot::Directory& directory,
                                  const std::optional<Sha256>& wanted);

}  // namespace canrec::recover
