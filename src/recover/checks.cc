// SPDX-License-Identifier: Apache-2.0
// Asking queries before and after a change.
#include "recover/checks.h"

#include <fmt/core.h>

#include <algorithm>

#include "recover/script.h"

namespace canrec::recover {

Result<std::string> answer_before(Subject& subject, std::string_view method,
                                  std::string_view arguments) {
  CANREC_TRY(const executor::CallOutcome outcome, subject.query(method, arguments));
  if (outcome.replied()) return subject.answer_text(method, outcome);
  return fail(Errc::kBadArgument,
              fmt::format("the query {}{} has no answer before anything is changed, so an answer "
                          "afterwards would show nothing; ask one that answers. It fails with {}",
                          method, arguments.empty() ? "()" : arguments, outcome.failure().text()));
}

Result<Checks> Checks::ask(Subject& before, std::span<const std::string> queries) {
  Checks checks;
  for (const std::string& query : queries) {
    CANREC_TRY(Step step, parse_query(query));
    CANREC_TRY(std::string answer, answer_before(before, step.subject, step.argument));
    checks.asked_.push_back(
        {query, std::move(step.subject), std::move(step.argument), std::move(answer)});
  }
  return checks;
}

Result<std::vector<CheckedAnswer>> Checks::again(Subject& after) const {
  std::vector<CheckedAnswer> answers;
  for (const Asked& asked : asked_) {
    CANREC_TRY(const executor::CallOutcome outcome, after.query(asked.method, asked.arguments));
    answers.push_back({asked.query, asked.answer, after.answer_text(asked.method, outcome)});
  }
  return answers;
}

const CheckedAnswer* first_other(std::span<const CheckedAnswer> answers) {
  const auto other = std::ranges::find_if(answers, [](const auto& each) { return !each.same(); });
  return other != answers.end() ? &*other : nullptr;
}

}  // namespace canrec::recover
