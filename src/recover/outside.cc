// SPDX-License-Identifier: Apache-2.0
// Comparing paths part by part, so that "state-2" is not inside "state".
#include "recover/outside.h"

#include <fmt/core.h>

#include <algorithm>

namespace canrec::recover {

Status check_outside(const std::filesystem::path& input, const std::filesystem::path& output) {
  std::error_code error;
  const auto within = std::filesystem::weakly_canonical(output, error);
  const auto outer = std::filesystem::weakly_canonical(input / "", error);
  if (error) return Ok{};  // who opens them says what is wrong
  auto end = outer.end();
  if (outer.filename().empty()) --end;  // a slash at the end
  const auto differ = std::mismatch(outer.begin(), end, within.begin(), within.end());
  if (differ.first != end) return Ok{};
  return fail(Errc::kBadArgument,
              fmt::format("the output {} lies in the input {}, which is only read; name another "
                          "place",
                          output.string(), input.string()));
}

}  // namespace canrec::recover
