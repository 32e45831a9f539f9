// SPDX-License-Identifier: Apache-2.0
#include "recover/script.h"

#include <gtest/gtest.h>

namespace canrec::recover {
namespace {

Step good(std::string_view text) {
  auto step = parse_step(text, StepSource::kFile, 1);
  EXPECT_TRUE(step.has_value()) << text << ": " << (step ? "" : step.error().message());
  return step ? *step : Step{};
}

std::string bad(std::string_view text) {
  const auto step = parse_step(text, StepSource::kFile, 3);
  return step ? "accepted" : step.error().message();
}

TEST(Script, ReadsEveryStep) {
  EXPECT_EQ(good("replace fixed.wasm").subject, "fixed.wasm");
  EXPECT_EQ(good("replace \"a b.wasm\"").subject, "a b.wasm");
  const Step upgrade = good("upgrade v2.wasm --skip-pre-upgrade --keep --arg (1, \"x)\")");
  EXPECT_TRUE(upgrade.skip_pre_upgrade);
  EXPECT_EQ(upgrade.memory, KeepMemory::kKeep);
  EXPECT_EQ(upgrade.argument, "(1, \"x)\")");
  EXPECT_EQ(good("call put (7, \"a \\\" (b\")").argument, "(7, \"a \\\" (b\")");
  EXPECT_EQ(good("query get(7)").subject, "get");
  EXPECT_EQ(good("query get").argument, "");
  EXPECT_EQ(good("advance-time 90s").nanoseconds, 90'000'000'000U);
  EXPECT_EQ(good("advance-time 2d").nanoseconds, 172'800'000'000'000U);
  EXPECT_EQ(good("checkpoint here").subject, "here");
  EXPECT_EQ(good("expect-trap out of bounds").argument, "out of bounds");
  EXPECT_EQ(good("expect-reply (opt 1)").argument, "(opt 1)");
  EXPECT_EQ(good("  expect-same get(1)  ").kind, StepKind::kExpectSame);
}

TEST(Script, TakesAnyPathBack) {
  for (const std::string path :
       {"v2.wasm", "my modules/v2.wasm", "a\"b\\c.wasm", "#1", "x (1).wasm"}) {
    const auto step = parse_step("upgrade " + script_text(path) + " --keep --arg (\"a b\")",
                                 StepSource::kFile, 1);
    ASSERT_TRUE(step) << step.error().message();
    EXPECT_EQ(step->subject, path);
    EXPECT_EQ(step->argument, "(\"a b\")");
  }
}

TEST(Script, RejectsWithLineAndColumn) {
  EXPECT_TRUE(bad("upgade x").starts_with("line 3, column 1: unknown step \"upgade\""));
  EXPECT_EQ(bad("upgrade"), "line 3, column 8: the module is missing");
  EXPECT_EQ(bad("upgrade m --kep"), "line 3, column 11: unknown option \"--kep\" of this step");
  EXPECT_EQ(bad("replace m --keep"), "line 3, column 11: unknown option \"--keep\" of this step");
  EXPECT_EQ(bad("query get (1"),
            "line 3, column 11: a parenthesis is not closed (a step stands on one line)");
  EXPECT_EQ(bad("query get 1"), "line 3, column 11: arguments are Candid text in parentheses");
  EXPECT_EQ(bad("query get(1) x"), "line 3, column 14: \"x\" is not expected here");
  EXPECT_TRUE(bad("advance-time 5x").starts_with("line 3, column 14: a time is"));
  EXPECT_TRUE(bad("advance-time 99999999999999d").find("64 bits") != std::string::npos);
  EXPECT_EQ(bad("replace \"m"), "line 3, column 9: text in quotes does not end");
}

TEST(Script, ReadsAFileWithCommentsAndChecksTheWhole) {
  const auto steps = parse_script("# story\n\n  checkpoint a\r\nquery get(1)\nrevert a\n");
  ASSERT_TRUE(steps.has_value()) << steps.error().message();
  ASSERT_EQ(steps->size(), 3U);
  EXPECT_EQ((*steps)[1].line, 4U);
  const auto unknown = parse_script("query get\nrevert b\n");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().message(), "line 2, column 1: no checkpoint \"b\" before this");
  EXPECT_EQ(unknown.error().code(), Errc::kScript);
  EXPECT_FALSE(parse_script("expect-trap\n").has_value());
  EXPECT_FALSE(parse_script("query a\nbogus\n").has_value());
}

TEST(Script, TakesCommentsBehindStepsAndAByteOrderMark) {
  const auto steps = parse_script(
      "\xef\xbb\xbf# made by an editor\r\nquery get(1)  # one\r\nupgrade m.wasm --keep # two\n"
      "query \"a#b\"\ncheckpoint x#y # z\nexpect-reply (1) # stays");
  ASSERT_TRUE(steps.has_value()) << steps.error().message();
  ASSERT_EQ(steps->size(), 5U);
  EXPECT_EQ((*steps)[0].argument, "(1)");
  EXPECT_EQ((*steps)[1].memory, KeepMemory::kKeep);
  EXPECT_EQ((*steps)[2].subject, "a#b");
  EXPECT_EQ((*steps)[3].subject, "x#y");
  EXPECT_EQ((*steps)[4].argument, "(1) # stays");
  // On a command line the shell has taken comments away.
  EXPECT_FALSE(parse_step("query get(1) # one", StepSource::kCommandLine, 1).has_value());
}

TEST(Script, ReadsArgumentsInEachForm) {
  EXPECT_EQ(good("upgrade m --arg-hex 4449444c0000").argument_form, ArgumentForm::kHex);
  EXPECT_EQ(good("install m --arg-hex 4449444c0000").argument, "4449444c0000");
  const Step file = good("upgrade m --arg-file \"my args.bin\" --keep");
  EXPECT_EQ(file.argument_form, ArgumentForm::kFile);
  EXPECT_EQ(file.argument, "my args.bin");
  EXPECT_EQ(file.memory, KeepMemory::kKeep);
  EXPECT_EQ(good("upgrade m --arg (1)").argument_form, ArgumentForm::kText);
  EXPECT_EQ(bad("upgrade m --arg-hex 444"),
            "line 3, column 21: an even number of hex digits is wanted");
  EXPECT_EQ(bad("upgrade m --arg-hex"), "line 3, column 20: the argument in hex is missing");
  EXPECT_EQ(bad("replace m --arg-hex 44"),
            "line 3, column 11: unknown option \"--arg-hex\" of this step");
}

TEST(Script, ShowsOnlyTheBeginningOfWhatItCannotRead) {
  EXPECT_LT(bad(std::string(1'000'000, 'x')).size(), 400U);
  EXPECT_LT(bad("query get(1) " + std::string(1'000'000, 'x')).size(), 400U);
  EXPECT_LT(bad("replace m " + std::string(1'000'000, 'x')).size(), 400U);
}

TEST(Script, CallsAStepOfTheCommandLineByItsNumber) {
  const auto step = parse_step("query get 1", StepSource::kCommandLine, 2);
  ASSERT_FALSE(step.has_value());
  EXPECT_EQ(step.error().code(), Errc::kBadArgument);
  EXPECT_EQ(step.error().message(), "step 2, column 11: arguments are Candid text in parentheses");
  auto revert = parse_step("revert b", StepSource::kCommandLine, 1);
  ASSERT_TRUE(revert.has_value());
  std::vector<Step> steps;
  steps.push_back(std::move(*revert));
  const Status checked = check_script(steps);
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code(), Errc::kBadArgument);
  EXPECT_EQ(checked.error().message(), "step 1, column 1: no checkpoint \"b\" before this");
}

TEST(Script, ReadsAQueryByItself) {
  const auto query = parse_query(" get (7) ");
  ASSERT_TRUE(query.has_value()) << query.error().message();
  EXPECT_EQ(query->subject, "get");
  EXPECT_EQ(query->argument, "(7)");
  for (const auto& [text, column] : std::vector<std::pair<std::string, int>>{
           {"", 1}, {"get(7", 4}, {"get(7) x", 8}, {"get 7", 5}, {"\"get", 1}}) {
    const auto refused = parse_query(text);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().code(), Errc::kBadArgument);
    const std::string begin = "query " + text + ", column " + std::to_string(column) + ": ";
    EXPECT_TRUE(refused.error().message().starts_with(begin)) << refused.error().message();
  }
}

TEST(Script, EndsOnEveryTruncation) {
  const std::string text = "upgrade \"v 2.wasm\" --keep --arg (1, \"x\\\"\", record { a = (2) })";
  for (size_t n = 0; n <= text.size(); ++n) {
    const auto step = parse_step(std::string_view(text).substr(0, n), StepSource::kFile, 1);
    const std::string words = step ? "line 1, column " : step.error().message();
    EXPECT_TRUE(words.starts_with("line 1, column ")) << n;
  }
}

}  // namespace
}  // namespace canrec::recover
