// SPDX-License-Identifier: Apache-2.0
// Real interfaces: the .did files of npm packages, and against older versions of themselves.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "candid/motoko_check.h"
#include "candid/parser.h"
#include "candid/printer.h"
#include "candid/upgrade.h"

namespace canrec::candid {
namespace {

namespace fs = std::filesystem;

const std::string kPackages = CANREC_FIXTURES "/npm/node_modules/";

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<fs::path> files(const fs::path& folder, const char* extension) {
  std::vector<fs::path> list;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == extension) list.push_back(entry.path());
  }
  std::ranges::sort(list);
  return list;
}

TEST(CandidInterfaces, ParsePrintAndParseAgain) {
  const auto list = files(kPackages, ".did");
  ASSERT_GE(list.size(), 40U);
  for (const fs::path& path : list) {
    const auto program = parse_program(read(path));
    ASSERT_TRUE(program) << path << ": " << program.error().message();
    const std::string printed = print_program(*program);
    const auto again = parse_program(printed);
    ASSERT_TRUE(again) << path << ": " << again.error().message();
    EXPECT_EQ(print_program(*again), printed) << path;
    if (!program->actor) continue;
    const auto same = check_upgrade(*again, *program);
    ASSERT_TRUE(same);
    EXPECT_TRUE(same->strict) << path;
  }
}

// Files that both versions of a package have, old first.
std::vector<std::pair<fs::path, fs::path>> versions() {
  std::vector<std::pair<fs::path, fs::path>> list;
  const std::pair<const char*, const char*> packages[] = {
      {"icp-sdk-canisters-3.0/declarations", "@icp-sdk/canisters/declarations"},
      {"dfinity-nns-7/dist/candid", "dfinity-nns-11/dist/candid"}};
  for (const auto& [old_package, new_package] : packages) {
    for (const fs::path& path : files(kPackages + old_package, ".did")) {
      const fs::path next =
          fs::path(kPackages + new_package) / path.lexically_relative(kPackages + old_package);
      if (fs::exists(next)) list.emplace_back(path, next);
    }
  }
  return list;
}

// Two of them break clients: a tag more in a result. The others grow tags below options only.
TEST(CandidInterfaces, JudgeOlderVersionsOfThemselves) {
  const auto list = versions();
  ASSERT_GE(list.size(), 20U);
  size_t strict = 0;
  std::vector<std::string> breaks;
  for (const auto& [previous, next] : list) {
    const auto verdict = check_upgrade(*parse_program(read(next)), *parse_program(read(previous)));
    ASSERT_TRUE(verdict);
    strict += verdict->strict ? 1 : 0;
    EXPECT_EQ(verdict->strict, verdict->problems.empty()) << next;
    EXPECT_EQ(verdict->compatible,
              std::ranges::none_of(verdict->problems, &InterfaceProblem::breaks))
        << next;
    for (const InterfaceProblem& problem : verdict->problems) {
      EXPECT_TRUE(problem.path.starts_with("method ")) << problem.path;
      if (problem.breaks) breaks.push_back(problem.path);
      EXPECT_EQ(problem.breaks, problem.path.find("option") == std::string::npos) << problem.path;
    }
  }
  EXPECT_GE(strict, list.size() / 2);
  const std::vector<std::string> known = {
      "method get_events, result 1, element, field payload, tag created_consolidate_utxos_request",
      "method canister_info, result 1, field recent_changes, element, field details, tag "
      "rename_canister"};
  EXPECT_EQ(breaks, known);
}

TEST(CandidInterfaces, TakeUnderTenMillisecondsToCheck) {
  fs::path largest;
  uintmax_t size = 0;
  for (const fs::path& path : files(kPackages, ".did")) {
    if (fs::file_size(path) > size) {
      size = fs::file_size(path);
      largest = path;
    }
  }
  const std::string text = read(largest);
  const Program next = *parse_program(text);
  const Program previous = *parse_program(text);
  auto best = std::chrono::nanoseconds::max();
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(check_upgrade(next, previous)->strict);
    best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
  }
  fmt::print("{} ({} bytes): {} us\n", largest.filename().string(), size, best.count() / 1000);
  EXPECT_LT(best, std::chrono::milliseconds(10));
}

TEST(MotokoSignatures, OfEveryCompilerParseAndKeepThemselves) {
  const auto list = files(CANREC_FIXTURES "/motoko", ".most");
  ASSERT_GE(list.size(), 10U);
  for (const fs::path& path : list) {
    const std::string text = read(path);
    const auto verdict = motoko::check_stable(text, text);
    ASSERT_TRUE(verdict) << path << ": " << verdict.error().message();
    EXPECT_TRUE(verdict->lossless) << path;
    EXPECT_EQ(verdict->runtime, motoko::Runtime::kAccepts) << path;
  }
}

}  // namespace
}  // namespace canrec::candid
