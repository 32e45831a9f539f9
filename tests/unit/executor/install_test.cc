// SPDX-License-Identifier: Apache-2.0
// install_code: stages, checks, roll-back, texts.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "executor/executor.h"
#include "test_module.h"

namespace canrec::executor {
namespace {

using test::call;
using test::operator+;
using test::endless_loop;
using test::global_get;
using test::global_set;
using test::i32;
using test::i32_add;
using test::i32_store;
using test::i64;
using test::increment;
using test::memory_grow;
using test::Replies;
using test::TestModule;
using test::unreachable;

constexpr std::string_view kKeepSection = "icp:private enhanced-orthogonal-persistence";

// A module whose query `get` replies the word at 0, and whatever a test adds.
struct Counter : TestModule {
  Counter() : replies(*this) {}
  Bytes done() {
    exported("canister_query get", replies.with(0, 4));
    return build();
  }
  Replies replies;
};

class Install : public ::testing::Test {
 protected:
  Install() : network(options()), id(network.create_canister()) {}

  static Options options() {
    Options out;
    out.profile.set_page_charges(engine::PageModel::kNone);
    return out;
  }
  InstallOutcome run(InstallMode mode, Bytes module,
                     std::optional<MemoryPersistence> memory = std::nullopt,
                     bool skip_pre_upgrade = false) {
    InstallRequest request;
    request.canister = id;
    request.mode = mode;
    request.module = std::move(module);
    request.memory = memory;
    request.skip_pre_upgrade = skip_pre_upgrade;
    auto outcome = network.install(request);
    EXPECT_TRUE(outcome);
    return std::move(*outcome);
  }
  void install(Bytes module) {
    const InstallOutcome outcome = run(InstallMode::kInstall, std::move(module));
    ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  }
  InstallOutcome upgrade(Bytes module, std::optional<MemoryPersistence> memory = std::nullopt) {
    return run(InstallMode::kUpgrade, std::move(module), memory);
  }
  uint32_t get() {
    const auto outcome = network.query({id, "get", {}});
    EXPECT_TRUE(outcome && outcome->replied())
        << (outcome ? outcome->failure().text() : outcome.error().message());
    return load_le<uint32_t>(outcome->reply().data());
  }
  const Canister& canister() { return *network.find(id); }
  std::string prefix() const { return fmt::format("Error from Canister {}: ", id.text()); }

  Executor network;
  ic::Principal id;
};

TEST_F(Install, AppliesDataSegmentsThenRunsStartThenInit) {
  Counter module;
  module.data(0, std::string_view("\x05\0\0\0", 4));
  module.start(module.function(increment(0, 10)));
  module.exported("canister_init", increment(0, 100));
  const InstallOutcome outcome = run(InstallMode::kInstall, module.done());
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  ASSERT_EQ(outcome.runs.size(), 2u);
  EXPECT_EQ(outcome.runs[0].entry, "(start)");
  EXPECT_EQ(outcome.runs[1].entry, "canister_init");
  EXPECT_EQ(get(), 115u);
  EXPECT_EQ(canister().version, 1u);
}

TEST_F(Install, GivesInitTheArgument) {
  Counter module;
  const uint32_t size = module.import("msg_arg_data_size");
  module.exported("canister_init", i32(0) + call(size) + i32_store(0));
  InstallRequest request;
  request.canister = id;
  request.module = module.done();
  request.argument = Bytes(17, 1);
  ASSERT_TRUE(network.install(request)->ok());
  EXPECT_EQ(get(), 17u);
}

TEST_F(Install, RejectsACanisterThatIsNotEmpty) {
  install(Counter().done());
  const InstallOutcome outcome = run(InstallMode::kInstall, Counter().done());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(
      outcome.failure->text(),
      fmt::format("IC0514: Canister {} cannot be installed because the canister is not empty. "
                  "Try installing with mode='reinstall' instead.",
                  id.text()));
}

TEST_F(Install, RejectsASenderWhoIsNoController) {
  InstallRequest request;
  request.canister = id;
  request.module = Counter().done();
  request.sender = ic::Principal::anonymous();
  const auto outcome = network.install(request);
  ASSERT_TRUE(outcome && !outcome->ok());
  EXPECT_EQ(outcome->failure->text(),
            fmt::format("IC0512: Only the controllers of the canister {} can control it.\n"
                        "Canister's controllers: {}\nSender's ID: 2vxsx-fae",
                        id.text(), default_user().text()));
}

TEST_F(Install, RejectsAnUpgradeOfAnEmptyCanister) {
  const InstallOutcome outcome = upgrade(Counter().done());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.failure->code, ic::ErrorCode::kWasmModuleNotFound);
}

TEST_F(Install, RejectsBytesThatAreNoModule) {
  const InstallOutcome outcome = run(InstallMode::kInstall, Bytes{1, 2, 3, 4});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.failure->code, ic::ErrorCode::kInvalidWasm);
  EXPECT_NE(outcome.failure->description.find("Failed to decode wasm module"), std::string::npos);
}

