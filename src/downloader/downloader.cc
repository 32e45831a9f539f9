// SPDX-License-Identifier: Apache-2.0
// The downloader's recipe.
#include "downloader/downloader.h"

#include <fmt/core.h>

namespace canrec::downloader {
namespace {

constexpr std::string_view kSource =
#include "downloader/downloader.wat.inc"
    ;

constexpr std::string_view kDid =
    R"(// Reads the state of the canister it is installed over; changes nothing.
type info = record {
  // Version of this interface.
  protocol : nat64;
  // Bytes.
  heap_size : nat64;
  stable_size : nat64;
  // Changes whenever the canister's state could have: never mix pieces of two stamps.
  state_stamp : nat64;
  // Longest range per call, in bytes.
  query_limit : nat64;
  replicated_limit : nat64;
};
service : {
  canrec_info : () -> (info) query;
  // offset and length in bytes
  canrec_heap : (nat64, nat64) -> (blob) query;
  canrec_stable : (nat64, nat64) -> (blob) query;
  // region (0 heap, 1 stable memory), offset, length: XXH64 with seed 0
  canrec_hash : (nat8, nat64, nat64) -> (nat64) query;
}
)";

}  // namespace

Result<Generated> make_downloader(Width width, const Access& access) {
  Recipe recipe;
  recipe.source = kSource;
  recipe.did = kDid;
  recipe.info = {
      {"protocol", fmt::format("(i64.const {})", kProtocol)},
      {"heap_size", "(global.get $heap)"},
      {"stable_size", "(call $stable_bytes)"},
      {"state_stamp", "(call $canister_version)"},
      {"query_limit", fmt::format("(i64.const {})", query_limit())},
      {"replicated_limit", fmt::format("(i64.const {})", replicated_limit())},
  };
  return assemble(recipe, width, access);
}

}  // namespace canrec::downloader
