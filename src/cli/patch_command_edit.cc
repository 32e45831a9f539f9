// SPDX-License-Identifier: Apache-2.0
// canrec patch edit: one function as WAT, out, in an editor, and back in.
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/input_file.h"
#include "cli/patch_command.h"
#include "patch/wat_window.h"

namespace canrec::cli {
namespace {

struct EditOptions : PatchOutput {
  std::string function;
  std::string from;
  bool editor = false;
};

Result<std::string> read_text(const std::string& path) {
  CANREC_TRY(const InputFile file, InputFile::open(path));
  return std::string(as_text(file.bytes()));
}

Result<patch::Plan> plan_from_text(const wasm::LoadedModule& input, const std::string& function,
                                   std::string_view text, const std::string& path) {
  CANREC_TRY(const wasm::FuncIdx fn, patch::Places(input.module).defined(function));
  auto plan = patch::edit_function(input, fn, text);
  if (!plan) return fail(std::move(plan).error().in(path));
  return plan;
}

// Runs $VISUAL or $EDITOR on a file, through the shell so that it may have arguments.
Status run_editor(const std::filesystem::path& path) {
  const char* editor = std::getenv("VISUAL");
  if (editor == nullptr || *editor == '\0') editor = std::getenv("EDITOR");
  if (editor == nullptr || *editor == '\0') editor = "vi";
  const pid_t child = ::fork();
  if (child < 0) return fail(errno_error(errno, "start", editor));
  if (child == 0) {
    const std::string command = std::string(editor) + " \"$1\"";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), "sh", path.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fail(errno_error(errno, "wait for", editor));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(Errc::kBadArgument, fmt::format("the editor \"{}\" failed", editor));
  }
  return Ok{};
}

Result<patch::Plan> plan_from_editor(Session& session, const wasm::LoadedModule& input,
                                     const EditOptions& options) {
  CANREC_TRY(const wasm::FuncIdx fn, patch::Places(input.module).defined(options.function));
  CANREC_TRY(const std::string text, patch::function_to_wat(input, fn));
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() /
      fmt::format("canrec-edit-{}-f{}.wat", ::getpid(), std::to_underlying(fn));
  CANREC_CHECK(write_file(session.files(), path, as_bytes(text), Overwrite::kNo));
  if (Status status = run_editor(path); !status) {
    const auto left = read_text(path);
    if (!left || *left != text) return fail(std::move(status).error().in(path.native()));
    CANREC_CHECK(session.files().remove(path));
    return fail(std::move(status).error());
  }
  CANREC_TRY(const std::string edited, read_text(path));
  // A text with a mistake stays where it is, so that the work is not lost.
  CANREC_TRY(patch::Plan plan, plan_from_text(input, options.function, edited, path));
  CANREC_CHECK(session.files().remove(path));
  return plan;
}

ExitCode write_text(Session& session, const EditOptions& options) {
  CLI_TRY(const wasm::ModuleFile file, session, options.module, wasm::open_module(options.module));
  CLI_TRY(const wasm::FuncIdx fn, session, options.module,
          patch::Places(file.module()).defined(options.function));
  CLI_TRY(const std::string text, session, options.module, patch::function_to_wat(file.loaded, fn));
  if (options.dry_run) return ExitCode::kDone;
  const std::string output = options.output.empty() ? "-" : options.output;
  CLI_CHECK(session, output, session.write_output(output, as_bytes(text), options.force));
  return ExitCode::kDone;
}

ExitCode run(Session& session, const EditOptions& options) {
  session.json = options.json;
  if (options.from.empty() && !options.editor) {
    if (options.plan_only) return session.usage("--from or --editor is wanted");
    return write_text(session, options);
  }
  return run_patch(session, options, [&](const wasm::LoadedModule& input) -> Result<patch::Plan> {
    if (options.editor) return plan_from_editor(session, input, options);
    auto text = read_text(options.from);
    if (!text) return fail(std::move(text).error().in(options.from));
    return plan_from_text(input, options.function, *text, options.from);
  });
}

}  // namespace

void add_patch_edit(CLI::App& patch, Session& session, bool plan_only) {
  const auto options = std::make_shared<EditOptions>();
  options->plan_only = plan_only;
  CLI::App* command = patch.add_subcommand(
      "edit", "One function as WAT: out to a file, and back in with --from or --editor.");
  add_patch_output(*command, *options);
  command->add_option("FUNC", options->function, "function")->required();
  CLI::Option* from =
      command->add_option("--from", options->from, "text to take the function's body from");
  command->add_flag("--editor", options->editor, "open the text in $VISUAL or $EDITOR")
      ->excludes(from);
  command->footer(
      "EXAMPLE\n  canrec patch edit old.wasm canister_pre_upgrade -o func.wat\n"
      "  canrec patch edit old.wasm canister_pre_upgrade --from func.wat -o fixed.wasm");
  command->callback([options, &session] {
    session.action = [options, &session] { return run(session, *options); };
  });
}

}  // namespace canrec::cli
