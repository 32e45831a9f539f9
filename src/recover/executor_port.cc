// SPDX-License-Identifier: Apache-2.0
// Messages to the embedded executor.
#include "recover/executor_port.h"

namespace canrec::recover {

Result<Bytes> ExecutorPort::query(std::string_view method, Bytes argument) {
  CANREC_TRY(executor::CallOutcome outcome,
             subject_.executor().query({subject_.id(), std::string(method), std::move(argument)}));
  return take(std::move(outcome));
}

Result<Bytes> ExecutorPort::update(std::string_view method, Bytes argument) {
  CANREC_TRY(executor::CallOutcome outcome,
             subject_.executor().update({subject_.id(), std::string(method), std::move(argument)}));
  return take(std::move(outcome));
}

Result<Bytes> ExecutorPort::take(executor::CallOutcome outcome) {
  for (const executor::RunReport& run : outcome.runs) instructions_ += run.instructions;
  ++messages_;
  if (outcome.replied()) return std::move(std::get<Bytes>(outcome.answer));
  const executor::Failure& failure = outcome.failure();
  return fail(failure.by_canister ? Errc::kRejected : Errc::kTrapped, failure.text());
}

}  // namespace canrec::recover
