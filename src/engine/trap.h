// SPDX-License-Identifier: Apache-2.0
#pragma once

// How a call ends when it does not return: a Trap is a value, not an Error.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wasm/types.h"

namespace canrec::engine {

enum class TrapKind : uint8_t {
  kUnreachable,
  kMemoryOutOfBounds,
  kTableOutOfBounds,
  kIndirectCallNull,
  kIndirectCallMismatch,
  kIntegerDivideByZero,
  kIntegerOverflow,
  kBadConversion,
  kStackOverflow,
  kOutOfInstructions,
  kSliceOverrun,  ///< one slice took so much that nothing is left for the next (slices.h)
  kInterrupted,   ///< the Interrupt was requested
  kEngineLimit,   ///< a limit of this engine; the message says which
  kHost,          ///< a host function or the grow policy ended the call
};
/// "unreachable", "heap out of bounds", ...: words for reports, not the network's texts.
std::string_view to_string(TrapKind kind);

/// A place in a running module.
struct Location {
  wasm::FuncIdx function;
  uint64_t offset;  ///< of the instruction, in the (unpacked) module
  bool operator==(const Location&) const = default;
};

inline constexpr size_t kBacktraceFrames = 100;

/// Why and where a call ended. In a host function the innermost frame is its caller.
struct Trap {
  TrapKind kind;
  uint32_t host_code = 0;  ///< of kHost: what the host function gave
  std::string message;     ///< of kHost: the host's text; else to_string(kind)
  std::optional<uint64_t>
      address;  ///< of kMemoryOutOfBounds: where a load or store would have been
  uint64_t slice_instructions = 0;  ///< of kSliceOverrun: what the slice took
  std::vector<Location> backtrace;  ///< Wasm frames, innermost first, at most kBacktraceFrames
  uint64_t frames = 0;              ///< Wasm frames that there were
};

/// What a host function returns to end the call: a trap without its place.
struct HostTrap {
  TrapKind kind = TrapKind::kHost;
  uint32_t code = 0;
  std::string message;
};
/// Null = go on.
using HostStatus = std::unique_ptr<HostTrap>;
/// Ends the call: `return host_trap(kMyCode, "text");`
HostStatus host_trap(uint32_t code, std::string message);
HostStatus host_trap(TrapKind kind);

}  // namespace canrec::engine
