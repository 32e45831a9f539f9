// SPDX-License-Identifier: Apache-2.0
#pragma once

// The canisters of a message: the one it is sent to, and those that are loaded beside it with
// --with so that calls between them are answered. What a call changed in the others is written only
// where --output-with names a place; what changed and was not written is told.

#include <cstdint>
#include <string>
#include <vector>

#include "cli/session.h"
#include "executor/executor.h"

namespace CLI {
class App;
}

namespace canrec::cli {

class OtherCanisters {
 public:
  /// Adds --with, and --output-with where new states may be written.
  void add_to(CLI::App& app, bool can_write);

  /// Loads every canister of --with; before the canister of the message, which may take any free
  /// id.
  ///
  /// Errors: kBadArgument, those of snapshot::Directory::open and Executor::load, with the input.
  Status load(executor::Executor& network);
  /// Refuses places that cannot be written, and `main_output` among them, before anything runs.
  Status check_outputs(Session& session, const std::string& main_output, bool force) const;
  /// Writes what --output-with asks for. Errors: those of Executor::save, with the directory.
  Status save(Session& session, const executor::Executor& network, bool force) const;
  /// The canisters that changed; without those that save() would write, unless `all`.
  std::vector<ic::Principal> changed(const executor::Executor& network, bool all) const;
  bool any() const { return !with_.empty(); }
  bool saves_any() const { return !output_with_.empty(); }

 private:
  struct Canister {
    ic::Principal id;
    std::string directory;
    std::string output;    // empty: not to be written
    uint64_t version = 0;  // as it was loaded
  };

  Status add_outputs();

  std::vector<std::string> with_;
  std::vector<std::string> output_with_;
  std::vector<Canister> all_;
};

}  // namespace canrec::cli
