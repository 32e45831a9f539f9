// SPDX-License-Identifier: Apache-2.0
// System API: cycles, calls, and everything that has no file of its own.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "candid/binary.h"
#include "candid/text.h"
#include "system_calls_fixture.h"

namespace canrec::executor {
namespace {

using test::Caller;

uint64_t amount_at(Caller& caller, uint64_t at) {
  return load_le<uint64_t>(caller.heap_memory.peek(at, 8)->data());
}

// Begins a call of canister `number`, method "put".
void begin_call(Caller& caller, uint64_t number) {
  caller.put(0, as_text(ic::Principal::canister(number).bytes()));
  caller.put(32, "put");
  caller.ok("call_new", {0, 10, 32, 3, 11, 12, 13, 14});
}

TEST(SystemCallsCycles, AcceptsWhatIsThere) {
  Caller caller(ic::Context::kUpdate);
  caller.in.cycles_available = 70;
  EXPECT_EQ(caller.ok("msg_cycles_available"), 70u);
  EXPECT_EQ(caller.ok("msg_cycles_accept", {50}), 50u);
  caller.ok("msg_cycles_accept128", {0, 50, 64});
  EXPECT_EQ(amount_at(caller, 64), 20u);
  EXPECT_EQ(caller.ok("msg_cycles_available"), 0u);
  EXPECT_EQ(caller.ok("canister_cycle_balance"), 1070u);
  EXPECT_EQ(caller.effects().accepted, 70u);
}

TEST(SystemCallsCycles, HasNothingAvailableAfterTheAnswer) {
  Caller caller(ic::Context::kUpdate);
  caller.in.cycles_available = 70;
  caller.ok("msg_reply");
  EXPECT_EQ(caller.ok("msg_cycles_available"), 0u);
  EXPECT_EQ(caller.ok("msg_cycles_accept", {50}), 0u);
}

TEST(SystemCallsCycles, TrapsWhenAnAmountNeedsMoreThan64Bits) {
  Caller caller(ic::Context::kUpdate);
  caller.in.balance = Cycles{1} << 64;
  EXPECT_EQ(caller.stopped("canister_cycle_balance"),
            "Canister trapped: cycles amount exceeds 64-bit representation");
  caller.ok("canister_cycle_balance128", {0});
  EXPECT_EQ(amount_at(caller, 0), 0u);
  EXPECT_EQ(amount_at(caller, 8), 1u);
}

TEST(SystemCallsCycles, BurnsAtMostTheLiquidBalance) {
  Caller caller(ic::Context::kUpdate);
  caller.in.freezing_threshold = 400;
  caller.ok("canister_liquid_cycle_balance128", {0});
  EXPECT_EQ(amount_at(caller, 0), 600u);
  caller.ok("cycles_burn128", {0, 1000, 0});
  EXPECT_EQ(amount_at(caller, 0), 600u);
  EXPECT_EQ(caller.ok("canister_cycle_balance"), 400u);
}

TEST(SystemCallsCalls, BuildsACall) {
  Caller caller(ic::Context::kUpdate);
  begin_call(caller, 9);
  caller.put(40, "payload");
  caller.ok("call_data_append", {40, 3});
  caller.ok("call_data_append", {43, 4});
  caller.ok("call_on_cleanup", {15, 16});
  caller.ok("call_cycles_add", {100});
  caller.ok("call_with_best_effort_response", {1000});
  EXPECT_EQ(caller.ok("canister_cycle_balance"), 900u);
  EXPECT_EQ(caller.ok("call_perform"), 0u);
  ASSERT_EQ(caller.effects().calls.size(), 1u);
  const OutgoingCall& call = caller.effects().calls[0];
  EXPECT_EQ(call.callee, ic::Principal::canister(9));
  EXPECT_EQ(call.method, "put");
  EXPECT_EQ(as_text(call.payload), "payload");
  EXPECT_EQ(call.reply.function, 11u);
  EXPECT_EQ(call.reject.environment, 14u);
  EXPECT_EQ(call.cleanup->environment, 16u);
  EXPECT_EQ(call.cycles, 100u);
  EXPECT_EQ(call.timeout_seconds, 300u);
}

TEST(SystemCallsCalls, WantsACallUnderConstruction) {
  Caller caller(ic::Context::kUpdate);
  for (const auto& [name, text] :
       {std::pair{"call_perform", caller.stopped("call_perform")},
        std::pair{"call_on_cleanup", caller.stopped("call_on_cleanup", {0, 0})},
        std::pair{"call_data_append", caller.stopped("call_data_append", {0, 0})},
        std::pair{"call_cycles_add", caller.stopped("call_cycles_add", {0})},
        std::pair{"call_cycles_add128", caller.stopped("call_cycles_add128", {0, 0})}}) {
    EXPECT_EQ(text, fmt::format("Canister violated contract: ic0.{} called when no call is under "
                                "construction.",
                                name));
  }
}

TEST(SystemCallsCalls, ChecksNameLengthNameAndCalleeInThisOrder) {
  Caller caller(ic::Context::kUpdate);
  EXPECT_EQ(caller.stopped("call_new", {1u << 30, 30, 1u << 30, 20'001, 0, 0, 0, 0}),
            "Canister violated contract: Size of method_name 20001 exceeds the allowed limit of "
            "20000.");
  EXPECT_EQ(caller.stopped("call_new", {1u << 30, 30, 1u << 30, 4, 0, 0, 0, 0}),
            "Canister violated contract: ic0.call_new method_name: src=1073741824 + length=4 "
            "exceeds the slice size=131072");
  EXPECT_EQ(caller.stopped("call_new", {1u << 30, 30, 0, 4, 0, 0, 0, 0}),
            "Canister violated contract: ic0.call_new callee_src: src=1073741824 + length=30 "
            "exceeds the slice size=131072");
  EXPECT_EQ(caller.stopped("call_new", {0, 30, 0, 4, 0, 0, 0, 0}),
            "Canister provided invalid principal id");
}

TEST(SystemCallsCalls, LimitsPayloadAndCleanupAndTimeout) {
  Caller caller(ic::Context::kUpdate);
  caller.profile.set(Limit::kCallBytesSameSubnet, 10);
  begin_call(caller, 9);
  caller.ok("call_data_append", {0, 7});
  EXPECT_EQ(caller.stopped("call_data_append", {0, 1}),
            fmt::format("Canister violated contract: Request to {}:put has a payload size of 11, "
                        "which exceeds the allowed limit of 10.",
                        ic::Principal::canister(9).text()));
  caller.ok("call_on_cleanup", {1, 2});
  EXPECT_EQ(caller.stopped("call_on_cleanup", {1, 2}),
            "Canister violated contract: ic0.call_on_cleanup can be called at most once between "
            "`ic0.call_new` and `ic0.call_perform`");
  caller.ok("call_with_best_effort_response", {1});
  (void)caller.stopped("call_with_best_effort_response", {1});
}

TEST(SystemCallsCalls, SaysTwoWhenTheQueueIsFull) {
  Caller caller(ic::Context::kUpdate);
  caller.under_way[ic::Principal::canister(9)] = 499;
  begin_call(caller, 9);
  EXPECT_EQ(caller.ok("call_perform"), 0u);
  begin_call(caller, 9);
  EXPECT_EQ(caller.ok("call_perform"), 2u);
  begin_call(caller, 8);
  EXPECT_EQ(caller.ok("call_perform"), 0u);
}

TEST(SystemCallsCalls, RefusesCyclesItDoesNotHave) {
  Caller caller(ic::Context::kUpdate);
  begin_call(caller, 9);
  EXPECT_EQ(caller.stopped("call_cycles_add", {1001}),
            fmt::format("Canister {} is out of cycles", caller.in.self.text()));
}

TEST(SystemCallsMisc, SetsCertifiedDataUpTo32Bytes) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("certified_data_set", {0, 32});
  EXPECT_EQ(caller.effects().certified_data->size(), 32u);
  EXPECT_EQ(
      caller.stopped("certified_data_set", {0, 33}),
      "Canister violated contract: ic0_certified_data_set failed because the passed data must "
      "be no larger than 32 bytes. Found 33 bytes.");
}

TEST(SystemCallsMisc, ReturnsThePreviousTimer) {
  Caller caller(ic::Context::kUpdate);
  caller.in.global_timer_ns = 5;
  EXPECT_EQ(caller.ok("global_timer_set", {9}), 5u);
  EXPECT_EQ(caller.ok("global_timer_set", {0}), 9u);
  EXPECT_EQ(caller.effects().global_timer_ns, 0u);
}

TEST(SystemCallsMisc, CountsInstructionsWithTheCallsOwnCharge) {
  Caller caller(ic::Context::kUpdate);
  caller.in.context_instructions = 1000;
  EXPECT_EQ(caller.ok("performance_counter", {0}), 200u);
  EXPECT_EQ(caller.ok("performance_counter", {1}), 1400u);
  EXPECT_EQ(caller.stopped("performance_counter", {2}),
            "Canister violated contract: Error getting performance counter type 2");
}

TEST(SystemCallsMisc, KnowsItsControllers) {
  Caller caller(ic::Context::kUpdate);
  caller.controllers = {ic::Principal::anonymous()};
  caller.put(0, "\x04");
  EXPECT_EQ(caller.ok("is_controller", {0, 1}), 1u);
  EXPECT_EQ(caller.ok("is_controller", {0, 0}), 0u);
  EXPECT_EQ(caller.stopped("is_controller", {0, 30}), "Canister provided invalid principal id");
}

TEST(SystemCallsMisc, TellsReplicatedFromOtherContexts) {
  EXPECT_EQ(Caller(ic::Context::kUpdate).ok("in_replicated_execution"), 1u);
  EXPECT_EQ(Caller(ic::Context::kReplicatedQuery).ok("in_replicated_execution"), 1u);
  EXPECT_EQ(Caller(ic::Context::kNonReplicatedQuery).ok("in_replicated_execution"), 0u);
  EXPECT_EQ(Caller(ic::Context::kInspect).ok("in_replicated_execution"), 0u);
}

TEST(SystemCallsMisc, PricesSignaturesByKeyAndAlgorithm) {
  Caller caller(ic::Context::kUpdate);
  caller.put(0, "key_1nokey");
  EXPECT_EQ(caller.ok("cost_sign_with_ecdsa", {0, 5, 1, 64}), 1u);
  EXPECT_EQ(caller.ok("cost_sign_with_ecdsa", {5, 5, 0, 64}), 2u);
  EXPECT_EQ(caller.ok("cost_sign_with_schnorr", {0, 5, 1, 64}), 0u);
  EXPECT_EQ(amount_at(caller, 64), 26'153'846'153u);
}

TEST(SystemCallsMisc, PricesACall) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("cost_call", {3, 7, 0});
  EXPECT_EQ(amount_at(caller, 0), 260'000u + 1000 * (10 + 2'097'152) + 5'000'000 + 40'000'000'000);
}

Bytes candid_bytes(std::string_view text) {
  const auto message = candid::parse_args(text);
  EXPECT_TRUE(message) << text;
  return *candid::encode(message->env, message->types, message->values);
}

TEST(SystemCallsMisc, PricesAnHttpRequestByWhatItUses) {
  Caller caller(ic::Context::kUpdate);
  const Bytes usage = candid_bytes(
      "(record { request_bytes = 10 : nat64; http_roundtrip_time_ms = 20 : nat64; "
      "raw_response_bytes = 30 : nat64; transformed_response_bytes = 40 : nat64; "
      "transform_instructions = 130 : nat64 })");
  caller.put(100, as_text(usage));
  caller.ok("cost_http_request_v2", {100, usage.size(), 0});
  const uint64_t one_node = 1'000'000 + 50 * 10 + 140'000 * 13 + 800 * 13 * 13 + 50 * 30 +
                            300 * 20 + 130 / 13 + (10 * 13 + 650) * 40;
  EXPECT_EQ(amount_at(caller, 0), 13 * one_node);
  EXPECT_EQ(caller.spent(), 10'000 + usage.size());
}

TEST(SystemCallsMisc, RejectsHttpUsageThatIsNotTheRecordOfFive) {
  for (const char* text :
       {"(record { request_bytes = 10 : nat64 })", "(7 : nat64)", "()",
        "(record { request_bytes = 10 : nat; http_roundtrip_time_ms = 20 : nat64; "
        "raw_response_bytes = 30 : nat64; transformed_response_bytes = 40 : nat64; "
        "transform_instructions = 130 : nat64 })",
        "(record { request_bytes = 10 : nat64; http_roundtrip_time_ms = 20 : nat64; "
        "raw_response_bytes = 30 : nat64; transformed_response_bytes = 40 : nat64; "
        "transform_instructions = 130 : nat64; more = 1 : nat64 })"}) {
    Caller caller(ic::Context::kUpdate);
    const Bytes usage = candid_bytes(text);
    caller.put(100, as_text(usage));
    const std::string why = caller.stopped("cost_http_request_v2", {100, usage.size(), 0});
    EXPECT_EQ(why.rfind("Canister violated contract: Failed to decode HttpRequestV2CostParams from "
                        "Candid: ",
                        0),
              0u)
        << why;
  }
}

TEST(SystemCallsMisc, MintsForNobody) {
  Caller caller(ic::Context::kUpdate);
  EXPECT_EQ(caller.stopped("mint_cycles128", {0, 1, 0}),
            "Canister violated contract: ic0.mint_cycles128 cannot be executed on non Cycles "
            "Minting Canister: " +
                caller.in.self.text() + " != rkp4c-7iaaa-aaaaa-aaaca-cai");
}

TEST(SystemCallsMisc, ReadsEnvironmentVariables) {
  Caller caller(ic::Context::kUpdate);
  caller.environment = {{"B", "two"}, {"A", "one!"}};
  EXPECT_EQ(caller.ok("env_var_count"), 2u);
  EXPECT_EQ(caller.ok("env_var_name_size", {0}), 1u);
  caller.ok("env_var_name_copy", {1, 100, 0, 1});
  EXPECT_EQ(caller.heap_text(100, 1), "B");
  EXPECT_EQ(caller.stopped("env_var_name_size", {2}),
            "Environment variable index 2 is out of bounds. The number of environment variables is "
            "2.");
  caller.put(0, "AC");
  EXPECT_EQ(caller.ok("env_var_value_size", {0, 1}), 4u);
  caller.ok("env_var_value_copy", {0, 1, 100, 1, 3});
  EXPECT_EQ(caller.heap_text(100, 3), "ne!");
  EXPECT_EQ(caller.ok("env_var_name_exists", {1, 1}), 0u);
  EXPECT_EQ(caller.stopped("env_var_value_size", {1, 1}), "Environment variable C not found.");
}

TEST(SystemCallsMisc, HasNoCertificate) {
  Caller caller(ic::Context::kNonReplicatedQuery);
  EXPECT_EQ(caller.ok("data_certificate_present"), 0u);
  (void)caller.stopped("data_certificate_size");
}

TEST(SystemCallsMisc, TellsTheRootKey) {
  const Bytes key(133, 9);
  Caller caller(ic::Context::kUpdate);
  caller.in.root_key = key;
  EXPECT_EQ(caller.ok("root_key_size"), 133u);
  caller.ok("root_key_copy", {0, 132, 1});
  EXPECT_EQ(caller.heap_text(0, 1), "\x09");
}

}  // namespace
}  // namespace canrec::executor
