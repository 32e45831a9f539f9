// SPDX-License-Identifier: Apache-2.0
#pragma once

// Rehearsing a recovery: the steps run on a copy of the state, each one from a checkpoint, and the
// report says what the network would say and what it would cost.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/output_file.h"
#include "candid/interface.h"
#include "executor/executor.h"
#include "recover/script.h"
#include "stable/regions.h"

namespace canrec::recover {

/// How a step ended.
enum class StepOutcome : uint8_t {
  kDone,         ///< replied, installed, replaced, as expected
  kFailed,       ///< the network would answer with an error; rolled back
  kExpected,     ///< failed, and the next step expects that
  kNotAsWanted,  ///< an expectation that does not hold
  kNotRun,       ///< after a step that failed
};
/// "done", "failed", "failed as expected", "not as wanted", "not run".
std::string_view to_string(StepOutcome outcome);

/// Bytes [begin, end) of a memory.
struct TouchedRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// How many times the limit on instructions a step is tried with when that limit was the cause of
/// its failure: a program that never ends has to be stopped somewhere.
inline constexpr uint64_t kBeyondLimit = 4;

/// What the step would have taken without limits; filled when a limit was the cause of a failure.
struct Unlimited {
  bool succeeded = false;
  bool still_running = false;  ///< stopped at kBeyondLimit times the limit
  uint64_t instructions = 0;
  std::string words;  ///< why it fails even so; empty when it succeeded
};

/// A piece of the heap for the memory map of a report.
struct MapPiece {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string what;  ///< "data segment 0", "stack", ...
};

/// A region of stable memory after a step.
struct StableRegion {
  stable::Region region;
  std::string contents;  ///< see stable::contents; empty beyond the first 256 unchanged regions
  std::vector<TouchedRange> changed;  ///< in the region's own addresses, by pages of 4 KiB
};

/// One step and everything it did.
struct StepReport {
  Step step;
  StepOutcome outcome = StepOutcome::kNotRun;
  std::string stage;  ///< of an installation that failed: "canister_pre_upgrade", ...
  std::string code;   ///< "IC0502"; empty when nothing failed
  std::string words;  ///< the network's words, the reply, or why an expectation does not hold
  std::string next;   ///< what to try; empty when all is well
  /// What speaks against the heap that the step kept under its module ("unsafe by route S: ...");
  /// empty when nothing does or the step kept none.
  std::string layout;
  std::vector<executor::RunReport> runs;
  uint64_t instructions = 0;       ///< of all executions
  uint64_t instruction_limit = 0;  ///< of one of them, or of an installation as a whole
  uint64_t executions = 0;         ///< 1 for an installation
  uint64_t most_instructions = 0;  ///< of the execution that came nearest to its limit
  uint64_t compile_instructions = 0;
  std::optional<Unlimited> unlimited;
  uint64_t heap_before = 0, heap_after = 0;      ///< bytes
  uint64_t stable_before = 0, stable_after = 0;  ///< bytes
  uint64_t stable_bytes_written = 0;
  std::map<std::string, uint64_t> api_calls;  ///< by name
  std::vector<TouchedRange> heap_changed;     ///< pages whose bytes the step changed
  bool heap_replaced = false;    ///< the heap is another one than before: all of it is in there
  bool stable_replaced = false;  ///< the same of stable memory
  std::vector<TouchedRange> stable_changed;
  std::vector<MapPiece> map;  ///< of the heap after a step that changed code or memory, else empty
  /// The regions of stable memory after a step that changed code or memory, else empty.
  std::vector<StableRegion> stable_regions;
  std::string stable_container;      ///< what divides stable memory into regions; empty for nothing
  std::vector<std::string> changes;  ///< state beside the memories: globals, version, ...
};

/// A whole rehearsal.
struct Rehearsal {
  std::string directory;
  std::string module_hash;  ///< SHA-256 of the module it began with
  uint64_t heap_bytes = 0;
  uint64_t stable_bytes = 0;
  std::vector<StepReport> steps;
  bool succeeded = false;  ///< every step ran and every expectation held
};

struct RehearseOptions {
  executor::Options executor;
  candid::ReplyForm replies = candid::ReplyForm::kText;  ///< text, json or hex
  /// Told before each step, and before its question of the untouched state is asked.
  std::function<void(size_t index, const Step& step)> on_step;
};

/// Runs the steps. A canister that traps is part of the report, not an error.
///
/// Errors: those of opening the directory and the modules; kScript, kBadArgument and Candid errors
/// for
///         steps that cannot be carried out as written (with their place); kInterrupted.
/// Owns:   nothing of the input is written.
Result<Rehearsal> rehearse(const std::filesystem::path& directory, const std::vector<Step>& steps,
                           const RehearseOptions& options);

/// The same, and keeps the resulting state as a snapshot directory when every step succeeded.
/// Errors: also kBadArgument for an output that is the input or lies in it.
Result<Rehearsal> rehearse_and_save(const std::filesystem::path& directory,
                                    const std::vector<Step>& steps, const RehearseOptions& options,
                                    FileSystem& fs, const std::filesystem::path& output,
                                    Overwrite overwrite);

}  // namespace canrec::recover
