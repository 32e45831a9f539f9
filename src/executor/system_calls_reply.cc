// SPDX-License-Identifier: Apache-2.0
// System API: answering a call, and accepting an ingress message.
#include <utility>

#include <fmt/core.h>

#include "base/checked.h"
#include "executor/system_calls.h"

namespace canrec::executor {

OrStop<Ok> SystemCalls::not_yet_replied(std::string_view text) {
  if (in_.already_replied || effects_.response) {
    return fail(toolchain_violation(std::string(text)));
  }
  return Ok{};
}

OrStop<Ok> SystemCalls::payload_fits(std::string_view function, uint64_t bytes) {
  if (bytes > in_.reply_bytes) {
    return fail(
        violation(fmt::format("ic0.{}: application payload size ({}) cannot be larger than {}.",
                              function, bytes, in_.reply_bytes)));
  }
  return Ok{};
}

SystemCalls::Value SystemCalls::reply_data_append(uint64_t from, uint64_t length) {
  CANREC_CHECK(not_yet_replied("ic0.msg_reply_data_append: the call is already replied."));
  const uint64_t total = checked_add(uint64_t{reply_data_.size()}, length).value_or(UINT64_MAX);
  CANREC_CHECK(payload_fits("msg_reply_data_append", total));
  CANREC_TRY(const ByteView bytes, heap_read("msg.reply", from, length));
  append(reply_data_, bytes);
  return std::nullopt;
}

SystemCalls::Value SystemCalls::reply() {
  CANREC_CHECK(not_yet_replied("ic0.msg_reply: the call is already replied"));
  effects_.response = CanisterResponse(std::exchange(reply_data_, {}));
  return std::nullopt;
}

SystemCalls::Value SystemCalls::reject(uint64_t from, uint64_t length) {
  CANREC_CHECK(not_yet_replied("ic0.msg_reject: the call is already replied"));
  CANREC_CHECK(payload_fits("msg_reject", length));
  CANREC_TRY(const ByteView bytes, heap_read("ic0.msg_reject", from, length));
  if (!is_utf8(bytes)) {
    return fail(toolchain_violation("ic0.msg_reject: invalid UTF-8 string provided"));
  }
  reply_data_.clear();
  effects_.response = CanisterResponse(CanisterReject{std::string(as_text(bytes))});
  return std::nullopt;
}

SystemCalls::Value SystemCalls::accept_message() {
  if (effects_.message_accepted) {
    return fail(toolchain_violation("ic0.accept_message: the function was already called."));
  }
  effects_.message_accepted = true;
  return std::nullopt;
}

}  // namespace canrec::executor
