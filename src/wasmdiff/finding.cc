// SPDX-License-Identifier: Apache-2.0
// Words for severities, and the one rule that makes a verdict.
#include "wasmdiff/finding.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace canrec::wasmdiff {

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kNone:
      return "none";
    case Severity::kNote:
      return "note";
    case Severity::kReview:
      return "review";
    case Severity::kUnsafe:
      return "unsafe";
  }
  return "";
}

std::string_view to_string(Word word) {
  switch (word) {
    case Word::kSafe:
      return "safe";
    case Word::kReview:
      return "review";
    case Word::kUnsafe:
      return "unsafe";
  }
  return "";
}

std::string counted(uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

void sort_worst_first(std::vector<Finding>& findings) {
  std::vector<Finding> sorted;
  sorted.reserve(findings.size());
  for (const Severity severity :
       {Severity::kUnsafe, Severity::kReview, Severity::kNote, Severity::kNone}) {
    for (Finding& finding : findings) {
      if (finding.weights.worst() == severity) sorted.push_back(std::move(finding));
    }
  }
  findings = std::move(sorted);
}

Word word_of(const std::vector<Finding>& findings, Route route) {
  Severity worst = Severity::kNone;
  for (const Finding& finding : findings) worst = std::max(worst, finding.weights.of(route));
  if (worst == Severity::kUnsafe) return Word::kUnsafe;
  return worst == Severity::kReview ? Word::kReview : Word::kSafe;
}

}  // namespace canrec::wasmdiff
