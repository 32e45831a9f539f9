// SPDX-License-Identifier: Apache-2.0
// Limits from the command line.
#include "cli/profile_options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <charconv>

namespace canrec::cli {

Result<executor::Profile> ProfileOptions::profile() const {
  executor::Profile profile =
      no_limits ? executor::Profile::no_limits() : executor::Profile::mainnet();
  for (const std::string& text : limits) {
    const size_t equals = text.find('=');
    uint64_t value = 0;
    const char* const end = text.data() + text.size();
    if (equals == std::string::npos ||
        std::from_chars(text.data() + equals + 1, end, value).ptr != end) {
      return fail(Errc::kBadArgument, fmt::format("\"{}\" is not NAME=NUMBER", text));
    }
    CANREC_CHECK(profile.set(std::string_view(text).substr(0, equals), value));
  }
  if (!page_charges.empty()) CANREC_CHECK(profile.set_page_charges(page_charges));
  return profile;
}

void add_profile_options(CLI::App& command, ProfileOptions& options) {
  command.add_flag("--no-limits", options.no_limits,
                   "run without instruction and memory limits, to see how far beyond one goes");
  command.add_option("--limit", options.limits,
                     "override one limit: NAME=NUMBER, names as in docs/reference/limits.md");
  command.add_option("--page-charges", options.page_charges,
                     "how touched memory is charged: none, 2025 or 2026 (default)");
}

void InstructionProgress::on_run_begin(std::string_view entry, uint64_t limit) {
  const uint64_t total = limit < executor::kUnlimited / 2 ? limit : 0;
  line_ = std::make_unique<Progress>(session_, std::string(entry), total, "instructions");
}
void InstructionProgress::on_instructions(uint64_t executed) {
  if (line_) line_->update(executed);
}
void InstructionProgress::on_run_end(const executor::RunReport&) { line_.reset(); }

}  // namespace canrec::cli
