// SPDX-License-Identifier: Apache-2.0
#pragma once

// Chains of migrations: whether one holds together, which of its steps run after an old program,
// and what they take from it. Internal to motoko_check.cc.
//
//   a chain of three, with the fields between the steps
//
//     {x : Nat}  --"a"-->  {x : Int}  --"b"-->  {x : Int; y : Text}  --"c"-->  actor {stable y}
//
// A step takes and gives some fields; the others are carried along. What a program takes is found
// backwards from what it declares.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "candid/motoko_check.h"
#include "candid/motoko_signature.h"

namespace canrec::candid::motoko {

/// What a program takes: variables by name.
using Wanted = std::map<std::string, StableField, std::less<>>;

/// Why a chain does not hold together (M0253), in its last step that does not fit; the message has
/// the code that the compiler gives in the source. Nothing when it does.
/// Shape:  `signature` is a chain. Errors: kLimit, kCandidType.
Result<std::optional<Finding>> broken_chain(TypeStore& store, const Signature& signature);

/// How the new chain continues the old program.
struct History {
  size_t pending = 0;             ///< steps that run: the last ones of the new chain
  std::vector<Finding> findings;  ///< M0268: the past was changed; kMaxFindings + 1 at most
};
/// Errors: kLimit, kCandidType.
Result<History> compare_history(TypeStore& store, const Signature& previous, const Signature& next);

/// What the last `pending` steps of a chain that holds together take, and what they drop.
struct ChainDemand {
  Wanted wanted;
  /// M0207: fields that are taken and not given; kMaxFindings + 1 at most.
  std::vector<Finding> findings;
};
/// Errors: kLimit, kCandidType.
Result<ChainDemand> chain_demand(TypeStore& store, const Signature& chain, size_t pending);

}  // namespace canrec::candid::motoko
