// SPDX-License-Identifier: Apache-2.0
#pragma once

// Carries out the steps of a rehearsal, one at a time; what comes before and after a step
// (checkpoint, comparison, roll-back) is rehearse.cc.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "recover/rehearse.h"
#include "recover/subject.h"
#include "wasmdiff/finding.h"

namespace canrec::recover {

class StepRunner {
 public:
  /// `directory` is how next steps name the snapshot; `done` are the steps before, of the
  /// rehearsal under way, and outlives this object.
  StepRunner(Subject subject, std::string directory, const std::vector<StepReport>& done)
      : subject_(std::move(subject)), directory_(std::move(directory)), done_(done) {}

  Subject& subject() { return subject_; }
  /// Asks the query of an `expect-same` step before anything is changed.
  Status ask_before(const Step& step);
  /// Carries out report.step and fills the rest. A step that fails leaves what it has done so far.
  /// Errors: as rehearse().
  Status act(StepReport& report);
  /// Whether the last step failed because of a limit that can be lifted.
  bool limit_was_the_cause() const { return limit_was_the_cause_; }

 private:
  Status carry_out(StepReport& report);
  Result<Bytes> argument_of(const Step& step, ByteView module) const;
  std::string next_after_installation(const Step& step,
                                      const executor::InstallOutcome& outcome) const;
  void failed(StepReport& report, const executor::Failure& failure);
  Status judge_layout(StepReport& report, const Bytes& before, wasmdiff::Route route) const;
  Status replace(StepReport& report);
  Status install(StepReport& report);
  Status message(StepReport& report);
  Status advance_time(StepReport& report);
  Status expect_same(StepReport& report);
  void expect_trap(StepReport& report);
  Status expect_reply(StepReport& report);
  Result<std::string> normalised(std::string_view text) const;
  const StepReport* last_real_step() const;

  Subject subject_;
  std::string directory_;
  const std::vector<StepReport>& done_;
  // Of the `expect-same` queries, before the first step, by their text.
  std::map<std::string, std::string> answers_before_;
  std::map<std::string, executor::Checkpoint> named_;
  std::string last_method_;
  std::optional<Bytes> last_reply_;
  bool limit_was_the_cause_ = false;
};

}  // namespace canrec::recover
