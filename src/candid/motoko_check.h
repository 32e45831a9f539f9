// SPDX-License-Identifier: Apache-2.0
#pragma once

// May a Motoko program with one stable signature be upgraded to another, and what is lost?
//
// Three answers: what the compiler says, with its codes; what it passes over although a value is
// dropped; and what the run-time system of enhanced orthogonal persistence does, which compares
// less and, for a few pairs of types, accepts memory that is then misread.
// Source: https://internetcomputer.org/docs/motoko/fundamentals/actors/compatibility

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "candid/motoko_signature.h"

namespace canrec::candid::motoko {

enum class Severity : uint8_t {
  kError,    ///< the compiler refuses the upgrade
  kWarning,  ///< it accepts, but a value is dropped, or history was changed
  kNote,     ///< more about an error
};

/// One thing found.
struct Finding {
  Severity severity = Severity::kError;
  std::string code;      ///< "M0170"; empty when the compiler has none for it
  std::string variable;  ///< the stable variable; empty for the whole signature
  std::string path;      ///< "variable x, field a"
  std::string message;
  std::string old_type;  ///< at that place; empty where there is none
  std::string new_type;
  bool data_lost = false;
};

/// What the run-time system does.
enum class Runtime : uint8_t {
  kAccepts,
  kTraps,     ///< "Memory-incompatible program upgrade"
  kMisreads,  ///< accepts, and values of `findings` are then read as something else
  kUnjudged,  ///< the migrations do not fit, so there is nothing to compare
};

/// The whole answer.
struct StableVerdict {
  bool compatible = true;  ///< no errors
  bool lossless = true;    ///< compatible, nothing is dropped, and no warning
  bool data_lost = false;  ///< something is dropped, be it among `findings` or cut off
  std::vector<Finding> findings;
  Runtime runtime = Runtime::kAccepts;
  std::vector<Finding> runtime_findings;  ///< why it traps or misreads
  bool truncated = false;                 ///< more than kMaxFindings
};

inline constexpr size_t kMaxFindings = 1000;

/// Compares two signatures given as text.
/// Errors: those of parse_signature, in "old signature" or "new signature"; kLimit.
Result<StableVerdict> check_stable(std::string_view old_text, std::string_view new_text);

}  // namespace canrec::candid::motoko
