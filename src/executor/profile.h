// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which limits hold in a run. The rows are those of ic/limits.def, so a new limit needs no edit
// here: a profile is one value a row, and a row's name is how an option overrides it.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "engine/engine.h"
#include "ic/limits.h"

namespace canrec::executor {

/// A row of ic/limits.def.
enum class Limit : uint16_t {
#define LIMIT(id, name, value, unit, source, words) id,
#include "ic/limits.def"
#undef LIMIT
};

/// The limits in force, and how memory is charged.
class Profile {
 public:
  /// An application subnet of today.
  static Profile mainnet();
  /// The same without bounds on instructions and on the memory that one execution may touch: to see
  /// how far beyond a limit something goes.
  static Profile no_limits();

  uint64_t operator[](Limit limit) const { return values_[std::to_underlying(limit)]; }
  void set(Limit limit, uint64_t value) { values_[std::to_underlying(limit)] = value; }
  /// Overrides one limit by its name in ic/limits.def. Errors: kBadArgument.
  Status set(std::string_view name, uint64_t value);

  engine::PageModel page_charges() const { return page_charges_; }
  void set_page_charges(engine::PageModel model) { page_charges_ = model; }
  /// "none", "2025" or "2026". Errors: kBadArgument.
  Status set_page_charges(std::string_view model);
  /// Whether `wasm_memory_limit` is enforced.
  bool enforces_memory_setting() const { return enforces_memory_setting_; }

 private:
  Profile() = default;

  std::array<uint64_t, ic::kLimits.size()> values_{};
  engine::PageModel page_charges_ = engine::PageModel::k2026;
  bool enforces_memory_setting_ = true;
};

/// What "no limit" stands for where the network counts: far beyond anything that ends.
inline constexpr uint64_t kUnlimited = uint64_t{1} << 62;

}  // namespace canrec::executor