TEST_F(Install, RejectsModulesThatBreakANetworkRule) {
  Counter module;
  module.exported("canister_strange", {});
  const InstallOutcome outcome = run(InstallMode::kInstall, module.done());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.failure->code, ic::ErrorCode::kInvalidWasm);
  EXPECT_NE(outcome.failure->description.find("Canister's Wasm module is not valid: "),
            std::string::npos);
  EXPECT_NE(outcome.failure->description.find(
                "Exporting reserved function 'canister_strange' with \"canister_\" prefix"),
            std::string::npos)
      << outcome.failure->description;
  EXPECT_FALSE(canister().wasm.has_value());
}

TEST_F(Install, LeavesAnEmptyCanisterEmptyWhenInitTraps) {
  Counter module;
  module.exported("canister_init", unreachable());
  const InstallOutcome outcome = run(InstallMode::kInstall, module.done());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.stage, "canister_init");
  EXPECT_EQ(outcome.failure->text(),
            fmt::format("IC0502: {}Canister trapped: unreachable.\n"
                        "Consider gracefully handling failures from this canister or altering the "
                        "canister to handle exceptions. See documentation: "
                        "https://internetcomputer.org/docs/references/execution-errors#trapped",
                        prefix()));
  EXPECT_FALSE(canister().wasm.has_value());
  EXPECT_EQ(canister().version, 0u);
}

TEST_F(Install, ForbidsSystemCallsInStart) {
  Counter module;
  module.start(module.function(module.replies.empty()));
  const InstallOutcome outcome = run(InstallMode::kInstall, module.done());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(
      outcome.failure->text(),
      fmt::format("IC0504: {}Canister violated contract: \"ic0_msg_reply\" cannot be executed "
                  "in start mode",
                  prefix()));
}

TEST_F(Install, ReinstallsWithoutStableMemory) {
  Counter module;
  const uint32_t grow = module.import("stable64_grow");
  module.exported("canister_init", i64(3) + call(grow) + test::drop() + increment(0));
  const Bytes bytes = module.done();
  install(bytes);
  EXPECT_EQ(canister().wasm->stable.pages(), 3u);
  ASSERT_TRUE(run(InstallMode::kReinstall, Counter().done()).ok());
  EXPECT_EQ(canister().wasm->stable.pages(), 0u);
  EXPECT_EQ(get(), 0u);
}

// --- upgrade
// --------------------------------------------------------------------------------------

TEST_F(Install, UpgradesWithAFreshHeapAndKeepsStableMemory) {
  Counter old;
  const uint32_t grow = old.import("stable64_grow");
  old.exported("canister_pre_upgrade", i64(2) + call(grow) + test::drop());
  install(old.done());
  Counter fresh;
  fresh.data(0, std::string_view("\x07\0\0\0", 4));
  fresh.exported("canister_init", unreachable());
  fresh.exported("canister_post_upgrade", increment(0));
  const InstallOutcome outcome = upgrade(fresh.done());
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  ASSERT_EQ(outcome.runs.size(), 2u);
  EXPECT_EQ(outcome.runs[0].entry, "canister_pre_upgrade");
  EXPECT_EQ(outcome.runs[1].entry, "canister_post_upgrade");
  EXPECT_EQ(canister().wasm->stable.pages(), 2u);
  EXPECT_EQ(get(), 8u);
}

TEST_F(Install, RollsBackEverythingWhenPostUpgradeTraps) {
  Counter old;
  const uint32_t grow = old.import("stable64_grow");
  const uint32_t global = old.global(1);
  old.exported("canister_pre_upgrade", i64(2) + call(grow) + test::drop() + increment(0) +
                                           global_get(global) + i32(1) + i32_add() +
                                           global_set(global));
  const Bytes old_bytes = old.done();
  install(old_bytes);
  const Sha256 hash = canister().wasm->code->hash();
  Counter fresh;
  fresh.exported("canister_post_upgrade", increment(0) + unreachable());
  for (const auto memory :
       {std::optional<MemoryPersistence>(), std::optional(MemoryPersistence::kReplace)}) {
    const InstallOutcome outcome = upgrade(fresh.build(), memory);
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.stage, "canister_post_upgrade");
    EXPECT_EQ(canister().wasm->code->hash(), hash);
    EXPECT_EQ(canister().wasm->stable.pages(), 0u);
    EXPECT_EQ(canister().wasm->globals[global].as_i32(), 1u);
    EXPECT_EQ(canister().version, 1u);
    EXPECT_EQ(get(), 0u);
  }
}

