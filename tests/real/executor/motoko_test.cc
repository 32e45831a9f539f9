// SPDX-License-Identifier: Apache-2.0
// Motoko programs of every supported compiler: classical persistence with 32-bit memory, enhanced
// orthogonal persistence with 64-bit memory.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "real_canister.h"
#include "snapshot/directory.h"
#include "support/temporary_directory.h"

namespace canrec::executor {
namespace {

using test::RealCanister;

struct Compiler {
  std::string version;
  bool enhanced;
};

class Motoko : public ::testing::TestWithParam<Compiler> {
 protected:
  static std::string module(std::string_view name) {
    return fmt::format("motoko/{}/{}.wasm", GetParam().version, name);
  }
  /// The option that an upgrade of this compiler's programs must be given.
  static std::optional<MemoryPersistence> memory() {
    if (!GetParam().enhanced) return std::nullopt;
    return MemoryPersistence::kKeep;
  }
};

TEST_P(Motoko, CountsAndKeepsTheCountOverAnUpgrade) {
  RealCanister counter(module("counter"));
  EXPECT_EQ(counter.call("add", "(41 : nat)"), "(41 : nat)");
  EXPECT_EQ(counter.call("inc"), "(42 : nat)");
  EXPECT_EQ(counter.query("get"), "(42 : nat)");
  const InstallOutcome outcome = counter.upgrade(module("counter"), memory());
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  EXPECT_EQ(counter.query("get"), "(42 : nat)");
  EXPECT_EQ(counter.call("inc"), "(43 : nat)");
}

TEST_P(Motoko, UpgradesWithoutDataToo) {
  RealCanister counter(module("counter"));
  const InstallOutcome outcome = counter.upgrade(module("counter"), memory());
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  EXPECT_EQ(counter.query("get"), "(0 : nat)");
}

TEST_P(Motoko, RollsATrappingPreupgradeBackWithTheNetworksText) {
  RealCanister stuck(module("stuck"));
  ASSERT_TRUE(stuck.upgrade(module("stuck"), memory()).ok());
  EXPECT_EQ(stuck.call("write", "(\"precious\")"), "()");
  const snapshot::Metadata before = *stuck.network.metadata(stuck.id);
  const InstallOutcome outcome = stuck.upgrade(module("stuck_fixed"), memory());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.stage, "canister_pre_upgrade");
  const std::string text = outcome.failure->text();
  EXPECT_TRUE(
      text.starts_with(fmt::format("IC0503: Error from Canister {}: Canister called `ic0.trap` "
                                   "with message: 'preupgrade: the old "
                                   "format cannot hold this'",
                                   stuck.id.text())))
      << text;
  EXPECT_TRUE(text.ends_with(
      ".\nConsider gracefully handling failures from this canister or altering the canister to "
      "handle exceptions. See documentation: "
      "https://internetcomputer.org/docs/references/execution-errors#trapped-explicitly"))
      << text;
  EXPECT_EQ(*stuck.network.metadata(stuck.id), before);
  EXPECT_EQ(stuck.query("read"), "(\"precious\", 1 : nat)");
}

TEST_P(Motoko, RefusesTheWrongMemoryOption) {
  RealCanister counter(module("counter"));
  const auto wrong = GetParam().enhanced ? std::nullopt : std::optional(MemoryPersistence::kKeep);
  const InstallOutcome outcome = counter.upgrade(module("counter"), wrong);
  ASSERT_FALSE(outcome.ok());
  EXPECT_TRUE(outcome.failure->text().starts_with(GetParam().enhanced
                                                      ? "IC0504: Missing upgrade option: "
                                                      : "IC0504: Invalid upgrade option: "));
}

TEST_P(Motoko, AnswersFromASnapshotDirectoryAsBefore) {
  canrec::test::TemporaryDirectory directory;
  RealCanister counter(module("counter"));
  counter.call("add", "(7 : nat)");
  ASSERT_TRUE(
      counter.network.save(counter.id, posix_file_system(), directory / "s", Overwrite::kNo));
  Executor other((Options()));
  auto opened = snapshot::Directory::open(directory / "s");
  ASSERT_TRUE(opened) << opened.error().message();
  const auto id = other.load(std::move(*opened));
  ASSERT_TRUE(id) << id.error().message();
  EXPECT_EQ(RealCanister::text_of(*other.query({*id, "get", test::candid_bytes("()")})),
            "(7 : nat)");
  EXPECT_EQ(RealCanister::text_of(*other.update({*id, "inc", test::candid_bytes("()")})),
            "(8 : nat)");
}

INSTANTIATE_TEST_SUITE_P(Compilers, Motoko,
                         ::testing::Values(Compiler{"2.0.3", false}, Compiler{"3.6.16", false},
                                           Compiler{"3.11.1", false}, Compiler{"3.15.0", true},
                                           Compiler{"4.0.0", true}, Compiler{"4.10.0", true}),
                         [](const auto& row) {
                           std::string name = "v" + row.param.version;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

// The compilers that have timers.
class MotokoLedger : public Motoko {};

TEST_P(MotokoLedger, AwaitsItself) {
  RealCanister ledger(module("ledger"));
  EXPECT_EQ(ledger.call("deposit", "(500 : nat)"), "(500 : nat)");
  const CallOutcome outcome = ledger.update("transfer", "(principal \"aaaaa-aa\", 120 : nat)");
  ASSERT_TRUE(outcome.replied()) << outcome.failure().text();
  EXPECT_EQ(outcome.runs.size(), 5u);  // the method, and twice a call with its callback
  EXPECT_EQ(ledger.query("balanceOf", "(principal \"aaaaa-aa\")"), "(120 : nat)");
  EXPECT_TRUE(ledger.network.find(ledger.id)->contexts.empty());
}

TEST_P(MotokoLedger, CarriesItsTableOverAnUpgradeByItsHooks) {
  RealCanister ledger(module("ledger"));
  ledger.call("deposit", "(500 : nat)");
  ledger.call("transfer", "(principal \"aaaaa-aa\", 120 : nat)");
  const std::string before = ledger.query("entries");
  const InstallOutcome outcome = ledger.upgrade(module("ledger"), memory());
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  EXPECT_EQ(ledger.query("entries"), before);
  EXPECT_EQ(ledger.query("balanceOf", "(principal \"aaaaa-aa\")"), "(120 : nat)");
}

TEST_P(MotokoLedger, UndoesACallThatTraps) {
  RealCanister ledger(module("ledger"));
  ledger.call("deposit", "(500 : nat)");
  const std::string text = ledger.call("deposit", "(1_000_001 : nat)");
  EXPECT_TRUE(text.starts_with("IC0503: ")) << text;
  EXPECT_NE(text.find("deposit above the maximum"), std::string::npos);
  EXPECT_NE(text.find("\nCanister Backtrace:\n"), std::string::npos);
  EXPECT_EQ(ledger.call("deposit", "(1 : nat)"), "(501 : nat)");
}

TEST_P(MotokoLedger, TicksWithItsTimer) {
  RealCanister ledger(module("ledger"));
  const auto outcomes = ledger.network.advance_time(uint64_t{150} * 1'000'000'000);
  ASSERT_TRUE(outcomes) << outcomes.error().message();
  EXPECT_GT(outcomes->timers, 0u);
  EXPECT_FALSE(outcomes->failure) << outcomes->failure->text();
  EXPECT_GT(ledger.network.find(ledger.id)->global_timer_ns, ledger.network.time_ns());
}

INSTANTIATE_TEST_SUITE_P(Compilers, MotokoLedger,
                         ::testing::Values(Compiler{"3.6.16", false}, Compiler{"3.11.1", false},
                                           Compiler{"3.15.0", true}, Compiler{"4.0.0", true},
                                           Compiler{"4.10.0", true}),
                         [](const auto& row) {
                           std::string name = "v" + row.param.version;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(MotokoStabilisation, RunsItsHelpersToTheEnd) {
  RealCanister ledger("motoko/4.10.0/ledger.wasm");
  ledger.call("deposit", "(500 : nat)");
  const std::string before = ledger.query("entries");
  EXPECT_EQ(ledger.call("__motoko_stabilize_before_upgrade"), "()");
  const InstallOutcome outcome =
      ledger.upgrade("motoko/4.10.0/ledger.wasm", MemoryPersistence::kReplace);
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  EXPECT_EQ(ledger.call("__motoko_destabilize_after_upgrade"), "()");
  EXPECT_EQ(ledger.query("entries"), before);
}

}  // namespace
}  // namespace canrec::executor
