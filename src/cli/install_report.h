// SPDX-License-Identifier: Apache-2.0
#pragma once

// What installations report, and how the state they made is kept.

#include <string>

#include "cli/session.h"
#include "executor/executor.h"

namespace canrec::cli {

/// Prints the stages of an installation to stdout, and how it ended; gives the exit status.
ExitCode print_installation(Session& session, std::string_view title,
                            const executor::InstallOutcome& outcome);

/// Refuses a place where keep_state() could not write, before anything runs; nothing to do when
/// `path` is empty. Errors: those of StagedDirectory::create.
Status check_output(Session& session, const std::string& path, bool force);

/// Writes the state when `path` is not empty.
ExitCode keep_state(Session& session, const executor::Executor& network,
                    const ic::Principal& canister, const std::string& path, bool force);

}  // namespace canrec::cli
