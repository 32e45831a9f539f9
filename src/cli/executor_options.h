// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the commands that run canisters have in common: limits and inputs of the executor, arguments
// and replies as Candid text, hex or bytes, and progress while code runs.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "cli/session.h"
#include "executor/executor.h"

namespace CLI {
class App;
}

namespace canrec::cli {

/// Limits, clock and caller.
struct ExecutorOptions {
  bool no_limits = false;
  uint64_t instruction_limit = 0;   ///< 0 = not given
  std::vector<std::string> limits;  ///< NAME=VALUE
  std::string page_charges;
  std::optional<uint64_t> time_ns;
  uint64_t seed = 0;
  std::optional<std::string> cycles;
  std::string caller;
  std::string canister;

  void add_to(CLI::App& app);
  /// Only for commands that run one canister.
  void add_canister_id_to(CLI::App& app);
  /// Errors: kBadArgument.
  Result<executor::Options> options(const Session& session, executor::EventSink* events) const;
  /// The principal given, or the executor's default user. Errors: kBadArgument.
  Result<ic::Principal> user() const;
  /// The id given for the canister, if one was. Errors: kBadArgument.
  Result<std::optional<ic::Principal>> canister_id() const;
};

/// The argument of a message: text, hex, file, or nothing.
struct ArgumentOptions {
  std::string text;
  std::string hex;
  std::string file;

  void add_to(CLI::App& app);
  /// The argument's bytes; text is read at the types that `method` has in the module's interface,
  /// or as it stands when there is none. An empty method means the install argument.
  Result<Bytes> bytes(ByteView stored_module, std::string_view method) const;
};

/// How a reply is shown.
struct ReplyOptions {
  std::string form;  ///< "text", "json", "hex", "raw", or empty: text where it is Candid, else hex
  bool raw = false;

  void add_to(CLI::App& app);
  /// Prints a reply to stdout.
  void print(Session& session, ByteView reply, ByteView stored_module,
             std::string_view method) const;
};

/// Shows a line of progress for every execution that takes longer than a second.
class ProgressSink final : public executor::EventSink {
 public:
  explicit ProgressSink(const Session& session) : session_(session) {}
  void on_run_begin(std::string_view entry, uint64_t limit) override;
  void on_instructions(uint64_t executed) override;
  void on_run_end(const executor::RunReport& report) override;

 private:
  const Session& session_;
  std::unique_ptr<Progress> line_;
};

/// A reply as Candid text with the field names of the module's interface; nothing when it is no
/// Candid.
std::optional<std::string> reply_text(ByteView reply, ByteView stored_module,
                                      std::string_view method);

/// A file's bytes. Errors: those of InputFile.
Result<Bytes> file_bytes(const std::string& path);

}  // namespace canrec::cli
