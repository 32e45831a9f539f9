// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `canrec query` and `canrec call` share: a message to a canister that comes from a snapshot.

#include <memory>
#include <string>

#include "cli/executor_options.h"
#include "cli/other_canisters.h"
#include "cli/session.h"

namespace canrec::cli {

struct MessageOptions {
  std::string directory;
  std::string method;
  ArgumentOptions argument;
  ReplyOptions reply;
  ExecutorOptions executor;
  OtherCanisters others;
  std::string output;  ///< directory for the new state, or empty
  bool force = false;
  bool report = false;
  bool is_update = false;
};

/// Adds the options and the action to a command: an update call, or a query.
std::shared_ptr<MessageOptions> add_message_options(CLI::App& command, Session& session,
                                                    bool is_update);

}  // namespace canrec::cli
