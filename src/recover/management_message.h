// SPDX-License-Identifier: Apache-2.0
#pragma once

// Messages to the management canister: their encoded arguments, and how many bytes they take on the
// wire, which is what the network charges for.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "ic/principal.h"
#include "snapshot/metadata.h"

namespace canrec::recover {

/// The encoded argument of a method of the management canister, from text that names its fields.
/// Errors: those of candid::parse_args.
Result<Bytes> management_argument(std::string_view method, const std::string& text);

/// Bytes as Candid text, `blob "\00\ff"`.
std::string blob_text(ByteView bytes);

/// What a signed message takes on the wire beside its argument: the envelope of the HTTP interface
/// with the method's name, a nonce, a key and a signature.
uint64_t message_bytes(std::string_view method, uint64_t argument_bytes);
/// The same for an argument with a blob, from the size of the one with an empty blob.
uint64_t with_blob(uint64_t bytes, uint64_t blob_bytes);

/// Bytes on the wire of the messages about snapshots; what is sent in slices is without the slice.
struct SnapshotMessages {
  uint64_t take = 0;
  uint64_t load = 0;
  uint64_t read_metadata = 0;
  uint64_t read_slice = 0;
  uint64_t read_chunk = 0;
  uint64_t upload_metadata = 0;
  uint64_t upload_slice = 0;
  uint64_t upload_chunk = 0;
};

/// Encodes one message of every kind and measures it.
Result<SnapshotMessages> snapshot_messages(const snapshot::Metadata& metadata,
                                           const ic::Principal& canister);

}  // namespace canrec::recover
