// SPDX-License-Identifier: Apache-2.0
#pragma once

// The proof that a patched module is the input with the plan and nothing else, and the evidence
// that a reader is shown for it.
//
// The result is read from its bytes as if it came from somebody else and compared entity by entity:
// every function outside the plan instruction by instruction, with function indices read through
// the numbering; every function of the plan against the input's instructions with the plan's in
// their places; memories, tables, globals, data, element segments, exports, start, custom sections,
// names and the persisted globals. docs/design/patch.md lists the checks.

#include <string>
#include <vector>

#include "patch/plan.h"

namespace canrec::patch {

/// A change as people read it.
struct ShownChange {
  uint64_t offset = 0;  ///< in the unpacked input
  uint64_t length = 0;
  std::string where;                ///< "function 51 (canister_pre_upgrade)", "import section"
  std::vector<std::string> before;  ///< WAT; hex of custom sections; empty for an insertion
  std::vector<std::string> after;
  std::string reason;
  /// An entry or a count of the type, import, function, export or code section that goes with
  /// another change.
  bool follows = false;
};

/// A finding of `canrec diff` that keeps a route from being safe.
struct VerdictReason {
  std::string code;  ///< "code.changed", see docs/formats/diff-json.md
  std::string what;
  std::string why;
  std::string next;
};

/// What `canrec diff` says of input and result for one route.
struct RouteVerdict {
  std::string word;                    ///< "safe", "review", "unsafe"; empty before apply() asked
  std::vector<VerdictReason> reasons;  ///< worst first; none when safe
};

/// What was proven.
struct Evidence {
  Sha256 input{};
  Sha256 output{};
  uint64_t input_size = 0;   ///< as stored
  uint64_t output_size = 0;  ///< as stored
  uint32_t functions_same = 0;
  uint32_t functions_changed = 0;
  uint32_t functions_added = 0;
  uint32_t imports_added = 0;
  std::vector<ShownChange> changes;
  std::vector<std::string> notes;  ///< the plan's, rules the input already broke, stale debug data
  RouteVerdict route_s;
  RouteVerdict route_k;
};

/// Proves `result` to be `input` with `plan`.
///
/// Shape:  `plan` fits `input`; `result` is an unpacked module.
/// Errors: kPatchProof (anything beyond the plan, a result that does not validate or breaks a
///         network rule that the input kept); the validator's own error when already the input does
///         not validate.
Result<Evidence> prove(const wasm::Module& input, const Plan& plan, ByteView result);

/// The changes of a plan as people read them, without applying it.
std::vector<ShownChange> show_changes(const wasm::Module& input, const Plan& plan);

}  // namespace canrec::patch
