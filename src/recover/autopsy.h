// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why can this canister not be upgraded, and what helps? The upgrade is run, the failure explained
// from what the machine saw, and every fix that fits is tried on a copy before it is proposed.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "executor/executor.h"
#include "recover/rehearse.h"

namespace canrec::recover {

/// What kind of failure it is; decides which fixes are tried.
enum class Cause : uint8_t {
  kStableOutOfBounds,  ///< a stable read or write beyond stable memory
  kStable32Bit,        ///< the 32-bit stable API on more than 4 GiB
  kForbiddenCall,      ///< a System API function that the hook's context does not allow
  kCalledTrap,         ///< ic0.trap: the program itself gave up
  kUnreachable,        ///< a panic or assertion
  kInstructions,       ///< more instructions than allowed
  kMemory,             ///< no memory to grow, or a memory limit
  kStackOverflow,      ///< endless or too deep recursion
  kOther,
  kRefused,  ///< the network refuses before or without running code
};
std::string_view to_string(Cause cause);

/// How a fix goes onto the network.
enum class Goes : uint8_t {
  kBySnapshot,  ///< the installed module is exchanged first (route S), then the upgrade
  kByKeptHeap,  ///< the upgrade itself keeps the heap (route K)
  kByUpgrade,   ///< an ordinary upgrade, to a patched module
};
/// "snapshot", "kept heap", "upgrade".
std::string_view to_string(Goes goes);

/// A way out, as it was tried.
struct Fix {
  std::vector<std::string> commands;  ///< ready to type; MODULE and files as the user named them
  std::string what;                   ///< one sentence
  std::string costs;                  ///< what it gives up; empty = nothing known
  bool succeeds = false;
  std::string words;                 ///< "the upgrade succeeds", or why it still fails
  std::optional<bool> answers_same;  ///< of the check queries; nothing when none was asked
  Sha256 module_hash{};              ///< of the module that the last patch made
  Goes goes = Goes::kBySnapshot;
  std::string module_name;  ///< what is put in: takes the old one's place, or is upgraded to
  std::string target_name;  ///< what is upgraded to

  /// It succeeds, and nothing that was asked speaks against it.
  bool works() const { return succeeds && answers_same.value_or(true); }
};

/// A way on, with the command to type; empty when there is none.
struct Way {
  std::string what;
  std::string command;
};

struct Autopsy {
  std::string directory;
  std::string upgrade;    ///< module upgraded to; empty = the installed one
  bool succeeds = false;  ///< the upgrade runs
  /// Of the check queries after an upgrade that runs; nothing when none was asked.
  std::optional<bool> answers_same;
  std::vector<std::string> checks;  ///< the queries that were asked
  bool chose_checks = false;        ///< nobody named them
  std::string stage;
  Cause cause = Cause::kOther;
  std::string code;
  std::string words;
  std::optional<executor::RunReport> run;  ///< the execution that failed
  std::vector<std::string> explanation;    ///< sentences
  std::optional<Unlimited> unlimited;
  std::vector<Fix> fixes;  ///< those that succeed first, of them those that keep most
  size_t tried = 0;        ///< upgrades that were run on the copy, those not shown among them
  std::vector<Way> ways;   ///< what to do next
};

struct AutopsyRequest {
  std::filesystem::path directory;
  std::optional<std::filesystem::path> upgrade;
  std::string module_name = "wasm_module.bin";  ///< how commands name the installed module
  std::string argument;                         ///< Candid text of the upgrade's argument
  /// Queries "get(7)" asked before and after; without any, those that the program offers are taken,
  /// see choose_checks.
  std::vector<std::string> checks;
  executor::Options executor;
};

/// Errors: those of opening the files; kBadArgument for a check that cannot be read; kInterrupted.
Result<Autopsy> autopsy(const AutopsyRequest& request);

}  // namespace canrec::recover
