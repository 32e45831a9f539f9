// SPDX-License-Identifier: Apache-2.0
#pragma once

// One function of both modules, instruction by instruction, aligned for reading.

#include <optional>
#include <string>
#include <vector>

#include "wasmdiff/compare.h"

namespace canrec::wasmdiff {

/// A row: an instruction of one module or of both. Both texts are there when the instructions are
/// the same or stand in each other's place.
struct CodeRow {
  bool same = false;
  std::optional<uint64_t> old_offset;
  std::optional<uint64_t> new_offset;
  std::string old_text;  ///< indented by its depth
  std::string new_text;
};

struct SideBySide {
  std::optional<uint32_t> old_fn;
  std::optional<uint32_t> new_fn;
  std::vector<CodeRow> rows;
};

/// Finds a function by export, by name (readable or raw) or by number in the new module (#17;
/// old#17 for the old one), and lays it beside its counterpart.
///
/// Errors: kPatchSite when nothing or more than one function has the name (candidates are listed).
Result<SideBySide> side_by_side(const Comparison& comparison, std::string_view function);

}  // namespace canrec::wasmdiff
