// SPDX-License-Identifier: Apache-2.0
#pragma once

// The embedded executor: an Internet Computer for a handful of canisters, in this process, without
// a network. State comes from snapshot directories or fresh installations, runs in memory, and is
// written only by save().
//
//   load / install / replace     put code and state into a canister
//   update / query / ...         run it; the answer comes with a report of every execution
//   checkpoint / revert          try something and go back, at the price of the pages touched
//   save                         write the state as a snapshot directory
//
// Results are values: a canister that traps is an answer, not an Error. Errors are ours:
// interrupted, out of address space, an unknown canister.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file_system.h"
#include "base/interrupt.h"
#include "base/output_file.h"
#include "executor/canister.h"
#include "executor/events.h"
#include "executor/profile.h"
#include "executor/report.h"
#include "executor/stop.h"
#include "ic/principal.h"
#include "snapshot/directory.h"

namespace canrec::executor {

/// Inputs that a network would bring; the defaults are fixed, so that runs can be repeated.
struct Options {
  Profile profile = Profile::mainnet();
  uint64_t time_ns = 1'767'225'600'000'000'000;  ///< 2026-01-01T00:00:00Z
  uint64_t seed = 0;                             ///< of raw_rand
  bool inspect_ingress = true;                   ///< run canister_inspect_message before updates
  /// What every canister begins with; then executions, calls and memory are paid for. Without it
  /// balances are large, cycles only move, and nothing costs anything.
  std::optional<Cycles> cycles;
  EventSink* events = nullptr;           ///< may be null; outlives the executor
  const Interrupt* interrupt = nullptr;  ///< may be null; outlives the executor
};

/// The user in whose name things are done unless another is given; controls every canister that is
/// made without settings.
ic::Principal default_user();

/// A message from outside.
struct Call {
  ic::Principal canister;
  std::string method;
  Bytes argument;
  ic::Principal caller = default_user();
};

/// The reply, or why there is none.
using Answer = std::variant<Bytes, Failure>;

/// What a message brought about: its answer, and every execution until all was quiet.
struct CallOutcome {
  Answer answer;
  std::vector<RunReport> runs;        ///< see RunLog for very many
  std::vector<ic::Principal> absent;  ///< canisters that were called and are not here, ascending
  bool replied() const { return std::holds_alternative<Bytes>(answer); }
  const Bytes& reply() const { return std::get<Bytes>(answer); }
  const Failure& failure() const { return std::get<Failure>(answer); }
};

enum class InstallMode : uint8_t { kInstall, kReinstall, kUpgrade };
enum class MemoryPersistence : uint8_t { kKeep, kReplace };

/// install_code.
struct InstallRequest {
  ic::Principal canister;
  InstallMode mode = InstallMode::kInstall;
  Bytes module;
  Bytes argument;
  bool skip_pre_upgrade = false;
  std::optional<MemoryPersistence> memory;  ///< the option wasm_memory_persistence
  ic::Principal sender = default_user();
};

/// How an installation ended. When it failed the canister is as before.
struct InstallOutcome {
  std::optional<Failure> failure;
  std::string stage;  ///< where it failed: "canister_pre_upgrade", "validation", ...
  uint64_t compile_instructions = 0;  ///< charged for compiling the module
  uint64_t instructions = 0;          ///< all stages together, compilation included
  uint64_t instruction_limit = 0;
  std::optional<Cycles> cycles;  ///< what the stages cost together, where cycles are paid
  std::vector<RunReport> runs;
  bool ok() const { return !failure.has_value(); }
};

/// What a timer, a heartbeat or the low-memory hook brought about.
struct TaskOutcome {
  bool ran = false;  ///< the canister exports the hook and is running
  std::optional<Failure> failure;
  std::vector<RunReport> runs;
};

/// What moving the clock brought about.
struct TimeOutcome {
  uint64_t timers = 0;             ///< that ran
  std::optional<Failure> failure;  ///< of the first that failed
  std::vector<RunReport> runs;
};

/// A state to go back to.
enum class Checkpoint : uint64_t {};

class Executor {
 public:
  explicit Executor(const Options& options);
  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;
  ~Executor();

