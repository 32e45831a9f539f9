// SPDX-License-Identifier: Apache-2.0
#pragma once

// A patch as a list of byte changes that can be read before it is applied. The JSON form is
// described in docs/formats/patch-plan.md.
//
// A plan lists what is meant. What follows from it is not listed but derived: the sizes around a
// change, and, when functions are imported, the index of every function behind the imports wherever
// it is written (bodies, element segments, exports, start, name section).

#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "wasm/edit.h"
#include "wasm/load.h"
#include "wasm/module.h"

namespace canrec::patch {

/// One change: bytes of the unpacked input and what stands there afterwards.
struct Change {
  wasm::EditScope scope;
  wasm::ByteRange range;  ///< in the unpacked input; empty = insertion
  Bytes before;           ///< the input's bytes in `range`
  Bytes after;            ///< function indices in the numbering of the output
  std::string reason;     ///< why, for people
  bool operator==(const Change&) const = default;
};

/// What an added function is called, by function index of the output; the name section gains it
/// where there is one.
struct AddedName {
  uint32_t function;
  std::string name;
  bool operator==(const AddedName&) const = default;
};

/// A whole patch for one input.
struct Plan {
  std::string command;          ///< what was asked for: "remove ic0.stable_write"
  Sha256 input{};               ///< of the module as stored
  uint64_t input_size = 0;      ///< of the module as stored
  uint32_t added_imports = 0;   ///< functions imported beside the input's, behind them
  std::vector<Change> changes;  ///< in file order
  std::vector<AddedName> names;
  std::vector<std::string> notes;  ///< what the reader must know and bytes do not tell
  bool operator==(const Plan&) const = default;
};

/// The JSON document of a plan, pretty-printed, with a final newline.
std::string to_json(const Plan& plan);

/// Reads a plan.
/// Errors: kPatchPlan (not JSON, a field missing or of the wrong kind, an unknown schema). Every
/// size
///         is bounded by the text.
Result<Plan> plan_from_json(std::string_view text);

/// Whether the plan was made for these bytes.
/// Errors: kPatchPlan (other SHA-256, a range outside the file, `before` differs).
Status check_fits(const Plan& plan, const wasm::LoadedModule& input);

}  // namespace canrec::patch
