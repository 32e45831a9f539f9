// SPDX-License-Identifier: Apache-2.0
#pragma once

// Do module, metadata, heap and stable memory of a directory belong to one canister at one moment?
// No file says so, and a resumed download mixes two snapshots without a word. What contradicts
// itself is found here; two moments of one program whose sizes agree cannot be told apart.
//
//   globals-value        an immutable global has another value than the module gives it
//   heap-of-another      heap and module are of different kinds of program
//   lifecycle            Motoko's state word is not "idle"
//   static-data-zero     pages that the module fills at installation are zeros in the heap
//   static-data-other    most of what the module's segments hold is otherwise in the heap
//   stable-index         a header in stable memory counts more than there is
//   wide-heap            more than a canister that is not 64-bit yet may be given

#include <vector>

#include "recover/finding.h"
#include "snapshot/metadata.h"
#include "wasm/module.h"

namespace canrec::recover {

struct SnapshotParts {
  const wasm::Module* module;
  const snapshot::Metadata* metadata;
  ByteView heap;
  ByteView stable;
};

/// Every contradiction between the parts. Reads the heap only where data segments and fixed places
/// lie, stable memory only at its header.
std::vector<Finding> contradictions(const SnapshotParts& parts);

}  // namespace canrec::recover
