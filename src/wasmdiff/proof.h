// SPDX-License-Identifier: Apache-2.0
#pragma once

// Before anything is called safe: the classes of identity.h, which were found with hashes, are
// checked byte by byte. Every member of a class is compared with the first one under the labels; a
// class whose members agree, for all classes at once, is a bisimulation whatever the hashes said.

#include <optional>
#include <string>

#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {

/// Two members of a class that are not the same.
struct Disproof {
  Which a_side;
  uint32_t a;
  Which b_side;
  uint32_t b;
};
/// Compares all members of all classes exactly. Nothing = proven.
std::optional<Disproof> prove(const Subject& subject);

}  // namespace canrec::wasmdiff
