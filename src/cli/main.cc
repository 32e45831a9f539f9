// SPDX-License-Identifier: Apache-2.0
// The program: finds the command, runs it, turns everything that can happen into an exit status.
// Under the name `wasm-layout-diff` it is `canrec diff`.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "cli/session.h"

#define COMMAND(name)                                         \
  namespace canrec::cli {                                     \
  void add_##name##_command(CLI::App& app, Session& session); \
  }
#include "cli/commands.inc"
#undef COMMAND

namespace canrec::cli {
namespace {

Interrupt g_interrupt;  // the one global: a signal handler can reach nothing else

extern "C" void on_signal(int) { g_interrupt.request(); }

// A stream that the caller closed would be the next file that is opened, and reports would be
// written into it. Reading ends stand in for closed outputs, so that writing to them still fails.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1) continue;
    const int stand_in = ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (stand_in != stream) std::_Exit(static_cast<int>(ExitCode::kSystem));
  }
}

void catch_signals() {
  // The second signal ends the process the ordinary way.
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // A limit on file sizes is an error of write(), so that the temporary file is removed.
  std::signal(SIGXFSZ, SIG_IGN);
}

void add_exit_status(CLI::App& app) {
  const std::string footer = app.get_footer();
  app.footer(footer + (footer.empty() ? "" : "\n\n") + exit_status_help());
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    add_exit_status(*command);
  }
}

int run(std::vector<std::string> arguments) {
  occupy_closed_streams();
  catch_signals();
  Session session(posix_file_system(), g_interrupt);
  CLI::App app("Offline forensics and recovery of Internet Computer canister state.", "canrec");
  app.set_version_flag("--version", "canrec " CANREC_VERSION);
  app.require_subcommand(1);
#define COMMAND(name) add_##name##_command(app, session);
#include "cli/commands.inc"
#undef COMMAND
  add_exit_status(app);
  try {
    // CLI11 takes the arguments last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::RequiredError& error) {
    // A word that is no command is left over, and says more than that a command is missing.
    const std::vector<std::string> unknown = app.remaining(true);
    const bool command =
        std::string_view(error.what()).find("subcommand") != std::string_view::npos;
    if (!command || unknown.empty()) {
      app.exit(error);
    } else {
      const char* kind = unknown.front().starts_with('-') ? "option" : "command";
      session.warn(fmt::format("there is no {} {}; --help lists them", kind, unknown.front()));
    }
    return static_cast<int>(session.finish(ExitCode::kUsage));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    const bool asked_for_help = code == 0;
    return static_cast<int>(session.finish(asked_for_help ? ExitCode::kDone : ExitCode::kUsage));
  }
  return static_cast<int>(session.finish(session.action()));
}

}  // namespace
}  // namespace canrec::cli

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool version = arguments.size() == 1 && arguments[0] == "--version";
  if (argc > 0 && !version && std::filesystem::path(argv[0]).filename() == "wasm-layout-diff") {
    arguments.insert(arguments.begin(), "diff");
  }
  try {
    return canrec::cli::run(std::move(arguments));
  } catch (const std::bad_alloc&) {
    std::fputs("canrec: out of memory\n", stderr);
    return static_cast<int>(canrec::cli::ExitCode::kSystem);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "canrec: internal error: %s\n", error.what());
    return static_cast<int>(canrec::cli::ExitCode::kInternal);
  }
}
