// SPDX-License-Identifier: Apache-2.0
#pragma once

// Our own hard limits, each with unit, reason and source. The network's limits are in
// ic/limits.def.

#include <cstddef>
#include <cstdint>

namespace canrec::limits {

/// Bytes a gzip'd module may unpack to. Reason: a bomb must not exhaust memory; the network stops
/// at 100 MiB, and a local network may be more generous. Source: system-api.md 2.1.
inline constexpr uint64_t kUnpackedModuleBytes = uint64_t{512} << 20;

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

}  // namespace canrec::limits
