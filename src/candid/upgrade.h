// SPDX-License-Identifier: Apache-2.0
#pragma once

// May a module with one interface take the place of a module with another?
//
// The question is: new service <: old service, with two answers side by side. `compatible` is the
// specification's; `strict` also demands that no value silently reads as null, which is what `icp`
// and `dfx` insist on. The problems name every place.
// Source: https://github.com/dfinity/candid/blob/master/spec/Candid.md#upgrading-and-subtyping

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "candid/subtype.h"
#include "candid/types.h"

namespace canrec::candid {

/// What is wrong at a place of an interface, from the view of its clients.
enum class UpgradeProblem : uint8_t {
  kMethodMissing,      ///< in old, not in new
  kAnnotationChanged,  ///< query, oneway, ... differ
  kFieldRequired,      ///< new wants a field or argument that old callers do not send
  kFieldMissing,       ///< old callers want a field or result that new does not give
  kTagNotHandled,      ///< old callers may send a tag that new does not know
  kTagUnknown,         ///< new may give a tag that old callers do not know
  kMismatch,
};
/// "method missing", ...
std::string_view upgrade_problem_words(UpgradeProblem problem);

/// One problem. `sent` and `wanted` say which way data flows at the place.
struct InterfaceProblem {
  UpgradeProblem kind = UpgradeProblem::kMismatch;
  std::string path;      ///< "method transfer, argument 1, field memo"
  std::string method;    ///< the method it belongs to
  std::string old_type;  ///< at that place; empty where there is none
  std::string new_type;
  bool breaks = true;     ///< against the specification; else only a silent null
  bool hurts_old = true;  ///< clients of the old interface; else those of the new one
  std::string message;    ///< one sentence: what happens to whom
};

/// The answer of one direction.
struct InterfaceVerdict {
  bool compatible = true;
  bool strict = true;
  std::vector<InterfaceProblem> problems;
  bool truncated = false;  ///< there are more problems than kMaxProblems
};

/// Problems reported at most. Reason: two hostile interfaces can differ in every pair of types.
inline constexpr size_t kMaxProblems = 1000;

/// Whether `next` may replace `previous` for the clients of `previous`. Constructors do not count.
/// Shape:  both programs have an actor. Errors: kLimit.
Result<InterfaceVerdict> check_upgrade(const Program& next, const Program& previous);
/// The other way: whether clients of `next` may still talk to `previous`, as they do after a
/// roll-back. Its problems hurt the clients of the new interface.
Result<InterfaceVerdict> check_rollback(const Program& next, const Program& previous);

}  // namespace canrec::candid
