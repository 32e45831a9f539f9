// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a comparison says about the clients of a canister: the two interfaces in the modules'
// sections. It is no part of the layout: its findings are notes on both routes, and its word
// stands beside the verdict.

#include <cstdint>
#include <string_view>
#include <vector>

#include "candid/interface.h"
#include "wasm/module.h"
#include "wasmdiff/finding.h"

namespace canrec::wasmdiff {

struct Subject;

/// What clients of the old module meet at the new one.
enum class Clients : uint8_t {
  kUntold,   ///< neither module has an interface
  kServed,   ///< the interface is the same or every old client can use it
  kNulled,   ///< the specification allows it, but values may silently read as null
  kBroken,   ///< some calls of old clients fail
  kUnknown,  ///< one module has no interface, or one cannot be read
};
std::string_view to_string(Clients clients);

/// The sections of a module for candid/interface.h; the module outlives it.
candid::SectionLookup section_lookup(const wasm::Module& module);

/// Compares the sections `candid:service`; adds a finding unless old clients are served as before.
Clients judge_interfaces(const Subject& subject, std::vector<Finding>& out);

}  // namespace canrec::wasmdiff
