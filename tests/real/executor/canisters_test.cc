// SPDX-License-Identifier: Apache-2.0
// Canisters in C and Rust with raw imports, and the Azle templates.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "real_canister.h"
#include "snapshot/writer.h"
#include "support/temporary_directory.h"

namespace canrec::executor {
namespace {

using test::RealCanister;

std::string canister(std::string_view name) { return fmt::format("canisters/{}.wasm", name); }

TEST(RawCanister, KeepsStateInStableMemory) {
  RealCanister cellar(canister("cellar"));
  EXPECT_EQ(cellar.call("add", "(\"barolo\")"), "(0 : nat32)");
  EXPECT_EQ(cellar.call("add", "(\"port\")"), "(1 : nat32)");
  ASSERT_TRUE(cellar.upgrade(canister("cellar")).ok());
  EXPECT_EQ(cellar.query("get", "(1 : nat32)"), "(opt \"port\")");
  EXPECT_EQ(cellar.query("count"), "(2 : nat32)");
}

TEST(RawCanister, CarriesNotesThroughItsHooks) {
  RealCanister notes(canister("notes"));
  notes.call("put", "(7 : nat32, \"seven\")");
  const InstallOutcome outcome = notes.upgrade(canister("notes_v2"));
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  EXPECT_EQ(notes.query("get", "(7 : nat32)"), "(opt \"seven\")");
  EXPECT_EQ(notes.query("version"), "(2 : nat32)");
}

TEST(RawCanister, KeepsTheHeapOnRequest) {
  RealCanister notes(canister("notes_kept"));
  notes.call("put", "(7 : nat32, \"seven\")");
  const InstallOutcome outcome = notes.upgrade(canister("notes_v2_kept"), MemoryPersistence::kKeep);
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  EXPECT_EQ(notes.query("get", "(7 : nat32)"), "(opt \"seven\")");
}

TEST(RawCanister, RunsARustProgram) {
  RealCanister journal(canister("journal_fixed"));
  EXPECT_EQ(journal.call("put", "(7 : nat32, \"seven\")"), "()");
  const InstallOutcome outcome = journal.upgrade(canister("journal_v2"));
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  EXPECT_EQ(journal.query("get", "(7 : nat32)"), "(opt \"seven\")");
}

// A hook that cannot run, and what the network says about it.
struct Incident {
  std::string module;
  std::string text;  // behind "Error from Canister ID: "
};
class BrokenHook : public ::testing::TestWithParam<Incident> {};

TEST_P(BrokenHook, FailsWithTheNetworksTextAndChangesNothing) {
  RealCanister notes(canister(GetParam().module));
  notes.call("put", "(7 : nat32, \"seven\")");
  const snapshot::Metadata before = *notes.network.metadata(notes.id);
  Profile profile = Profile::mainnet();
  profile.set(Limit::kInstallInstructions, 100'000'000);
  notes.network.set_profile(profile);
  const InstallOutcome outcome = notes.upgrade(canister("notes_v2"));
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.stage, "canister_pre_upgrade");
  const std::string text = outcome.failure->text();
  EXPECT_TRUE(text.starts_with(fmt::format(fmt::runtime(GetParam().text), notes.id.text())))
      << text;
  EXPECT_EQ(*notes.network.metadata(notes.id), before);
  notes.network.set_profile(Profile::mainnet());
  EXPECT_EQ(notes.query("get", "(7 : nat32)"), "(opt \"seven\")");
}

INSTANTIATE_TEST_SUITE_P(
    Hooks, BrokenHook,
    ::testing::Values(
        Incident{"notes_no_grow",
                 "IC0502: Error from Canister {}: Canister trapped: stable memory out of bounds\n"
                 "Canister Backtrace:\npre_upgrade\n"},
        Incident{"notes_replies",
                 "IC0504: Error from Canister {}: Canister violated contract: "
                 "\"ic0_msg_reply_data_append\" cannot be executed in pre upgrade mode"},
        Incident{"notes_calls",
                 "IC0504: Error from Canister {}: Canister violated contract: \"ic0_call_new\" "
                 "cannot be executed in pre upgrade mode"},
        Incident{"notes_endless",
                 "IC0522: Error from Canister {}: Canister exceeded the limit of 100000000 "
                 "instructions for single message execution."},
        Incident{"notes_traps",
                 "IC0503: Error from Canister {}: Canister called `ic0.trap` with message: "
                 "'pre_upgrade: these notes cannot be kept'\nCanister Backtrace:\npre_upgrade\n"},
        Incident{"notes_unreachable",
                 "IC0502: Error from Canister {}: Canister trapped: unreachable\n"
                 "Canister Backtrace:\npre_upgrade\n"},
        Incident{"notes_recurses",
                 "IC0502: Error from Canister {}: Canister trapped: stack overflow\n"
                 "Canister Backtrace:\ndescend\n"}),
    [](const auto& row) { return row.param.module; });

TEST(RawCanister, Traps32BitStableCallsAbove4GiB) {
  canrec::test::TemporaryDirectory directory;
  RealCanister notes(canister("notes_32_bit"));
  notes.call("put", "(7 : nat32, \"seven\")");
  ASSERT_TRUE(notes.upgrade(canister("notes_32_bit")).ok());
  notes.call("put", "(8 : nat32, \"eight\")");
  ASSERT_TRUE(
      notes.network.save(notes.id, posix_file_system(), directory / "small", Overwrite::kNo));
  // The same snapshot with a page more stable memory than 32 bits can count: a file with a hole.
  const auto small = snapshot::Directory::open(directory / "small");
  ASSERT_TRUE(small);
  snapshot::NewSnapshot large{.metadata = small->metadata(),
                              .module = snapshot::Image::of(small->module_file()),
                              .heap = snapshot::Image::of(small->heap_file()),
                              .stable = snapshot::Image::of(small->stable_file()),
                              .chunks = {}};
  large.stable.size = uint64_t{65537} * 65536;
  const Interrupt never;
  ASSERT_TRUE(snapshot::write_directory(posix_file_system(), directory / "large", large,
                                        Overwrite::kNo, never));
  Executor network((Options()));
  auto opened = snapshot::Directory::open(directory / "large");
  ASSERT_TRUE(opened) << opened.error().message();
  const auto id = network.load(std::move(*opened));
  ASSERT_TRUE(id) << id.error().message();
  InstallRequest request;
  request.canister = *id;
  request.mode = InstallMode::kUpgrade;
  request.module = test::fixture(canister("notes_v2"));
  const auto outcome = network.install(request);
  ASSERT_TRUE(outcome && !outcome->ok());
  EXPECT_NE(outcome->failure->text().find("Canister trapped: 32 bit stable memory api used on a "
                                          "memory larger than 4GB"),
            std::string::npos)
      << outcome->failure->text();
}

TEST(RawCanister, NeedsMoreInstructionsTheMoreItHolds) {
  RealCanister notes(canister("notes_quadratic"));
  notes.call("fill", "(3000 : nat32)");
  Profile profile = Profile::mainnet();
  profile.set(Limit::kInstallInstructions, 50'000'000);
  notes.network.set_profile(profile);
  const InstallOutcome outcome = notes.upgrade(canister("notes_v2"));
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.failure->code, ic::ErrorCode::kInstructionLimit);
  notes.network.set_profile(Profile::no_limits());
  EXPECT_TRUE(notes.upgrade(canister("notes_v2")).ok());
  EXPECT_EQ(notes.query("count"), "(3_000 : nat32)");
}

