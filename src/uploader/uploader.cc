// SPDX-License-Identifier: Apache-2.0
// The uploader's recipe.
#include "uploader/uploader.h"

#include <fmt/core.h>

#include "ic/limits.h"

namespace canrec::uploader {
namespace {

constexpr std::string_view kSource =
#include "uploader/uploader.wat.inc"
    ;

constexpr std::string_view kDid =
    R"(// Writes stable memory and heap back, in pieces that may come in any order; afterwards the real
// module is installed over it with an upgrade that keeps memory.
type info = record {
  // Version of this interface.
  protocol : nat64;
  // Longest piece per call, in bytes.
  piece_limit : nat64;
  // What this way cannot restore: 0 means no, it is lost.
  restores_globals : nat64;
  restores_certified_data : nat64;
  restores_timer : nat64;
  // 0 before canrec_begin, 1 when pieces may be written
  phase : nat64;
  // Bytes.
  heap_size : nat64;
  stable_size : nat64;
};
service : {
  // both give the same
  canrec_info : () -> (info) query;
  canrec_status : () -> (info) query;
  // heap size and stable size in bytes, multiples of 65536
  canrec_begin : (nat64, nat64) -> ();
  // offset in bytes, piece
  canrec_put_stable : (nat64, blob) -> ();
  canrec_put_heap : (nat64, blob) -> ();
  // region (0 heap, 1 stable memory), offset, length: XXH64 with seed 0
  canrec_hash : (nat8, nat64, nat64) -> (nat64) query;
}
)";

constexpr uint64_t kPieceHeader = 23;  // "DIDL" 01 6d 7b 02 78 00, offset, LEB128 of up to 5 bytes

}  // namespace

uint64_t piece_limit() { return ic::limits::kIngressBytes - kPieceHeader; }

Result<downloader::Generated> make_uploader(downloader::Width width,
                                            const downloader::Access& access) {
  downloader::Recipe recipe;
  recipe.source = kSource;
  recipe.did = kDid;
  recipe.info = {
      {"protocol", fmt::format("(i64.const {})", kProtocol)},
      {"piece_limit", fmt::format("(i64.const {})", piece_limit())},
      {"restores_globals", "(i64.const 0)"},
      {"restores_certified_data", "(i64.const 0)"},
      {"restores_timer", "(i64.const 0)"},
      {"phase", "(i64.extend_i32_u (global.get $begun))"},
      {"heap_size", "(global.get $heap)"},
      {"stable_size", "(call $stable_bytes)"},
  };
  return downloader::assemble(recipe, width, access);
}

}  // namespace canrec::uploader
