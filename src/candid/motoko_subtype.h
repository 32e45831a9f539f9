// SPDX-License-Identifier: Apache-2.0
#pragma once

// How two Motoko types relate: the compiler's subtyping with its stable restriction, and the
// weaker comparison that the run-time system of enhanced orthogonal persistence makes.
//
// Both are conjunctions over pairs of types, as in Candid (subtype.h): the walk visits every
// reachable pair once and collects the pairs that do not fit.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "candid/motoko_types.h"

namespace canrec::candid::motoko {

/// Why an old value cannot be taken over at a new type.
enum class Why : uint8_t {
  kTypes,          ///< different types
  kFieldRequired,  ///< the new record has a field the old one lacks
  kFieldLost,      ///< the old record has a field the new one lacks: a subtype, but data is lost
  kPromoted,       ///< the new type is Any: a subtype, but data is lost
  kTagGone,        ///< the old variant has a tag the new one lacks
  kArity,          ///< tuples or functions of different length
  kMutability,     ///< var against not var
  kSharing,        ///< shared, query, ... differ
};

/// A pair that does not fit.
struct Misfit {
  Why why = Why::kTypes;
  std::string
      path;  ///< inside the variable: "field a, option, element"; the middle may be left out
  TypeIdx old_type;  ///< at that place
  TypeIdx new_type;
  std::string label;  ///< the field or tag in question
  /// kFieldRequired: a lost field of the same record with the same type, "" when there is none.
  std::string renamed_from;

  bool erased = false;  ///< inside a `type` field, which values do not have

  bool loses_only() const { return why == Why::kFieldLost || why == Why::kPromoted; }
};

/// The misfits of "old is a stable subtype of new", as the compiler sees it, at most `limit`.
/// Errors: kLimit when the types are too deep or too many to decide.
Result<std::vector<Misfit>> stable_misfits(TypeStore& store, TypeIdx old_type, TypeIdx new_type,
                                           size_t limit);

/// The same for the comparison of the run-time system: what makes an upgrade trap with
/// "Memory-incompatible program upgrade". Char and Nat32, () and Null, and `var f : [T]` and
/// `f : [var T]` look the same to it.
Result<std::vector<Misfit>> runtime_misfits(TypeStore& store, TypeIdx old_type, TypeIdx new_type,
                                            size_t limit);

/// Whether values of the type can be stable variables: data, actors, shared functions.
/// Errors: kLimit when the types take too many steps; kCandidType from unfold.
Result<bool> is_stable(TypeStore& store, TypeIdx type);

/// Plain subtyping: fields may be lost and everything is an Any. `bounds` are those of the type
/// parameters in scope, by level.
/// Errors: kLimit when the types take too many steps; kCandidType from unfold.
Result<bool> is_subtype(TypeStore& store, TypeIdx sub, TypeIdx super,
                        std::span<const TypeIdx> bounds);

}  // namespace canrec::candid::motoko
