// SPDX-License-Identifier: Apache-2.0
// Upgrade checks: the table of service pairs, and what the relation promises.
#include "candid/upgrade.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "unit/candid/support.h"

namespace canrec::candid {
namespace {

struct Row {
  size_t line;
  std::string verdict, previous, next, places, reason;
};

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

std::vector<Row> rows() {
  std::ifstream file(CANREC_SOURCE_DIR "/tests/unit/candid/service_pairs.txt");
  std::vector<Row> list;
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> cells;
    for (size_t at = 0;;) {
      const size_t bar = line.find('|', at);
      cells.push_back(trimmed(std::string_view(line).substr(at, bar - at)));
      if (bar == std::string::npos) break;
      at = bar + 1;
    }
    EXPECT_EQ(cells.size(), 5U) << "line " << number;
    if (cells.size() != 5) continue;
    list.push_back({number, cells[0], cells[1], cells[2], cells[3], cells[4]});
  }
  return list;
}

Program program(const std::string& cell) {
  std::string text = cell;
  if (cell.starts_with("(")) text = "service : { f : " + cell + " }";
  if (cell.starts_with("{")) text = "service : " + cell;
  auto parsed = parse_program(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message());
  return parsed ? std::move(*parsed) : Program{};
}

std::string word(const InterfaceVerdict& verdict) {
  if (!verdict.compatible) return "no";
  return verdict.strict ? "ok" : "null";
}

TEST(CandidUpgrade, JudgesEveryPairOfTheTable) {
  const auto list = rows();
  EXPECT_GE(list.size(), 150U);
  for (const Row& row : list) {
    SCOPED_TRACE(fmt::format("line {}: {}", row.line, row.reason));
    const auto verdict = check_upgrade(program(row.next), program(row.previous));
    ASSERT_TRUE(verdict);
    EXPECT_EQ(word(*verdict), row.verdict);
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
    EXPECT_EQ(places, row.places);
    EXPECT_FALSE(row.reason.empty());
  }
}

}  // namespace
}  // namespace canrec::candid
