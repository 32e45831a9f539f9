// SPDX-License-Identifier: Apache-2.0
// The Motoko compiler as oracle: stable compatibility with its codes, and its .did parser.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "candid/motoko_check.h"
#include "candid/parser.h"
#include "real/candid/oracle.h"
#include "real/candid/random_signatures.h"
#include "unit/candid/table.h"

namespace canrec::candid {
namespace {

constexpr const char* kCompiler = CANREC_FIXTURES "/motoko/4.10.0/moc.min.js";

// "M0170 x" for each variable, sorted; a mismatch hides what else is lost in the variable.
std::vector<std::string> codes(const motoko::StableVerdict& verdict) {
  std::map<std::string, std::string> by_variable;
  for (const motoko::Finding& finding : verdict.findings) {
    if (finding.severity == motoko::Severity::kError) {
      by_variable.emplace(finding.variable, finding.code);
    }
  }
  std::vector<std::string> list;
  for (const auto& [variable, code] : by_variable) {
    list.push_back(variable.empty() ? code : code + " " + variable);
  }
  std::ranges::sort(list);
  return list;
}

struct Tally {
  size_t accepted = 0;
  size_t refused = 0;
  size_t malformed = 0;  // both say that a text is no signature
  size_t known = 0;      // the deviation below
};

// The compiler refuses to promote None or Any to Any when an `and` or `or` has made both, and does
// not when they are written out. No value is lost, so canrec accepts both.
bool known_deviation(const nlohmann::json& answer) {
  const auto messages = answer["messages"].get<std::string>();
  return messages.find("promoting None to `Any`") != std::string::npos ||
         messages.find("promoting Any to `Any`") != std::string::npos;
}

// Every pair of these texts through both. Where the compiler refuses a text as such, so do we, and
// the message has its code.
Tally compare(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Tally tally;
  std::vector<nlohmann::json> questions;
  for (const auto& [old_text, new_text] : pairs) {
    questions.push_back({{"op", "stable"}, {"old", old_text}, {"new", new_text}});
  }
  const auto answers = test::ask("motoko_oracle.cjs", kCompiler, questions);
  if (answers.size() != pairs.size()) return tally;
  for (size_t i = 0; i < pairs.size(); ++i) {
    auto theirs = answers[i]["codes"].get<std::vector<std::string>>();
    std::ranges::sort(theirs);
    const auto ours = motoko::check_stable(pairs[i].first, pairs[i].second);
    const std::string trace = pairs[i].first + "\n=>\n" + pairs[i].second;
    if (!ours) {
      EXPECT_TRUE(!theirs.empty() &&
                  ours.error().message().find("(" + theirs[0] + ")") != std::string::npos)
          << trace << "ours: " << ours.error().message()
          << "\ntheirs: " << (theirs.empty() ? "accepts" : theirs[0]);
      ++tally.malformed;
      continue;
    }
    if (ours->compatible && known_deviation(answers[i])) {
      ++tally.known;
      continue;
    }
    EXPECT_EQ(codes(*ours), theirs) << trace;
    ++(theirs.empty() ? tally.accepted : tally.refused);
  }
  return tally;
}

TEST(MotokoOracle, AgreesOnRandomTypesWithAndAndOr) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  std::vector<std::pair<std::string, std::string>> pairs;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    test::RandomSignatures random(seed);
    std::string first = random.single();
    pairs.emplace_back(std::move(first), random.single());
  }
  const Tally tally = compare(pairs);
  fmt::print("{} accepted, {} refused, {} known deviations\n", tally.accepted, tally.refused,
             tally.known);
  EXPECT_GE(tally.accepted, 100U);
  EXPECT_GE(tally.refused, 1500U);
}

TEST(MotokoOracle, AgreesOnRandomMigrations) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  std::vector<std::pair<std::string, std::string>> pairs;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    test::RandomSignatures random(seed);
    std::string first = random.signature();
    pairs.emplace_back(std::move(first), random.signature());
  }
  for (uint64_t seed = 0; seed < 2500; ++seed) {
    pairs.push_back(test::RandomSignatures(seed).continuation());
  }
  const Tally tally = compare(pairs);
  fmt::print("{} accepted, {} refused, {} known deviations\n", tally.accepted, tally.refused,
             tally.known);
  EXPECT_GE(tally.accepted, 200U);
  EXPECT_GE(tally.refused, 2000U);
}

TEST(MotokoOracle, AgreesOnEveryPairOfTheTable) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const test::Row& row : test::read_table("stable_pairs.txt", 5)) {
    pairs.emplace_back(test::signature_text(row.cells[1]), test::signature_text(row.cells[2]));
  }
  compare(pairs);
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::filesystem::path> files(const std::string& folder, const std::string& extension) {
  std::vector<std::filesystem::path> list;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == extension) list.push_back(entry.path());
  }
  std::ranges::sort(list);
  return list;
}

TEST(MotokoOracle, AgreesOnEveryPairOfCompiledSignatures) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const char* version : {"2.0.3", "4.10.0"}) {
    const auto list = files(fmt::format(CANREC_FIXTURES "/motoko/{}", version), ".most");
    ASSERT_GE(list.size(), 5U);
    for (const auto& left : list) {
      for (const auto& right : list) pairs.emplace_back(read(left), read(right));
    }
  }
  compare(pairs);
}

TEST(MotokoOracle, AgreesOnWhichDidTextsAreGood) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  std::vector<std::string> texts;
  for (const auto& path : files(CANREC_FIXTURES "/motoko", ".did")) texts.push_back(read(path));
  for (const auto& path : files(CANREC_FIXTURES "/npm", ".did")) texts.push_back(read(path));
  for (const test::Row& row : test::read_table("service_pairs.txt", 5)) {
    texts.push_back(test::service_text(row.cells[1]));
    texts.push_back(test::service_text(row.cells[2]));
  }
  for (const char* bad : {"service : {", "type a = ;", "type a = record { a nat }", ";",
                          "type opt = nat;", "service : {};;", "type a = (nat);"}) {
    texts.emplace_back(bad);
  }
  std::vector<nlohmann::json> questions;
  for (const std::string& text : texts) questions.push_back({{"op", "did"}, {"text", text}});
  const auto answers = test::ask("motoko_oracle.cjs", kCompiler, questions);
  ASSERT_EQ(answers.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto ours = parse_program(texts[i]);
    EXPECT_EQ(static_cast<bool>(ours), answers[i]["good"].get<bool>())
        << texts[i].substr(0, 300) << (ours ? "" : ours.error().message());
  }
}

}  // namespace
}  // namespace canrec::candid
