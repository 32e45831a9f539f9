// SPDX-License-Identifier: Apache-2.0
#pragma once

// Snapshot ids: an 8-byte big-endian counter and the principal of the canister, in text lower-case
// hex. A directory does not record its canister; the id in a progress file does.
// Source: dfinity/ic rs/types/types/src/canister_snapshots (id layout).

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace canrec::snapshot {

struct SnapshotId {
  uint64_t counter = 0;
  Bytes canister;  ///< raw principal, 1 to 29 bytes

  bool operator==(const SnapshotId&) const = default;
};

/// Reads the hex text, with or without 0x. Errors: kBadArgument.
Result<SnapshotId> parse_snapshot_id(std::string_view text);
/// The lower-case hex text, without 0x.
std::string to_string(const SnapshotId& id);

}  // namespace canrec::snapshot
