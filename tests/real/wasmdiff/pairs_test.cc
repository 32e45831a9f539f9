// SPDX-License-Identifier: Apache-2.0
// Every pair of tests/pairs/pairs.json: the word of each route, what the findings are about, and
// which functions changed. Plus every real module against itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "wasm/load.h"
#include "wasmdiff/compare.h"

namespace canrec::wasmdiff {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path kFixtures = CANREC_FIXTURES;

std::vector<Json> pairs() {
  std::ifstream in(fs::path(CANREC_SOURCE_DIR) / "tests/pairs/pairs.json");
  return Json::parse(in).at("pairs").get<std::vector<Json>>();
}

std::string export_or_name(const Subject& subject, uint32_t fn) {
  for (const wasm::Export& e : subject.module(kNew).exports) {
    if (e.kind == wasm::ExternKind::kFunc && e.index == fn) return std::string(e.name);
  }
  return subject.name(kNew, fn);
}

// The findings that decide a word, for the message of a failure.
std::string told(const Comparison& comparison) {
  std::string out;
  for (const Finding& finding : comparison.findings) {
    out += std::string(finding.code) + " S=" + std::string(to_string(finding.weights.s)) +
           " K=" + std::string(to_string(finding.weights.k)) + " " + finding.what + "\n";
  }
  return out;
}

void check(const Json& pair, const Comparison& comparison) {
  EXPECT_EQ(to_string(comparison.word(Route::kS)), pair.at("S").get<std::string>());
  EXPECT_EQ(to_string(comparison.word(Route::kK)), pair.at("K").get<std::string>());
  EXPECT_EQ(to_string(comparison.best()), pair.at("verdict").get<std::string>());
  for (const Json& about : pair.at("about")) {
    const auto area = about.get<std::string>();
    EXPECT_TRUE(
        std::ranges::any_of(comparison.findings, [&](const Finding& f) { return f.area == area; }))
        << "no finding about " << area;
  }
  if (pair.contains("changed")) {
    std::multiset<std::string> names;
    for (const ChangedFunction& changed : comparison.subject->changed) {
      names.insert(export_or_name(*comparison.subject, changed.new_fn));
    }
    EXPECT_EQ(names, pair.at("changed").get<std::multiset<std::string>>());
  }
  for (const Finding& finding : comparison.findings) {
    EXPECT_FALSE(finding.next.empty()) << finding.code;
    EXPECT_FALSE(finding.why.empty()) << finding.code;
  }
}

TEST(Pairs, AreEnough) { EXPECT_GE(pairs().size(), 100U); }

TEST(Pairs, GiveTheirVerdicts) {
  for (const Json& pair : pairs()) {
    const auto name = pair.at("name").get<std::string>();
    SCOPED_TRACE(name + ": " + pair.at("why").get<std::string>());
    const auto a = wasm::open_module(kFixtures / "pairs" / name / "old.wasm");
    const auto b = wasm::open_module(kFixtures / "pairs" / name / "new.wasm");
    ASSERT_TRUE(a) << a.error().message();
    ASSERT_TRUE(b) << b.error().message();
    const auto comparison = compare(a->module(), b->module(), {});
    ASSERT_TRUE(comparison) << comparison.error().message();
    check(pair, *comparison);
    if (testing::Test::HasFailure()) GTEST_LOG_(INFO) << told(*comparison);
  }
}

TEST(RealModules, AreSafeAgainstThemselvesByRouteS) {
  for (const char* folder : {"azle", "motoko", "ic-wasm"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kFixtures / folder)) {
      if (entry.path().extension() != ".wasm") continue;
      SCOPED_TRACE(entry.path().string());
      const auto file = wasm::open_module(entry.path());
      ASSERT_TRUE(file) << file.error().message();
      const auto comparison = compare(file->module(), file->module(), {});
      ASSERT_TRUE(comparison) << comparison.error().message();
      EXPECT_EQ(to_string(comparison->word(Route::kS)), "safe") << told(*comparison);
      EXPECT_EQ(comparison->counts.changed, 0U);
    }
  }
}

TEST(RealModules, AreUnsafeAcrossReleasesOfATemplate) {
  for (const char* kind : {"stable.wasm", "experimental.wasm"}) {
    const auto a = wasm::open_module(kFixtures / "azle/0.32.0" / kind);
    const auto b = wasm::open_module(kFixtures / "azle/0.33.0" / kind);
    ASSERT_TRUE(a);
    ASSERT_TRUE(b);
    const auto comparison = compare(a->module(), b->module(), {});
    ASSERT_TRUE(comparison) << comparison.error().message();
    EXPECT_EQ(to_string(comparison->best()), "unsafe") << kind;
  }
}

}  // namespace
}  // namespace canrec::wasmdiff
