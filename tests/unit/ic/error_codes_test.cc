// SPDX-License-Identifier: Apache-2.0
// Error numbers and texts as the network prints them.
#include "ic/error_codes.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "ic/limits.h"

namespace canrec::ic {
namespace {

TEST(ErrorCodes, FirstDigitIsTheRejectCode) {
  EXPECT_EQ(reject_code(ErrorCode::kSnapshotNotFound), RejectCode::kDestinationInvalid);
  EXPECT_EQ(reject_code(ErrorCode::kCanisterTrapped), RejectCode::kCanisterError);
  for (const ErrorCodeInfo& row : kErrorCodes) {
    const RejectCode code = reject_code(row.code);
    EXPECT_GE(code, RejectCode::kSysFatal);
    EXPECT_LE(code, RejectCode::kSysUnknown);
    EXPECT_NE(reject_code_name(code), "unknown");
  }
}

TEST(ErrorCodes, NumbersRiseAndHaveWords) {
  for (size_t i = 1; i < kErrorCodes.size(); ++i) {
    EXPECT_LT(kErrorCodes[i - 1].code, kErrorCodes[i].code);
    EXPECT_FALSE(kErrorCodes[i].words.empty());
  }
  EXPECT_EQ(kErrorCodes.size(), 58u);
  EXPECT_EQ(find_error_code(539)->code, ErrorCode::kWasmMemoryLimit);
  EXPECT_EQ(find_error_code(501), nullptr);
}

TEST(ErrorCodes, PrintFourDigits) {
  EXPECT_EQ(error_code_text(ErrorCode::kCanisterTrapped), "IC0502");
  EXPECT_EQ(error_code_text(ErrorCode::kSubnetOversubscribed), "IC0101");
}

TEST(ErrorCodes, MessagesTakeTheirArgumentsInOrder) {
  const std::string arguments[] = {"query", "get"};
  EXPECT_EQ(execution_error_message(ExecutionError::kNoSuchMethod, arguments),
            "Canister has no query method 'get'.");
  EXPECT_EQ(execution_error_message(ExecutionError::kCannotGrow, {}),
            "Canister cannot grow its memory usage.");
}

TEST(ErrorCodes, DescriptionsCarryTheHelp) {
  const std::string words[] = {std::string(trap_code_words(TrapCode::kHeapOutOfBounds))};
  const std::string message = execution_error_message(ExecutionError::kTrapped, words);
  EXPECT_EQ(message, "Canister trapped: heap out of bounds");
  EXPECT_EQ(
      describe_execution_error("rrkah-fqaaa-aaaaa-aaaaq-cai", ExecutionError::kTrapped, message),
      "Error from Canister rrkah-fqaaa-aaaaa-aaaaq-cai: Canister trapped: heap out of "
      "bounds.\nConsider gracefully handling failures from this canister or altering the "
      "canister to handle exceptions. See documentation: "
      "https://internetcomputer.org/docs/references/execution-errors#trapped");
  EXPECT_EQ(describe_execution_error("c", ExecutionError::kEngineError, "m"),
            "Error from Canister c: m");
  EXPECT_TRUE(describe_execution_error("c", ExecutionError::kInvalidPrincipal, "m")
                  .starts_with("Error from Canister c: m.\nThis is likely an error with the "
                               "compiler/CDK toolchain"));
}

TEST(ErrorCodes, LongDescriptionsLoseTheirMiddle) {
  // Two-byte characters at both cuts: none may be split.
  for (size_t extra = 0; extra < 4; ++extra) {
    std::string message(extra, 'x');
    while (message.size() < 3 * limits::kErrorDescriptionBytes) message += "\xc3\xa9";
    const std::string out = describe_execution_error("c", ExecutionError::kEngineError, message);
    EXPECT_LE(out.size(), limits::kErrorDescriptionBytes);
    EXPECT_GE(out.size(), limits::kErrorDescriptionBytes - 4);
    EXPECT_TRUE(is_utf8(as_bytes(out)));
  }
}

TEST(ErrorCodes, EveryPatternIsClosed) {
  for (const ExecutionErrorInfo& row : kExecutionErrors) {
    EXPECT_NE(find_error_code(static_cast<uint16_t>(row.code)), nullptr);
    for (size_t i = 0; i < row.message.size(); ++i) {
      if (row.message[i] != '{') continue;
      ASSERT_LT(i + 2, row.message.size());
      EXPECT_TRUE(row.message[i + 1] >= '0' && row.message[i + 1] <= '2');
      EXPECT_EQ(row.message[i + 2], '}');
    }
  }
}

}  // namespace
}  // namespace canrec::ic
