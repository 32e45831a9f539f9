// SPDX-License-Identifier: Apache-2.0
// System API: charges, contexts, bounds and texts, message data, answers.
#include "executor/system_calls.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "system_calls_fixture.h"

namespace canrec::executor {
namespace {

using test::Caller;

constexpr uint64_t kHeapSize = 131072;

TEST(SystemCalls, RefusesEveryFunctionInEveryContextThatIsNotListed) {
  size_t refused = 0;
  for (const ic::SystemApiFunction& row : ic::kSystemApi) {
    for (const ic::ContextInfo& context : ic::kContexts) {
      if (row.allowed(context.context)) continue;
      Caller caller(context.context);
      const auto result = caller.perform(row.id, std::vector<uint64_t>(row.parameters.size(), 0));
      ASSERT_FALSE(result) << row.name << " in " << context.mode_word;
      EXPECT_EQ(result.error().message,
                fmt::format("Canister violated contract: \"ic0_{}\" cannot be executed in {} mode",
                            row.name, context.mode_word));
      ++refused;
    }
  }
  EXPECT_GT(refused, 300u);
}

TEST(SystemCalls, ChargesTheFixedAmountAlsoWhenTheContextIsWrong) {
  for (const ic::SystemApiFunction& row : ic::kSystemApi) {
    Caller caller(ic::Context::kStart);
    (void)caller.perform(row.id, std::vector<uint64_t>(row.parameters.size(), 0));
    EXPECT_EQ(caller.spent(), row.fixed_instructions) << row.name;
  }
}

TEST(SystemCalls, ChargesBytesByTheSizeArgument) {
  const Bytes argument(64, 1);
  Caller caller(ic::Context::kUpdate);
  caller.in.argument = argument;
  caller.ok("msg_arg_data_copy", {0, 0, 64});
  EXPECT_EQ(caller.spent(), 500u + 64);
  caller.meter.left = int64_t{1} << 40;
  caller.ok("msg_reply_data_append", {0, 64});
  EXPECT_EQ(caller.spent(), 500u + 3200);
  caller.meter.left = int64_t{1} << 40;
  caller.ok("call_new", {0, 3, 100, 4, 0, 0, 0, 0});
  EXPECT_EQ(caller.spent(), 1500u + 7);
  caller.meter.left = int64_t{1} << 40;
  caller.ok("debug_print", {0, 10});
  EXPECT_EQ(caller.spent(), 100u + 2 * 10 + 50 * 10);
}

TEST(SystemCalls, RunsOutOfInstructionsBeforeItLooksAtArguments) {
  Caller caller(ic::Context::kUpdate);
  caller.in.instructions = 500 + 999'998;
  caller.meter.left = 500 + 999'998;
  EXPECT_EQ(caller.stopped("msg_arg_data_copy", {0, 0, 999'999}),
            "Canister exceeded the limit of 1000498 instructions for single message execution.");
}

// A slice may take more than its limit, at the cost of the next; when that has nothing left, it
// ends.
TEST(SystemCalls, StopsACopyThatLeavesNothingForTheNextSlice) {
  for (const uint64_t bytes : {1499, 1500}) {
    Caller caller(ic::Context::kUpdate);
    const std::string argument(bytes, 'x');
    caller.in.argument = as_bytes(argument);
    caller.in.slice_instructions = 1000;
    caller.meter.slices = engine::Slices(caller.meter.left, 1000);
    const auto result = caller.call("msg_arg_data_copy", {0, 0, bytes});
    EXPECT_EQ(result.has_value(), bytes == 1499);
    if (result) continue;
    EXPECT_EQ(result.error().message,
              "Canister attempted to perform a large memory operation that used 2000 instructions "
              "and exceeded the slice limit 1000.");
  }
}

TEST(SystemCalls, SurvivesSizesThatOverflowTheCharge) {
  for (const char* name : {"msg_reply_data_append", "call_data_append", "msg_reject", "trap"}) {
    Caller caller(ic::Context::kUpdate);
    const auto result = caller.call(name, {0, UINT64_MAX});
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().error, ic::ExecutionError::kOutOfInstructions) << name;
  }
}

TEST(SystemCalls, ChecksTheHeapRangeBeforeTheSource) {
  const Bytes argument(8, 1);
  Caller caller(ic::Context::kUpdate);
  caller.in.argument = argument;
  EXPECT_EQ(caller.stopped("msg_arg_data_copy", {kHeapSize - 4, 5, 8}),
            "Canister violated contract: ic0.msg_arg_data_copy heap: src=131068 + length=8 exceeds "
            "the slice size=131072");
  EXPECT_EQ(caller.stopped("msg_arg_data_copy", {0, 5, 8}),
            "Canister violated contract: ic0.msg_arg_data_copy payload: src=5 + length=8 exceeds "
            "the slice size=8");
  caller.ok("msg_arg_data_copy", {kHeapSize, 8, 0});
  EXPECT_EQ(caller.stopped("msg_arg_data_copy", {kHeapSize + 1, 0, 0}),
            "Canister violated contract: ic0.msg_arg_data_copy heap: src=131073 + length=0 exceeds "
            "the slice size=131072");
}

TEST(SystemCalls, TellsAnAddressThatOverflows) {
  const Bytes argument(8, 1);
  Caller caller(ic::Context::kUpdate);
  caller.in.argument = argument;
  const std::string message = caller.stopped("msg_arg_data_copy", {UINT64_MAX, 0, 2});
  EXPECT_TRUE(message.ends_with("is an invalid address")) << message;
}

TEST(SystemCalls, CopiesArgumentCallerAndOwnId) {
  const Bytes argument = {10, 20, 30, 40};
  Caller caller(ic::Context::kUpdate);
  caller.in.argument = argument;
  caller.in.caller = ic::Principal::anonymous();
  EXPECT_EQ(caller.ok("msg_arg_data_size"), 4u);
  caller.ok("msg_arg_data_copy", {200, 1, 2});
  EXPECT_EQ(caller.heap_text(200, 2), "\x14\x1e");
  EXPECT_EQ(caller.ok("msg_caller_size"), 1u);
  caller.ok("msg_caller_copy", {210, 0, 1});
  EXPECT_EQ(caller.heap_text(210, 1), "\x04");
  EXPECT_EQ(caller.ok("canister_self_size"), 10u);
  caller.ok("canister_self_copy", {220, 8, 2});
  EXPECT_EQ(caller.heap_text(220, 2), "\x01\x01");
}

TEST(SystemCalls, WantsAMemoryWhereItTouchesOne) {
  Caller caller(ic::Context::kUpdate);
  caller.has_heap = false;
  EXPECT_EQ(caller.stopped("msg_arg_data_copy", {0, 0, 0}),
            "Canister violated contract: WebAssembly module must define memory");
  EXPECT_EQ(caller.stopped("canister_cycle_balance128", {0}),
            "Canister violated contract: WebAssembly module must define memory");
  EXPECT_EQ(caller.ok("canister_self_size"), 10u);
}

TEST(SystemCalls, TellsAnAmountThatDoesNotFitTheHeap) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("canister_cycle_balance128", {kHeapSize - 16});
  EXPECT_EQ(
      caller.stopped("canister_cycle_balance128", {kHeapSize - 15}),
      "Canister violated contract: ic0_canister_cycle_balance128 failed because dst + size is "
      "out of bounds.Found dst = 131057 and size = 16 while must be <= 131072");
}

// --- answers
// --------------------------------------------------------------------------------------

TEST(SystemCalls, CollectsAReplyUpToItsLimit) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("msg_reply_data_append", {0, 60});
  caller.ok("msg_reply_data_append", {60, 40});
  EXPECT_EQ(caller.stopped("msg_reply_data_append", {0, 1}),
            "Canister violated contract: ic0.msg_reply_data_append: application payload size (101) "
            "cannot be larger than 100.");
  caller.ok("msg_reply");
  const Bytes& reply = std::get<Bytes>(*caller.effects().response);
  ASSERT_EQ(reply.size(), 100u);
  EXPECT_EQ(reply[99], 99);
}

TEST(SystemCalls, TestsTheSizeOfAReplyBeforeItsBounds) {
  Caller caller(ic::Context::kUpdate);
  EXPECT_NE(caller.stopped("msg_reply_data_append", {kHeapSize, 101}).find("application payload"),
            std::string::npos);
  EXPECT_EQ(caller.stopped("msg_reply_data_append", {kHeapSize, 100}),
            "Canister violated contract: msg.reply: src=131072 + length=100 exceeds the slice "
            "size=131072");
}

TEST(SystemCalls, AnswersOnce) {
  Caller caller(ic::Context::kUpdate);
  caller.ok("msg_reply");
  EXPECT_EQ(caller.stopped("msg_reply"),
            "Canister violated contract: ic0.msg_reply: the call is already replied");
  EXPECT_EQ(caller.stopped("msg_reject", {0, 0}),
            "Canister violated contract: ic0.msg_reject: the call is already replied");
  EXPECT_EQ(caller.stopped("msg_reply_data_append", {0, 0}),
            "Canister violated contract: ic0.msg_reply_data_append: the call is already replied.");
}

TEST(SystemCalls, DropsReplyDataWhenItRejects) {
  Caller caller(ic::Context::kUpdate);
  caller.put(0, "no");
  caller.ok("msg_reply_data_append", {10, 5});
  caller.ok("msg_reject", {0, 2});
  EXPECT_EQ(std::get<CanisterReject>(*caller.effects().response).message, "no");
}

TEST(SystemCalls, RejectsOnlyWithUtf8) {
  Caller caller(ic::Context::kUpdate);
  caller.put(0, "\xff");
  EXPECT_EQ(caller.stopped("msg_reject", {0, 1}),
            "Canister violated contract: ic0.msg_reject: invalid UTF-8 string provided");
}

TEST(SystemCalls, AcceptsAMessageOnce) {
  Caller caller(ic::Context::kInspect);
  caller.in.method_name = "put";
  EXPECT_EQ(caller.ok("msg_method_name_size"), 3u);
  caller.ok("msg_method_name_copy", {0, 0, 3});
  EXPECT_EQ(caller.heap_text(0, 3), "put");
  caller.ok("accept_message");
  EXPECT_TRUE(caller.effects().message_accepted);
  EXPECT_EQ(caller.stopped("accept_message"),
            "Canister violated contract: ic0.accept_message: the function was already called.");
}

TEST(SystemCalls, TellsTheRejectionInARejectCallback) {
  Caller caller(ic::Context::kReject);
  caller.in.reject_code = ic::RejectCode::kCanisterError;
  caller.in.reject_message = "it broke";
  EXPECT_EQ(caller.ok("msg_reject_code"), 5u);
  EXPECT_EQ(caller.ok("msg_reject_msg_size"), 8u);
  caller.ok("msg_reject_msg_copy", {0, 3, 5});
  EXPECT_EQ(caller.heap_text(0, 5), "broke");
}

// --- logs
// -----------------------------------------------------------------------------------------

TEST(SystemCalls, PrintsWithoutEverTrapping) {
  Caller caller(ic::Context::kUpdate);
  caller.put(0, "hello");
  caller.ok("debug_print", {0, 5});
  caller.ok("debug_print", {kHeapSize, 5});
  EXPECT_EQ(caller.report.prints,
            (std::vector<std::string>{"hello", "(debug message out of memory bounds)"}));
}

TEST(SystemCalls, KeepsTheLastOfManyPrints) {
  Caller caller(ic::Context::kUpdate);
  constexpr uint64_t kLines = 100'000;  // each takes some 32 bytes, and 2 MiB are kept at most
  for (uint64_t i = 0; i < kLines; ++i) {
    caller.put(0, i + 1 == kLines ? "last!" : "early");
    caller.ok("debug_print", {0, 5});
  }
  EXPECT_EQ(caller.report.prints.size() + caller.report.prints_dropped, kLines);
  EXPECT_GT(caller.report.prints_dropped, 0U);
  EXPECT_GE(caller.report.prints.size() * (5 + sizeof(std::string)), uint64_t{1} << 20);
  EXPECT_EQ(caller.report.prints.back(), "last!");
  EXPECT_EQ(caller.calls->log_lines().size(), caller.report.prints.size());
}

TEST(SystemCalls, TrapsWithItsText) {
  Caller caller(ic::Context::kUpdate);
  caller.put(0, "bad\xff");
  EXPECT_EQ(caller.stopped("trap", {0, 4}),
            "Canister called `ic0.trap` with message: 'bad\xef\xbf\xbd'");
  EXPECT_EQ(caller.stopped("trap", {kHeapSize - 1, 2}),
            "Canister called `ic0.trap` with message: '(trap message out of memory bounds)'");
}

TEST(SystemCalls, KeepsTheLastThirtyTwoCallsAndCountsAll) {
  Caller caller(ic::Context::kUpdate);
  for (int i = 0; i < 40; ++i) caller.ok("time");
  caller.ok("stable64_grow", {3});
  EXPECT_EQ(caller.report.api_calls.at(ic::SystemApi::kTime), 40u);
  ASSERT_EQ(caller.report.last_api_calls.size(), kKeptApiCalls);
  EXPECT_EQ(caller.report.last_api_calls.back().text(), "stable64_grow(3) -> 0");
}

}  // namespace
}  // namespace canrec::executor
