// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `T and U` and `T or U` stand for: the greatest type below both, the least above both.
//
// Compilers expand them before they write a signature, so only texts written by hand have them. The
// rules are the compiler's, also where another answer would be possible: mutable parts meet only
// when they are equal, and types with nothing in common meet in None and join in Any.
// Source:
// https://docs.internetcomputer.org/languages/motoko/reference/language-manual#intersection-types

#include <cstdint>
#include <span>

#include "base/error.h"
#include "candid/motoko_types.h"

namespace canrec::candid::motoko {

enum class Bound : uint8_t { kMeet, kJoin };  ///< `and`, `or`

/// Shape:  `bounds` are those of the type parameters in scope, by level.
/// Errors: kCandidType when a definition that has not been read would have to be looked into, as
///         the compiler refuses it too (M0168); kLimit.
Result<TypeIdx> combine(TypeStore& store, Bound bound, TypeIdx left, TypeIdx right,
                        std::span<const TypeIdx> bounds);

}  // namespace canrec::candid::motoko