TEST_F(Install, RollsBackAKeptHeap) {
  Counter old;
  old.exported("canister_init", increment(0, 5));
  old.exported("canister_pre_upgrade", increment(0, 50));
  install(old.done());
  Counter fresh;
  fresh.custom(kKeepSection, "1");
  fresh.exported("canister_post_upgrade",
                 increment(0, 500) + i32(1) + memory_grow() + test::drop() + unreachable());
  const InstallOutcome outcome = upgrade(fresh.done(), MemoryPersistence::kKeep);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(get(), 5u);
  EXPECT_EQ(canister().wasm->heap.pages(), 1u);
}

TEST_F(Install, KeepsTheHeapWithoutDataSegmentsAndWithNewGlobals) {
  Counter old;
  const uint32_t global = old.global(1);
  old.exported("canister_init", increment(0, 5) + i32(9) + global_set(global));
  install(old.done());
  Counter fresh;
  fresh.global(77);
  fresh.custom(kKeepSection, "");
  fresh.data(0, std::string_view("\x09\0\0\0", 4));
  fresh.start(fresh.function(increment(0, 10)));
  const InstallOutcome outcome = upgrade(fresh.done(), MemoryPersistence::kKeep);
  ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  EXPECT_EQ(get(), 15u);
  EXPECT_EQ(canister().wasm->globals[0].as_i32(), 77u);
}

TEST_F(Install, RejectsKeepWithoutTheSectionAfterPreUpgradeRan) {
  Counter old;
  old.exported("canister_pre_upgrade", increment(0));
  install(old.done());
  const InstallOutcome outcome = upgrade(Counter().done(), MemoryPersistence::kKeep);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.runs.size(), 1u);
  EXPECT_EQ(
      outcome.failure->text(),
      "IC0504: Invalid upgrade option: The `wasm_memory_persistence: opt Keep` upgrade option "
      "requires that the new canister module supports enhanced orthogonal persistence.");
  EXPECT_EQ(get(), 0u);
}

TEST_F(Install, WantsAnOptionWhenTheOldModuleHasTheSection) {
  Counter old;
  old.custom(kKeepSection, "");
  install(old.done());
  // Even when the new module is invalid.
  const InstallOutcome outcome = upgrade(Bytes{1, 2, 3});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.failure->text(),
            "IC0504: Missing upgrade option: Enhanced orthogonal persistence requires the "
            "`wasm_memory_persistence` upgrade option.");
  EXPECT_TRUE(upgrade(Counter().done(), MemoryPersistence::kReplace).ok());
}

TEST_F(Install, RejectsAKeptHeapThatIsTooSmallForTheModule) {
  install(Counter().done());
  Counter fresh;
  fresh.custom(kKeepSection, "");
  fresh.memory(2);
  const InstallOutcome outcome = upgrade(fresh.done(), MemoryPersistence::kKeep);
  ASSERT_FALSE(outcome.ok());
  EXPECT_NE(outcome.failure->description.find(
                "the Wasm memory (65536 bytes) is smaller than the minimum Wasm memory (131072 "
                "bytes) declared by the canister module."),
            std::string::npos)
      << outcome.failure->description;
}

TEST_F(Install, FailsLaterWhenAKeptHeapIsOverTheDeclaredMaximum) {
  Counter old;
  old.memory(3);
  install(old.done());
  Counter fresh;
  fresh.custom(kKeepSection, "");
  fresh.memory(1, 2);
  ASSERT_TRUE(upgrade(fresh.done(), MemoryPersistence::kKeep).ok());
  const auto outcome = network.query({id, "get", {}});
  ASSERT_TRUE(outcome && !outcome->replied());
  EXPECT_EQ(outcome->failure().code, ic::ErrorCode::kWasmEngine);
}

TEST_F(Install, SkipsPreUpgradeWhenAsked) {
  Counter old;
  old.exported("canister_pre_upgrade", unreachable());
  install(old.done());
  EXPECT_FALSE(upgrade(Counter().done()).ok());
  EXPECT_TRUE(run(InstallMode::kUpgrade, Counter().done(), std::nullopt, true).ok());
}

TEST_F(Install, TurnsTheTimerOffUnlessPostUpgradeSetsIt) {
  Counter old;
  const uint32_t set = old.import("global_timer_set");
  old.exported("canister_init", i64(100) + call(set) + test::drop());
  old.exported("canister_pre_upgrade", i64(200) + call(set) + test::drop());
  const Bytes bytes = old.done();
  install(bytes);
  EXPECT_EQ(canister().global_timer_ns, 100u);
  ASSERT_TRUE(upgrade(Counter().done()).ok());
  EXPECT_EQ(canister().global_timer_ns, 0u);
  Counter fresh;
  const uint32_t set_again = fresh.import("global_timer_set");
  fresh.exported("canister_post_upgrade", i64(300) + call(set_again) + test::drop());
  ASSERT_TRUE(upgrade(fresh.done()).ok());
  EXPECT_EQ(canister().global_timer_ns, 300u);
}

