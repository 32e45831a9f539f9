// SPDX-License-Identifier: Apache-2.0
// Counting, and reachability from everything that is not named.
#include "wasmdiff/gates.h"

#include <fmt/core.h>

#include <algorithm>

namespace canrec::wasmdiff {
namespace {

GateResult at_most(const Comparison& comparison, uint32_t limit) {
  const FunctionCounts& counts = comparison.counts;
  const uint32_t total = counts.changed + counts.added + counts.removed;
  return {fmt::format("--max-changed-functions {}", limit), total <= limit,
          fmt::format("{} changed, added or removed", counted(total, "function"))};
}

// Functions of a module that differ from the other module.
std::vector<uint32_t> different(const Subject& subject, Which w) {
  std::vector<uint32_t> out = w == kOld ? subject.pairing.removed : subject.pairing.added;
  for (const ChangedFunction& changed : subject.changed) {
    out.push_back(w == kOld ? changed.old_fn : changed.new_fn);
  }
  std::ranges::sort(out);
  return out;
}

// A different function that another entry point reaches.
std::optional<std::string> reached_elsewhere(const Subject& subject, Which w,
                                             const std::vector<std::string>& allowed) {
  const std::vector<uint32_t> tables = table_functions(subject.layouts[w]);
  const std::vector<uint32_t> functions = different(subject, w);
  for (const EntryPoint& entry : entry_points(subject.module(w))) {
    if (std::ranges::find(allowed, entry.name) != allowed.end()) continue;
    const std::vector<bool> seen = reach(subject.sides[w], subject.scans[w], {entry.fn}, tables);
    for (const uint32_t fn : functions) {
      if (!seen[fn]) continue;
      return fmt::format("{} of the {} module may be reached from {}", subject.function(w, fn),
                         w == kOld ? "old" : "new", printable(as_bytes(entry.name)));
    }
  }
  return std::nullopt;
}

Result<GateResult> only_in(const Comparison& comparison, const std::vector<std::string>& names) {
  const Subject& subject = *comparison.subject;
  std::string gate = "--only-in";
  for (const std::string& name : names) {
    gate += fmt::format(" '{}'", name);
    const auto has = [&](Which w) {
      const auto entries = entry_points(subject.module(w));
      return std::ranges::any_of(entries, [&](const EntryPoint& e) { return e.name == name; });
    };
    if (!has(kOld) && !has(kNew)) {
      return fail(Errc::kBadArgument,
                  fmt::format("--only-in: neither module has an entry point \"{}\"", name));
    }
  }
  for (const Which w : {kOld, kNew}) {
    if (auto found = reached_elsewhere(subject, w, names)) {
      return GateResult{std::move(gate), false, std::move(*found)};
    }
  }
  return GateResult{std::move(gate), true, "no other entry point reaches what differs"};
}

}  // namespace

Result<std::vector<GateResult>> apply_gates(const Comparison& comparison, const Gates& gates) {
  std::vector<GateResult> out;
  if (gates.max_changed_functions) {
    out.push_back(at_most(comparison, *gates.max_changed_functions));
  }
  if (!gates.only_in.empty()) {
    CANREC_TRY(GateResult result, only_in(comparison, gates.only_in));
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace canrec::wasmdiff
