// SPDX-License-Identifier: Apache-2.0
// Reading progress files.
#include "snapshot/progress.h"

#include <algorithm>

#include "ic/limits.h"
#include "snapshot/json.h"

namespace canrec::snapshot {
namespace {

Result<const JsonValue*> require(const JsonValue& object, std::string_view key) {
  const JsonValue* value = object.find(key);
  if (value == nullptr) {
    return fail(Errc::kSnapshotMetadata, object.offset, "key " + std::string(key) + " is missing");
  }
  return value;
}

Result<BlobProgress> read_blob(const JsonValue& root, std::string_view key) {
  CANREC_TRY(const JsonValue* blob, require(root, key));
  CANREC_TRY(const JsonValue* frontier, require(*blob, "frontier"));
  CANREC_TRY(const JsonValue* ahead, require(*blob, "ahead"));
  BlobProgress out;
  CANREC_TRY(out.frontier, json_u64(*frontier));
  for (const JsonValue& item : ahead->items) {
    CANREC_TRY(const uint64_t offset, json_u64(item));
    out.ahead.push_back(offset);
  }
  std::sort(out.ahead.begin(), out.ahead.end());
  return out;
}

}  // namespace

Result<DownloadProgress> read_download_progress(std::string_view text) {
  CANREC_TRY(const JsonValue root, parse_json(text));
  DownloadProgress out;
  CANREC_TRY(out.wasm_module, read_blob(root, "wasm_module"));
  CANREC_TRY(out.wasm_memory, read_blob(root, "wasm_memory"));
  CANREC_TRY(out.stable_memory, read_blob(root, "stable_memory"));
  return out;
}

std::vector<std::pair<uint64_t, uint64_t>> missing_ranges(const BlobProgress& progress,
                                                          uint64_t size) {
  std::vector<std::pair<uint64_t, uint64_t>> out;
  uint64_t at = std::min(progress.frontier, size);
  for (const uint64_t offset : progress.ahead) {
    if (offset >= size) break;
    if (offset > at) out.emplace_back(at, offset);
    const uint64_t slice = std::min(ic::limits::kSnapshotReadBytes, size - offset);
    at = std::max(at, offset + slice);
  }
  if (at < size) out.emplace_back(at, size);
  return out;
}

Result<SnapshotId> read_upload_id(std::string_view text) {
  CANREC_TRY(const JsonValue root, parse_json(text));
  CANREC_TRY(const JsonValue* id, require(root, "snapshot_id"));
  return parse_snapshot_id(id->text);
}

}  // namespace canrec::snapshot