TEST(RawCanister, CallsAnotherCanister) {
  RealCanister relay(canister("relay"));
  const ic::Principal notes = relay.network.create_canister();
  InstallRequest request;
  request.canister = notes;
  request.module = test::fixture(canister("notes"));
  ASSERT_TRUE(relay.network.install(request)->ok());
  ASSERT_TRUE(relay.network.update({notes, "put", test::candid_bytes("(7 : nat32, \"seven\")")})
                  ->replied());
  EXPECT_EQ(relay.call("relay", fmt::format("(principal \"{}\", 7 : nat32)", notes.text())),
            "(opt \"seven\")");
  EXPECT_EQ(relay.query("failures"), "(0 : nat32)");
  relay.call("relay", "(principal \"r7inp-6aaaa-aaaaa-aaabq-cai\", 7 : nat32)");
  EXPECT_EQ(relay.query("failures"), "(1 : nat32)");
}

TEST(RawCanister, TicksAndCertifies) {
  RealCanister ticker(canister("ticker"));
  const auto outcomes = ticker.network.advance_time(uint64_t{5} * 1'000'000'000);
  ASSERT_TRUE(outcomes);
  EXPECT_EQ(outcomes->timers, 5u);
  EXPECT_EQ(ticker.query("count"), "(5 : nat32)");
  EXPECT_FALSE(ticker.network.find(ticker.id)->certified_data.empty());
}

// --- Azle
// -----------------------------------------------------------------------------------------

class Azle : public ::testing::TestWithParam<std::string> {};

TEST_P(Azle, InstantiatesAndAnswersWithoutItsJavaScript) {
  RealCanister azle(fmt::format("azle/{}.wasm", GetParam()));
  const auto outcome =
      azle.network.query({azle.id, "_azle_heap_allocation", test::candid_bytes("()")});
  ASSERT_TRUE(outcome);
  // What needs the JavaScript says so; nothing ends in a trap of the engine.
  if (!outcome->replied()) {
    EXPECT_NE(outcome->failure().code, ic::ErrorCode::kWasmEngine) << outcome->failure().text();
  }
  EXPECT_TRUE(azle.upgrade(fmt::format("azle/{}.wasm", GetParam())).ok());
}

INSTANTIATE_TEST_SUITE_P(Templates, Azle,
                         ::testing::Values("0.33.0/stable", "0.33.0/experimental", "0.24.1/stable",
                                           "0.24.1/experimental"),
                         [](const auto& row) {
                           std::string name = row.param;
                           for (char& c : name) c = std::isalnum(c) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace canrec::executor
