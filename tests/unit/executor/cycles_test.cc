// SPDX-License-Identifier: Apache-2.0
// Paying: executions, calls, growing memory, installations, and what a canister cannot afford.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "executor/compile_cost.h"
#include "executor/executor.h"
#include "executor/prices.h"
#include "test_module.h"

namespace canrec::executor {
namespace {

using test::call;
using test::operator+;
using test::drop;
using test::endless_loop;
using test::i32;
using test::i32_store;
using test::i64;
using test::increment;
using test::memory_grow;
using test::Replies;
using test::TestModule;

constexpr uint64_t kBase = 5'000'000;
constexpr uint64_t kUpdateLimit = 40'000'000'000;
constexpr uint64_t kIngress = 1'200'000;

// The balance that must stay for 30 days, by hand: 317,500 a second and GiB, 10,000 a second.
Cycles frozen_below(uint64_t bytes) {
  const Cycles storage_a_day = Cycles{bytes} * 317'500 * 86'400 / (uint64_t{1} << 30);
  return (storage_a_day + Cycles{10'000} * 86'400) * 30;
}

class Paying : public ::testing::Test {
 protected:
  Paying() : network(options()), id(network.create_canister()) {}
  static Options options() {
    Options out;
    out.profile.set_page_charges(engine::PageModel::kNone);
    out.cycles = Cycles{1'000'000} * 1'000'000'000;
    return out;
  }
  InstallOutcome install(const ic::Principal& where, const Bytes& module) {
    InstallRequest request;
    request.canister = where;
    request.module = module;
    auto outcome = network.install(request);
    EXPECT_TRUE(outcome);
    return std::move(*outcome);
  }
  // A canister with an update `go`.
  void install_update(TestModule& module, const Bytes& code) {
    module.exported("canister_update go", code);
    module_bytes = module.build();
    const InstallOutcome outcome = install(id, module_bytes);
    ASSERT_TRUE(outcome.ok()) << outcome.failure->text();
  }
  CallOutcome go(Bytes argument = {}) {
    auto outcome = network.update({id, "go", std::move(argument)});
    EXPECT_TRUE(outcome) << outcome.error().message();
    return std::move(*outcome);
  }
  Cycles balance() const { return network.find(id)->balance; }
  uint64_t memory(uint64_t pages) const { return pages * 65536 + module_bytes.size(); }
  std::string prefix() const { return fmt::format("Error from Canister {}: ", id.text()); }

  Executor network;
  ic::Principal id;
  Bytes module_bytes;
};

TEST_F(Paying, TakesWhatAnUpdateRanAndItsArgument) {
  TestModule module;
  const Replies replies(module);
  install_update(module, increment(0) + replies.empty());
  const Cycles before = balance();
  const CallOutcome outcome = go(Bytes(100));
  ASSERT_TRUE(outcome.replied());
  const uint64_t ran = outcome.runs[0].instructions;
  EXPECT_EQ(outcome.runs[0].cycles, Cycles{kBase + ran});
  EXPECT_EQ(before - balance(), Cycles{kIngress + 2'000 * 100 + kBase + ran});
}

TEST_F(Paying, CostsNothingUnlessAsked) {
  Executor free(Options{});
  const ic::Principal where = free.create_canister();
  TestModule module;
  const Replies replies(module);
  module.exported("canister_update go", replies.empty());
  InstallRequest request;
  request.canister = where;
  request.module = module.build();
  ASSERT_TRUE(free.install(request)->ok());
  const auto outcome = free.update({where, "go", {}});
  EXPECT_EQ(outcome->runs[0].cycles, std::nullopt);
  EXPECT_EQ(free.find(where)->balance, Canister{}.balance);
}

TEST_F(Paying, RefusesAMessageThatCannotBePaidForToItsEnd) {
  TestModule module;
  const Replies replies(module);
  install_update(module, increment(0) + replies.empty());
  const Cycles needed = frozen_below(memory(1)) + kIngress + kBase + kUpdateLimit;
  ASSERT_TRUE(network.set_balance(id, needed - 3));
  const CallOutcome outcome = go();
  ASSERT_FALSE(outcome.replied());
  EXPECT_EQ(outcome.failure().text(),
            fmt::format("IC0207: Canister {} is out of cycles: please top up the canister with at "
                        "least 3 additional cycles",
                        id.text()));
  EXPECT_EQ(balance(), needed - 3);
  ASSERT_TRUE(network.set_balance(id, needed));
  EXPECT_TRUE(go().replied());
}

TEST_F(Paying, TellsOnlyControllersHowMuchIsMissing) {
  TestModule module;
  const Replies replies(module);
  install_update(module, replies.empty());
  ASSERT_TRUE(network.set_balance(id, 0));
  Call stranger{id, "go", {}};
  stranger.caller = ic::Principal();
  const auto outcome = network.update(stranger);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->failure().text(),
            fmt::format("IC0207: Canister {} is out of cycles", id.text()));
}

TEST_F(Paying, StopsTheGrowthOfAHeapThatCannotBeKept) {
  TestModule module;
  const Replies replies(module);
  install_update(module, i32(1000) + memory_grow() + drop() + replies.empty());
  const Cycles prepaid = kIngress + kBase + kUpdateLimit;
  const Cycles needed = frozen_below(memory(1001)) + prepaid;
  ASSERT_TRUE(network.set_balance(id, needed - 5));
  const CallOutcome outcome = go();
  ASSERT_FALSE(outcome.replied());
  EXPECT_EQ(outcome.failure().code, ic::ErrorCode::kCyclesForMemoryGrow);
  EXPECT_EQ(outcome.failure().description.substr(0, outcome.failure().description.find('\n')),
            prefix() +
                "Canister cannot grow memory by 65536000 bytes due to insufficient cycles. "
                "At least 5 additional cycles are required..");
  EXPECT_EQ(network.find(id)->wasm->heap.pages(), 1u);
  ASSERT_TRUE(network.set_balance(id, needed));
  EXPECT_TRUE(go().replied());
}

TEST_F(Paying, StopsTheGrowthOfStableMemoryAfterOtherGrowth) {
  TestModule module;
  const Replies replies(module);
  const uint32_t grow = module.import("stable64_grow");
  install_update(
      module, i32(10) + memory_grow() + drop() + i64(90) + call(grow) + drop() + replies.empty());
  const Cycles needed = frozen_below(memory(101)) + kIngress + kBase + kUpdateLimit;
  ASSERT_TRUE(network.set_balance(id, needed - 1));
  const CallOutcome outcome = go();
  ASSERT_FALSE(outcome.replied());
  EXPECT_EQ(outcome.failure().code, ic::ErrorCode::kCyclesForMemoryGrow);
  EXPECT_NE(outcome.failure().description.find("grow memory by 5898240 bytes"), std::string::npos);
  ASSERT_TRUE(network.set_balance(id, needed));
  EXPECT_TRUE(go().replied());
}

TEST_F(Paying, RejectsQueriesOfAFrozenCanister) {
  TestModule module;
  const Replies replies(module);
  module.exported("canister_query ask", replies.empty());
  install_update(module, replies.empty());
  ASSERT_TRUE(network.set_balance(id, frozen_below(memory(1))));
  EXPECT_TRUE(network.query({id, "ask", {}})->replied());
  ASSERT_TRUE(network.set_balance(id, frozen_below(memory(1)) - 1));
  const auto outcome = network.query({id, "ask", {}});
  ASSERT_FALSE(outcome->replied());
  EXPECT_EQ(outcome->failure().text(),
            fmt::format("IC0207: Canister {} is unable to process query calls because it's frozen. "
                        "Please top up the canister with cycles and try again.",
                        id.text()));
}

// --- calls
// ----------------------------------------------------------------------------------------

// `go` calls `go` of the canister whose id is at 256 and stores what call_perform said at 0; the
// callbacks reply with that.
class PayingForCalls : public Paying {
 protected:
  void SetUp() override {
    peer = network.create_canister();
    TestModule callee;
    const Replies answer(callee);
    callee.exported("canister_update go", answer.with(0, 64));
    ASSERT_TRUE(install(peer, callee.build()).ok());

    TestModule module;
    const Replies replies(module);
    const uint32_t call_new = module.import("call_new");
    const uint32_t perform = module.import("call_perform");
    module.data(256, as_text(peer.bytes()));
    module.data(288, "go");
    const uint32_t callback = module.function(replies.with(0, 4), true);
    module.table({callback});
    // Replies at once when the call was not accepted.
    const Bytes answered = Bytes{0x28, 2, 0};  // i32.load of address 0
    install_update(module, i32(256) + i32(10) + i32(288) + i32(2) + i32(0) + i32(0) + i32(0) +
                               i32(0) + call(call_new) + i32(0) + call(perform) + i32_store(0) +
                               i32(0) + answered + Bytes{0x04, 0x40} + replies.with(0, 4) +
                               Bytes{0x0b});
  }
  ic::Principal peer;
};

TEST_F(PayingForCalls, SettlesWhenTheAnswerIsThere) {
  const Cycles before = balance();
  const Cycles peer_before = network.find(peer)->balance;
  const CallOutcome outcome = go();
  ASSERT_TRUE(outcome.replied()) << outcome.failure().text();
  ASSERT_EQ(outcome.runs.size(), 3u);
  const uint64_t sent = 260'000 + 1'000 * 2;  // the name; no argument
  const uint64_t received = 1'000 * 64;
  const Cycles ran =
      Cycles{2 * kBase} + outcome.runs[0].instructions + outcome.runs[2].instructions;
  EXPECT_EQ(before - balance(), kIngress + sent + received + ran);
  EXPECT_EQ(peer_before - network.find(peer)->balance,
            Cycles{kBase} + outcome.runs[1].instructions);
}

TEST_F(PayingForCalls, AnswersTwoWhenTheCallbackCannotBePaidFor) {
  const Cycles execution = kBase + kUpdateLimit;
  const Cycles needed = frozen_below(memory(1)) + kIngress + 2 * execution + 260'000 +
                        1'000 * (2 + uint64_t{2} * 1024 * 1024);
  for (const Cycles missing : {Cycles{0}, Cycles{1}}) {
    ASSERT_TRUE(network.set_balance(id, needed - missing));
    const CallOutcome outcome = go();
    ASSERT_TRUE(outcome.replied()) << outcome.failure().text();
    EXPECT_EQ(outcome.reply()[0], missing == 0 ? 0 : 2);
    EXPECT_EQ(outcome.runs.size(), missing == 0 ? 3u : 1u);
  }
}

// --- installations
// --------------------------------------------------------------------------------

TEST_F(Paying, TakesWhatAnInstallationRan) {
  TestModule module;
  module.exported("canister_init", increment(0));
  const Cycles before = balance();
  const InstallOutcome outcome = install(id, module.build());
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.cycles, Cycles{kBase + outcome.instructions});
  EXPECT_EQ(before - balance(), outcome.cycles);
}

TEST_F(Paying, RefusesAnInstallationThatCannotBePaidForToItsEnd) {
  TestModule module;
  module.exported("canister_init", increment(0));
  const Cycles needed = kBase + Cycles{300'000'000'000};  // an empty canister is never frozen
  ASSERT_TRUE(network.set_balance(id, needed - 1));
  const InstallOutcome outcome = install(id, module.build());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.failure->text(),
            fmt::format("IC0207: Canister installation failed with `Canister {} is out of cycles: "
                        "please top up the canister with at least 1 additional cycles`.",
                        id.text()));
  EXPECT_EQ(balance(), needed - 1);
}

TEST_F(Paying, FailsAnInstallationWhoseMemoryCannotBeKept) {
  TestModule module;
  module.exported("canister_init", i32(1000) + memory_grow() + drop());
  ASSERT_TRUE(network.set_balance(id, kBase + Cycles{300'000'000'000} + 100));
  const InstallOutcome outcome = install(id, module.build());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.failure->code, ic::ErrorCode::kCyclesForMemoryGrow);
  EXPECT_EQ(outcome.stage, "final checks");
  EXPECT_FALSE(network.find(id)->wasm);
  EXPECT_LT(balance(), kBase + Cycles{300'000'000'000} + 100);  // what ran is paid for
}

// --- the charge for compiling
// ---------------------------------------------------------------------

TEST_F(Paying, CountsTheInstructionsThatMeteringAdds) {
  const auto count = [&](const Bytes& code) {
    TestModule module;
    module.global(0);
    module.exported("canister_init", code);
    const Bytes bytes = module.build();
    const auto loaded = wasm::load_module(bytes);
    EXPECT_TRUE(loaded);
    return (*compile_cost(loaded->module) - 20'000'000) / 6'000;
  };
  const uint64_t fixed = 72 + 2 * 1;  // helpers, the initialiser of one global
  // end; the entry is charged (4) and tested (6)
  EXPECT_EQ(count({}), fixed + 1 + 10);
  // loop br 0 end end: entry and header are charged and tested, what follows the br costs nothing
  EXPECT_EQ(count(endless_loop()), fixed + 4 + 10 + 10);
  // i32.const if nop end nop end: entry, then the arm, then what follows
  EXPECT_EQ(count(i32(1) + Bytes{0x04, 0x40, 0x01, 0x0b, 0x01}), fixed + 6 + 10 + 4 + 4);
  // i32.const memory.grow drop end
  EXPECT_EQ(count(i32(1) + memory_grow() + drop()), fixed + 4 + 10 + 3);
  // memory.fill of 32-bit lengths
  EXPECT_EQ(count(i32(0) + i32(0) + i32(0) + Bytes{0xfc, 0x0b, 0}), fixed + 5 + 10 + 3);
}

TEST_F(Paying, ChargesBytesThatAreNoModuleByTheirLength) {
  const InstallOutcome plain = install(id, Bytes{1, 2, 3, 4});
  EXPECT_EQ(plain.compile_instructions, 20'000'000u + 4 * 6'000);
  Bytes packed{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0};  // announces 256
  const InstallOutcome announced = install(id, packed);
  EXPECT_FALSE(announced.ok());
  EXPECT_EQ(announced.compile_instructions, 20'000'000u + 256 * 6'000);
}

// --- slices
// ---------------------------------------------------------------------------------------

TEST_F(Paying, EndsAMessageWhoseSliceLeavesNothingForTheNext) {
  TestModule module;
  const Replies replies(module);
  module.memory(100);
  const Bytes fill = i32(0) + i32(7) + i32(2'500'000) + Bytes{0xfc, 0x0b, 0};
  module.exported("canister_query ask", fill + replies.empty());
  module.exported("canister_update small", fill + replies.empty());
  install_update(module, i32(0) + i32(7) + i32(4'000'000) + Bytes{0xfc, 0x0b, 0} + replies.empty());
  Profile profile = network.profile();
  profile.set(Limit::kUpdateSliceInstructions, 2'000'000);
  network.set_profile(profile);
  EXPECT_TRUE(network.update({id, "small", {}})->replied());  // the next slice makes up for it
  EXPECT_TRUE(network.query({id, "ask", {}})->replied());     // queries have no slices
  const CallOutcome outcome = go();
  ASSERT_FALSE(outcome.replied());
  // 1 for the entry, 3 constants, 100 and the length; then 5 for the call of msg_reply
  EXPECT_EQ(outcome.failure().text(),
            fmt::format("IC0522: {}Canister attempted to perform a large memory operation that "
                        "used 4000109 instructions and exceeded the slice limit 2000000..\nTry "
                        "breaking up large copies within the canister code into smaller chunks. "
                        "See documentation: https://internetcomputer.org/docs/references/"
                        "execution-errors",
                        prefix()));
}

}  // namespace
}  // namespace canrec::executor
