// SPDX-License-Identifier: Apache-2.0
#pragma once

// The transfer protocol over the embedded executor.

#include "recover/subject.h"
#include "recover/transfer_client.h"

namespace canrec::recover {

/// Sends messages to a canister in the embedded executor, as its default user.
class ExecutorPort final : public CanisterPort {
 public:
  /// The subject outlives the port; another may be moved into its place.
  explicit ExecutorPort(Subject& subject) : subject_(subject) {}

  Result<Bytes> query(std::string_view method, Bytes argument) override;
  Result<Bytes> update(std::string_view method, Bytes argument) override;

  /// Instructions of everything sent so far, as the network would count them.
  uint64_t instructions() const { return instructions_; }
  uint64_t messages() const { return messages_; }

 private:
  Result<Bytes> take(executor::CallOutcome outcome);

  Subject& subject_;
  uint64_t instructions_ = 0;
  uint64_t messages_ = 0;
};

}  // namespace canrec::recover
