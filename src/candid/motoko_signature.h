// SPDX-License-Identifier: Apache-2.0
#pragma once

// Stable signatures: what the section `motoko:stable-types` and `.most` files say a Motoko program
// keeps over an upgrade.
//
//   actor { stable var x : Nat; ... }                                    one list
//   actor ({ in old : Nat; stable x : Nat }, { stable x : Nat })         before and after a
//   migration { "20260101" : {a : Nat} -> {b : Int}; ... } actor { stable b : Int } a chain of
//   migrations
//
// The first line is a comment with a version, which the compiler's own parser ignores; the form
// decides. Type definitions come first.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "candid/motoko_types.h"

namespace canrec::candid::motoko {

enum class Form : uint8_t { kSingle, kPair, kChain };

/// A stable variable.
struct StableField {
  std::string name;
  TypeIdx type = {};
  bool is_var = false;
  bool required = false;  ///< the old program must have it: `in`
};

/// A step of a chain: a function from the fields it takes to the fields it gives.
struct Migration {
  std::string label;
  TypeIdx type = {};
};

/// What the compiler only warns about when it reads a signature.
struct ParserNote {
  std::string code;
  std::string message;
};

/// A signature; its types live in the store it was read into.
struct Signature {
  Form form = Form::kSingle;
  std::string version;                ///< of the comment, "" when there is none
  std::vector<StableField> before;    ///< kPair: what the migration takes and what is kept
  std::vector<StableField> fields;    ///< what the program keeps, sorted by name
  std::vector<Migration> migrations;  ///< kChain, by label: the order they run in
  std::vector<ParserNote> notes;
};

/// Reads a signature.
/// Errors: kCandidSyntax, kCandidType (unbound or repeated names), kUtf8, kLimit; the message
///         begins with line and column.
Result<Signature> parse_signature(std::string_view text, TypeStore& store);

}  // namespace canrec::candid::motoko
