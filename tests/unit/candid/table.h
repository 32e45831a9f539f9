// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tables of test cases as text: one row a line, cells separated by "|".

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace canrec::candid::test {

struct Row {
  size_t line;
  std::vector<std::string> cells;
};

inline std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

/// The rows of tests/unit/candid/<name>, each with this many cells.
inline std::vector<Row> read_table(const std::string& name, size_t cells) {
  std::ifstream file(CANREC_SOURCE_DIR "/tests/unit/candid/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  std::vector<Row> rows;
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    Row row{number, {}};
    for (size_t at = 0;;) {
      const size_t bar = line.find('|', at);
      row.cells.push_back(trimmed(std::string_view(line).substr(at, bar - at)));
      if (bar == std::string::npos) break;
      at = bar + 1;
    }
    EXPECT_EQ(row.cells.size(), cells) << name << " line " << number;
    if (row.cells.size() == cells) rows.push_back(std::move(row));
  }
  return rows;
}

/// A cell of service_pairs.txt as a `.did` text.
inline std::string service_text(const std::string& cell) {
  if (cell.starts_with("(")) return "service : { f : " + cell + " }";
  if (cell.starts_with("{")) return "service : " + cell;
  return cell;
}

/// A cell of stable_pairs.txt as a signature.
inline std::string signature_text(const std::string& cell) {
  if (cell.starts_with("stable ")) return "actor { " + cell + " };\n";
  if (cell.starts_with("type ") || cell.starts_with("actor (") || cell.starts_with("{ ") ||
      cell == "actor {}") {
    return cell + ";\n";
  }
  return "actor { stable var x : " + cell + " };\n";
}

}  // namespace canrec::candid::test