TEST_F(Install, LetsPreUpgradeSeeTheOldVersionAndInitTheNext) {
  Counter old;
  const uint32_t version = old.import("canister_version");
  const uint32_t write = old.import("stable64_write");
  const uint32_t grow = old.import("stable64_grow");
  const auto store_version = [&](int64_t at) {
    return i32(8) + call(version) + Bytes{0x37, 3, 0} + i64(at) + i64(8) + i64(8) + call(write);
  };
  old.exported("canister_init", i64(1) + call(grow) + test::drop() + store_version(0));
  old.exported("canister_pre_upgrade", store_version(8));
  old.exported("canister_post_upgrade", store_version(16));
  const Bytes bytes = old.done();
  install(bytes);
  ASSERT_TRUE(upgrade(bytes).ok());
  const auto seen = canister().wasm->stable.peek(0, 24);
  EXPECT_EQ(load_le<uint64_t>(seen->data()), 1u);
  EXPECT_EQ(load_le<uint64_t>(seen->data() + 8), 1u);
  EXPECT_EQ(load_le<uint64_t>(seen->data() + 16), 2u);
}

TEST_F(Install, StopsAtTheInstructionLimitOfAllStages) {
  Counter old;
  old.exported("canister_pre_upgrade", endless_loop());
  install(old.done());
  Profile profile = Profile::mainnet();
  profile.set(Limit::kInstallInstructions, 1'000'000);
  network.set_profile(profile);
  const InstallOutcome outcome = upgrade(Counter().done());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.failure->text(),
            fmt::format("IC0522: {}Canister exceeded the limit of 1000000 instructions for single "
                        "message execution..\nTry optimizing this method to consume fewer "
                        "instructions or split the work across multiple messages. See "
                        "documentation: https://internetcomputer.org/docs/references/"
                        "execution-errors",
                        prefix()));
}

TEST_F(Install, EnforcesTheMemoryLimitOnGrowthAndOnTheResult) {
  Settings settings;
  settings.controllers = {default_user()};
  settings.wasm_memory_limit = 65536;
  ASSERT_TRUE(network.set_settings(id, settings));
  Counter module;
  module.exported("canister_init", i32(1) + memory_grow() + test::drop());
  const InstallOutcome grown = run(InstallMode::kInstall, module.done());
  ASSERT_FALSE(grown.ok());
  EXPECT_EQ(grown.failure->code, ic::ErrorCode::kWasmMemoryLimit);
  EXPECT_EQ(grown.stage, "canister_init");
  Counter large;
  large.memory(2);
  const InstallOutcome result = run(InstallMode::kInstall, large.done());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure->code, ic::ErrorCode::kWasmMemoryLimit);
  EXPECT_EQ(result.stage, "final checks");
}

TEST_F(Install, KeepsLogLinesOfAFailedInstallation) {
  Counter module;
  const uint32_t print = module.import("debug_print");
  module.data(64, "about to fail");
  module.exported("canister_init", i32(64) + i32(13) + call(print) + unreachable());
  EXPECT_FALSE(run(InstallMode::kInstall, module.done()).ok());
  ASSERT_EQ(canister().log.size(), 2u);
  EXPECT_EQ(canister().log[0].text, "about to fail");
  EXPECT_EQ(canister().log[1].text, "[TRAP]: Canister trapped: unreachable");
}

// --- replace
// --------------------------------------------------------------------------------------

TEST_F(Install, ReplacesTheModuleAndRunsNothing) {
  Counter old;
  const uint32_t global = old.global(1);
  old.exported("canister_init", increment(0, 5) + i32(9) + global_set(global));
  old.exported("canister_pre_upgrade", unreachable());
  install(old.done());
  Counter fresh;
  fresh.global(77);
  fresh.data(0, std::string_view("\x09\0\0\0", 4));
  fresh.start(fresh.function(unreachable()));
  fresh.exported("canister_post_upgrade", unreachable());
  const Bytes module = fresh.done();
  const Status replaced = network.replace(id, module);
  ASSERT_TRUE(replaced) << replaced.error().message();
  EXPECT_EQ(get(), 5u);
  EXPECT_EQ(canister().wasm->globals[0].as_i32(), 9u);
}

TEST_F(Install, RejectsAReplacementWithOtherGlobals) {
  Counter old;
  old.global(1);
  install(old.done());
  const auto replaced = network.replace(id, Counter().done());
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code(), Errc::kSnapshotMetadata);
}

}  // namespace
}  // namespace canrec::executor
