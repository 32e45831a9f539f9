// SPDX-License-Identifier: Apache-2.0
// Showing the verdict on two stable signatures.
#include "cli/motoko_check.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace canrec::cli {
namespace {

using candid::motoko::Finding;
using candid::motoko::Runtime;
using candid::motoko::Severity;
using candid::motoko::StableVerdict;

std::string_view severity_word(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  CANREC_ASSERT(false);
}

std::string_view runtime_word(Runtime runtime) {
  switch (runtime) {
    case Runtime::kAccepts:
      return "accepts";
    case Runtime::kTraps:
      return "traps";
    case Runtime::kMisreads:
      return "misreads";
    case Runtime::kUnjudged:
      return "unjudged";
  }
  CANREC_ASSERT(false);
}

nlohmann::ordered_json findings_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"severity", severity_word(finding.severity)},
                    {"code", finding.code},
                    {"variable", finding.variable},
                    {"path", finding.path},
                    {"old_type", finding.old_type},
                    {"new_type", finding.new_type},
                    {"data_lost", finding.data_lost},
                    {"message", finding.message}});
  }
  return list;
}

void print_finding(Session& session, const Finding& finding) {
  Tone tone = Tone::kNote;
  std::string_view word = "NOTE   ";
  if (finding.severity == Severity::kError) {
    tone = Tone::kBad;
    word = "ERROR  ";
  } else if (finding.severity == Severity::kWarning) {
    tone = Tone::kWarning;
    word = "WARNING";
  }
  session.print(fmt::format("\n{}  {}{}{}\n         {}\n", session.toned(tone, word), finding.code,
                            finding.code.empty() || finding.path.empty() ? "" : "  ", finding.path,
                            finding.message));
  if (!finding.old_type.empty()) session.print(fmt::format("         old  {}\n", finding.old_type));
  if (!finding.new_type.empty()) session.print(fmt::format("         new  {}\n", finding.new_type));
}

void print_runtime(Session& session, const StableVerdict& verdict) {
  switch (verdict.runtime) {
    case Runtime::kAccepts:
      session.print("\nAt run time (enhanced orthogonal persistence): the upgrade is accepted.\n");
      return;
    case Runtime::kTraps:
      session.print(
          "\nAt run time (enhanced orthogonal persistence): the upgrade traps with "
          "\"Memory-incompatible program upgrade\" and the old state stays.\n");
      break;
    case Runtime::kMisreads:
      session.print("\nAt run time (enhanced orthogonal persistence): the upgrade is " +
                    session.toned(Tone::kBad, "ACCEPTED AND VALUES ARE MISREAD") + ".\n");
      break;
    case Runtime::kUnjudged:
      session.print("\nAt run time: not judged.\n");
      return;
  }
  for (const Finding& finding : verdict.runtime_findings) {
    session.print(fmt::format("         {}: {}\n", finding.path, finding.message));
  }
}

}  // namespace

MotokoCheck check_motoko(const ModuleTexts& previous, const ModuleTexts& next) {
  MotokoCheck check;
  if (!previous.stable_types && !next.stable_types) {
    check.applies = false;
    check.unknown = "neither side has a stable signature (motoko:stable-types)";
    return check;
  }
  if (!previous.stable_types || !next.stable_types) {
    check.unknown = fmt::format("the {} side has no stable signature (motoko:stable-types)",
                                previous.stable_types ? "new" : "old");
    return check;
  }
  auto verdict = candid::motoko::check_stable(*previous.stable_types, *next.stable_types);
  if (verdict) {
    check.verdict = std::move(*verdict);
  } else {
    check.unknown = verdict.error().message();
  }
  return check;
}

void print_motoko_check(Session& session, const MotokoCheck& check) {
  if (!check.known()) {
    session.print(session.toned(Tone::kBad, "UNKNOWN") + ": " + check.unknown +
                  ".\nWhether stable variables survive was NOT checked.\n");
    return;
  }
  const StableVerdict& verdict = check.verdict;
  if (verdict.lossless) {
    session.print(session.toned(Tone::kGood, "COMPATIBLE") +
                  ": every stable variable is taken over" +
                  (verdict.findings.empty() ? ".\n" : ", as far as signatures tell.\n"));
  } else if (verdict.compatible && !verdict.data_lost) {
    session.print(session.toned(Tone::kWarning, "COMPATIBLE, BUT NOT AS IT SHOULD BE") +
                  ": the compiler accepts the signatures; look at its warnings.\n");
  } else if (verdict.compatible) {
    session.print(session.toned(Tone::kWarning, "COMPATIBLE, BUT DATA IS DROPPED") +
                  ": the compiler accepts it; look at what is lost.\n");
  } else {
    session.print(session.toned(Tone::kBad, "INCOMPATIBLE") +
                  ": the compiler refuses this upgrade.\n");
  }
  for (const Finding& finding : verdict.findings) print_finding(session, finding);
  if (verdict.truncated) session.print("\n... and more; the list is cut off\n");
  print_runtime(session, verdict);
}

nlohmann::ordered_json motoko_check_json(const MotokoCheck& check) {
  if (!check.known()) {
    return {{"compatible", nullptr},
            {"strict", nullptr},
            {"unknown", check.unknown},
            {"problems", nlohmann::ordered_json::array()}};
  }
  const StableVerdict& verdict = check.verdict;
  return {{"compatible", verdict.compatible},
          {"strict", verdict.lossless},
          {"unknown", nullptr},
          {"problems", findings_json(verdict.findings)},
          {"runtime", runtime_word(verdict.runtime)},
          {"runtime_problems", findings_json(verdict.runtime_findings)},
          {"truncated", verdict.truncated}};
}

}  // namespace canrec::cli
