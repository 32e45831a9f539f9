// SPDX-License-Identifier: Apache-2.0
// Rules 35 and 36 of the decision table: the stable types of Motoko programs, which their compiler
// writes into a custom section.
#include <fmt/core.h>

#include <algorithm>

#include "candid/motoko_check.h"
#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {
namespace {

constexpr size_t kMostLines = 8;

using candid::motoko::Runtime;
using candid::motoko::StableVerdict;

std::string line(const candid::motoko::Finding& finding) {
  std::string text = finding.code.empty() ? "" : finding.code + " ";
  if (!finding.path.empty()) text += finding.path + ": ";
  return text + finding.message;
}

std::vector<std::string> lines_of(const StableVerdict& verdict) {
  std::vector<std::string> lines;
  for (const auto* findings : {&verdict.findings, &verdict.runtime_findings}) {
    for (const auto& finding : *findings) {
      if (lines.size() == kMostLines) return lines;
      lines.push_back(line(finding));
    }
  }
  return lines;
}

void judge(const Subject& subject, std::string_view old_text, std::string_view new_text,
           Finding& out) {
  const auto verdict = candid::motoko::check_stable(old_text, new_text);
  if (!verdict) {
    out.code = "type.unreadable";
    out.what = "the stable types differ and could not be compared: " + verdict.error().message();
    out.why = "what an upgrade does to the variables is not known";
    return;
  }
  out.evidence = lines_of(*verdict);
  if (verdict->runtime == Runtime::kMisreads) {
    out.code = "type.misread";
    out.weights = both(Severity::kUnsafe);
    out.what = "stable variables would be read as other types, without a trap";
    out.why = "the runtime does not tell these types apart, and the compiler refuses them";
  } else if (!verdict->compatible) {
    out.code = "type.incompatible";
    out.weights = both(Severity::kUnsafe);
    out.what = "the stable types are not compatible";
    out.why =
        "an upgrade is refused by the runtime, and a swapped module would read values as "
        "other types";
  } else if (verdict->data_lost) {
    out.code = "type.lossy";
    out.weights = both(Severity::kUnsafe);
    out.what = "the new stable types drop data";
    out.why = "what they do not name is gone after the upgrade";
  } else {
    out.code = "type.changed";
    out.weights = both(Severity::kReview);
    out.what = verdict->lossless ? "the stable types changed, compatibly"
                                 : "the stable types changed, compatibly, with warnings";
    out.why =
        subject.column == Column::kMotokoEop
            ? "an upgrade takes the variables over; a swapped module reads the old values at "
              "the new types"
            : "the variables are taken over through stable memory by an ordinary upgrade only";
  }
}

}  // namespace

void motoko_type_rules(const Subject& subject, std::vector<Finding>& out) {
  if (subject.column == Column::kNative) return;
  const auto* a = icp_section(subject.module(kOld), "motoko:stable-types");
  const auto* b = icp_section(subject.module(kNew), "motoko:stable-types");
  if (a == nullptr && b == nullptr) return;
  Finding finding{.code = "type.unknown",
                  .area = "type",
                  .rows = "35 36",
                  .weights = both(Severity::kReview),
                  .what = "only one of the modules tells its stable types",
                  .evidence = {},
                  .why = "whether the variables fit is not known",
                  .next = "see each variable by its path (canrec motoko check OLD NEW)",
                  .place = {}};
  if (a != nullptr) finding.place.old_offset = a->payload.begin;
  if (b != nullptr) finding.place.new_offset = b->payload.begin;
  if (a != nullptr && b != nullptr) {
    const std::string_view old_text = as_text(subject.module(kOld).view(a->payload));
    const std::string_view new_text = as_text(subject.module(kNew).view(b->payload));
    if (old_text == new_text) return;
    judge(subject, old_text, new_text, finding);
  }
  out.push_back(std::move(finding));
}

}  // namespace canrec::wasmdiff
