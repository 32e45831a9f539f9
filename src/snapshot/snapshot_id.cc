// SPDX-License-Identifier: Apache-2.0
// Snapshot ids from and to hex.
#include "snapshot/snapshot_id.h"

#include <fmt/core.h>

#include <bit>

#include "ic/limits.h"

namespace canrec::snapshot {
namespace {
constexpr size_t kCounterBytes = 8;
}  // namespace

Result<SnapshotId> parse_snapshot_id(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  Bytes raw;
  if (!from_hex(text, raw)) {
    return fail(Errc::kBadArgument, fmt::format("snapshot id {} is not hex", text));
  }
  if (raw.size() <= kCounterBytes || raw.size() > kCounterBytes + ic::limits::kPrincipalBytes) {
    return fail(Errc::kBadArgument,
                fmt::format("snapshot id of {} bytes; 8 bytes of counter and a principal wanted",
                            raw.size()));
  }
  SnapshotId id;
  id.counter = std::byteswap(load_le<uint64_t>(raw.data()));
  id.canister.assign(raw.begin() + kCounterBytes, raw.end());
  return id;
}

std::string to_string(const SnapshotId& id) {
  return fmt::format("{:016x}{}", id.counter, to_hex(id.canister));
}

}  // namespace canrec::snapshot
