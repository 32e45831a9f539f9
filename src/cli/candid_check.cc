// SPDX-License-Identifier: Apache-2.0
// Showing the verdict on two interfaces.
#include "cli/candid_check.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace canrec::cli {
namespace {

std::string unknown_side(std::string_view which, const ModuleTexts& texts) {
  if (texts.interface_error) {
    return fmt::format("the {} interface cannot be read: {}", which,
                       texts.interface_error->message());
  }
  if (!texts.interface) return fmt::format("the {} side has no interface (candid:service)", which);
  return {};
}

nlohmann::ordered_json problems_json(const candid::InterfaceVerdict& verdict) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const candid::InterfaceProblem& problem : verdict.problems) {
    list.push_back({{"severity", problem.breaks ? "breaks" : "null"},
                    {"kind", candid::upgrade_problem_words(problem.kind)},
                    {"path", problem.path},
                    {"method", problem.method},
                    {"old_type", problem.old_type},
                    {"new_type", problem.new_type},
                    {"hurts", problem.hurts_old ? "old clients" : "new clients"},
                    {"message", problem.message}});
  }
  return list;
}

void print_problem(Session& session, const candid::InterfaceProblem& problem) {
  const std::string word = problem.breaks ? session.toned(Tone::kBad, "BREAKS")
                                          : session.toned(Tone::kWarning, "NULL  ");
  session.print(fmt::format("\n{}  {}\n", word, problem.path));
  session.print(fmt::format("        {}: {}\n", candid::upgrade_problem_words(problem.kind),
                            problem.message));
  session.print(fmt::format("        old  {}\n        new  {}\n",
                            problem.old_type.empty() ? "-" : problem.old_type,
                            problem.new_type.empty() ? "-" : problem.new_type));
}

void print_verdict(Session& session, const candid::InterfaceVerdict& verdict,
                   std::string_view clients, std::string_view canister) {
  const size_t count = verdict.problems.size();
  if (verdict.strict) {
    session.print(session.toned(Tone::kGood, "COMPATIBLE") +
                  fmt::format(": every {} client can use the {} canister.\n", clients, canister));
  } else if (verdict.compatible) {
    session.print(session.toned(Tone::kWarning, "COMPATIBLE, BUT VALUES READ AS NULL") +
                  fmt::format(": the specification allows it; in {} place{} a value may silently "
                              "read as null.\nicp and dfx refuse this upgrade unless told "
                              "otherwise (--yes).\n",
                              count, count == 1 ? "" : "s"));
  } else {
    session.print(session.toned(Tone::kBad, "INCOMPATIBLE") +
                  fmt::format(": {} problem{} for {} clients of the {} canister.\n", count,
                              count == 1 ? "" : "s", clients, canister));
  }
  for (const candid::InterfaceProblem& problem : verdict.problems) {
    print_problem(session, problem);
  }
  if (verdict.truncated) {
    session.print(fmt::format("\n... and more; only the first {} are shown\n", count));
  }
}

}  // namespace

Result<CandidCheck> check_candid(const ModuleTexts& previous, const ModuleTexts& next,
                                 bool rollback) {
  CandidCheck check;
  check.unknown = unknown_side("old", previous);
  if (const std::string other = unknown_side("new", next); !other.empty()) {
    check.unknown += (check.unknown.empty() ? "" : "; ") + other;
  }
  if (!check.known()) return check;
  const candid::Program& old_program = previous.interface->program;
  const candid::Program& new_program = next.interface->program;
  CANREC_TRY(check.upgrade, candid::check_upgrade(new_program, old_program));
  if (rollback) {
    CANREC_TRY(check.rollback, candid::check_rollback(new_program, old_program));
  }
  return check;
}

void print_candid_check(Session& session, const CandidCheck& check) {
  if (!check.known()) {
    session.print(session.toned(Tone::kBad, "UNKNOWN") + ": " + check.unknown +
                  ".\nWhether clients still work was NOT checked.\n");
    return;
  }
  print_verdict(session, check.upgrade, "old", "new");
  if (check.rollback) {
    session.print("\nAfter a roll-back to the old canister:\n");
    print_verdict(session, *check.rollback, "new", "old");
  }
}

nlohmann::ordered_json candid_check_json(const CandidCheck& check) {
  nlohmann::ordered_json object;
  if (!check.known()) {
    object["compatible"] = nullptr;
    object["strict"] = nullptr;
    object["unknown"] = check.unknown;
    object["problems"] = nlohmann::ordered_json::array();
    return object;
  }
  const auto fill = [](nlohmann::ordered_json& to, const candid::InterfaceVerdict& verdict) {
    to["compatible"] = verdict.compatible;
    to["strict"] = verdict.strict;
    to["unknown"] = nullptr;
    to["problems"] = problems_json(verdict);
    to["truncated"] = verdict.truncated;
  };
  fill(object, check.upgrade);
  if (check.rollback) fill(object["rollback"], *check.rollback);
  return object;
}

}  // namespace canrec::cli
