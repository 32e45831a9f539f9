// SPDX-License-Identifier: Apache-2.0
// Upgrades of programs that the Motoko compiler makes here, run for real: what canrec says of their
// signatures is what their run-time system does, for all three forms of a signature.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <map>
#include <optional>

#include "candid/motoko_check.h"
#include "real/candid/oracle.h"

namespace canrec::candid {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCompiler = CANREC_FIXTURES "/motoko/4.10.0/moc.min.js";

struct Program {
  fs::path module;
  std::string signature;
};

// A source, or a chain of migrations and a source; by label.
using Sources = std::map<std::string, std::string>;

std::vector<Program> compile(const fs::path& folder, const std::vector<Sources>& sources) {
  std::vector<nlohmann::json> questions;
  std::vector<Program> programs;
  for (const Sources& files : sources) {
    const bool chain = files.size() > 1;
    // Folders of their own: a file of another program would be a migration of this one.
    const std::string steps = fmt::format("steps{}", programs.size());
    nlohmann::json named;
    for (const auto& [name, text] : files) {
      named[name == "main.mo" ? name : fmt::format("{}/{}", steps, name)] = text;
    }
    programs.push_back({folder / fmt::format("{}.wasm", programs.size()), {}});
    questions.push_back(
        {{"op", "compile"},
         {"files", named},
         {"flags", chain ? nlohmann::json{"--enhanced-migration", steps} : nlohmann::json::array()},
         {"out", programs.back().module.string()}});
  }
  const auto answers = test::ask("motoko_oracle.cjs", kCompiler, questions);
  if (answers.size() != programs.size()) return {};
  for (size_t i = 0; i < programs.size(); ++i) {
    programs[i].signature = answers[i]["signature"].get<std::string>();
  }
  return programs;
}

// Runs canrec; what it printed, standard error included, and its status.
struct Ran {
  int status = -1;
  std::string text;
};
Ran canrec(const fs::path& folder, const std::string& arguments) {
  const fs::path out = folder / "out";
  const int status = std::system(fmt::format("cd '{}' && '{}' {} > '{}' 2>&1", folder.string(),
                                             CANREC_PROGRAM, arguments, out.string())
                                     .c_str());
  std::ifstream file(out);
  return {WEXITSTATUS(status),
          {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}};
}

// Installs the first, upgrades to the second; the answer is the state's folder, or nothing when the
// run-time system refuses.
std::optional<std::string> upgraded(const fs::path& folder, const Program& was,
                                    const Program& now) {
  for (const char* old : {"was", "now"}) fs::remove_all(folder / old);
  EXPECT_EQ(canrec(folder, fmt::format("install '{}' -o was", was.module.string())).status, 0);
  const Ran ran =
      canrec(folder, fmt::format("upgrade was '{}' --keep -o now", now.module.string()));
  if (ran.status == 0) return "now";
  EXPECT_NE(ran.text.find("Memory-incompatible program upgrade"), std::string::npos) << ran.text;
  return std::nullopt;
}

motoko::StableVerdict judged(const Program& was, const Program& now) {
  auto verdict = motoko::check_stable(was.signature, now.signature);
  EXPECT_TRUE(verdict) << (verdict ? "" : verdict.error().message());
  return verdict ? std::move(*verdict) : motoko::StableVerdict{};
}

const std::string kGet = "public query func get() : async Int { x }";

TEST(MotokoRuntime, TakesOverWhatEachFormOfSignaturePromises) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  const canrec::test::TemporaryDirectory directory;
  const std::string first = "module { public func migration(_ : {}) : {x : Nat} { {x = 7} } }";
  const std::string second =
      "module { public func migration(old : {x : Nat}) : {x : Int} { {x = old.x + 100} } }";
  const auto programs = compile(
      directory.path(),
      {{{"main.mo", "persistent actor { var x : Nat = 7; " + kGet + " }"}},
       {{"main.mo",
         "(with migration = func (old : {var x : Nat}) : {var x : Int} { {var x = old.x + 1} }) "
         "persistent actor { var x : Int = 0; " +
             kGet + " }"}},
       {{"main.mo", "persistent actor { var x : Nat; " + kGet + " }"}, {"20260101.mo", first}},
       {{"main.mo", "persistent actor { var x : Int; " + kGet + " }"},
        {"20260101.mo", first},
        {"20260201.mo", second}}});
  ASSERT_EQ(programs.size(), 4U);
  const char* const versions[] = {"1.0.0", "3.0.0", "4.0.0", "4.0.0"};
  for (size_t i = 0; i < programs.size(); ++i) {
    EXPECT_TRUE(programs[i].signature.starts_with(fmt::format("// Version: {}", versions[i])))
        << programs[i].signature;
  }
  struct Upgrade {
    size_t was;
    size_t now;
    bool compatible;
    const char* reply;
  };
  // From the plain program, through the one migration, and along the chain.
  for (const Upgrade& upgrade : {Upgrade{0, 0, true, "(7 : int)\n"},
                                 {0, 1, true, "(8 : int)\n"},
                                 {2, 3, true, "(107 : int)\n"},
                                 {2, 2, true, "(7 : int)\n"}}) {
    SCOPED_TRACE(fmt::format("{} -> {}", upgrade.was, upgrade.now));
    const auto verdict = judged(programs[upgrade.was], programs[upgrade.now]);
    EXPECT_EQ(verdict.compatible, upgrade.compatible);
    EXPECT_EQ(verdict.runtime, motoko::Runtime::kAccepts);
    const auto state = upgraded(directory.path(), programs[upgrade.was], programs[upgrade.now]);
    ASSERT_TRUE(state);
    EXPECT_EQ(canrec(directory.path(), "query " + *state + " get").text, upgrade.reply);
  }
  EXPECT_FALSE(judged(programs[3], programs[0]).compatible);
}

// A few rows of stable_pairs.txt, in an array so that no value is needed.
TEST(MotokoRuntime, AcceptsAndTrapsAsTheTableSays) {
  ASSERT_TRUE(test::has_node()) << "node is not installed: run scripts/test";
  struct Row {
    const char* was;
    const char* now;
    motoko::Runtime runtime;
  };
  constexpr Row kRows[] = {
      {"Char", "Nat32", motoko::Runtime::kMisreads},
      {"{var f : [Nat]}", "{f : [var Nat]}", motoko::Runtime::kMisreads},
      {"{a : Nat}", "{type T = Nat; a : Nat}", motoko::Runtime::kAccepts},
      {"None", "Any", motoko::Runtime::kTraps},
      {"actor {}", "Principal", motoko::Runtime::kTraps},
  };
  const canrec::test::TemporaryDirectory directory;
  std::vector<Sources> sources;
  for (const Row& row : kRows) {
    for (const char* type : {row.was, row.now}) {
      sources.push_back({{"main.mo", fmt::format("persistent actor {{ var x : [{}] = []; public "
                                                 "query func get() : async Nat {{ x.size() }} }}",
                                                 type)}});
    }
  }
  const auto programs = compile(directory.path(), sources);
  ASSERT_EQ(programs.size(), 2 * std::size(kRows));
  for (size_t i = 0; i < std::size(kRows); ++i) {
    SCOPED_TRACE(fmt::format("{} => {}", kRows[i].was, kRows[i].now));
    const Program& was = programs[2 * i];
    const Program& now = programs[2 * i + 1];
    EXPECT_EQ(judged(was, now).runtime, kRows[i].runtime);
    EXPECT_EQ(upgraded(directory.path(), was, now).has_value(),
              kRows[i].runtime != motoko::Runtime::kTraps);
  }
}

}  // namespace
}  // namespace canrec::candid
