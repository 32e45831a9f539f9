// SPDX-License-Identifier: Apache-2.0
// Upgrade checks: the table of service pairs, and what the relation promises.
#include "candid/upgrade.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "unit/candid/support.h"
#include "unit/candid/table.h"

namespace canrec::candid {
namespace {

Program program(const std::string& cell) {
  const std::string text = test::service_text(cell);
  auto parsed = parse_program(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message());
  return parsed ? std::move(*parsed) : Program{};
}

std::string word(const InterfaceVerdict& verdict) {
  if (!verdict.compatible) return "no";
  return verdict.strict ? "ok" : "null";
}

TEST(CandidUpgrade, JudgesEveryPairOfTheTable) {
  // verdict | OLD | NEW | places | reason
  const auto rows = test::read_table("service_pairs.txt", 5);
  EXPECT_GE(rows.size(), 150U);
  for (const test::Row& row : rows) {
    SCOPED_TRACE(fmt::format("line {}: {}", row.line, row.cells[4]));
    const auto verdict = check_upgrade(program(row.cells[2]), program(row.cells[1]));
    ASSERT_TRUE(verdict);
    EXPECT_EQ(word(*verdict), row.cells[0]);
    std::string places;
    for (const InterfaceProblem& problem : verdict->problems) {
      if (&problem != &verdict->problems.front()) places += ';';
      std::string_view path = problem.path;
      if (path == "method f" && problem.kind != UpgradeProblem::kMethodMissing) path = {};
      if (path.starts_with("method f, ")) path.remove_prefix(10);
      places += path;
      EXPECT_FALSE(problem.message.empty());
      EXPECT_TRUE(problem.hurts_old);
    }
    EXPECT_EQ(places, row.cells[3]);
    EXPECT_FALSE(row.cells[4].empty());
  }
}

// Records of many fields that refer to each other: as many pairs as the types have together, and
// every one demands all of its fields.
Program crossed(size_t types, size_t fields, size_t stride) {
  std::string text;
  for (size_t i = 0; i < types; ++i) {
    text += fmt::format("type T{} = record {{", i);
    for (size_t j = 0; j < fields; ++j) {
      text += fmt::format("{}:T{};", j, (i * 7 + j * stride + 1) % types);
    }
    text += "};";
  }
  auto parsed = parse_program(text + "service : { m: (T0) -> (T1) }");
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message());
  return parsed ? std::move(*parsed) : Program{};
}

TEST(CandidUpgrade, RejectsTypesThatDemandPairsWithoutEnd) {
  EXPECT_TRUE(check_upgrade(crossed(31, 50, 3), crossed(30, 50, 5)));
  const auto verdict = check_upgrade(crossed(101, 400, 3), crossed(100, 400, 5));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code(), Errc::kLimit);
}

}  // namespace
}  // namespace canrec::candid
