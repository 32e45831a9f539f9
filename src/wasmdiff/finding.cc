// SPDX-License-Identifier: Apache-2.0
// Words for severities, and the one rule that makes a verdict.
#include "wasmdiff/finding.h"

#include <algorithm>

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

Word word_of(const std::vector<Finding>& findings, Route route) {
  Severity worst = Severity::kNone;
  for (const Finding& finding : findings) worst = std::max(worst, finding.weights.of(route));
  if (worst == Severity::kUnsafe) return Word::kUnsafe;
  return worst == Severity::kReview ? Word::kReview : Word::kSafe;
}

}  // namespace canrec::wasmdiff
