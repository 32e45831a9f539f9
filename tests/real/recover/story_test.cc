// SPDX-License-Identifier: Apache-2.0
// Both recoveries from beginning to end, on real canisters: fill, brick, verify, autopsy, patch,
// rehearse, package, load the package, upgrade, all data there; and: pull the state, restore it
// into a fresh canister.
#include <gtest/gtest.h>

#include <algorithm>

#include "patch/apply.h"
#include "patch/operations.h"
#include "recover/autopsy.h"
#include "recover/check.h"
#include "recover/package.h"
#include "recover/rehearsal_html.h"
#include "recover/runbook.h"
#include "recover/transfer_flow.h"
#include "recover/verify.h"
#include "state.h"

namespace canrec::recover::test {
namespace {

class Story : public State {};

const std::vector<std::pair<std::string, std::string>> kNotes = {
    {"put", "(7, \"seven\")"}, {"put", "(8, \"eight\")"}, {"fill", "(3000)"}};

TEST_F(Story, OneCallIsPatchedAndThePackageCarriesTheDataOver) {
  const fs::path state = fill(canister("notes_no_grow"), kNotes);
  const auto whole = verify(state, {});
  ASSERT_TRUE(whole.has_value());
  EXPECT_TRUE(whole->findings.empty());

  AutopsyRequest question;
  question.directory = state;
  question.upgrade = canister("notes_v2");
  question.checks = {"get(7)", "count"};
  const auto autopsy_result = autopsy(question);
  ASSERT_TRUE(autopsy_result.has_value()) << autopsy_result.error().message();
  EXPECT_FALSE(autopsy_result->succeeds);
  EXPECT_EQ(autopsy_result->cause, Cause::kStableOutOfBounds);
  EXPECT_EQ(autopsy_result->code, "IC0502");
  ASSERT_FALSE(autopsy_result->fixes.empty());
  EXPECT_TRUE(autopsy_result->fixes.front().succeeds);
  EXPECT_TRUE(autopsy_result->fixes.front().answers_same);

  const Bytes broken = file_of(state / "wasm_module.bin");
  const auto loaded = wasm::load_module(broken);
  ASSERT_TRUE(loaded.has_value());
  const auto plan = patch::grow_before_write(*loaded, {std::nullopt, "canister_pre_upgrade"});
  ASSERT_TRUE(plan.has_value());
  const auto patched = patch::apply(*loaded, *plan);
  ASSERT_TRUE(patched.has_value());
  EXPECT_EQ(sha256(patched->stored), autopsy_result->fixes.front().module_hash);
  const fs::path fixed = directory_.path() / "fixed.wasm";
  canrec::test::write_bytes(fixed, patched->stored);

  const std::string upgrade = "upgrade " + canister("notes_v2").string();
  const auto control = rehearse(state, steps({upgrade}), {});
  ASSERT_TRUE(control.has_value());
  EXPECT_FALSE(control->succeeded);
  const auto rehearsal = rehearse(state,
                                  steps({upgrade, "expect-trap stable memory out of bounds",
                                         "replace " + fixed.string(), upgrade, "expect-same get(7)",
                                         "expect-same count", "query version", "expect-reply (2)"}),
                                  {});
  ASSERT_TRUE(rehearsal.has_value()) << rehearsal.error().message();
  EXPECT_TRUE(rehearsal->succeeded);
  EXPECT_LT(rehearsal_html(*rehearsal).size(), 2'000'000U);

  PackageRequest wanted;
  wanted.directory = state;
  wanted.module = fixed;
  wanted.output = directory_.path() / "package";
  wanted.checks = {"get(7)", "count"};
  const auto made = package(posix_file_system(), wanted);
  ASSERT_TRUE(made.has_value()) << made.error().message();
  EXPECT_EQ(made->route, wasmdiff::Route::kS);
  const std::string runbook = canrec::test::read_text(wanted.output / "runbook.md");
  EXPECT_NE(runbook.find("snapshot restore"), std::string::npos);
  EXPECT_NE(runbook.find("opt \"seven\""), std::string::npos);
  EXPECT_EQ(canrec::test::read_text(wanted.output / "runbook.txt").find('`'), std::string::npos);

  // --force replaces a package and nothing else.
  EXPECT_EQ(package(posix_file_system(), wanted).error().code(), Errc::kExists);
  wanted.overwrite = Overwrite::kYes;
  EXPECT_TRUE(package(posix_file_system(), wanted).has_value());
  PackageRequest careless = wanted;
  careless.output = directory_.path();
  EXPECT_EQ(package(posix_file_system(), careless).error().code(), Errc::kExists);
  EXPECT_TRUE(fs::exists(state / "metadata.json"));

  const fs::path packaged = wanted.output / "snapshot";
  EXPECT_TRUE(verify(packaged, {})->findings.empty());
  const auto upgraded = rehearse(
      packaged, steps({upgrade, "expect-same get(7)", "expect-same get(8)", "expect-same count"}),
      {});
  ASSERT_TRUE(upgraded.has_value());
  EXPECT_TRUE(upgraded->succeeded);
}

TEST_F(Story, EveryIncidentIsSolvedByOneAutopsy) {
  for (const std::string name : {"notes_no_grow", "notes_replies", "notes_calls", "notes_traps"}) {
    AutopsyRequest question;
    question.directory = fill(canister(name), kNotes);
    question.upgrade = canister("notes_v2");
    question.checks = {"get(7)", "count"};
    const auto result = autopsy(question);
    ASSERT_TRUE(result.has_value()) << name;
    EXPECT_FALSE(result->succeeds) << name;
    ASSERT_FALSE(result->fixes.empty()) << name;
    EXPECT_TRUE(result->fixes.front().succeeds) << name << ": " << result->fixes.front().words;
    EXPECT_TRUE(result->fixes.front().answers_same) << name;
  }
}

TEST_F(Story, TheInstructionLimitIsNamedAndHowFarBeyond) {
  AutopsyRequest question;
  question.directory = fill(canister("notes_quadratic"), kNotes);
  question.upgrade = canister("notes_v2");
  question.executor.profile.set(executor::Limit::kInstallInstructions, 100'000'000);
  const auto result = autopsy(question);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_FALSE(result->succeeds);
  EXPECT_EQ(result->cause, Cause::kInstructions);
  EXPECT_EQ(result->code, "IC0522");
  ASSERT_TRUE(result->unlimited.has_value());
}

TEST_F(Story, NothingHelpsSoTheStateIsPulledAndRestored) {
  const fs::path state = fill(canister("notes_unreachable"), kNotes);
  PullRequest out;
  out.source = state;
  out.output = directory_.path() / "pulled";
  const auto pulled = pull_directory(posix_file_system(), out);
  ASSERT_TRUE(pulled.has_value()) << pulled.error().message();
  EXPECT_EQ(canrec::test::read_tree(out.output), canrec::test::read_tree(state));

  PushRequest in;
  in.source = out.output;
  in.output = directory_.path() / "fresh";
  in.module = file_of(canister("notes_kept"));
  in.checks = {"get(8)"};
  const auto pushed = push_directory(posix_file_system(), in);
  ASSERT_TRUE(pushed.has_value()) << pushed.error().message();
  ASSERT_EQ(pushed->answers.size(), 1U);
  EXPECT_EQ(pushed->answers[0].after, "(opt \"eight\")");
  EXPECT_EQ(ask(in.output, "count", "()"), ask(state, "count", "()"));
}

TEST_F(Story, PushGoesOnAfterAnInterruption) {
  const fs::path state = fill(canister("notes"), kNotes);
  Interrupt interrupt;
  PushRequest in;
  in.source = state;
  in.output = directory_.path() / "fresh";
  in.module = file_of(canister("notes_kept"));
  in.transfer.chunk_bytes = 65536;
  in.transfer.interrupt = &interrupt;
  in.transfer.progress = [&](Region, uint64_t, uint64_t) { interrupt.request(); };
  const auto stopped = push_directory(posix_file_system(), in);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code(), Errc::kInterrupted);
  in.transfer.interrupt = nullptr;
  in.transfer.progress = {};
  const auto rest = push_directory(posix_file_system(), in);
  ASSERT_TRUE(rest.has_value()) << rest.error().message();
  EXPECT_TRUE(rest->transfer.resumed);
  EXPECT_EQ(ask(in.output, "get", "(7)"), "(opt \"seven\")");
}

// Both kinds of Motoko: pulled byte for byte, and refused for route K with the reason.
TEST_F(Story, MotokoIsPulledExactlyAndNotPushedWhereItsStateWouldBeLost) {
  for (const std::string version : {"3.6.16", "4.10.0"}) {
    const fs::path module = fixture("motoko/" + version + "/stuck.wasm");
    const fs::path state = fill(module, {{"write", "(\"kept\")"}});
    PullRequest out;
    out.source = state;
    out.output = directory_.path() / ("pulled-" + version);
    const auto pulled = pull_directory(posix_file_system(), out);
    ASSERT_TRUE(pulled.has_value()) << version << ": " << pulled.error().message();
    EXPECT_EQ(canrec::test::read_tree(out.output), canrec::test::read_tree(state));
    PushRequest in;
    in.source = out.output;
    in.output = directory_.path() / ("fresh-" + version);
    const auto pushed = push_directory(posix_file_system(), in);
    ASSERT_FALSE(pushed.has_value()) << version;
    EXPECT_EQ(pushed.error().code(), Errc::kInstallRefused);
    EXPECT_FALSE(fs::exists(in.output));
  }
}

TEST_F(Story, MotokoWhosePreUpgradeTrapsIsRecoveredByReplacingTheCode) {
  const std::string base = "motoko/4.10.0/";
  const fs::path state = fill(fixture(base + "stuck.wasm"), {{"write", "(\"kept\")"}});
  AutopsyRequest question;
  question.directory = state;
  question.upgrade = fixture(base + "stuck_fixed.wasm");
  question.checks = {"read"};
  const auto result = autopsy(question);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->cause, Cause::kCalledTrap);
  ASSERT_FALSE(result->fixes.empty());
  const bool any = std::ranges::any_of(
      result->fixes, [](const Fix& fix) { return fix.succeeds && fix.answers_same; });
  EXPECT_TRUE(any) << result->fixes.front().words;
}

TEST_F(Story, TheChecklistSaysWhatAFrightenedControllerMustKnow) {
  const fs::path state = fill(canister("notes_no_grow"), kNotes);
  CheckRequest question;
  question.old_module = canister("notes_no_grow");
  question.new_module = canister("notes_v2");
  question.state = state;
  const auto list = check(question);
  ASSERT_TRUE(list.has_value()) << list.error().message();
  EXPECT_EQ(list->worst(), Answer::kBad);
  const auto row = std::ranges::find(list->rows, "rehearsal", &CheckRow::id);
  ASSERT_NE(row, list->rows.end());
  EXPECT_EQ(row->answer, Answer::kBad);
  question.state = fill(canister("notes"), kNotes);
  question.old_module = canister("notes");
  question.backup = "yes";
  const auto good = check(question);
  ASSERT_TRUE(good.has_value());
  EXPECT_NE(good->worst(), Answer::kBad);
}

}  // namespace
}  // namespace canrec::recover::test
