// SPDX-License-Identifier: Apache-2.0
// Full disks, interruptions, scripts and states that cannot be: inputs stay as they were, and an
// output is whole or not there.
#include <algorithm>

#include "recover/package.h"
#include "state.h"
#include "support/faulty_file_system.h"

namespace canrec::recover::test {
namespace {

using canrec::test::Fault;
using canrec::test::FaultyFileSystem;

class BadInput : public State {
 protected:
  BadInput() { state_ = fill(canister("notes"), {{"put", "(7, \"seven\")"}}); }

  // What is beside the output under a name of ours.
  std::vector<std::string> leftovers() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      const std::string name = entry.path().filename().string();
      if (name.find("canrec-tmp") != std::string::npos) out.push_back(name);
    }
    return out;
  }
  struct Ended {
    int code = 0;
    std::string words;
  };
  // The program as a user runs it; the shell's own redirections and limits may stand before it.
  Ended run(const std::string& before, const std::string& arguments) {
    const std::string out =
        output_of("cd '" + directory_.path().string() + "' && { " + before +
                  " '" CANREC_PROGRAM "' " + arguments + " 2>&1; echo \"ended $?\"; }");
    const size_t at = out.rfind("ended ");
    return {std::stoi(out.substr(at + 6)), out.substr(0, at)};
  }
  std::string name_of(const fs::path& path) const { return path.filename().string(); }

  fs::path state_;
};

TEST_F(BadInput, ASavedRehearsalIsWholeOrAbsentWhateverOperationFails) {
  const auto before = canrec::test::read_tree(state_);
  const fs::path output = directory_ / "saved";
  const std::vector<Step> script = steps({"call put (8, \"eight\")", "query get(8)"});
  for (const Fault fault : {Fault::kOnce, Fault::kDeath}) {
    for (size_t k = 0;; ++k) {
      FaultyFileSystem faulty(posix_file_system(), k, fault);
      const auto done = rehearse_and_save(state_, script, {}, faulty, output, Overwrite::kNo);
      EXPECT_EQ(canrec::test::read_tree(state_), before) << k;
      if (!faulty.failed()) {
        ASSERT_TRUE(done.has_value());
        break;
      }
      EXPECT_FALSE(done.has_value()) << k;
      if (fs::exists(output)) {
        EXPECT_EQ(ask(output, "get", "(8)"), "(opt \"eight\")") << k;
      }
      if (fault == Fault::kOnce) {
        EXPECT_LE(leftovers().size(), 1U) << k;
      }
      fs::remove_all(output);
      for (const std::string& name : leftovers()) fs::remove_all(directory_ / name);
    }
    fs::remove_all(output);
  }
}

TEST_F(BadInput, APackageIsWholeOrAbsentWhateverOperationFails) {
  const auto before = canrec::test::read_tree(state_);
  PackageRequest request;
  request.directory = state_;
  request.module = canister("notes");
  request.output = directory_ / "package";
  request.checks = {"get(7)"};
  for (const Fault fault : {Fault::kOnce, Fault::kDeath}) {
    for (size_t k = 0;; ++k) {
      FaultyFileSystem faulty(posix_file_system(), k, fault);
      const auto done = package(faulty, request);
      EXPECT_EQ(canrec::test::read_tree(state_), before) << k;
      if (!faulty.failed()) {
        ASSERT_TRUE(done.has_value()) << done.error().message();
        break;
      }
      if (fs::exists(request.output)) {
        EXPECT_TRUE(fs::exists(request.output / "runbook.txt")) << k;
        EXPECT_EQ(ask(request.output / "snapshot", "get", "(7)"), "(opt \"seven\")") << k;
      }
      fs::remove_all(request.output);
      for (const std::string& name : leftovers()) fs::remove_all(directory_ / name);
    }
    fs::remove_all(request.output);
  }
}

TEST_F(BadInput, AnInterruptionAtAnyStepLeavesNothing) {
  const auto before = canrec::test::read_tree(state_);
  const fs::path output = directory_ / "saved";
  const std::vector<Step> script =
      steps({"call fill(2000)", "checkpoint a", "upgrade " + canister("notes_v2").string(),
             "query get(7)", "revert a", "expect-same count"});
  for (size_t at = 0; at < script.size(); ++at) {
    Interrupt interrupt;
    RehearseOptions options;
    options.executor.interrupt = &interrupt;
    options.on_step = [&](size_t index, const Step&) {
      if (index == at) interrupt.request();
    };
    const auto done =
        rehearse_and_save(state_, script, options, posix_file_system(), output, Overwrite::kNo);
    ASSERT_FALSE(done.has_value()) << at;
    EXPECT_EQ(done.error().code(), Errc::kInterrupted) << at;
    EXPECT_FALSE(fs::exists(output)) << at;
    EXPECT_TRUE(leftovers().empty()) << at;
    EXPECT_EQ(canrec::test::read_tree(state_), before) << at;
  }
}

