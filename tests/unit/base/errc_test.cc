// SPDX-License-Identifier: Apache-2.0
// docs/errors.md and the table of error codes say the same; no number is used twice.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "base/error.h"

namespace canrec {
namespace {

struct Row {
  unsigned number;
  std::string_view name;
  std::string_view words;
};
constexpr Row kRows[] = {
#define ERRC(name, number, words) {number, #name, words},
#include "base/errc.def"
#undef ERRC
};

TEST(ErrcTable, IsWhatTheDocumentLists) {
  std::ifstream in(std::string(CANREC_SOURCE_DIR) + "/docs/errors.md");
  const std::string page{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  size_t listed = 0;
  for (size_t at = 0; (at = page.find("\n| E", at)) != std::string::npos; ++at) ++listed;
  EXPECT_EQ(listed, std::size(kRows));
  for (const Row& row : kRows) {
    EXPECT_NE(page.find(fmt::format("| E{} | `{}` | {} |", row.number, row.name, row.words)),
              std::string::npos)
        << row.name;
  }
}

TEST(ErrcTable, UsesNoNumberTwice) {
  std::set<unsigned> numbers;
  for (const Row& row : kRows) EXPECT_TRUE(numbers.insert(row.number).second) << row.name;
}

}  // namespace
}  // namespace canrec
