// SPDX-License-Identifier: Apache-2.0
#pragma once

// Is this snapshot directory whole, and would an upload of it give the canister it was taken from?
// The clients check almost nothing (docs/formats/snapshot-directory.md, hazards), so everything
// that an upload would silently accept is looked for here.

#include <filesystem>
#include <functional>
#include <optional>

#include "base/hash.h"
#include "base/interrupt.h"
#include "recover/finding.h"
#include "snapshot/directory.h"

namespace canrec::recover {

struct VerifyOptions {
  /// Settings of the canister that the snapshot is to be loaded on, in bytes. A directory does not
  /// record them; without them the status of the low-memory hook cannot be judged.
  std::optional<uint64_t> wasm_memory_limit;
  std::optional<uint64_t> wasm_memory_threshold;
  /// What the network reports for the canister, to tell that this is its module.
  std::optional<Sha256> module_hash;
  const Interrupt* interrupt = nullptr;
  /// Bytes read so far, of all blobs together; called from one thread at a time.
  std::function<void(uint64_t)> progress;
};

/// One file of the directory, as evidence.
struct VerifiedFile {
  std::string name;
  uint64_t size = 0;
  Sha256 hash{};
};

struct VerifyReport {
  std::filesystem::path path;
  std::string form;  ///< which tool's form the metadata has
  std::optional<snapshot::Metadata> metadata;
  std::vector<VerifiedFile> files;
  std::vector<snapshot::MissingRange> missing;
  std::vector<Finding> findings;         ///< worst first
  std::vector<std::string> not_checked;  ///< what no look at the directory can tell
};

/// Looks at everything in the directory.
/// Errors: kNotFound, kPermission, kIo when there is no such directory; kInterrupted.
Result<VerifyReport> verify(const std::filesystem::path& path, const VerifyOptions& options);

}  // namespace canrec::recover
