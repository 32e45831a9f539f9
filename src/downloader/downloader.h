// SPDX-License-Identifier: Apache-2.0
#pragma once

// The canister that reads another canister's heap and stable memory out in pieces. Installed over
// it by an upgrade that keeps memory (route K); the protocol is docs/formats/transfer-protocol.md.

#include "downloader/assemble.h"

namespace canrec::downloader {

/// Version of the protocol that canrec_info reports as `protocol`.
inline constexpr uint64_t kProtocol = 1;

/// Generates the downloader. Errors: those of assemble().
Result<Generated> make_downloader(Width width, const Access& access);

}  // namespace canrec::downloader
