// SPDX-License-Identifier: Apache-2.0
#pragma once

// The list of System API call sites: where they stand, who reaches them, whether the network allows
// them there, and what has gone wrong with such calls in real canisters.

#include <string>
#include <string_view>
#include <vector>

#include "ic/system_api.h"
#include "patch/site.h"
#include "wasm/call_graph.h"
#include "wasm/entry_points.h"

namespace canrec::patch {

/// An entry point as seen from a call site.
struct ReachedFrom {
  size_t entry;  ///< index into CallList::entries
  wasm::Reach reach;
  ic::ContextSet forbidden;  ///< contexts of the entry in which the call traps
};

struct ContextLine {
  uint64_t offset;
  std::string text;  ///< indented
  bool is_site;
};

struct CallSiteInfo {
  Site site;
  std::string place;                           ///< "canister_pre_upgrade:stable_write @0x00002a10"
  std::string import;                          ///< "ic0.stable_write"
  const ic::SystemApiFunction* api = nullptr;  ///< null when the network does not have it
  std::vector<ContextLine> around;
  std::vector<ReachedFrom> reached_from;
  std::vector<std::string> hazards;
  /// What mends it: arguments of `canrec patch`, with MODULE in the module's place; the first word
  /// is the command.
  std::vector<std::string> remedies;
};

struct CallList {
  std::vector<wasm::EntryPoint> entries;
  std::vector<CallSiteInfo> sites;  ///< in file order
};

/// Lists the direct calls of imported functions.
///
/// Shape:  `from` limits the list to what this entry point (or function) reaches; empty = all.
/// Errors: kPatchSite for an unknown `from`; those of decoding.
Result<CallList> list_calls(const wasm::Module& module, std::string_view from);

}  // namespace canrec::patch
