// SPDX-License-Identifier: Apache-2.0
#pragma once

// The copy on which an autopsy tries things: one state, gone back to before each try, the module to
// upgrade to, and the queries that tell whether the data came through.

#include <optional>
#include <string>
#include <vector>

#include "recover/autopsy.h"
#include "recover/checks.h"
#include "recover/subject.h"

namespace canrec::recover {

/// An upgrade that is tried: the two modules, and how a user comes to them.
struct Attempt {
  Bytes installed;  ///< takes the place of the installed module before the upgrade
  Bytes target;     ///< is upgraded to
  std::string installed_name;
  std::string target_name;
  bool patches_installed = false;
  size_t files = 0;    ///< fixed-N.wasm that the commands write
  size_t stubbed = 0;  ///< functions that return at once
  Fix fix;             ///< its commands, what they do and what it costs, so far

  /// The name of the next file that a command writes.
  std::string next_file() { return "fixed-" + std::to_string(++files) + ".wasm"; }
  /// Adds a step, in words.
  void say(std::string_view what, std::string_view costs);
  /// Fills in how the fix goes onto the network, and with which modules.
  void name_modules(Goes goes);
};

/// Bytes of heap that a module can have.
uint64_t heap_limit(const wasm::Module& module);

class Trial {
 public:
  /// Opens the state and the module, and asks the check queries. `request` outlives the trial.
  /// Errors: those of opening the files; those of Checks::ask.
  static Result<Trial> open(const AutopsyRequest& request);

  const AutopsyRequest& request() const { return *request_; }
  Subject& subject() { return subject_; }
  const std::vector<std::string>& checks() const { return queries_; }
  /// The upgrade as the user means it: nothing is patched.
  Attempt unpatched() const;
  /// The module as it is installed.
  const Bytes& original() const { return original_; }
  /// The module that the upgrade is to bring.
  const Bytes& target() const { return target_; }
  const wasm::LoadedModule& loaded() const { return loaded_; }
  /// Whether the upgrade is one to the module that is installed already.
  bool to_itself() const { return original_ == target_; }

  /// What the network's tools would say of the heap: keep where both programs are made for it.
  std::optional<executor::MemoryPersistence> kept(ByteView target) const;

  /// Back to the state as it was found.
  Status revert() { return subject_.executor().revert(start_); }
  /// From the start: the installed module replaced where it is patched, then the upgrade.
  Result<executor::InstallOutcome> upgrade(const Attempt& attempt);
  /// From the start: an upgrade that keeps the heap, whatever the modules say.
  Result<executor::InstallOutcome> upgrade_keeping(const Bytes& module, bool skip_pre_upgrade);
  /// How many upgrades were run.
  size_t tried() const { return tried_; }

  /// Fills in what became of an upgrade, and whether the checks answer as before: after it, and
  /// under the patched module that stands in for the installed one until then.
  Status judge(Attempt& attempt, const executor::InstallOutcome& outcome);
  /// "get(7) was X and is Y", of the first check that does not answer as before.
  Result<std::optional<std::string>> other_answer();
  /// Whether the checks answer as before; fills in the words.
  Status judge_answers(Fix& fix);
  /// The command that goes these steps and asks the checks.
  std::string rehearsal(std::vector<std::string> steps) const;
  /// The rehearsal of an attempt.
  std::string rehearsal(const Attempt& attempt) const;
  /// The argument of an upgrade as a step says it; empty for none.
  std::string argument_text() const;

 private:
  Trial(const AutopsyRequest& request, Subject subject)
      : request_(&request), subject_(std::move(subject)) {}
  Result<executor::InstallOutcome> install(const Bytes& module,
                                           std::optional<executor::MemoryPersistence> memory,
                                           bool skip_pre_upgrade);

  const AutopsyRequest* request_;
  Subject subject_;
  Bytes original_;
  Bytes target_;
  wasm::LoadedModule loaded_;
  std::vector<std::string> queries_;
  Checks checks_;
  executor::Checkpoint start_{};
  size_t tried_ = 0;
};

}  // namespace canrec::recover
