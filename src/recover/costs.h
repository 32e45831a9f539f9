// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the steps of a runbook cost and take up, for the state and the module at hand. Every price
// is a row of ic/limits.def, on a subnet of kPriceNodes nodes; another one charges in proportion.

#include <cstdint>
#include <string>
#include <vector>

#include "executor/cycles.h"
#include "executor/profile.h"
#include "ic/limits.h"
#include "recover/management_message.h"

namespace canrec::recover {

/// What the costs follow from.
struct CostCase {
  uint64_t old_module_bytes = 0;
  uint64_t module_bytes = 0;  ///< the new one, as it is sent
  uint64_t heap_bytes = 0;
  uint64_t stable_bytes = 0;
  uint64_t globals = 0;                ///< persisted ones
  std::vector<uint64_t> store_chunks;  ///< sizes of what the chunk store holds
  SnapshotMessages sizes;              ///< of the messages about snapshots
  std::vector<uint64_t> messages;      ///< route K: bytes on the wire, the installation last
  uint64_t install_instructions = 0;   ///< route K: measured, compilation included
};

/// Sizes of subnets that applications run on, and the smallest of them is what prices are of.
inline constexpr uint32_t kUsualSubnetNodes[] = {13, 28, 34, 40};
static_assert(kUsualSubnetNodes[0] == ic::limits::kPriceNodes);

/// Cycles by step, the state's own size, and what must stay in the balance.
struct Costs {
  uint64_t snapshot_bytes = 0;      ///< of one snapshot of the state now; BACK
  uint64_t new_snapshot_bytes = 0;  ///< of the edited one; NEW
  executor::Cycles take = 0;        ///< BACK
  uint64_t download_calls = 0;
  executor::Cycles download = 0;  ///< BACK, all slices
  uint64_t upload_calls = 0;
  executor::Cycles upload = 0;   ///< route S: metadata and all slices of NEW
  executor::Cycles restore = 0;  ///< NEW; the way back costs the same for BACK
  executor::Cycles way_back = 0;
  executor::Cycles install = 0;           ///< route K: all messages and the execution
  executor::Cycles canister_day = 0;      ///< storing the canister itself
  executor::Cycles snapshot_day = 0;      ///< storing BACK
  executor::Cycles new_snapshot_day = 0;  ///< storing NEW
  /// What the freezing threshold of a new canister (30 days) keeps back, without snapshots and with
  /// all that the runbook keeps at the same time.
  executor::Cycles reserve_before = 0;
  executor::Cycles reserve_during = 0;
};

/// The costs of route S when there are no messages of an installation, else of route K.
Costs costs_of(const CostCase& at_hand, const executor::Profile& profile);

/// The same on a subnet of that many nodes. The network rounds each fee down; here the sums are.
Costs on_subnet(const Costs& costs, uint32_t nodes);

/// "2,003,148 cycles", from a thousand million on "4.31 T cycles (4,310,000,000,000)".
std::string cycles_words(executor::Cycles cycles);

}  // namespace canrec::recover
