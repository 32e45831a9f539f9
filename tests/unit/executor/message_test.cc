// SPDX-License-Identifier: Apache-2.0
// Messages: updates, queries, calls between canisters, callbacks, cleanup, tasks.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "executor/executor.h"
#include "test_module.h"

namespace canrec::executor {
namespace {

using test::call;
using test::operator+;
using test::drop;
using test::endless_loop;
using test::global_get;
using test::global_set;
using test::i32;
using test::i32_add;
using test::i32_store;
using test::i64;
using test::increment;
using test::local_get;
using test::memory_grow;
using test::Replies;
using test::TestModule;
using test::unreachable;

constexpr uint32_t kPeer = 256;  // address of the peer's id
constexpr uint32_t kName = 288;  // address of a method name
constexpr uint32_t kScratch = 512;

// A canister with a counter at address 0 and a query `get`.
struct Canister1 : TestModule {
  Canister1() : replies(*this) {}
  Bytes done() {
    exported("canister_query get", replies.with(0, 4));
    return build();
  }
  Replies replies;
};

// Code that calls `method` (at kName) of the canister whose id is at kPeer.
class Calls {
 public:
  explicit Calls(TestModule& module)
      : new_(module.import("call_new")),
        data_(module.import("call_data_append")),
        cleanup_(module.import("call_on_cleanup")),
        cycles_(module.import("call_cycles_add")),
        perform_(module.import("call_perform")) {}
  Bytes begin(uint32_t name_length, uint32_t reply_slot, uint32_t reject_slot,
              uint32_t callee_length = 10) const {
    return i32(kPeer) + i32(callee_length) + i32(kName) + i32(name_length) + i32(reply_slot) +
           i32(7) + i32(reject_slot) + i32(8) + call(new_);
  }
  Bytes data(uint32_t at, uint32_t length) const { return i32(at) + i32(length) + call(data_); }
  Bytes on_cleanup(uint32_t slot) const { return i32(slot) + i32(9) + call(cleanup_); }
  Bytes add_cycles(int64_t amount) const { return i64(amount) + call(cycles_); }
  Bytes perform() const { return call(perform_) + drop(); }

 private:
  uint32_t new_, data_, cleanup_, cycles_, perform_;
};

std::string text_of(const ic::Principal& id) { return std::string(as_text(id.bytes())); }

class Messages : public ::testing::Test {
 protected:
  Messages() : network(options()), id(network.create_canister()) {}
  static Options options() {
    Options out;
    out.profile.set_page_charges(engine::PageModel::kNone);
    return out;
  }
  void install(const ic::Principal& where, Bytes module) {
    InstallRequest request;
    request.canister = where;
    request.module = std::move(module);
    const auto outcome = network.install(request);
    ASSERT_TRUE(outcome);
    ASSERT_TRUE(outcome->ok()) << outcome->failure->text();
  }
  CallOutcome update(std::string method, Bytes argument = {}) {
    auto outcome = network.update({id, std::move(method), std::move(argument)});
    EXPECT_TRUE(outcome) << outcome.error().message();
    return std::move(*outcome);
  }
  CallOutcome query(const ic::Principal& where, std::string method) {
    auto outcome = network.query({where, std::move(method), {}});
    EXPECT_TRUE(outcome) << outcome.error().message();
    return std::move(*outcome);
  }
  uint32_t get(const ic::Principal& where) {
    const CallOutcome outcome = query(where, "get");
    EXPECT_TRUE(outcome.replied()) << outcome.failure().text();
    return load_le<uint32_t>(outcome.reply().data());
  }
  uint32_t get() { return get(id); }
  std::string prefix() const { return fmt::format("Error from Canister {}: ", id.text()); }