  // --- canisters --------------------------------------------------------------------------------

  /// Makes an empty canister with the next free id, controlled by default_user().
  ic::Principal create_canister();
  /// Makes one with the given id. Errors: kExists.
  Status create_canister(const ic::Principal& id, Settings settings);
  /// Makes a canister from a snapshot directory: attaches module, memories and globals, runs
  /// nothing. The heap limit is off, since a directory does not record it.
  ///
  /// Shape:  `id` may be left out; then it is the one a progress file names, or the next free one.
  /// Errors: kExists; those of Code::load; kSnapshotMetadata when globals or memories do not fit
  /// the
  ///         module; kIo, kEngine.
  /// Owns:   the directory stays mapped as long as the executor.
  Result<ic::Principal> load(snapshot::Directory directory,
                             std::optional<ic::Principal> id = std::nullopt);
  /// The state of a canister, or null.
  const Canister* find(const ic::Principal& id) const;
  /// What a snapshot does not record: as if it had always been so. Errors: kNotFound.
  Status set_settings(const ic::Principal& id, Settings settings);
  Status set_status(const ic::Principal& id, RunStatus status);
  Status set_balance(const ic::Principal& id, Cycles balance);

  // --- code -------------------------------------------------------------------------------------

  /// install_code with every stage, check and roll-back. Errors: kNotFound, kInterrupted, kEngine.
  Result<InstallOutcome> install(const InstallRequest& request);
  /// Swaps the module and keeps heap, stable memory and globals; runs nothing. What loading a
  /// snapshot with an exchanged module amounts to, with its checks.
  ///
  /// Errors: kNotFound, those of Code::load, kSnapshotMetadata (globals, memory size).
  Status replace(const ic::Principal& id, ByteView module);

  // --- messages ---------------------------------------------------------------------------------

  /// An ingress update call, delivered with everything it sets off until no message is left.
  /// Errors: kNotFound, kInterrupted, kMessageLimit, kEngine.
  Result<CallOutcome> update(const Call& call);
  /// A query or composite query; nothing it does stays.
  Result<CallOutcome> query(const Call& call);
  /// canister_inspect_message alone: an empty reply when it accepts.
  Result<CallOutcome> inspect(const Call& call);
  Result<TaskOutcome> heartbeat(const ic::Principal& id);
  /// Runs canister_global_timer, whatever the timer says; it is off afterwards unless set again.
  Result<TaskOutcome> global_timer(const ic::Principal& id);
  Result<TaskOutcome> low_memory_hook(const ic::Principal& id);
  /// Moves the clock on, and runs the global timers that become due, in the order of their times.
  /// Errors: kBadArgument past the year 2554; kInterrupted, kMessageLimit, kEngine.
  Result<TimeOutcome> advance_time(uint64_t nanoseconds);
  uint64_t time_ns() const;
  const Profile& profile() const;
  void set_profile(const Profile& profile);

  // --- states -----------------------------------------------------------------------------------

  /// Remembers the state of everything.
  Result<Checkpoint> checkpoint();
  /// Goes back to a checkpoint, which stays. Errors: kNotFound.
  Status revert(Checkpoint checkpoint);
  void discard(Checkpoint checkpoint);
  /// The canister's state as metadata.json lists it. Errors: kNotFound, kInstallRefused without a
  /// module.
  Result<snapshot::Metadata> metadata(const ic::Principal& id) const;
  /// Writes the state as a snapshot directory that the network's clients accept.
  /// Errors: kNotFound, kInstallRefused without a module, those of snapshot::write_directory.
  Status save(const ic::Principal& id, FileSystem& system, const std::filesystem::path& path,
              Overwrite overwrite) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace canrec::executor
