// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reports of executions, for people and for programs.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/session.h"
#include "executor/executor.h"

namespace canrec::cli {

/// One line: entry, instructions against the limit, pages, growth.
std::string run_line(const executor::RunReport& report);
/// Why a run was stopped: message, backtrace, the last System API calls; empty when it was not.
std::string stop_text(const executor::RunReport& report);
/// What the canister printed, one line a print, indented; empty when it printed nothing.
std::string prints_text(const executor::RunReport& report);
/// "3 stable64_write, 1 msg_reply", most frequent first.
std::string api_text(const executor::RunReport& report);
/// Everything of a run, as several lines.
std::string run_text(const executor::RunReport& report);

/// The same as an object of "type" "run".
nlohmann::ordered_json run_json(const executor::RunReport& report);
nlohmann::ordered_json failure_json(const executor::Failure& failure);

/// Tells a failure on stderr, with what led to it, and gives the exit status.
ExitCode report_failure(Session& session, const executor::Failure& failure,
                        const std::vector<executor::RunReport>& runs);

}  // namespace canrec::cli
