// SPDX-License-Identifier: Apache-2.0
#pragma once

// Speaking to the generated canisters: the methods of docs/formats/transfer-protocol.md as
// functions. Where the messages go (embedded executor, a network) is the port's business.

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace canrec::recover {

/// Delivers Candid messages to one canister.
class CanisterPort {
 public:
  virtual ~CanisterPort() = default;
  /// The reply of a query or an update. Errors: kRejected, kTrapped with the network's words, and
  /// those of the way there.
  virtual Result<Bytes> query(std::string_view method, Bytes argument) = 0;
  virtual Result<Bytes> update(std::string_view method, Bytes argument) = 0;
};

/// The two memories that are transferred; the numbers are those of canrec_hash.
enum class Region : uint8_t { kHeap = 0, kStable = 1 };
/// "heap", "stable memory".
std::string_view to_string(Region region);

/// What canrec_info of the downloader says. Sizes and limits in bytes.
struct DownloaderInfo {
  uint64_t protocol = 0;
  uint64_t heap_size = 0;
  uint64_t stable_size = 0;
  uint64_t state_stamp = 0;
  uint64_t query_limit = 0;
  uint64_t replicated_limit = 0;
  uint64_t size(Region region) const { return region == Region::kHeap ? heap_size : stable_size; }
};

/// What canrec_status of the uploader says. Sizes and limits in bytes.
struct UploaderStatus {
  uint64_t phase = 0;  ///< 1 when begin() has succeeded
  uint64_t heap_size = 0;
  uint64_t stable_size = 0;
  uint64_t piece_limit = 0;  ///< the longest piece that put() takes
};

/// Encodes and decodes by the interface that is stored in the generated module. Every function's
/// errors are those of the port and of Candid decoding; another protocol version is
/// kVerification.
class TransferClient {
 public:
  /// `did` is the interface of the generated canister; the port outlives the client.
  static Result<TransferClient> open(CanisterPort& port, std::string_view did);
  TransferClient(TransferClient&&) noexcept;
  TransferClient& operator=(TransferClient&&) noexcept;
  ~TransferClient();

  Result<DownloaderInfo> downloader_info();
  Result<Bytes> read(Region region, uint64_t offset, uint64_t length);
  /// XXH64 of a range, computed inside the canister.
  Result<uint64_t> hash(Region region, uint64_t offset, uint64_t length);

  Result<UploaderStatus> status();
  Status begin(uint64_t heap_size, uint64_t stable_size);
  Status put(Region region, uint64_t offset, ByteView piece);

 private:
  struct Impl;
  explicit TransferClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace canrec::recover
