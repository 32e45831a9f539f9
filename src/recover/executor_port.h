// SPDX-License-Identifier: Apache-2.0
#pragma once

// The transfer protocol over the embedded executor.

#include "executor/executor.h"
#include "recover/transfer_client.h"

namespace canrec::recover {

/// Sends messages to one canister of an executor, as its default user.
class ExecutorPort final : public CanisterPort {
 public:
  /// The executor outlives the port.
  ExecutorPort(executor::Executor& executor, const ic::Principal& canister)
      : executor_(executor), canister_(canister) {}

  Result<Bytes> query(std::string_view method, Bytes argument) override;
  Result<Bytes> update(std::string_view method, Bytes argument) override;

  /// Instructions of everything sent so far, as the network would count them.
  uint64_t instructions() const { return instructions_; }
  uint64_t messages() const { return messages_; }

 private:
  Result<Bytes> take(executor::CallOutcome outcome);

  executor::Executor& executor_;
  ic::Principal canister_;
  uint64_t instructions_ = 0;
  uint64_t messages_ = 0;
};

}  // namespace canrec::recover
