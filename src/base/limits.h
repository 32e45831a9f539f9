// SPDX-License-Identifier: Apache-2.0
#pragma once

// Our own hard limits, each with unit, reason and source. The network's limits are in
// ic/limits.def.

#include <cstddef>
#include <cstdint>

namespace canrec::limits {

/// Bytes a gzip'd module may unpack to. Reason: a bomb must not exhaust memory; the network stops
/// at 100 MiB, and a local network may be more generous. Source: system-api.md 2.1.
inline constexpr uint64_t kUnpackedModuleBytes = uint64_t{256} << 20;

/// Locals of one function. Source: WebAssembly JavaScript interface, implementation limits; the
/// network's engine has the same ceiling.
inline constexpr uint32_t kFunctionLocals = 50'000;

/// Nested blocks of one function. Reason: the validator's control stack lives in memory, not on the
/// host stack; a body of 128 MiB of `block` must still end with an error.
inline constexpr uint32_t kBlockDepth = 1'000'000;

/// Operands on the stack of one function. Reason: two bytes of `call` can push a thousand values;
/// real code stays below a few hundred.
inline constexpr size_t kOperands = size_t{16} << 20;

/// Parameters, and results, of one function type. Source: WebAssembly JavaScript interface,
/// implementation limits; the network's engine has the same ceiling.
inline constexpr size_t kTypeValues = 1'000;

/// Types, imports, functions, globals, exports; and sections. Reason: 100 MiB of entries of two
/// bytes would take gigabytes as a model. Source: WebAssembly JavaScript interface, implementation
/// limits; the network's engine has the same ceiling.
inline constexpr uint32_t kModuleEntries = 1'000'000;

/// Data segments, and element segments. Source: as above.
inline constexpr uint32_t kSegments = 100'000;

/// Items of one element segment. Source: WebAssembly JavaScript interface, largest table.
inline constexpr uint32_t kSegmentItems = 10'000'000;

/// Tables. The network's engine reads no more than this and runs one.
inline constexpr uint32_t kTables = 100;

}  // namespace canrec::limits
