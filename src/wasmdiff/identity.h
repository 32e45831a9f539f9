// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which function is which. Functions of both modules are put into classes: equal class = same
// behaviour, whatever the numbering.
//
//   round 0    functions with the same own text (code_scan.h) share a class
//   round k+1  a class is split where its members call, at the same place, members of different
//              classes; until nothing splits
//
// The result is the coarsest partition in which members of a class have the same text and, place by
// place, callees of the same class: a bisimulation, so recursion and mutual recursion need no care.
// Both modules are partitioned together. Only what refers to a piece that got a new class is looked
// at again, and the largest piece keeps the old one, so that the work is
// O(references * log functions) for any input.
//
// Texts are compared by hash here; proof.h compares them byte by byte before anything is called
// safe.

#include <cstdint>
#include <vector>

#include "wasmdiff/code_scan.h"

namespace canrec::wasmdiff {

using ClassId = uint32_t;

/// Classes of all nodes of both modules.
struct Identity {
  Both<std::vector<ClassId>> classes;  ///< by node
  uint32_t count = 0;                  ///< number of classes
  /// Members among functions, by class.
  Both<std::vector<uint32_t>> members;

  /// Whether the function of one module exists in the other too.
  bool is_common(Which which, uint32_t fn) const {
    return members[1 - which][classes[which][fn]] > 0;
  }
};

/// Partitions the functions, element segments and function-holding globals of both modules.
Identity identify(const Both<Side>& sides, const Both<CodeScan>& scans);

}  // namespace canrec::wasmdiff
