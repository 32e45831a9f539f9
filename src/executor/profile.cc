// SPDX-License-Identifier: Apache-2.0
// Limits as a profile.
#include "executor/profile.h"

#include <fmt/core.h>

namespace canrec::executor {
namespace {

// The limits that no_limits() lifts: those on work done by one execution.
constexpr auto kWorkLimits = std::to_array<Limit>({
    Limit::kUpdateInstructions,
    Limit::kQueryInstructions,
    Limit::kCompositeTreeInstructions,
    Limit::kInspectInstructions,
    Limit::kInstallInstructions,
    Limit::kUpdateSliceInstructions,
    Limit::kInstallSliceInstructions,
    Limit::kStableAccessPagesUpdate,
    Limit::kStableAccessPagesInstall,
    Limit::kStableAccessPagesQuery,
});

}  // namespace

Profile Profile::mainnet() {
  Profile profile;
  for (size_t i = 0; i < profile.values_.size(); ++i) profile.values_[i] = ic::kLimits[i].value;
  return profile;
}

Profile Profile::no_limits() {
  Profile profile = mainnet();
  for (const Limit limit : kWorkLimits) profile.set(limit, kUnlimited);
  profile.enforces_memory_setting_ = false;
  return profile;
}

Status Profile::set(std::string_view name, uint64_t value) {
  for (size_t i = 0; i < values_.size(); ++i) {
    if (ic::kLimits[i].name != name) continue;
    values_[i] = std::min(value, kUnlimited);
    return Ok{};
  }
  return fail(Errc::kBadArgument, fmt::format("no limit is called \"{}\"", name));
}

Status Profile::set_page_charges(std::string_view model) {
  if (model == "none") {
    page_charges_ = engine::PageModel::kNone;
  } else if (model == "2025") {
    page_charges_ = engine::PageModel::k2025;
  } else if (model == "2026") {
    page_charges_ = engine::PageModel::k2026;
  } else {
    return fail(Errc::kBadArgument,
                fmt::format("page charges are none, 2025 or 2026, not \"{}\"", model));
  }
  return Ok{};
}

}  // namespace canrec::executor
