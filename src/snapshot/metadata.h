// SPDX-License-Identifier: Apache-2.0
#pragma once

// metadata.json of a snapshot directory: sizes, persisted globals, timer, certified data. Read in
// every form the tools have written; written as the tools write it, byte
// for byte (Juno's: juno.h).
//
//   form         globals key        source                         integers
//   current      globals            {"taken_from_canister": null}  JSON integers up to 2^64-1
//   dfx 0.29.x   exported_globals   "taken_from_canister"          the same
//   Juno         metadata.globals   {"takenFromCanister": null}    {"__bigint__": "..."}
//
// Source: https://github.com/dfinity/icp-cli, https://github.com/dfinity/sdk (dfx), the crate
// ic-management-canister-types, https://github.com/junobuild/cli.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"

namespace canrec::snapshot {

enum class GlobalType : uint8_t { kI32, kI64, kF32, kF64, kV128 };
/// "i32", "i64", "f32", "f64", "v128".
std::string_view to_string(GlobalType type);

/// The value of a persisted global as bits: 32-bit ones in the low half of `low`, zero-extended;
/// `high` is used by v128 alone.
struct GlobalValue {
  GlobalType type = GlobalType::kI32;
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const GlobalValue&) const = default;
};

enum class Source : uint8_t { kTakenFromCanister, kMetadataUpload };
enum class HookStatus : uint8_t { kConditionNotSatisfied, kReady, kExecuted };
/// "condition_not_satisfied", "ready", "executed".
std::string_view to_string(HookStatus status);

/// The global timer: off, or its deadline.
struct GlobalTimer {
  std::optional<uint64_t> deadline_ns;  ///< since 1970-01-01
  bool operator==(const GlobalTimer&) const = default;
};

/// A key of metadata.json that is not in the table, with its value's exact text.
struct UnknownKey {
  std::string key;
  std::string json;
  bool operator==(const UnknownKey&) const = default;
};

enum class MetadataForm : uint8_t { kCurrent, kDfx029, kJuno };
/// "icp or dfx", "dfx 0.29", "Juno".
std::string_view to_string(MetadataForm form);

struct Metadata {
  std::optional<Source> source;
  uint64_t taken_at_timestamp_ns = 0;
  uint64_t wasm_module_size = 0;
  std::vector<GlobalValue> globals;  ///< in the network's order, see wasm/persisted.h
  uint64_t wasm_memory_size = 0;
  uint64_t stable_memory_size = 0;
  std::vector<Sha256> wasm_chunk_store;
  uint64_t canister_version = 0;
  Bytes certified_data;
  std::optional<GlobalTimer> global_timer;
  std::optional<HookStatus> on_low_wasm_memory_hook_status;
  std::vector<UnknownKey> unknown;  ///< in file order

  bool operator==(const Metadata&) const = default;
};

/// One blob as Juno's metadata describes it.
struct JunoBlob {
  std::string filename;
  uint64_t size = 0;
  Sha256 hash{};
};

/// What a metadata file says.
struct ReadMetadata {
  Metadata metadata;
  MetadataForm form = MetadataForm::kCurrent;
  std::string juno_snapshot_id;  ///< as written, hex with 0x
  std::optional<JunoBlob> juno_module, juno_heap, juno_stable, juno_chunks;
};

/// Reads metadata.json in any form.
///
/// Errors: kSnapshotMetadata (syntax, missing key, wrong type, number out of range, a global that
///         was not finite or of an unknown type), kUtf8, kLimit; offset in `text`.
Result<ReadMetadata> read_metadata(std::string_view text);

/// Writes the current form or that of dfx 0.29: two-space indent, keys in the tools' order,
/// optional keys as null, unknown keys behind the known ones, no newline at the end.
///
/// Errors: kSnapshotMetadata when a global is a NaN or an infinity, which the forms cannot hold.
Result<std::string> write_metadata(const Metadata& metadata,
                                   MetadataForm form = MetadataForm::kCurrent);

}  // namespace canrec::snapshot
