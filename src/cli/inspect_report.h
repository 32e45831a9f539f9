// SPDX-License-Identifier: Apache-2.0
#pragma once

// The two faces of `canrec inspect`: text for people, one JSON object for programs
// (docs/formats/inspect-json.md). Both show the same facts.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/session.h"
#include "snapshot/directory.h"
#include "wasm/inspect.h"
#include "wasm/load.h"

namespace canrec::cli {

/// What is shown; everything is owned by the command.
struct InspectInput {
  std::string path;
  const wasm::LoadedModule& loaded;
  const wasm::ModuleFacts& facts;
  const wasm::FunctionNames& names;
  const snapshot::Survey* survey;  ///< of a snapshot directory, else null
  bool all;                        ///< no shortening of long lists

  const wasm::Module& module() const { return loaded.module; }
  /// The metadata of the directory, where it could be read.
  const snapshot::Metadata* metadata() const;
};

void print_inspect_text(Session& session, const InspectInput& input);
nlohmann::ordered_json inspect_json(const InspectInput& input);

/// Whether the metadata's globals are of the types that the module persists.
bool globals_match(const InspectInput& input);

}  // namespace canrec::cli