TEST_F(BadInput, TheProgramEndsWithTheCodesOfTheDesign) {
  const std::string state = name_of(state_);
  const auto expect = [&](int code, const std::string& words, const Ended& ended) {
    EXPECT_EQ(ended.code, code) << ended.words;
    EXPECT_NE(ended.words.find(words), std::string::npos) << ended.words;
  };
  expect(2, "step 1, column 1: unknown step \"upgade\"",
         run("", "rehearse " + state + " 'upgade x'"));
  canrec::test::write_text(directory_ / "script", "# first\nquery count\nquery get (7\n");
  expect(3, "script: line 3, column 11: a parenthesis is not closed",
         run("", "rehearse " + state + " --script script"));
  expect(3, "argument: line 1, column 2: nat32 wanted",
         run("", "rehearse " + state + " 'query get(\"x\")'"));
  expect(4, "No such file", run("", "rehearse " + state + " 'replace nothing.wasm'"));
  expect(6, "has no query method", run("", "rehearse " + state + " 'query nothing'"));
  // The module of another canister under this state.
  expect(6, "globals",
         run("", "rehearse " + state + " 'replace " +
                     fixture("motoko/3.6.16/counter.wasm").string() + "'"));
  expect(5, "is not sound",
         run("", "package " + state + " '" + fixture("motoko/3.6.16/counter.wasm").string() +
                     "' -o package --route S"));
  expect(1, "another module than OLD",
         run("", "check '" + canister("journal").string() + "' '" + canister("notes_v2").string() +
                     "' --state " + state));
  EXPECT_FALSE(fs::exists(directory_ / "package"));
}

// A file may not grow beyond 64 KiB: what a full disk is to the program.
TEST_F(BadInput, AFullDiskEndsWithAnErrorAndNoOutput) {
  const auto before = canrec::test::read_tree(state_);
  const std::string limit = "trap '' XFSZ; ulimit -f 64;";
  const std::string state = name_of(state_);
  for (const std::string& arguments :
       {"rehearse " + state + " 'call fill(3000)' --save out",
        "package " + state + " '" + canister("notes").string() + "' -o out",
        "convert " + state + " -o out"}) {
    const Ended ended = run(limit, arguments);
    EXPECT_EQ(ended.code, 4) << arguments << "\n" << ended.words;
    EXPECT_FALSE(fs::exists(directory_ / "out")) << arguments;
    EXPECT_TRUE(leftovers().empty()) << arguments;
    EXPECT_EQ(canrec::test::read_tree(state_), before);
  }
}

// Ctrl-C while code runs that would not end for minutes.
TEST_F(BadInput, CtrlCEndsAnEndlessHookWithNoOutput) {
  const fs::path endless = fill(canister("notes_endless"), {});
  const auto before = canrec::test::read_tree(endless);
  const Ended ended = run("timeout --preserve-status -s INT 2",
                          "rehearse " + name_of(endless) + " 'upgrade " +
                              canister("notes_v2").string() + "' --no-limits --save out");
  EXPECT_EQ(ended.code, 130) << ended.words;
  EXPECT_FALSE(fs::exists(directory_ / "out"));
  EXPECT_TRUE(leftovers().empty());
  EXPECT_EQ(canrec::test::read_tree(endless), before);
}

// Two failures with the same words are no equal answers.
TEST_F(BadInput, ACheckWithoutAnAnswerShowsNothingAndIsRefused) {
  const auto before = canrec::test::read_tree(directory_.path());
  const std::string state = name_of(state_);
  const std::string module = canister("notes_v2").string();
  for (const std::string& arguments : {
           "rehearse " + state + " 'upgrade " + module + "' 'expect-same absent()'",
           "rehearse " + state + " 'upgrade " + module + "' 'expect-same put(7, \"seven\")'",
           "autopsy " + state + " --upgrade '" + module + "' --check 'absent()'",
           "package " + state + " '" + module + "' -o packed --check 'absent()'",
           "push " + state + " -o pushed --module '" + canister("notes_kept").string() +
               "' --check 'absent()'",
       }) {
    const Ended ended = run("", arguments);
    EXPECT_EQ(ended.code, 2) << arguments << ended.words;
    EXPECT_NE(ended.words.find("has no answer before anything is changed"), std::string::npos)
        << arguments << ended.words;
    EXPECT_EQ(canrec::test::read_tree(directory_.path()), before) << arguments;
  }
}

}  // namespace
}  // namespace canrec::recover::test
