// SPDX-License-Identifier: Apache-2.0
// The patches of `canrec patch` and `canrec patch plan`, one function each.
#include <fmt/core.h>

#include "base/input_file.h"
#include "cli/patch_command.h"
#include "patch/operations.h"
#include "snapshot/directory.h"

namespace canrec::cli {
namespace {

// A command whose options are `Options` (derived from PatchOutput) and whose plan `make` gives.
template <typename Options>
CLI::App* add_operation(CLI::App& parent, Session& session, bool plan_only, const char* name,
                        const char* description, const std::shared_ptr<Options>& options,
                        std::function<Result<patch::Plan>(const wasm::LoadedModule&)> make) {
  CLI::App* command = parent.add_subcommand(name, description);
  options->plan_only = plan_only;
  add_patch_output(*command, *options);
  command->callback([options, &session, make = std::move(make)] {
    session.action = [options, &session, make] { return run_patch(session, *options, make); };
  });
  return command;
}

struct RemoveOptions : PatchOutput {
  std::string site;
  std::vector<std::string> results;
};

void add_remove(CLI::App& parent, Session& session, bool plan_only) {
  const auto options = std::make_shared<RemoveOptions>();
  CLI::App* command =
      add_operation(parent, session, plan_only, "remove",
                    "Take a System API call out: its arguments are evaluated and dropped.", options,
                    [options](const wasm::LoadedModule& input) {
                      return patch::remove_call(input, options->site, options->results);
                    });
  command->add_option("SITE", options->site, "the call, see `canrec patch --help`")->required();
  command->add_option("--result", options->results, "what it returns from now on")
      ->allow_extra_args(false);
  command->footer(
      "EXAMPLE\n  canrec patch remove old.wasm canister_pre_upgrade:call_perform --result 2 -o "
      "fixed.wasm");
}

struct InsertOptions : PatchOutput {
  std::string site;
  std::string call;
  bool before = false;
  bool after = false;
  bool at_entry = false;
  uint32_t over = 0;
  std::string trap_if;
  bool keep_result = false;
};

Result<patch::Plan> make_insert(const wasm::LoadedModule& input, const InsertOptions& options) {
  patch::Insertion insertion;
  insertion.call = options.call;
  insertion.where = options.at_entry   ? patch::Where::kAtEntry
                    : options.over > 0 ? patch::Where::kOver
                    : options.after    ? patch::Where::kAfter
                                       : patch::Where::kBefore;
  insertion.over = options.over;
  if (!options.trap_if.empty()) insertion.trap_if = options.trap_if;
  insertion.keep_result = options.keep_result;
  return patch::insert_call(input, options.site, insertion);
}

void add_insert(CLI::App& parent, Session& session, bool plan_only) {
  const auto options = std::make_shared<InsertOptions>();
  CLI::App* command = add_operation(
      parent, session, plan_only, "insert",
      "Put a System API call in; the function is imported when the module does not yet.", options,
      [options](const wasm::LoadedModule& input) { return make_insert(input, *options); });
  command->add_option("SITE", options->site, "place, or function with --at-entry")->required();
  command
      ->add_option("CALL", options->call,
                   "ic0.NAME(...) with constants, arg0.. (of the call at the site, or the "
                   "function's parameters), local0.., pop (from the stack)")
      ->required();
  CLI::Option_group* where = command->add_option_group("where");
  where->add_flag("--before", options->before, "in front of the site");
  where->add_flag("--after", options->after, "behind the site");
  where->add_flag("--at-entry", options->at_entry, "at the beginning of the function");
  where->add_option("--over", options->over, "in place of that many instructions")
      ->check(CLI::PositiveNumber);
  where->require_option(1);
  command->add_option("--trap-if", options->trap_if, "trap when the result is this number");
  command->add_flag("--keep-result", options->keep_result, "leave the result on the stack");
  command->footer(
      "EXAMPLE\n  canrec patch insert old.wasm canister_pre_upgrade --at-entry "
      "'ic0.stable64_grow(i64.const 160)' --trap-if -1 -o fixed.wasm");
}

struct ScopeOptions : PatchOutput {
  std::string start;
  std::string function;
  std::string from;
};

void add_grow(CLI::App& parent, Session& session, bool plan_only) {
  const auto options = std::make_shared<ScopeOptions>();
  CLI::App* command = add_operation(
      parent, session, plan_only, "grow-before-write",
      "Make every stable write that the function or hook reaches grow stable memory first.",
      options, [options](const wasm::LoadedModule& input) {
        return patch::grow_before_write(input, {std::nullopt, options->start});
      });
  command->add_option("FUNC", options->start, "hook or function")->required();
  command->footer(
      "EXAMPLE\n  canrec patch grow-before-write old.wasm canister_pre_upgrade -o fixed.wasm");
}

void add_retarget(CLI::App& parent, Session& session, bool plan_only) {
  const auto options = std::make_shared<ScopeOptions>();
  CLI::App* command = add_operation(parent, session, plan_only, "retarget",
                                    "Turn the 32-bit stable memory calls into stable64 calls.",
                                    options, [options](const wasm::LoadedModule& input) {
                                      patch::Scope scope;
                                      if (!options->function.empty())
                                        scope.function = options->function;
                                      if (!options->from.empty()) scope.from = options->from;
                                      return patch::retarget(input, scope);
                                    });
  CLI::Option* function =
      command->add_option("--function", options->function, "in this function only");
  command->add_option("--from", options->from, "in what this hook or function reaches")
      ->excludes(function);
  command->footer(
      "EXAMPLE\n  canrec patch retarget old.wasm --from canister_pre_upgrade -o "
      "fixed.wasm");
}

struct StubOptions : PatchOutput {
  std::string function;
  std::vector<std::string> results;
};

void add_stub(CLI::App& parent, Session& session, bool plan_only) {
  const auto options = std::make_shared<StubOptions>();
  CLI::App* command =
      add_operation(parent, session, plan_only, "stub", "Make a function return at once.", options,
                    [options](const wasm::LoadedModule& input) {
                      return patch::stub(input, options->function, options->results);
                    });
  command->add_option("FUNC", options->function, "function")->required();
  command->add_option("--return", options->results, "one for each result; default zeros")
      ->allow_extra_args(false);
  command->footer("EXAMPLE\n  canrec patch stub old.wasm save_metrics -o fixed.wasm");
}

struct SkipOptions : PatchOutput {
  std::string site;
};

void add_skip_trap(CLI::App& parent, Session& session, bool plan_only) {
  const auto options = std::make_shared<SkipOptions>();
  CLI::App* command = add_operation(parent, session, plan_only, "skip-trap",
                                    "Leave the block around a trap in place of trapping.", options,
                                    [options](const wasm::LoadedModule& input) {
                                      return patch::skip_trap(input, options->site);
                                    });
  command
      ->add_option("SITE", options->site,
                   "an `unreachable`, or a call with `unreachable` behind it")
      ->required();
  command->footer("EXAMPLE\n  canrec patch skip-trap old.wasm @0x2a10 -o fixed.wasm");
}

struct NamedOptions : PatchOutput {
  std::string name;
  std::string file;
};

Result<patch::Plan> make_set_section(const wasm::LoadedModule& input, const NamedOptions& options) {
  if (options.file.empty()) return patch::set_section(input, options.name, {});
  auto file = InputFile::open(options.file);
  if (!file) return fail(std::move(file).error().in(options.file));
  return patch::set_section(input, options.name, file->bytes());
}

void add_sections(CLI::App& parent, Session& session, bool plan_only) {
  const auto hook = std::make_shared<NamedOptions>();
  CLI::App* drop = add_operation(
      parent, session, plan_only, "drop-hook", "Take the export of a hook out.", hook,
      [hook](const wasm::LoadedModule& input) { return patch::drop_hook(input, hook->name); });
  drop->add_option("NAME", hook->name, "canister_pre_upgrade, canister_heartbeat, ...")->required();
  drop->footer("EXAMPLE\n  canrec patch drop-hook old.wasm canister_pre_upgrade -o fixed.wasm");

  const auto set = std::make_shared<NamedOptions>();
  CLI::App* set_section = add_operation(
      parent, session, plan_only, "set-section", "Set or add a custom section.", set,
      [set](const wasm::LoadedModule& input) { return make_set_section(input, *set); });
  set_section->add_option("NAME", set->name, "'icp:public candid:service', ...")->required();
  set_section->add_option("--file", set->file, "its content; without it the section is empty");
  set_section->footer(
      "EXAMPLE\n  canrec patch set-section old.wasm 'icp:public candid:service' --file a.did -o "
      "new.wasm");

  const auto remove = std::make_shared<NamedOptions>();
  CLI::App* remove_section = add_operation(parent, session, plan_only, "remove-section",
                                           "Take custom sections of a name out.", remove,
                                           [remove](const wasm::LoadedModule& input) {
                                             return patch::remove_section(input, remove->name);
                                           });
  remove_section->add_option("NAME", remove->name, "name of the section")->required();
  remove_section->footer("EXAMPLE\n  canrec patch remove-section old.wasm name -o new.wasm");
}

struct RouteKOptions : PatchOutput {
  bool drop_post_upgrade = false;
  uint64_t heap_bytes = 0;
  std::string state;
};

Result<patch::Plan> make_prepare(const wasm::LoadedModule& input, const RouteKOptions& options) {
  patch::RouteK route;
  route.drop_post_upgrade = options.drop_post_upgrade;
  if (options.heap_bytes > 0) route.heap_bytes = options.heap_bytes;
  if (options.state.empty()) return patch::prepare_route_k(input, route);
  auto directory = snapshot::Directory::open(options.state);
  if (!directory) return fail(std::move(directory).error().in(options.state));
  auto installed = wasm::load_module(directory->module());
  if (!installed) return fail(std::move(installed).error().in(options.state + "/wasm_module.bin"));
  const auto& timer = directory->metadata().global_timer;
  route.state = {directory->heap().size(), directory->metadata().globals,
                 timer.has_value() && timer->deadline_ns.has_value(), &installed->module};
  return patch::prepare_route_k(input, route);
}

void add_prepare(CLI::App& parent, Session& session, bool plan_only) {
  const auto options = std::make_shared<RouteKOptions>();
  CLI::App* command = add_operation(
      parent, session, plan_only, "prepare-route-k",
      "Add the section that an upgrade with the heap kept (route K) asks for, and check the rest.",
      options,
      [options](const wasm::LoadedModule& input) { return make_prepare(input, *options); });
  command->add_flag("--drop-post-upgrade", options->drop_post_upgrade,
                    "take canister_post_upgrade out");
  CLI::Option* heap =
      command->add_option("--heap-bytes", options->heap_bytes, "size of the canister's heap")
          ->check(CLI::PositiveNumber);
  command
      ->add_option("--state", options->state,
                   "snapshot directory of the canister: its heap, globals and timer are checked")
      ->excludes(heap);
  command->footer(
      "EXAMPLE\n  canrec patch prepare-route-k fixed.wasm --drop-post-upgrade --state snapshot -o "
      "route-k.wasm");
}

}  // namespace

void add_patch_operations(CLI::App& parent, Session& session, bool plan_only) {
  add_remove(parent, session, plan_only);
  add_insert(parent, session, plan_only);
  add_grow(parent, session, plan_only);
  add_retarget(parent, session, plan_only);
  add_stub(parent, session, plan_only);
  add_skip_trap(parent, session, plan_only);
  add_sections(parent, session, plan_only);
  add_prepare(parent, session, plan_only);
}

}  // namespace canrec::cli