  Executor network;
  ic::Principal id;
};

// --- counting
// -------------------------------------------------------------------------------------

TEST_F(Messages, CountsInstructionsAsTheNetworkDoes) {
  Canister1 module;
  module.exported("canister_update reply", module.replies.empty());
  module.exported("canister_update echo", module.replies.with(0, 64));
  install(id, module.done());
  EXPECT_EQ(update("reply").runs[0].instructions, 506u);
  EXPECT_EQ(update("echo").runs[0].instructions, 4213u);
}

TEST_F(Messages, ReportsPagesGrowthAndCalls) {
  Canister1 module;
  const uint32_t grow = module.import("stable64_grow");
  module.exported("canister_update work", i32(2) + memory_grow() + drop() + i64(1) + call(grow) +
                                              drop() + increment(100'000) + module.replies.empty());
  install(id, module.done());
  const CallOutcome outcome = update("work");
  ASSERT_TRUE(outcome.replied());
  const RunReport& run = outcome.runs[0];
  EXPECT_EQ(run.entry, "canister_update work");
  EXPECT_EQ(run.heap.before_bytes, 65536u);
  EXPECT_EQ(run.heap.after_bytes, 3 * 65536u);
  EXPECT_EQ(run.heap.accessed_os_pages, 1u);
  EXPECT_EQ(run.heap.dirty_os_pages, 1u);
  EXPECT_EQ(run.stable.after_bytes, 65536u);
  EXPECT_EQ(run.api_calls.at(ic::SystemApi::kStable64Grow), 1u);
  EXPECT_EQ(run.last_api_calls.back().text(), "msg_reply()");
}

// --- updates and queries
// --------------------------------------------------------------------------

TEST_F(Messages, KeepsWhatAnUpdateChangesAndForgetsAQuery) {
  Canister1 module;
  const Bytes add = increment(0) + module.replies.empty();
  module.exported("canister_update add", add);
  module.exported("canister_query try", add);
  install(id, module.done());
  EXPECT_TRUE(update("add").replied());
  EXPECT_TRUE(query(id, "try").replied());
  EXPECT_TRUE(update("try").replied());  // a query as a replicated message
  EXPECT_EQ(get(), 1u);
  EXPECT_EQ(network.find(id)->version, 2u);
}

TEST_F(Messages, RollsBackHeapGlobalsAndStableMemoryOnATrap) {
  Canister1 module;
  const uint32_t grow = module.import("stable64_grow");
  const uint32_t global = module.global(3);
  module.exported("canister_update fail", increment(0) + i32(5) + global_set(global) + i64(1) +
                                              call(grow) + drop() + i32(1) + memory_grow() +
                                              drop() + unreachable());
  install(id, module.done());
  const CallOutcome outcome = update("fail");
  ASSERT_FALSE(outcome.replied());
  EXPECT_EQ(outcome.failure().code, ic::ErrorCode::kCanisterTrapped);
  EXPECT_EQ(outcome.failure().reject_code, ic::RejectCode::kCanisterError);
  EXPECT_EQ(get(), 0u);
  const Canister& canister = *network.find(id);
  EXPECT_EQ(canister.wasm->globals[global].as_i32(), 3u);
  EXPECT_EQ(canister.wasm->stable.pages(), 0u);
  EXPECT_EQ(canister.wasm->heap.pages(), 1u);
  EXPECT_TRUE(canister.contexts.empty());
}

TEST_F(Messages, TellsWhereItTrapped) {
  Canister1 module;
  const uint32_t inner = module.function(i32(0) + drop() + unreachable());
  module.exported("canister_update fail", call(inner));
  install(id, module.done());
  const CallOutcome outcome = update("fail");
  const StopReport& stopped = *outcome.runs[0].stopped;
  ASSERT_EQ(stopped.backtrace.size(), 2u);
  EXPECT_EQ(stopped.backtrace[0].function, inner);
  EXPECT_GT(stopped.backtrace[0].offset, 0u);
  EXPECT_EQ(stopped.backtrace[1].name, "canister_update fail");
  EXPECT_EQ(stopped.network_backtrace, "");  // without a name section
}

TEST_F(Messages, TellsAMethodThatIsNotThere) {
  Canister1 module;
  module.exported("canister_composite_query deep", module.replies.empty());
  install(id, module.done());
  EXPECT_EQ(
      update("nothing").failure().text(),
      fmt::format("IC0536: {}Canister has no update method 'nothing'..\nCheck that the method "
                  "being called is exported by the target canister. See documentation: "
                  "https://internetcomputer.org/docs/references/execution-errors",
                  prefix()));
  EXPECT_NE(query(id, "nothing").failure().text().find("Canister has no query method 'nothing'."),
            std::string::npos);
  EXPECT_EQ(update("deep").failure().code, ic::ErrorCode::kCompositeInReplicatedMode);
}

TEST_F(Messages, TellsACanisterThatDoesNotAnswer) {
  Canister1 module;
  module.exported("canister_update silent", increment(0));
  module.exported("canister_query quiet", {});
  install(id, module.done());
  const std::string text = fmt::format("IC0506: Canister {} did not reply to the call", id.text());
  EXPECT_EQ(update("silent").failure().text(), text);
  EXPECT_EQ(query(id, "quiet").failure().text(), text);
  EXPECT_EQ(get(), 1u);
}

TEST_F(Messages, PassesACanistersOwnRejectionOn) {
  Canister1 module;
  const uint32_t reject = module.import("msg_reject");
  module.data(kScratch, "not now");
  module.exported("canister_update refuse", i32(kScratch) + i32(7) + call(reject));
  install(id, module.done());
  const CallOutcome outcome = update("refuse");
  EXPECT_TRUE(outcome.failure().by_canister);
  EXPECT_EQ(outcome.failure().reject_code, ic::RejectCode::kCanisterReject);
  EXPECT_EQ(outcome.failure().text(), "not now");
}

TEST_F(Messages, RefusesMessagesWhenStoppedOrEmpty) {
  const ic::Principal empty = network.create_canister();
  EXPECT_EQ(query(empty, "get").failure().code, ic::ErrorCode::kWasmModuleNotFound);
  install(id, Canister1().done());
  ASSERT_TRUE(network.set_status(id, RunStatus::kStopped));
  EXPECT_EQ(update("get").failure().text(),
            fmt::format("IC0508: Canister {} is stopped", id.text()));
  EXPECT_EQ(query(id, "get").failure().code, ic::ErrorCode::kStopped);
}

TEST_F(Messages, LimitsIngressArguments) {
  Canister1 module;
  module.exported("canister_update put", module.replies.empty());
  install(id, module.done());
  EXPECT_TRUE(network.update({id, "put", Bytes(2'097'152)})->replied());
  const auto outcome = network.update({id, "put", Bytes(2'097'153)});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::kMessageLimit);
  EXPECT_EQ(network.query({id, "get", Bytes(2'097'153)}).error().code(), Errc::kMessageLimit);
}

TEST_F(Messages, LimitsRepliesByContext) {
  Canister1 updates;
  updates.memory(60);
  updates.exported("canister_query most", updates.replies.with(0, 3'145'728));
  updates.exported("canister_query more", updates.replies.with(0, 3'145'729));
  updates.exported("canister_update fits", updates.replies.with(0, 2'097'152));
  updates.exported("canister_update over", updates.replies.with(0, 2'097'153));
  install(id, updates.done());
  EXPECT_EQ(query(id, "most").reply().size(), 3'145'728u);
  EXPECT_NE(query(id, "more").failure().text().find("cannot be larger than 3145728."),
            std::string::npos);
  EXPECT_EQ(update("fits").reply().size(), 2'097'152u);
  EXPECT_NE(update("over").failure().text().find("cannot be larger than 2097152."),
            std::string::npos);
}

TEST_F(Messages, StopsEndlessLoopsAndEndlessRecursion) {
  Canister1 module;
  module.exported("canister_query loop", endless_loop());
  module.export_function("canister_query recurse", module.function(call(3)));
  install(id, module.done());
  Profile profile = network.profile();
  profile.set(Limit::kQueryInstructions, 1'000'000);
  network.set_profile(profile);
  EXPECT_EQ(query(id, "loop").failure().code, ic::ErrorCode::kInstructionLimit);
  network.set_profile(Profile::mainnet());
  const CallOutcome outcome = query(id, "recurse");
  EXPECT_NE(outcome.failure().text().find("Canister trapped: stack overflow"), std::string::npos)
      << outcome.failure().text();
}

TEST_F(Messages, GrowsTheHeapToItsLimitAndNoFurther) {
  Canister1 module;
  module.exported("canister_update grow", i32(0) + i32(65535) + memory_grow() + i32_store(0) +
                                              i32(4) + i32(1) + memory_grow() + i32_store(0) +
                                              module.replies.with(0, 8));
  install(id, module.done());
  Settings settings;
  settings.controllers = {default_user()};
  settings.wasm_memory_limit = 0;
  ASSERT_TRUE(network.set_settings(id, settings));
  const CallOutcome outcome = update("grow");
  ASSERT_TRUE(outcome.replied()) << outcome.failure().text();
  EXPECT_EQ(load_le<uint32_t>(outcome.reply().data()), 1u);
  EXPECT_EQ(load_le<uint32_t>(outcome.reply().data() + 4), UINT32_MAX);
}

TEST_F(Messages, InspectsIngressMessages) {
  Canister1 module;
  const uint32_t accept = module.import("accept_message");
  const uint32_t size = module.import("msg_arg_data_size");
  // Accepts messages with an argument.
  module.exported("canister_inspect_message",
                  call(size) + Bytes{0x04, 0x40} + call(accept) + Bytes{0x0b});
  module.exported("canister_update put", module.replies.empty());
  install(id, module.done());
  EXPECT_EQ(update("put").failure().text(), "IC0406: Canister rejected the message");
  const CallOutcome outcome = update("put", Bytes{1});
  EXPECT_TRUE(outcome.replied());
  EXPECT_EQ(outcome.runs[0].entry, "canister_inspect_message");
}

// --- calls
// ----------------------------------------------------------------------------------------

// Two canisters: `id` forwards to `peer`.
class TwoCanisters : public Messages {
 protected:
  TwoCanisters() : peer(network.create_canister()) {}

  // The forwarding module: slot 0 replies with the callee's reply, slot 1 with the reject text,
  // slot 2 traps, slot 3 counts a cleanup.
  struct Forwarder : Canister1 {
    explicit Forwarder(const ic::Principal& callee, std::string_view method) : calls(*this) {
      const uint32_t size = import("msg_arg_data_size");
      const uint32_t copy = import("msg_arg_data_copy");
      const uint32_t reject_size = import("msg_reject_msg_size");
      const uint32_t reject_copy = import("msg_reject_msg_copy");
      const uint32_t append_data = import("msg_reply_data_append");
      data(kPeer, text_of(callee));
      data(kName, method);
      name_length = static_cast<uint32_t>(method.size());
      callee_length = static_cast<uint32_t>(callee.size());
      const uint32_t on_reply =
          function(i32(kScratch) + i32(0) + call(size) + call(copy) + i32(kScratch) + call(size) +
                       call(append_data) + replies.empty(),
                   true);
      const uint32_t on_reject =
          function(i32(kScratch) + i32(0) + call(reject_size) + call(reject_copy) + i32(kScratch) +
                       call(reject_size) + call(append_data) + replies.empty(),
                   true);
      const uint32_t on_trap = function(increment(0, 1000) + unreachable(), true);
      const uint32_t on_cleanup = function(increment(0, 100) + local_get(0) + drop(), true);
      table({on_reply, on_reject, on_trap, on_cleanup});
    }
    Bytes begin(uint32_t reply_slot = 0, uint32_t reject_slot = 1) const {
      return calls.begin(name_length, reply_slot, reject_slot, callee_length);
    }
    Calls calls;
    uint32_t name_length = 0;
    uint32_t callee_length = 0;
  };
  void install_peer() {
    Canister1 module;
    const uint32_t accept = module.import("msg_cycles_accept");
    const uint32_t reject = module.import("msg_reject");
    module.data(kScratch, "peer says no");
    module.exported("canister_update answer", increment(0) + i64(30) + call(accept) + drop() +
                                                  module.replies.with(kScratch, 4));
    module.exported("canister_update refuse", i32(kScratch) + i32(12) + call(reject));
    module.exported("canister_update trap", increment(0) + unreachable());
    install(peer, module.done());
  }

  ic::Principal peer;
};

TEST_F(TwoCanisters, ForwardsAReply) {
  install_peer();
  Forwarder module(peer, "answer");
  module.exported("canister_update go", module.begin() + module.calls.perform() + increment(0));
  install(id, module.done());
  const CallOutcome outcome = update("go");
  ASSERT_TRUE(outcome.replied()) << outcome.failure().text();
  EXPECT_EQ(as_text(outcome.reply()), "peer");
  ASSERT_EQ(outcome.runs.size(), 3u);
  EXPECT_EQ(outcome.runs[1].canister, peer);
  EXPECT_EQ(outcome.runs[2].entry, "reply callback");
  EXPECT_EQ(get(peer), 1u);
  EXPECT_TRUE(network.find(id)->contexts.empty());
  EXPECT_TRUE(network.find(id)->callbacks.empty());
  EXPECT_TRUE(network.find(id)->calls_under_way.empty());
}

TEST_F(TwoCanisters, MovesCyclesAndRefundsTheRest) {
  install_peer();
  Forwarder module(peer, "answer");
  module.exported("canister_update go",
                  module.begin() + module.calls.add_cycles(100) + module.calls.perform());
  install(id, module.done());
  const Cycles mine = network.find(id)->balance;
  const Cycles theirs = network.find(peer)->balance;
  ASSERT_TRUE(update("go").replied());
  EXPECT_EQ(network.find(id)->balance, mine - 30);
  EXPECT_EQ(network.find(peer)->balance, theirs + 30);
}

TEST_F(TwoCanisters, TellsRejectionsToTheRejectCallback) {
  install_peer();
  Forwarder refused(peer, "refuse");
  refused.exported("canister_update go", refused.begin() + refused.calls.perform());
  install(id, refused.done());
  EXPECT_EQ(as_text(update("go").reply()), "peer says no");

  id = network.create_canister();
  Forwarder trapping(peer, "trap");
  trapping.exported("canister_update go", trapping.begin() + trapping.calls.perform());
  install(id, trapping.done());
  const CallOutcome outcome = update("go");
  EXPECT_TRUE(as_text(outcome.reply())
                  .starts_with(fmt::format("IC0502: Error from Canister {}: Canister trapped: "
                                           "unreachable",
                                           peer.text())));
  EXPECT_EQ(get(peer), 0u);
}

TEST_F(TwoCanisters, RejectsCallsOfCanistersAndMethodsThatAreNotThere) {
  Forwarder missing(ic::Principal::canister(99), "answer");
  missing.exported("canister_update go", missing.begin() + missing.calls.perform());
  install(id, missing.done());
  EXPECT_EQ(as_text(update("go").reply()),
            fmt::format("IC0301: Canister {} not found", ic::Principal::canister(99).text()));
}

TEST_F(TwoCanisters, CallsItself) {
  Forwarder module(id, "inner");
  module.exported("canister_update go", increment(0) + module.begin() + module.calls.perform());
  module.exported("canister_update inner", increment(0, 10) + module.replies.with(0, 4));
  install(id, module.done());
  const CallOutcome outcome = update("go");
  EXPECT_EQ(load_le<uint32_t>(outcome.reply().data()), 11u);
}

TEST_F(TwoCanisters, RunsTheCleanupOfATrappingCallback) {
  install_peer();
  Forwarder module(peer, "answer");
  module.exported("canister_update go", increment(0) + module.begin(2, 2) +
                                            module.calls.on_cleanup(3) + module.calls.perform());
  install(id, module.done());
  const CallOutcome outcome = update("go");
  ASSERT_FALSE(outcome.replied());
  EXPECT_NE(outcome.failure().text().find("Canister trapped: unreachable"), std::string::npos);
  EXPECT_EQ(get(), 101u);  // the message and the cleanup, not the callback
  EXPECT_EQ(outcome.runs.back().entry, "cleanup callback");
}

TEST_F(TwoCanisters, JoinsTheErrorsOfCallbackAndCleanup) {
  install_peer();
  Forwarder module(peer, "answer");
  module.exported("canister_update go", increment(0) + module.begin(2, 2) +
                                            module.calls.on_cleanup(2) + module.calls.perform());
  install(id, module.done());
  const CallOutcome outcome = update("go");
  EXPECT_NE(outcome.failure().text().find("\n\ncall_on_cleanup also failed:\n\n"),
            std::string::npos);
  EXPECT_EQ(get(), 1u);
}

TEST_F(TwoCanisters, TellsCallbacksThatCannotBeInvoked) {
  install_peer();
  Forwarder module(peer, "answer");
  module.exported("canister_update go", module.begin(77, 77) + module.calls.perform());
  install(id, module.done());
  EXPECT_NE(update("go").failure().text().find(
                "Canister requested to invoke a non-existent Wasm function 77 from table 0"),
            std::string::npos);

  id = network.create_canister();
  Forwarder wrong(peer, "answer");
  wrong.exported("canister_update go", wrong.begin(4, 4) + wrong.calls.perform());
  const uint32_t without_argument = wrong.function({});
  wrong.table(
      {without_argument, without_argument, without_argument, without_argument, without_argument});
  install(id, wrong.done());
  EXPECT_NE(update("go").failure().text().find(
                "Canister violated contract: function invocation does not match its signature"),
            std::string::npos);
}

TEST_F(TwoCanisters, AnswersAfterTheLastCallbackOnly) {
  install_peer();
  Forwarder module(peer, "answer");
  // Two calls; the first callback traps, the second one replies.
  module.exported("canister_update go", module.begin(2, 2) + module.calls.perform() +
                                            module.begin(0, 1) + module.calls.perform());
  install(id, module.done());
  const CallOutcome outcome = update("go");
  ASSERT_TRUE(outcome.replied()) << outcome.failure().text();
  EXPECT_EQ(as_text(outcome.reply()), "peer");
}

TEST_F(TwoCanisters, DropsCallsOfAMessageThatTraps) {
  install_peer();
  Forwarder module(peer, "answer");
  module.exported("canister_update go", module.begin() + module.calls.perform() + unreachable());
  install(id, module.done());
  EXPECT_FALSE(update("go").replied());
  EXPECT_EQ(get(peer), 0u);
}

TEST_F(TwoCanisters, EndsCallsThatNeverEnd) {
  Options limited = options();
  limited.profile.set(Limit::kCommandMessages, 100);
  network = Executor(limited);
  id = network.create_canister();
  Forwarder module(id, "go");
  module.exported("canister_update go", module.begin() + module.calls.perform());
  install(id, module.done());
  const auto outcome = network.update({id, "go", {}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::kMessageLimit);
}

TEST_F(TwoCanisters, EndsWhenItsMessagesTakeTooMuchMemory) {
  install_peer();
  Forwarder module(peer, "answer");
  Bytes code;
  for (int i = 0; i < 4; ++i) {
    code = code + module.begin() + module.calls.data(0, 50'000) + module.calls.perform();
  }
  module.exported("canister_update go", code);
  install(id, module.done());
  const Profile usual = network.profile();
  const auto with_room = [&](uint64_t bytes) {
    Profile profile = usual;
    profile.set(Limit::kWaitingMessageBytes, bytes);
    network.set_profile(profile);
    return network.update({id, "go", {}});
  };
  const uint64_t needed = 4 * (50'000 + kMessageBytes + 6);  // "answer"
  const auto outcome = with_room(needed - 1);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::kMessageLimit);
  EXPECT_EQ(get(peer), 0u);
  EXPECT_TRUE(with_room(needed));
}

TEST_F(TwoCanisters, AnswersCompositeQueriesAndForgetsTheirChanges) {
  Canister1 callee;
  callee.exported("canister_query answer", increment(0) + callee.replies.with(0, 4));
  install(peer, callee.done());
  Forwarder module(peer, "answer");
  module.exported("canister_composite_query go",
                  increment(0) + module.begin() + module.calls.perform());
  install(id, module.done());
  const CallOutcome outcome = query(id, "go");
  ASSERT_TRUE(outcome.replied()) << outcome.failure().text();
  EXPECT_EQ(load_le<uint32_t>(outcome.reply().data()), 1u);
  EXPECT_EQ(outcome.runs.size(), 3u);
  EXPECT_EQ(outcome.runs[2].entry, "composite reply callback");
  EXPECT_EQ(get(), 0u);
  EXPECT_EQ(get(peer), 0u);
}

TEST_F(TwoCanisters, EndsCompositeQueriesThatAreTooDeep) {
  Forwarder module(id, "go");
  module.exported("canister_composite_query go", module.begin() + module.calls.perform());
  install(id, module.done());
  const CallOutcome outcome = query(id, "go");
  ASSERT_TRUE(outcome.replied()) << outcome.failure().text();
  EXPECT_TRUE(as_text(outcome.reply()).starts_with("IC0525: ")) << as_text(outcome.reply());
}

// --- tasks and time
// -------------------------------------------------------------------------------

TEST_F(Messages, RunsTimersInTheOrderOfTheirTimes) {
  Canister1 module;
  const uint32_t time = module.import("time");
  const uint32_t set = module.import("global_timer_set");
  module.exported("canister_update start", call(time) + i64(1000) + Bytes{0x7c} + call(set) +
                                               drop() + module.replies.empty());
  module.exported("canister_global_timer",
                  increment(0) + call(time) + i64(1000) + Bytes{0x7c} + call(set) + drop());
  install(id, module.done());
  ASSERT_TRUE(update("start").replied());
  const uint64_t begin = network.time_ns();
  const auto outcome = network.advance_time(3500);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->timers, 3u);
  EXPECT_EQ(outcome->runs.size(), 3u);
  EXPECT_EQ(get(), 3u);
  EXPECT_EQ(network.time_ns(), begin + 3500);
  EXPECT_EQ(network.find(id)->global_timer_ns, begin + 4000);
  // The clock does not come round to an earlier time.
  const auto beyond = network.advance_time(UINT64_MAX - begin);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code(), Errc::kBadArgument);
  EXPECT_EQ(network.time_ns(), begin + 3500);
  // Nor does it go on for ever.
  Profile profile = network.profile();
  profile.set(Limit::kCommandMessages, 10);
  network.set_profile(profile);
  const auto endless = network.advance_time(1'000'000);
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().code(), Errc::kMessageLimit);
}

TEST_F(Messages, RunsHeartbeatsAndKeepsNothingOfOnesThatTrap) {
  Canister1 module;
  module.exported("canister_heartbeat", increment(0) + unreachable());
  install(id, module.done());
  const auto outcome = network.heartbeat(id);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->ran);
  EXPECT_EQ(outcome->failure->code, ic::ErrorCode::kCanisterTrapped);
  EXPECT_EQ(get(), 0u);
  EXPECT_FALSE(network.global_timer(id)->ran);
}

TEST_F(Messages, RunsTheLowMemoryHookOnce) {
  Canister1 module;
  module.exported("canister_update grow", i32(1) + memory_grow() + drop() + module.replies.empty());
  module.exported("canister_on_low_wasm_memory", increment(0));
  install(id, module.done());
  Settings settings;
  settings.controllers = {default_user()};
  settings.wasm_memory_limit = 10 * 65536;
  settings.wasm_memory_threshold = 8 * 65536;
  ASSERT_TRUE(network.set_settings(id, settings));
  ASSERT_TRUE(update("grow").replied());
  EXPECT_EQ(get(), 0u);
  ASSERT_TRUE(update("grow").replied());
  EXPECT_EQ(get(), 1u);
  ASSERT_TRUE(update("grow").replied());
  EXPECT_EQ(get(), 1u);
}

TEST_F(Messages, StopsWhenInterrupted) {
  Interrupt interrupt;
  Options given = options();
  given.interrupt = &interrupt;
  network = Executor(given);
  id = network.create_canister();
  Canister1 module;
  module.exported("canister_update loop", increment(0) + endless_loop());
  install(id, module.done());
  interrupt.request();
  const auto outcome = network.update({id, "loop", {}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::kInterrupted);
}

}  // namespace
}  // namespace canrec::executor
