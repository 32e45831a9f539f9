// SPDX-License-Identifier: Apache-2.0
#pragma once

// Queries that are asked before and after a change, to show that the data came through. A query
// that fails shows nothing, and two failures with the same words are no equal answers.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recover/subject.h"

namespace canrec::recover {

/// One query, asked twice.
struct CheckedAnswer {
  std::string query;   ///< as it was given: "get(7)"
  std::string before;  ///< the reply's text
  std::string after;   ///< the reply's text, or why there is none
  bool same() const { return before == after; }
};

/// The reply's text to a query of a state that nothing was done to yet.
/// Errors: kBadArgument with the network's words when there is no reply; those of Subject::query.
Result<std::string> answer_before(Subject& subject, std::string_view method,
                                  std::string_view arguments);

class Checks {
 public:
  Checks() = default;
  /// Asks each of the queries, such as "get(7)".
  /// Errors: kBadArgument for one that cannot be read; those of answer_before.
  static Result<Checks> ask(Subject& before, std::span<const std::string> queries);

  bool empty() const { return asked_.empty(); }
  /// Asks them again, in their order. Errors: those of Subject::query.
  Result<std::vector<CheckedAnswer>> again(Subject& after) const;

 private:
  struct Asked {
    std::string query;
    std::string method;
    std::string arguments;
    std::string answer;
  };
  std::vector<Asked> asked_;
};

/// The first that is not the same; null when all are.
const CheckedAnswer* first_other(std::span<const CheckedAnswer> answers);

}  // namespace canrec::recover
