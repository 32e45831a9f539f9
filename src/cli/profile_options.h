// SPDX-License-Identifier: Apache-2.0
#pragma once

// Options of every command that runs canisters: which limits hold; and progress in instructions.

#include <memory>
#include <string>
#include <vector>

#include "cli/session.h"
#include "executor/events.h"
#include "executor/profile.h"

namespace canrec::cli {

struct ProfileOptions {
  bool no_limits = false;
  std::vector<std::string> limits;  ///< "name=value"
  std::string page_charges;
  /// Errors: kBadArgument.
  Result<executor::Profile> profile() const;
};

void add_profile_options(CLI::App& command, ProfileOptions& options);

/// A progress line for every execution that takes longer than a second.
class InstructionProgress final : public executor::EventSink {
 public:
  explicit InstructionProgress(const Session& session) : session_(session) {}
  void on_run_begin(std::string_view entry, uint64_t limit) override;
  void on_instructions(uint64_t executed) override;
  void on_run_end(const executor::RunReport& report) override;
  /// Removes a line that an execution left behind.
  void clear() { line_.reset(); }

 private:
  const Session& session_;
  std::unique_ptr<Progress> line_;
};

}  // namespace canrec::cli
