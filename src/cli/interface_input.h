// SPDX-License-Identifier: Apache-2.0
#pragma once

// The interface and the stable signature of whatever a user names: a `.did` or `.most` file, a
// module, or a snapshot directory. Used by every command that takes Candid text or judges an
// upgrade.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/hash.h"
#include "candid/interface.h"
#include "wasm/module.h"

namespace canrec::cli {

/// What a module says about itself. A part that is missing has neither value nor error.
struct ModuleTexts {
  std::optional<candid::Interface> interface;
  std::optional<Error> interface_error;     ///< the section is there but cannot be read
  std::optional<std::string> stable_types;  ///< text of the stable signature
};

/// Reads the sections of a module.
ModuleTexts read_texts(const wasm::Module& module);

/// An input with what it says.
struct InterfaceInput {
  std::string path;
  std::string kind;  ///< "module", "snapshot", "text"
  Sha256 hash{};     ///< of the file, or of the snapshot's module
  uint64_t size = 0;
  std::string text;  ///< of a text file
  ModuleTexts texts;
};

/// Opens a file or directory. A text file's interface is read with its imports only when
/// `read_did` is set; `texts` then has it or the error.
/// Errors: those of opening files, modules and snapshots.
Result<InterfaceInput> open_interface(const std::string& path, bool read_did);

/// {"path", "kind", "sha256", "size"}.
nlohmann::ordered_json input_json(const InterfaceInput& input);
/// "  old  sha256 ..  1,234 bytes  module  old.wasm\n".
std::string input_line(std::string_view label, const InterfaceInput& input);

}  // namespace canrec::cli
