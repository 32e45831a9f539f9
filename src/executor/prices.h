// SPDX-License-Identifier: Apache-2.0
#pragma once

// Prices in cycles, on an application subnet of 13 nodes, and the balance below which a canister is
// frozen. The rows of the price list are in ic/limits.def, so each can be overridden like a limit.
//
// Source: dfinity/ic rs/cycles_account_manager/src/cycles_account_manager.rs and
// rs/config/src/subnet_config.rs.

#include <cstdint>
#include <optional>

#include "executor/canister.h"
#include "executor/cycles.h"
#include "executor/profile.h"

namespace canrec::executor {

/// Instructions of one execution. Installations pay the price of 32-bit modules, whatever the
/// module.
Cycles execution_price(const Profile& profile, uint64_t instructions, bool is_64);
/// A message from outside, of an argument of that size. The envelope around it is not known here
/// and not counted.
Cycles ingress_price(const Profile& profile, uint64_t argument_bytes);
/// Sending a call of that size (name and argument) and receiving the largest reply.
Cycles transmission_price(const Profile& profile, uint64_t bytes);
/// What comes back of it when the reply is smaller.
Cycles transmission_refund(const Profile& profile, uint64_t reply_bytes);

/// What the network counts as a canister's memory: heap, stable memory, module, globals, chunk
/// store, snapshots.
uint64_t memory_usage(const Canister& canister);
/// The same with another module and other memories in the place of the canister's; may be null.
uint64_t memory_usage(const Canister& canister, const WasmState* state);
/// The balance that must stay untouched with that much memory.
Cycles freezing_threshold(const Profile& profile, uint64_t memory_bytes, uint64_t seconds);

/// Why `amount` cannot be taken from a balance; nothing when it can.
///
/// Shape:  `tells` whether the caller controls the canister and so learns how much is missing.
std::optional<std::string> out_of_cycles(const Canister& canister, Cycles threshold, Cycles amount,
                                         bool tells);

}  // namespace canrec::executor
