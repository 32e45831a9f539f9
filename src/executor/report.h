// SPDX-License-Identifier: Apache-2.0
#pragma once

// What one execution did: the evidence that commands print and rehearsals compare.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "executor/cycles.h"
#include "executor/stop.h"
#include "ic/context.h"
#include "ic/principal.h"
#include "ic/system_api.h"
#include "wasm/module.h"

namespace canrec::executor {

/// One System API call as it happened.
struct ApiCall {
  ic::SystemApi function{};
  std::array<uint64_t, 8> arguments{};  ///< as many as the function has; i32 zero-extended
  std::optional<uint64_t> result;       ///< nothing when there is none, or the call stopped the run
  /// "stable64_grow(16) -> 0"
  std::string text() const;
};

/// How many System API calls a report keeps in full.
inline constexpr size_t kKeptApiCalls = 32;

/// A frame of a backtrace, innermost first.
struct Frame {
  uint32_t function = 0;
  uint64_t offset = 0;  ///< of the instruction, from the start of the unpacked module
  std::string name;     ///< readable; never empty
};

/// Pages of one memory, as the network counts them.
struct MemoryUse {
  uint64_t before_bytes = 0;
  uint64_t after_bytes = 0;
  uint64_t accessed_os_pages = 0;
  uint64_t dirty_os_pages = 0;
};

/// How an execution ended before its time.
struct StopReport {
  Stop stop;
  std::vector<Frame> backtrace;
  std::string network_backtrace;         ///< as the network prints it, or empty
  std::optional<uint64_t> heap_address;  ///< of a load or store beyond the heap
};

/// One execution of one export.
struct RunReport {
  ic::Principal canister;
  ic::Context context{};
  std::string entry;  ///< "canister_update set", "reply callback", "(start)", ...
  uint64_t instructions = 0;
  uint64_t instruction_limit = 0;
  uint64_t executions = 1;         ///< more for many that are taken together, see RunLog
  uint64_t most_instructions = 0;  ///< of the longest of many; 0 for one
  MemoryUse heap;
  MemoryUse stable;
  std::map<ic::SystemApi, uint64_t> api_calls;
  std::deque<ApiCall> last_api_calls;  ///< oldest first, at most kKeptApiCalls
  uint64_t stable_bytes_read = 0;
  uint64_t stable_bytes_written = 0;
  std::vector<std::string> prints;  ///< the last ones, when they are too many to keep
  uint64_t prints_dropped = 0;      ///< those before them
  std::optional<Cycles> cycles;     ///< what the execution cost, where cycles are paid
  std::optional<StopReport> stopped;
};

/// The backtrace as the network appends it to a message; empty when the module has no name section.
std::string network_backtrace(const wasm::Module& module, const std::vector<Frame>& frames,
                              uint64_t most_frames);

}  // namespace canrec::executor
