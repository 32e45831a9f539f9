// SPDX-License-Identifier: Apache-2.0
#pragma once

// The two faces of a comparison: text for people, one JSON object for scripts
// (docs/formats/diff-json.md).

#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "wasm/load.h"
#include "wasmdiff/compare.h"
#include "wasmdiff/evidence.h"
#include "wasmdiff/gates.h"
#include "wasmdiff/side_by_side.h"

namespace canrec::cli {

/// What `canrec diff` has found out.
struct DiffReport {
  std::string old_path;
  std::string new_path;
  const wasm::LoadedModule* old_module;
  const wasm::LoadedModule* new_module;
  const wasmdiff::Comparison* comparison;
  std::optional<wasmdiff::Route> route;  ///< --route: only this one counts
  std::vector<wasmdiff::GateResult> gates;
  std::optional<wasmdiff::SideBySide> code;
  std::string state_path;
  std::optional<wasmdiff::Evidence> evidence;  ///< of --state

  /// The word on the heap; the exit status is 0 only when it is safe.
  wasmdiff::Word verdict() const { return route ? comparison->word(*route) : comparison->best(); }
  /// Whether clients of the old module lose something; the heap may still be safe then.
  bool hurts_clients() const {
    return comparison->clients == wasmdiff::Clients::kBroken ||
           comparison->clients == wasmdiff::Clients::kNulled;
  }
};

void print_diff_text(Session& session, const DiffReport& report);
void print_diff_json(Session& session, const DiffReport& report);
/// The rows of --code, two columns wide.
void print_side_by_side(Session& session, const DiffReport& report);

}  // namespace canrec::cli
