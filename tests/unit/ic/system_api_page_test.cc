// SPDX-License-Identifier: Apache-2.0
// docs/reference/system-api.md is printed from the table; this test is the printer and the check.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "ic/system_api.h"

namespace canrec::ic {
namespace {

std::string types(std::string_view letters, bool is_64) {
  std::string out;
  for (const char letter : letters) {
    if (!out.empty()) out += ", ";
    out += resolve_width(letter, is_64) == 'i' ? "i32" : "i64";
  }
  return out;
}

std::string signature(const SystemApiFunction& function, bool is_64) {
  const std::string result = types(function.results, is_64);
  return fmt::format("`({}){}`", types(function.parameters, is_64),
                     result.empty() ? "" : " -> " + result);
}

std::string contexts(const SystemApiFunction& function) {
  std::string out;
  std::string_view last;
  for (const ContextInfo& row : kContexts) {
    if (!function.allowed(row.context) || row.letter == last) continue;
    last = row.letter;
    if (!out.empty()) out += ' ';
    out += row.letter;
  }
  return out;
}

std::string cost(const SystemApiFunction& function) {
  static constexpr std::string_view kVariable[] = {"", " + n", " + 50 n", " + log", " + n + log"};
  return fmt::format("{}{}", function.fixed_instructions,
                     kVariable[static_cast<size_t>(function.charge)]);
}

std::string page() {
  std::string out =
      "# The System API\n\n"
      "What a canister may import from module `ic0`. Printed from `src/ic/system_api.def` and\n"
      "`src/ic/contexts.def` by `tests/unit/ic/system_api_page_test.cc`, which fails when this "
      "page\n"
      "differs.\n\n"
      "## Contexts\n\n| letter | mode word | replicated |\n|---|---|---|\n";
  for (const ContextInfo& row : kContexts) {
    out +=
        fmt::format("| {} | {} | {} |\n", row.letter, row.mode_word, row.replicated ? "yes" : "no");
  }
  out +=
      "\n## Functions\n\n"
      "Instructions are charged at the call, beside the 5 of the `call` instruction; n is the "
      "size\n"
      "argument (`call_new`: both sizes), log depends on the room in the canister's log.\n\n"
      "| function | 32-bit module | 64-bit module | contexts | instructions "
      "|\n|---|---|---|---|---|\n";
  for (const SystemApiFunction& function : kSystemApi) {
    const std::string wide =
        function.importable_by_64_bit() ? signature(function, true) : "not importable";
    out += fmt::format(
        "| `{}`{} | {} | {} | {} | {} |\n", function.name,
        function.widths == SystemApiWidths::kUnspecified ? " (not in the specification)" : "",
        signature(function, false), wide, contexts(function), cost(function));
  }
  return out;
}

TEST(SystemApiPage, IsWhatTheTableSays) {
  std::ifstream in(CANREC_SOURCE_DIR "/docs/reference/system-api.md", std::ios::binary);
  const std::string there((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::string wanted = page();
  if (there == wanted) return;
  const std::string path = testing::TempDir() + "system-api.md";
  std::ofstream(path, std::ios::binary) << wanted;
  FAIL() << "docs/reference/system-api.md is not what the table says; the right page is in "
         << path;
}

}  // namespace
}  // namespace canrec::ic
