// SPDX-License-Identifier: Apache-2.0
#pragma once

// Before anything is called safe: the classes of identity.h, which were found with hashes, are
// checked byte by byte. Every member of a class that both modules have is compared with the first
// one under the labels; when all agree, for all these classes at once, they are a bisimulation
// whatever the hashes said.

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
/// Compares all members of all common classes exactly. Nothing = proven.
std::optional<Disproof> prove(const Subject& subject);

}  // namespace canrec::wasmdiff
