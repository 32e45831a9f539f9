// SPDX-License-Identifier: Apache-2.0
#pragma once

// What pull and push share: the generated canister that carries the state, how it gets into the
// executor, and when the executor's memory is given back.

#include <optional>
#include <string>

#include "base/output_file.h"
#include "downloader/assemble.h"
#include "recover/subject.h"
#include "recover/transfer.h"

namespace canrec::recover {

/// A downloader or uploader.
struct Carrier {
  Bytes module;
  std::string did;
};

/// The module given, or one generated for the width. Errors: kBadArgument when the module does not
/// tell its interface; those of `make`.
Result<Carrier> carrier(const std::optional<Bytes>& given,
                        Result<downloader::Generated> (*make)(downloader::Width,
                                                              const downloader::Access&),
                        downloader::Width width);

/// The width of a heap: that of its module, and 64-bit above 4 GiB whatever the module says.
downloader::Width width_of(const wasm::Module& module, uint64_t heap_bytes);

enum class Memory : bool { kReplace, kKeep };

/// install_code without pre-upgrade. Errors: kInstallRefused with the stage and the network's
/// words.
Status install_over(Subject& subject, executor::InstallMode mode, const Bytes& module,
                    Memory memory);

/// SHA-256 of a directory's metadata.json as canrec writes it: of which state it is.
/// Errors: kSnapshotMetadata, when it cannot be written.
Result<std::string> identity_of(const snapshot::Directory& directory);

/// What a message carries by a limit of the profile, its header left out.
uint64_t carried(const executor::Options& options, executor::Limit limit);

/// The interrupt of the options, or one that never comes.
const Interrupt& interrupt_of(const TransferOptions& options);

/// Pages that a canister touched stay in memory as long as it is open. So the transfers open it
/// anew whenever this much has gone through, and need no more memory for a larger state.
class Renewal {
 public:
  static constexpr uint64_t kBytes = uint64_t{48} << 20;

  /// Counts; whether it is time.
  bool due(uint64_t bytes) {
    since_ += bytes;
    if (since_ < kBytes) return false;
    since_ = 0;
    return true;
  }

 private:
  uint64_t since_ = 0;
};

}  // namespace canrec::recover
