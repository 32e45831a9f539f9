// SPDX-License-Identifier: Apache-2.0
#pragma once

// The steps of a rehearsal, as written on the command line (one argument a step) or in a file (one
// line a step, # begins a comment).
//
//   replace MODULE                                swap the code, keep heap and globals, run nothing
//   upgrade MODULE [--skip-pre-upgrade] [--keep | --replace-memory] [ARGUMENT]
//   install MODULE [ARGUMENT]                     a fresh start: heap and stable memory are lost
//                                ARGUMENT is --arg ARGS, --arg-hex HEX or --arg-file FILE
//   call METHOD [ARGS]     query METHOD [ARGS]    ARGS is Candid text in parentheses
//   advance-time N(ns|us|ms|s|m|h|d)              the clock; timers that become due run
//   checkpoint NAME        revert NAME
//   expect-same METHOD [ARGS]                     a query: same answer as before the first step
//   expect-trap [TEXT]                            the step before failed, with TEXT in its words
//   expect-reply ARGS                             the step before answered this
//
// A comment may also stand behind a step, but for expect-trap and expect-reply, which take the rest
// of the line. A byte order mark and line ends of either kind are skipped.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace canrec::recover {

enum class StepKind : uint8_t {
  kReplace,
  kUpgrade,
  kInstall,
  kCall,
  kQuery,
  kAdvanceTime,
  kCheckpoint,
  kRevert,
  kExpectSame,
  kExpectTrap,
  kExpectReply,
};

/// Whether a step puts other code into the canister: replace, upgrade, install.
bool changes_code(StepKind kind);

/// What an upgrade does with the heap, as the installer says it.
enum class KeepMemory : uint8_t { kUnsaid, kKeep, kReplace };

/// How the argument of an installation is given.
enum class ArgumentForm : uint8_t { kText, kHex, kFile };

enum class StepSource : uint8_t { kCommandLine, kFile };

struct Step {
  StepKind kind{};
  std::string text;  ///< as written, for reports
  StepSource source = StepSource::kCommandLine;
  uint32_t line = 0;     ///< 1-based; the number of the argument on a command line
  std::string subject;   ///< module path, method, or name of a checkpoint
  std::string argument;  ///< Candid text, empty = "()"; the text of expect-trap
  ArgumentForm argument_form = ArgumentForm::kText;  ///< else hex digits, or a path
  bool skip_pre_upgrade = false;
  KeepMemory memory = KeepMemory::kUnsaid;
  uint64_t nanoseconds = 0;

  /// "step 2" of a command line, "line 7" of a file.
  std::string place() const;
};

/// Reads one step. Errors: kScript for one from a file, kBadArgument for one from a command line;
/// the message begins with "line L, column C" or "step N, column C".
Result<Step> parse_step(std::string_view text, StepSource source, uint32_t line);

/// Reads "get(7)" as a query. Errors: kBadArgument; the message names the text and the column.
Result<Step> parse_query(std::string_view text);

/// A path as an operand of a step: in double quotes where it would not be one word.
std::string script_text(std::string_view path);

/// Reads a file of steps. Errors: as parse_step; also a revert to a name no earlier checkpoint has,
/// and an expectation with no step before it.
Result<std::vector<Step>> parse_script(std::string_view text);

/// The checks over the whole list that parse_script makes, for steps from a command line.
Status check_script(const std::vector<Step>& steps);

}  // namespace canrec::recover
