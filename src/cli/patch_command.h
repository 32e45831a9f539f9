// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of `canrec patch` share: options of every patch, and the one way from a plan to a
// written module.

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "cli/session.h"
#include "patch/apply.h"

namespace canrec::cli {

/// Options of every command that writes a patched module.
struct PatchOutput {
  std::string module;
  std::string output;
  bool force = false;
  bool dry_run = false;
  bool json = false;
  bool plan_only = false;  ///< under `patch plan`: the plan is the result
};

/// Adds MODULE, -o, --force, --dry-run and --json (or, for `patch plan`, MODULE and -o).
void add_patch_output(CLI::App& command, PatchOutput& options);

/// Makes a plan for a module.
using MakePlan = std::function<Result<patch::Plan>(const wasm::LoadedModule&)>;

/// Reads the module, makes the plan, then prints it or applies, proves, writes and reports it.
ExitCode run_patch(Session& session, const PatchOutput& options, const MakePlan& make);

/// The changes of a plan as people read them.
std::string changes_text(const Session& session, const std::vector<patch::ShownChange>& changes);
nlohmann::ordered_json changes_json(const std::vector<patch::ShownChange>& changes);

/// The subcommands that live in files of their own.
void add_patch_calls(CLI::App& patch, Session& session);
void add_patch_edit(CLI::App& patch, Session& session, bool plan_only);
void add_patch_operations(CLI::App& parent, Session& session, bool plan_only);

}  // namespace canrec::cli
