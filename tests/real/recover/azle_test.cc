// SPDX-License-Identifier: Apache-2.0
// Azle canisters: real JavaScript over the real MemoryManager, BTreeMap and Cell of
// ic-stable-structures, in both of Azle's templates. Their program is a script in the heap, their
// data are maps in stable memory, and memory 254 has a memory manager of its own.
#include <gtest/gtest.h>

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/shell.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "recover/autopsy.h"
#include "recover/check.h"
#include "recover/package.h"
#include "recover/rehearsal_html.h"
#include "recover/transfer_flow.h"
#include "recover/verify.h"
#include "state.h"

namespace canrec::recover::test {
namespace {

fs::path azle(const std::string& name) { return fixture("azle-canisters/" + name + ".wasm"); }
const fs::path kThrows = azle("0.33.0/stable/ledger_throws");
const fs::path kSettled = azle("0.33.0/stable/ledger_settled");
const fs::path kNext = azle("0.33.0/stable/ledger_v2");
const std::vector<std::string> kChecks = {"get(7)", "count", "find(\"name 8\")"};

using Calls = std::vector<std::pair<std::string, std::string>>;
const Calls kThousand = {{"fill", "(1000)"}, {"put", "(7, \"seven\")"}};
const Calls kFew = {{"fill", "(20)"}, {"put", "(7, \"seven\")"}};

class Azle : public State {
 protected:
  fs::path dropped_hook(const fs::path& state) {
    const Bytes installed = file_of(state / "wasm_module.bin");
    const auto loaded = wasm::load_module(installed);
    EXPECT_TRUE(loaded.has_value());
    const auto plan = patch::drop_hook(*loaded, "canister_pre_upgrade");
    EXPECT_TRUE(plan.has_value());
    const auto patched = patch::apply(*loaded, *plan);
    EXPECT_TRUE(patched.has_value());
    const fs::path path = directory_.path() / "without-hook.wasm";
    canrec::test::write_bytes(path, patched->stored);
    return path;
  }
  // For an upgrade that keeps the heap, without the hook that loads another script.
  fs::path kept(const fs::path& module) {
    const Bytes bytes = file_of(module);
    const auto loaded = wasm::load_module(bytes);
    EXPECT_TRUE(loaded.has_value());
    const auto plan = patch::prepare_route_k(
        *loaded, {.drop_post_upgrade = true, .heap_bytes = std::nullopt, .state = std::nullopt});
    EXPECT_TRUE(plan.has_value());
    const auto patched = patch::apply(*loaded, *plan);
    EXPECT_TRUE(patched.has_value());
    fs::path path = directory_.path() / ("kept-" + module.filename().string());
    canrec::test::write_bytes(path, patched->stored);
    return path;
  }
};

std::map<std::string, const StableRegion*> by_name(const StepReport& step) {
  std::map<std::string, const StableRegion*> out;
  for (const StableRegion& region : step.stable_regions) out[region.region.name] = &region;
  return out;
}

std::string contents_of(const std::map<std::string, const StableRegion*>& regions,
                        const std::string& name) {
  const auto found = regions.find(name);
  return found == regions.end() ? "no " + name : found->second->contents;
}

bool changed(const std::map<std::string, const StableRegion*>& regions, const std::string& name) {
  const auto found = regions.find(name);
  return found != regions.end() && !found->second->changed.empty();
}

class AzleTemplates : public Azle, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Both, AzleTemplates, testing::Values("stable", "experimental"),
                         [](const auto& name) { return std::string(name.param); });

// Every byte of stable memory is named for what the canister keeps there, and each step's changes
// are put down to the memories that it wrote.
TEST_P(AzleTemplates, EveryMemoryIsNamedAndEachStepPutDownToItsOwn) {
  const std::string base = fmt::format("0.33.0/{}/", GetParam());
  const bool has_files = GetParam() == std::string("experimental");
  const fs::path state = fill(azle(base + "ledger_throws"), kThousand);
  const std::string next = "upgrade " + azle(base + "ledger_v2").string() + " --skip-pre-upgrade";
  const auto rehearsal = rehearse(
      state,
      steps({"call put(5000, \"new\")", "call fill(1016)", next, "expect-same find(\"name 8\")",
             "query count", "expect-reply (1_017)", "query version", "expect-reply (2)"}),
      {});
  ASSERT_TRUE(rehearsal.has_value()) << rehearsal.error().message();
  for (const StepReport& step : rehearsal->steps) {
    EXPECT_EQ(step.outcome, StepOutcome::kDone) << step.step.text << ": " << step.words;
  }

  const auto put = by_name(rehearsal->steps[0]);
  for (const auto& [name, region] : put) {
    EXPECT_EQ(region->contents.find("unknown"), std::string::npos) << name;
  }
  EXPECT_EQ(contents_of(put, "memory 0"), "BTreeMap, 1,001 entries");
  EXPECT_EQ(contents_of(put, "memory 7"), "BTreeMap, 125 entries");
  EXPECT_TRUE(changed(put, "memory 0"));
  EXPECT_FALSE(changed(put, "memory 7"));
  // The number of entries, in the first page of the map's own addresses.
  EXPECT_EQ(put.at("memory 0")->changed.front().begin, 0U);
  EXPECT_EQ(contents_of(put, "memory 235 within memory 254"), "allocator of stable-fs");
  EXPECT_EQ(contents_of(put, "memory 231 within memory 254"),
            fmt::format("directory entries of stable-fs: BTreeMap, {} entries", has_files ? 6 : 0));
  EXPECT_TRUE(put.contains("table of the memory manager within memory 254"));
  EXPECT_NE(rehearsal->steps[0].stable_container.find("in memory 254 another memory manager"),
            std::string::npos);

  const auto filled = by_name(rehearsal->steps[1]);
  EXPECT_EQ(contents_of(filled, "memory 7"), "BTreeMap, 127 entries");
  EXPECT_TRUE(changed(filled, "memory 7"));
  const auto upgraded = by_name(rehearsal->steps[2]);
  EXPECT_FALSE(changed(upgraded, "memory 0"));
  EXPECT_FALSE(changed(upgraded, "memory 7"));
  // The experimental template writes its files anew.
  EXPECT_EQ(changed(upgraded, "memory 236 within memory 254"), has_files);

  const std::string page = rehearsal_html(*rehearsal);
  EXPECT_NE(page.find("memory 234 within memory 254"), std::string::npos);
  EXPECT_LT(page.size(), 2'000'000U);
  const std::string command = fmt::format("{} rehearse {} 'call put(5000, \"new\")'",
                                          CANREC_PROGRAM, shell_word(state.string()));
  EXPECT_NE(output_of(command).find("in memory 0 (BTreeMap, 1,001 entries)"), std::string::npos);
  EXPECT_NE(
      output_of(command + " --json")
          .find(
              "{\"name\":\"memory 234 within memory 254\",\"contents\":\"places of file contents"),
      std::string::npos);
}

TEST_F(Azle, TheHookThatThrowsIsTakenOutAndEveryMapComesThrough) {
  const fs::path state = fill(kThrows, kThousand);
  const auto whole = verify(state, {});
  ASSERT_TRUE(whole.has_value());
  EXPECT_TRUE(whole->findings.empty());

  AutopsyRequest question;
  question.directory = state;
  question.upgrade = kNext;
  question.checks = kChecks;
  const auto found = autopsy(question);
  ASSERT_TRUE(found.has_value()) << found.error().message();
  EXPECT_FALSE(found->succeeds);
  EXPECT_EQ(found->stage, "canister_pre_upgrade");
  EXPECT_EQ(found->cause, Cause::kCalledTrap);
  EXPECT_EQ(found->code, "IC0503");
  EXPECT_NE(found->words.find("balance 0 is not settled"), std::string::npos);
  const fs::path fixed = dropped_hook(state);
  const auto fix = std::ranges::find(found->fixes, sha256(file_of(fixed)), &Fix::module_hash);
  ASSERT_NE(fix, found->fixes.end());
  EXPECT_TRUE(fix->works()) << fix->words;

  const std::string upgrade = "upgrade " + kNext.string();
  const auto rehearsal =
      rehearse(state,
               steps({upgrade, "expect-trap not settled", "replace " + fixed.string(), upgrade,
                      "expect-same get(7)", "expect-same count", "query version"}),
               {});
  ASSERT_TRUE(rehearsal.has_value()) << rehearsal.error().message();
  EXPECT_TRUE(rehearsal->succeeded);

  PackageRequest wanted;
  wanted.directory = state;
  wanted.module = fixed;
  wanted.output = directory_.path() / "package";
  wanted.checks = kChecks;
  const auto made = package(posix_file_system(), wanted);
  ASSERT_TRUE(made.has_value()) << made.error().message();
  EXPECT_EQ(made->route, wasmdiff::Route::kS);
  EXPECT_EQ(made->word, wasmdiff::Word::kSafe);
  const fs::path packaged = wanted.output / "snapshot";
  EXPECT_TRUE(verify(packaged, {})->findings.empty());
  const auto after =
      rehearse(packaged,
               steps({upgrade, "expect-same get(7)", "expect-same get(999)", "expect-same count",
                      "expect-same find(\"name 8\")", "query version", "expect-reply (2)"}),
               {});
  ASSERT_TRUE(after.has_value());
  EXPECT_TRUE(after->succeeded);
}

// However far the limit is away, the attempt to see what lies beyond it ends.
TEST_F(Azle, AHookThatNeverEndsIsStoppedAndCanBeSkipped) {
  const fs::path state = fill(azle("0.33.0/stable/ledger_loops"), kFew);
  const std::string upgrade = "upgrade " + kNext.string();
  RehearseOptions options;
  options.executor.profile.set(executor::Limit::kInstallInstructions, 200'000'000);
  const auto stuck = rehearse(state, steps({upgrade}), options);
  ASSERT_TRUE(stuck.has_value()) << stuck.error().message();
  const StepReport& step = stuck->steps[0];
  EXPECT_EQ(step.outcome, StepOutcome::kFailed);
  EXPECT_EQ(step.stage, "canister_pre_upgrade");
  EXPECT_EQ(step.code, "IC0522");
  ASSERT_TRUE(step.unlimited.has_value());
  EXPECT_FALSE(step.unlimited->succeeded);
  EXPECT_GE(step.unlimited->instructions, 800'000'000U);
  EXPECT_LT(step.unlimited->instructions, 900'000'000U);

  const auto skipped = rehearse(state,
                                steps({upgrade + " --skip-pre-upgrade", "expect-same get(7)",
                                       "expect-same count", "query version", "expect-reply (2)"}),
                                {});
  ASSERT_TRUE(skipped.has_value()) << skipped.error().message();
  EXPECT_TRUE(skipped->succeeded);
}

// What only the heap has is lost with it, and a check that asks for it says so.
TEST_F(Azle, AFixThatLosesTheHeapIsRefutedByACheckOfTheHeap) {
  AutopsyRequest question;
  question.directory = fill(kThrows, kFew);
  question.upgrade = kNext;
  question.checks = {"count", "counted"};
  const auto found = autopsy(question);
  ASSERT_TRUE(found.has_value()) << found.error().message();
  EXPECT_TRUE(std::ranges::none_of(found->fixes, &Fix::works));
  EXPECT_TRUE(std::ranges::any_of(found->fixes, [](const Fix& fix) {
    return fix.words.find("counted was (1 : nat) and is (0 : nat)") != std::string::npos;
  }));
}

// Number 6 of the old script is its preUpgrade, of the new one the query `version`.
TEST_F(Azle, AModuleThatCallsOtherFunctionsOfTheOldScriptIsNotPackaged) {
  const fs::path state = fill(kThrows, kFew);
  PackageRequest wanted;
  wanted.directory = state;
  wanted.module = kNext;
  wanted.output = directory_.path() / "package";
  wanted.checks = kChecks;
  const auto refused = package(posix_file_system(), wanted);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::kVerification);
  EXPECT_NE(refused.error().message().find("other functions of the JavaScript in the heap"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(wanted.output));

  const auto shown = rehearse(
      state,
      steps({"replace " + kNext.string(), "query version", "expect-trap balance 0 is not settled"}),
      {});
  ASSERT_TRUE(shown.has_value()) << shown.error().message();
  EXPECT_TRUE(shown->succeeded);

  const auto by_kept_heap = [&](const fs::path& module) {
    PushRequest in;
    in.source = state;
    in.output = directory_.path() / "fresh";
    in.module = file_of(module);
    return push_directory(posix_file_system(), in);
  };
  const auto pushed = by_kept_heap(kept(kNext));
  ASSERT_FALSE(pushed.has_value());
  EXPECT_EQ(pushed.error().code(), Errc::kInstallRefused);
}

TEST_F(Azle, ARepairedScriptDoesNotRunByRouteSAndThePackageSaysSo) {
  PackageRequest wanted;
  wanted.directory = fill(kThrows, kFew);
  wanted.module = kSettled;
  wanted.output = directory_.path() / "package";
  wanted.checks = kChecks;
  const auto made = package(posix_file_system(), wanted);
  ASSERT_TRUE(made.has_value()) << made.error().message();
  EXPECT_EQ(made->word, wasmdiff::Word::kReview);
  const auto warning = std::ranges::find(made->findings, "script.old", &Finding::code);
  ASSERT_NE(warning, made->findings.end());
  EXPECT_NE(warning->next.find("--skip-pre-upgrade"), std::string::npos);
  EXPECT_NE(canrec::test::read_text(wanted.output / "runbook.txt").find("JavaScript does not run"),
            std::string::npos);

  const std::string upgrade = "upgrade " + kNext.string();
  const auto again =
      rehearse(wanted.output / "snapshot",
               steps({upgrade, "expect-trap not settled", upgrade + " --skip-pre-upgrade",
                      "expect-same get(7)", "expect-same count", "query version"}),
               {});
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_TRUE(again->succeeded);
}

TEST_F(Azle, IsPulledByteForByteAndPushedWithItsHeap) {
  const fs::path state = fill(kThrows, kFew);
  PullRequest out;
  out.source = state;
  out.output = directory_.path() / "pulled";
  const auto pulled = pull_directory(posix_file_system(), out);
  ASSERT_TRUE(pulled.has_value()) << pulled.error().message();
  EXPECT_EQ(canrec::test::read_tree(out.output), canrec::test::read_tree(state));

  PushRequest in;
  in.source = out.output;
  in.output = directory_.path() / "fresh";
  in.checks = {"get(7)", "count", "counted"};
  const auto refused = push_directory(posix_file_system(), in);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::kInstallRefused);
  in.module = file_of(kept(kThrows));
  const auto pushed = push_directory(posix_file_system(), in);
  ASSERT_TRUE(pushed.has_value()) << pushed.error().message();
  ASSERT_EQ(pushed->answers.size(), 3U);
  EXPECT_EQ(pushed->answers[0].after, "(opt \"seven\")");
  EXPECT_EQ(pushed->answers[2].after, "(1 : nat)");
  const auto next = rehearse(
      in.output,
      steps({"upgrade " + kNext.string() + " --skip-pre-upgrade --replace-memory",
             "expect-same get(7)", "expect-same count", "query version", "expect-reply (2)"}),
      {});
  ASSERT_TRUE(next.has_value()) << next.error().message();
  EXPECT_TRUE(next->succeeded);
}

