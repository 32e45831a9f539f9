// SPDX-License-Identifier: Apache-2.0
// Findings.
#include "recover/finding.h"

#include <algorithm>

namespace canrec::recover {

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

void FindingList::add(Severity severity, std::string code, std::string where, std::string what,
                      std::string why, std::string next) {
  findings_.push_back({severity, std::move(code), std::move(where), std::move(what), std::move(why),
                       std::move(next)});
}

Severity worst(const std::vector<Finding>& findings) {
  Severity result = Severity::kNote;
  for (const Finding& finding : findings) result = std::max(result, finding.severity);
  return result;
}

}  // namespace canrec::recover
