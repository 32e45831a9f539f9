// SPDX-License-Identifier: Apache-2.0
#pragma once

// One run of the program: where output goes, how errors look, how progress is shown. Commands print
// through it and nowhere else.
//
//   stdout   the result: text, or one JSON object a line under --json
//   stderr   errors, warnings and progress, for people

#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file_system.h"
#include "base/interrupt.h"
#include "base/output_file.h"
#include "cli/exit_code.h"

namespace CLI {
class App;
}

namespace canrec::cli {

/// Colours of a report; drawn only on a terminal without NO_COLOR. Their escapes stand in
/// session.cc, in this order.
enum class Tone { kPlain, kGood, kNote, kWarning, kBad, kDim, kBold };

/// Whether an error is about the files of a snapshot directory, of which canrec verify says more.
bool is_of_snapshot(Errc code);

class Session {
 public:
  Session(FileSystem& fs, const Interrupt& interrupt);

  FileSystem& files() { return fs_; }
  const Interrupt& interrupt() const { return interrupt_; }

  /// Set by a command when it is chosen on the command line; run by main.
  std::function<ExitCode()> action;
  /// Set by a command's --json option: errors then end with a JSON object on stderr.
  bool json = false;

  /// Writes text for people to stdout, with control characters (but line feed and tab)
  /// and bytes that are no UTF-8 as \xx. The first failure is kept and decides the exit status.
  void print(std::string_view text);
  /// Writes bytes as they are.
  void print_bytes(ByteView bytes);
  void print_json(const nlohmann::ordered_json& object);
  /// Text in a colour where colours are wanted.
  std::string toned(Tone tone, std::string_view text) const;
  /// Columns of the terminal. Without one nothing is wrapped: what goes to grep, a pager or the log
  /// of a build keeps each sentence on one line.
  unsigned width() const { return width_; }
  bool is_terminal() const { return out_terminal_; }

  /// A line for people on stderr.
  void warn(std::string_view text);
  /// Reports a failure about an input (may be empty) and gives the exit status to return.
  ExitCode report(std::string_view input, const Error& error);
  /// A mistake on the command line.
  ExitCode usage(std::string_view text);

  /// Writes a result to `path`, `-` for stdout. Errors: those of OutputFile.
  Status write_output(const std::string& path, ByteView bytes, bool force);

  /// Flushes stdout; the status to end with, given the command's own.
  ExitCode finish(ExitCode code);

  bool shows_progress() const { return err_terminal_ && !json; }

 private:
  FileSystem& fs_;
  const Interrupt& interrupt_;
  bool out_terminal_;
  bool err_terminal_;
  bool colour_;
  unsigned width_;
  int write_error_ = 0;  // errno of the first failed write to stdout
};

/// A line on stderr that is redrawn while something long runs; silent before the first second, off
/// a terminal, and under --json.
class Progress {
 public:
  /// `total` 0 = unknown; `unit` is "bytes" (shown as sizes with a rate) or a plural noun.
  Progress(const Session& session, std::string what, uint64_t total, std::string unit = "bytes");
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();
  /// Cheap to call often.
  void update(uint64_t done);

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  bool drawn_ = false;
  std::string what_;
  std::string unit_;
  uint64_t total_;
  Clock::time_point start_;
  Clock::time_point next_;
};

}  // namespace canrec::cli

// CLI_TRY(const auto file, session, path, wasm::open_module(path)); binds the value, or reports the
// error about `input` and returns the exit status from the command. CLI_CHECK is for Status.
#define CLI_TRY(decl, session, input, ...) \
  CLI_TRY_(CANREC_CONCAT(cli_result_, __COUNTER__), decl, session, input, __VA_ARGS__)
#define CLI_TRY_(result, decl, session, input, ...)   \
  auto result = (__VA_ARGS__);                        \
  if (!result) [[unlikely]]                           \
    return (session).report((input), result.error()); \
  decl = std::move(*result)
#define CLI_CHECK(session, input, ...)                             \
  do {                                                             \
    if (auto cli_status = (__VA_ARGS__); !cli_status) [[unlikely]] \
      return (session).report((input), cli_status.error());        \
  } while (false)