TEST_F(Azle, TheChecklistRehearsesTheStepBetweenVersions) {
  CheckRequest question;
  question.old_module = azle("0.32.0/stable/ledger");
  question.new_module = kNext;
  question.state = fill(question.old_module, kFew);
  const auto answer_of = [](const Checklist& list, std::string_view id) {
    const auto row = std::ranges::find(list.rows, id, &CheckRow::id);
    return row == list.rows.end() ? Answer::kUnknown : row->answer;
  };
  const auto list = check(question);
  ASSERT_TRUE(list.has_value()) << list.error().message();
  EXPECT_EQ(answer_of(*list, "rehearsal"), Answer::kGood);
  EXPECT_EQ(answer_of(*list, "candid"), Answer::kGood);
  // Only the new module has a hook that runs, and the command that shows its calls is about that
  // one.
  const auto hooks = std::ranges::find(list->rows, "hooks", &CheckRow::id);
  ASSERT_NE(hooks, list->rows.end());
  EXPECT_EQ(hooks->answer, Answer::kLook);
  EXPECT_TRUE(hooks->next.starts_with("canrec patch calls " + shell_word(kNext.string()) +
                                      " --from canister_post_upgrade shows"))
      << hooks->next;
  question.old_module = kThrows;
  question.state = fill(kThrows, kFew);
  const auto bad = check(question);
  ASSERT_TRUE(bad.has_value());
  EXPECT_EQ(answer_of(*bad, "rehearsal"), Answer::kBad);
  EXPECT_EQ(bad->worst(), Answer::kBad);
}

// The files of two snapshots, or a download cut where the inner manager alone can tell.
TEST_F(Azle, AContradictionWithinMemory254IsFound) {
  const fs::path state = fill(azle("0.32.0/stable/ledger"), {});
  const fs::path image = state / "stable_memory.bin";
  Bytes bytes = file_of(image);
  // Bucket 0 begins behind the outer table and is the first of memory 254.
  ASSERT_EQ(as_text(ByteView(bytes).subspan(65536, 3)), "MGR");
  bytes[65536 + 4] += 1;
  canrec::test::write_bytes(image, bytes);
  const auto report = verify(state, {});
  ASSERT_TRUE(report.has_value());
  ASSERT_EQ(report->findings.size(), 1U);
  EXPECT_EQ(report->findings[0].code, "stable-index");
  EXPECT_TRUE(report->findings[0].what.starts_with("within memory 254:"))
      << report->findings[0].what;
}

}  // namespace
}  // namespace canrec::recover::test
