// SPDX-License-Identifier: Apache-2.0
#pragma once

// A finding as every report of this floor shows it: how bad, what, where, why it matters, what
// next.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace canrec::recover {

enum class Severity : uint8_t {
  kNote,     ///< worth knowing
  kWarning,  ///< doubtful: look before going on
  kError,    ///< wrong: going on loses data or fails
};
/// "note", "warning", "error".
std::string_view to_string(Severity severity);

struct Finding {
  Severity severity = Severity::kNote;
  std::string code;   ///< stable, kebab case, for scripts
  std::string where;  ///< file, offset or entry
  std::string what;
  std::string why;
  std::string next;
};

/// Findings as a look collects them.
class FindingList {
 public:
  void add(Severity severity, std::string code, std::string where, std::string what,
           std::string why, std::string next);
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  std::vector<Finding> findings_;
};

/// The worst severity, kNote for none.
Severity worst(const std::vector<Finding>& findings);

}  // namespace canrec::recover
