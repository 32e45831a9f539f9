// SPDX-License-Identifier: Apache-2.0
// What is left of an execution that fails: nothing, in whatever way it fails and wherever it runs.
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
using test::memory_grow;
using test::TestModule;
using test::unreachable;

constexpr uint32_t kStableText = 256;  // in the heap: what is written to stable memory
constexpr uint32_t kFar = 40'000;      // on another OS page than the rest

// Everything of a canister that an execution may change, but cycles.
struct State {
  Bytes heap, stable, certified_data;
  std::vector<uint32_t> globals;
  uint64_t timer = 0;
  uint64_t version = 0;
  size_t contexts = 0;
  size_t callbacks = 0;
  Sha256 module{};
  bool operator==(const State&) const = default;
};

Bytes bytes_of(const engine::Memory& memory) {
  const ByteView view = *memory.peek(0, memory.size());
  return {view.begin(), view.end()};
}

State state_of(const Canister& canister) {
  State state{.heap = bytes_of(canister.wasm->heap),
              .stable = bytes_of(canister.wasm->stable),
              .certified_data = canister.certified_data,
              .globals = {},
              .timer = canister.global_timer_ns,
              .version = canister.version,
              .contexts = canister.contexts.size(),
              .callbacks = canister.callbacks.size(),
              .module = canister.wasm->code->hash()};
  for (const engine::Value& value : canister.wasm->globals) {
    state.globals.push_back(value.as_i32());
  }
  return state;
}

// A way to fail.
struct Ending {
  const char* name;
  const char* words;  // of the network, for it
  Bytes code;
};

// Code that changes everything it can, then ends in one of many ways.
class Spoiler : public TestModule {
 public:
  Spoiler()
      : trap_(import("trap")),
        stable_grow_(import("stable64_grow")),
        stable_write_(import("stable64_write")),
        certify_(import("certified_data_set")),
        timer_(import("global_timer_set")),
        burn_(import("cycles_burn128")),
        reply_(import("msg_reply")),
        first_(global(3)),
        second_(global(4)) {
    data(kStableText, "stable and certified");
  }

