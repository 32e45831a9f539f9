// SPDX-License-Identifier: Apache-2.0
#pragma once

// gzip, in which the network accepts modules.

#include "base/bytes.h"
#include "base/error.h"

namespace canrec {

/// Whether the bytes begin like a gzip stream (1f 8b 08).
bool is_gzip(ByteView bytes);

/// Unpacks a gzip stream of one or more members.
///
/// Units:  `limit` is the largest number of unpacked bytes allowed.
/// Errors: kGzip (damaged, cut off, or followed by other bytes), kLimit; offset in the packed
/// bytes.
Result<Bytes> gunzip(ByteView packed, uint64_t limit);

/// Packs bytes deterministically (no name, no time), level 9.
Bytes gzip(ByteView bytes);

}  // namespace canrec
