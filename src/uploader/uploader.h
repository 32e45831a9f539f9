// SPDX-License-Identifier: Apache-2.0
#pragma once

// The canister that writes heap and stable memory back in pieces, into a canister that holds
// nothing; afterwards the real module is installed over it by an upgrade that keeps memory.
// Globals, certified data and the timer cannot be written by a canister's code: they are not
// restored. The protocol is docs/formats/transfer-protocol.md.

#include "downloader/assemble.h"

namespace canrec::uploader {

/// Version of the protocol that canrec_info reports as `protocol`.
inline constexpr uint64_t kProtocol = 1;

/// Longest piece in one call: the network's message limit less the argument's header.
uint64_t piece_limit();

/// Generates the uploader. Errors: those of downloader::assemble().
Result<downloader::Generated> make_uploader(downloader::Width width,
                                            const downloader::Access& access);

}  // namespace canrec::uploader
