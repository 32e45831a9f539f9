// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a comparison says: findings, each with its weight for either route, and the words that
// follow from them.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace canrec::wasmdiff {

/// The two ways to put new code over an old heap (docs/design/wasmdiff.md).
enum class Route : uint8_t { kS = 0, kK = 1 };
constexpr std::string_view to_string(Route route) { return route == Route::kS ? "S" : "K"; }

enum class Severity : uint8_t { kNone, kNote, kReview, kUnsafe };
enum class Word : uint8_t { kSafe, kReview, kUnsafe };
std::string_view to_string(Severity severity);
std::string_view to_string(Word word);

/// What a finding weighs by route S and by route K.
struct Weights {
  Severity s = Severity::kNone;
  Severity k = Severity::kNone;
  Severity of(Route route) const { return route == Route::kS ? s : k; }
  Severity worst() const { return s > k ? s : k; }
};

/// Where a finding lies; what applies is set.
struct Place {
  std::optional<uint64_t> address;     ///< in Wasm memory
  std::optional<uint64_t> length;      ///< bytes from `address`
  std::optional<uint64_t> old_offset;  ///< in the (unpacked) old module
  std::optional<uint64_t> new_offset;  ///< in the (unpacked) new module
  std::optional<uint64_t> slot;        ///< of table 0 unless `table` is set
  std::optional<uint32_t> table;
  std::optional<uint32_t> old_function;  ///< index in the old module
  std::optional<uint32_t> new_function;
  std::optional<uint64_t> persisted;  ///< place in the list of persisted globals
};

struct Finding {
  std::string_view code;  ///< stable name, for example "table.slot"; listed in docs/formats
  std::string_view area;  ///< memory, table, data, static, globals, code, start, exports, ...
  std::string_view rows;  ///< rows of the decision table in docs/design/wasmdiff.md, "5 7"
  Weights weights;
  std::string what;
  std::vector<std::string> evidence;  ///< what decides, one line each
  std::string why;
  std::string next;
  Place place;
};

/// "1 page", "1,024 pages": `noun` in the singular, its plural made with an s.
std::string counted(uint64_t number, std::string_view noun);

/// Puts the worst findings first and keeps the order of equal ones.
void sort_worst_first(std::vector<Finding>& findings);

/// The word of a route: its worst finding.
Word word_of(const std::vector<Finding>& findings, Route route);

}  // namespace canrec::wasmdiff
