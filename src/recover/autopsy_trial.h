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

class Trial {
 public:
  /// Opens the state and the module, and asks the check queries. `request` outlives the trial.
  /// Errors: those of opening the files; those of Checks::ask.
  static Result<Trial> open(const AutopsyRequest& request);

  const AutopsyRequest& request() const { return *request_; }
  Subject& subject() { return subject_; }
  /// The module as it is installed, and what it says.
  const Bytes& original() const { return original_; }
  const wasm::LoadedModule& loaded() const { return loaded_; }
  /// The module that is upgraded to, and how commands name it.
  const Bytes& target() const { return target_; }
  std::string target_name() const;

  /// What the network's tools would say of the heap: keep where both programs are made for it.
  std::optional<executor::MemoryPersistence> kept() const;
  /// Bytes of heap that the installed module can have.
  uint64_t heap_limit() const;

  /// Back to the state as it was found.
  Status revert() { return subject_.executor().revert(start_); }
  /// From the start: the installed module replaced by `patched` where given, then the upgrade.
  Result<executor::InstallOutcome> upgrade(const std::optional<Bytes>& patched);
  /// From where the copy stands.
  Result<executor::InstallOutcome> install(const Bytes& module,
                                           std::optional<executor::MemoryPersistence> memory,
                                           bool skip_pre_upgrade);

  /// Fills in what became of an attempt with `module`, and whether the checks answer as before.
  Status judge(Fix& fix, const executor::InstallOutcome& outcome, const Bytes& module);
  /// The same for a patched module that then was upgraded; adds the rehearsal to the commands.
  Status judge_upgrade(Fix& fix, const executor::InstallOutcome& outcome, const Bytes& module);
  /// The command that goes these steps and asks the checks.
  std::string rehearsal(std::vector<std::string> steps) const;
  /// The argument of an upgrade as a step says it; empty for none.
  std::string argument_text() const;

 private:
  Trial(const AutopsyRequest& request, Subject subject)
      : request_(&request), subject_(std::move(subject)) {}

  const AutopsyRequest* request_;
  Subject subject_;
  Bytes original_;
  Bytes target_;
  wasm::LoadedModule loaded_;
  Checks checks_;
  executor::Checkpoint start_{};
};

}  // namespace canrec::recover
