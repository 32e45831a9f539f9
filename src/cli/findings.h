// SPDX-License-Identifier: Apache-2.0
#pragma once

// Findings of the recovery floor as text and JSON.

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/session.h"
#include "recover/finding.h"

namespace canrec::cli {

/// One block a finding: severity, code and place, what, why, next; wrapped to the session's width.
void print_findings(Session& session, const std::vector<recover::Finding>& findings);

/// An array of {severity, code, where, what, why, next}.
nlohmann::ordered_json findings_json(const std::vector<recover::Finding>& findings);

/// `text` with a margin before every line but the first: what a canister says on lines of its own
/// must not look like lines of ours.
std::string with_margin(std::string_view text, std::string_view margin);

/// `text` broken between words at `width` columns, every line but the first after `indent` spaces.
/// Lines that it has already stay lines, with the blanks that they begin with.
std::string wrapped(std::string_view text, size_t indent, size_t width);

}  // namespace canrec::cli
