// SPDX-License-Identifier: Apache-2.0
// The interfaces of two modules, side by side.
#include "wasmdiff/interface.h"

#include <fmt/core.h>

#include "candid/upgrade.h"
#include "wasmdiff/subject.h"

namespace canrec::wasmdiff {
namespace {

constexpr size_t kMostLines = 8;

using candid::InterfaceProblem;
using candid::InterfaceVerdict;

Finding finding(std::string_view code) {
  Finding out;
  out.code = code;
  out.area = "interface";
  out.rows = "41";
  out.weights = both(Severity::kNote);
  return out;
}

Clients unknown(std::string what, std::vector<Finding>& out) {
  Finding found = finding("interface.unknown");
  found.what = std::move(what);
  found.why = "whether clients of the old canister still work was not checked";
  found.next = "compare the .did files of both versions (canrec candid check)";
  out.push_back(std::move(found));
  return Clients::kUnknown;
}

std::vector<std::string> lines_of(const InterfaceVerdict& verdict) {
  std::vector<std::string> lines;
  for (const InterfaceProblem& problem : verdict.problems) {
    if (lines.size() == kMostLines) {
      lines.push_back(fmt::format("and {} more{}", verdict.problems.size() - kMostLines,
                                  verdict.truncated ? " at least" : ""));
      break;
    }
    lines.push_back(fmt::format("{}: {}", problem.path, problem.message));
  }
  return lines;
}

Clients judge(const InterfaceVerdict& verdict, std::vector<Finding>& out) {
  if (verdict.strict) return Clients::kServed;
  const size_t count = verdict.problems.size();
  const std::string places = fmt::format("{} place{}", count, count == 1 ? "" : "s");
  const bool breaks = !verdict.compatible;
  Finding found = finding(breaks ? "interface.breaks" : "interface.null");
  found.what = breaks ? "the new interface breaks clients of the old one in " + places
                      : "values of the old interface may silently read as null in " + places;
  found.evidence = lines_of(verdict);
  found.why = breaks ? "the heap is not concerned, but calls of old clients will fail; icp and dfx "
                       "refuse the upgrade unless told otherwise (--yes)"
                     : "the specification allows it; icp and dfx refuse the upgrade unless told "
                       "otherwise (--yes)";
  found.next =
      "canrec candid check shows both types of every place; keep the old interface, or "
      "make sure that no client needs it";
  out.push_back(std::move(found));
  return breaks ? Clients::kBroken : Clients::kNulled;
}

}  // namespace

candid::SectionLookup section_lookup(const wasm::Module& module) {
  return [&module](std::string_view name) -> std::optional<ByteView> {
    const wasm::Section* section = module.custom(name);
    if (section == nullptr) return std::nullopt;
    return module.view(section->payload);
  };
}

std::string_view to_string(Clients clients) {
  switch (clients) {
    case Clients::kUntold:
      return "untold";
    case Clients::kServed:
      return "served";
    case Clients::kNulled:
      return "nulled";
    case Clients::kBroken:
      return "broken";
    case Clients::kUnknown:
      return "unknown";
  }
  return "";
}

Clients judge_interfaces(const Subject& subject, std::vector<Finding>& out) {
  const candid::SectionLookup old_lookup = section_lookup(subject.module(kOld));
  const candid::SectionLookup new_lookup = section_lookup(subject.module(kNew));
  const auto old_text = candid::find_metadata(old_lookup, "candid:service");
  const auto new_text = candid::find_metadata(new_lookup, "candid:service");
  if (!old_text && !new_text) return Clients::kUntold;
  if (!old_text || !new_text) {
    return unknown(fmt::format("the {} module does not tell its interface (candid:service)",
                               old_text ? "new" : "old"),
                   out);
  }
  if (as_text(*old_text) == as_text(*new_text)) return Clients::kServed;
  const auto previous = candid::read_module_interface(old_lookup);
  if (!previous) {
    return unknown("the old interface cannot be read: " + previous.error().message(), out);
  }
  const auto next = candid::read_module_interface(new_lookup);
  if (!next) return unknown("the new interface cannot be read: " + next.error().message(), out);
  const auto verdict = candid::check_upgrade((*next)->program, (*previous)->program);
  if (!verdict) {
    return unknown("the interfaces differ and could not be compared: " + verdict.error().message(),
                   out);
  }
  return judge(*verdict, out);
}

}  // namespace canrec::wasmdiff