  // Leaves every part of the state with something in it.
  Bytes settle() const {
    return increment(0, 7) + increment(kFar, 9) + i64(1) + call(stable_grow_) + drop() +
           write_stable(100) + i32(kStableText) + i32(6) + call(certify_) + i64(1'000) +
           call(timer_) + drop() + i32(30) + global_set(first_);
  }
  // Changes what is there, pages and values, and adds to it.
  Bytes spoil() const {
    return increment(0) + increment(kFar) + i32(1) + memory_grow() + drop() +
           increment(65'536 + 8) + write_stable(102) + i64(2) + call(stable_grow_) + drop() +
           write_stable(70'000) + i32(kStableText + 7) + i32(3) + call(certify_) + i64(2'000) +
           call(timer_) + drop() + global_get(first_) + i32(1) + i32_add() + global_set(first_) +
           i32(99) + global_set(second_) + i64(0) + i64(5) + i32(512) + call(burn_);
  }
  std::vector<Ending> endings() const {
    const Bytes far_store = i32(-8) + i32(1) + i32_store(0);
    return {
        {"unreachable", "unreachable", unreachable()},
        {"ic0.trap", "Canister called `ic0.trap`", i32(0) + i32(4) + call(trap_)},
        {"instructions", "exceeded the limit of 10000000 instructions", endless_loop()},
        {"slice", "large memory operation",
         i32(0) + i32(0) + i32(60'000) + Bytes{0xfc, 0x0b, 0x00}},
        {"heap bounds", "heap out of bounds", far_store},
        {"stable bounds", "stable memory out of bounds",
         i64(int64_t{1} << 40) + i64(0) + i64(8) + call(stable_write_)},
        {"division", "integer division by 0", i32(1) + i32(0) + Bytes{0x6d} + drop()},
        {"conversion", "trapped",
         Bytes{0x43, 0, 0, 0xc0, 0x7f, 0xa8} + drop()},  // i32.trunc_f32_s of NaN
        {"call depth", "stack overflow", call(deep())},
        {"contract", "certified", i32(kStableText) + i32(33) + call(certify_)},
        {"memory limit", "memory limit", i32(200) + memory_grow() + drop()},
    };
  }
  // A function that calls itself; the first one that is added.
  uint32_t deep() const { return reply_ + 1; }
  void add_deep() { EXPECT_EQ(function(call(deep())), deep()); }
  Bytes reply() const { return call(reply_); }

 private:
  Bytes write_stable(int64_t at) const {
    return i64(at) + i64(kStableText) + i64(20) + call(stable_write_);
  }
  uint32_t trap_, stable_grow_, stable_write_, certify_, timer_, burn_, reply_, first_, second_;
};

class Rollback : public ::testing::Test {
 protected:
  Rollback() : network(options()), id(network.create_canister()) {}

  static Options options() {
    Options out;
    out.profile.set_page_charges(engine::PageModel::kNone);
    out.profile.set(Limit::kUpdateInstructions, 10'000'000);
    out.profile.set(Limit::kQueryInstructions, 10'000'000);
    out.profile.set(Limit::kUpdateSliceInstructions, 25'000);
    // The rest of the stages and the compiling take most of this.
    out.profile.set(Limit::kInstallInstructions, 60'000'000);
    out.profile.set(Limit::kInstallSliceInstructions, 25'000);
    return out;
  }
  void reset() {
    network = Executor(options());
    id = network.create_canister();
  }
  void limit_memory() {
    Settings settings = network.find(id)->settings;
    settings.wasm_memory_limit = uint64_t{8} << 20;
    ASSERT_TRUE(network.set_settings(id, settings));
  }
  InstallOutcome install(const Bytes& module, InstallMode mode,
                         std::optional<MemoryPersistence> memory = std::nullopt) {
    InstallRequest request;
    request.canister = id;
    request.mode = mode;
    request.module = module;
    request.memory = memory;
    auto outcome = network.install(request);
    EXPECT_TRUE(outcome);
    return std::move(*outcome);
  }
  State state() const { return state_of(*network.find(id)); }

  Executor network;
  ic::Principal id;
};

// A canister that was installed and worked, so that nothing is as it was in the beginning.
TEST_F(Rollback, LeavesNothingOfAMessageOrATask) {
  Spoiler module;
  module.add_deep();
  module.exported("canister_update settle", module.settle() + module.reply());
  for (const Ending& ending : module.endings()) {
    module.exported(std::string("canister_update ") + ending.name,
                    module.spoil() + ending.code + module.reply());
  }
  module.exported("canister_heartbeat", module.spoil() + unreachable());
  ASSERT_TRUE(install(module.build(), InstallMode::kInstall).ok());
  limit_memory();
  ASSERT_TRUE(network.update({id, "settle", {}})->replied());
  const State before = state();
  EXPECT_EQ(before.globals[0], 30U);
  EXPECT_EQ(before.certified_data.size(), 6U);
  const Cycles balance = network.find(id)->balance;
  const auto expect_as_before = [&](const char* what) {
    EXPECT_TRUE(state() == before) << what;
    EXPECT_TRUE(network.find(id)->balance == balance) << what;
  };
  for (const Ending& ending : module.endings()) {
    const auto outcome = network.update({id, ending.name, {}});
    ASSERT_TRUE(outcome) << ending.name;
    ASSERT_FALSE(outcome->replied()) << ending.name;
    EXPECT_NE(outcome->failure().description.find(ending.words), std::string::npos)
        << ending.name << ": " << outcome->failure().description;
    expect_as_before(ending.name);
  }
  const auto task = network.heartbeat(id);
  ASSERT_TRUE(task);
  EXPECT_TRUE(task->failure.has_value());
  expect_as_before("heartbeat");
}

TEST_F(Rollback, LeavesNothingOfAnUpgrade) {
  constexpr const char* kHooks[] = {"canister_pre_upgrade", "canister_post_upgrade", "(start)"};
  const std::vector<Ending> endings = Spoiler().endings();
  for (const char* const hook : kHooks) {
    for (const bool keeps : {false, true}) {
      for (size_t i = 0; i < endings.size(); ++i) {
        SCOPED_TRACE(std::string(hook) + (keeps ? ", heap kept, " : ", ") + endings[i].name);
        const auto with_hook = [&](std::string_view where) {
          Spoiler module;
          module.add_deep();
          module.custom("icp:private enhanced-orthogonal-persistence", "1");
          module.exported("canister_init", module.settle());
          const Bytes code = module.spoil() + endings[i].code;
          if (where == hook) {
            if (where == "(start)") {
              module.start(module.function(code));
            } else {
              module.exported(hook, code);
            }
          } else if (where == "canister_pre_upgrade") {
            module.exported(where, module.spoil());  // is undone when what follows fails
          }
          return module.build();
        };
        reset();
        ASSERT_TRUE(install(with_hook("canister_pre_upgrade"), InstallMode::kInstall).ok());
        limit_memory();
        const State before = state();
        const InstallOutcome outcome =
            install(with_hook(hook == kHooks[0] ? "none" : hook), InstallMode::kUpgrade,
                    keeps ? MemoryPersistence::kKeep : MemoryPersistence::kReplace);
        // The limit on memory holds for new code only.
        if (hook == kHooks[0] && std::string_view(endings[i].name) == "memory limit") continue;
        ASSERT_FALSE(outcome.ok());
        EXPECT_EQ(outcome.stage, hook);
        EXPECT_TRUE(state() == before);
      }
    }
  }
}

}  // namespace
}  // namespace canrec::executor
