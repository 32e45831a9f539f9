// SPDX-License-Identifier: Apache-2.0
#pragma once

// The network's limits, as named constants and as a table to iterate. The table is ic/limits.def.
// Our own limits on input are in base/limits.h.

#include <array>
#include <cstdint>
#include <string_view>

namespace canrec::ic {

namespace limits {
inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

#define LIMIT(id, name, value, unit, source, words) inline constexpr uint64_t id = value;
#include "ic/limits.def"
#undef LIMIT
}  // namespace limits

struct Limit {
  std::string_view name;
  uint64_t value;
  std::string_view unit;
  std::string_view source;
  std::string_view words;
};

inline constexpr auto kLimits = std::to_array<Limit>({
#define LIMIT(id, name, value, unit, source, words) {name, limits::id, unit, source, words},
#include "ic/limits.def"
#undef LIMIT
});

/// The limit of that name, or null.
constexpr const Limit* find_limit(std::string_view name) {
  for (const Limit& limit : kLimits) {
    if (limit.name == name) return &limit;
  }
  return nullptr;
}

static_assert(limits::kStableBytes == limits::kStablePages * limits::kWasmPageBytes);
static_assert(limits::kStablePages32 * limits::kWasmPageBytes == limits::kHeapBytes32);

}  // namespace canrec::ic
