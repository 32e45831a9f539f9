// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the readers of this folder refuse to take in, with the reason.

#include <cstddef>
#include <cstdint>

namespace canrec::snapshot::limits {

/// Bytes of a metadata or progress file. Reason: it is parsed in memory; the largest genuine one
/// (1,000 globals, 100 chunk hashes, each array element on its own line) stays under 200 KiB.
inline constexpr uint64_t kMetadataBytes = uint64_t{4} << 20;

/// Values in one JSON document. Reason: a value takes about 150 bytes in memory; a genuine file has
/// under 10,000.
inline constexpr size_t kJsonValues = 200'000;

/// Keys of one object. Reason: a new key is compared with all before it; a genuine file has 11.
inline constexpr size_t kJsonKeys = 1'000;

/// Nested arrays and objects. Reason: the reader recurses; a genuine file has 4 levels.
inline constexpr unsigned kJsonDepth = 32;

/// Bytes of the text of one number. Reason: conversion is linear, but nothing genuine is longer.
inline constexpr size_t kJsonNumberBytes = 64;

}  // namespace canrec::snapshot::limits
