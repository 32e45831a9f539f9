// SPDX-License-Identifier: Apache-2.0
// The price list at work.
#include "executor/prices.h"

#include <algorithm>

#include <fmt/core.h>

#include "ic/limits.h"

namespace canrec::executor {
namespace {

constexpr uint64_t kSecondsPerDay = 86'400;
constexpr uint64_t kBytesPerGlobal = 16;

}  // namespace

Cycles execution_price(const Profile& profile, uint64_t instructions, bool is_64) {
  const Limit each = is_64 ? Limit::kInstructionCycles64 : Limit::kInstructionCycles32;
  return profile[Limit::kExecutionCycles] + Cycles{profile[each]} * instructions;
}

Cycles ingress_price(const Profile& profile, uint64_t argument_bytes) {
  return profile[Limit::kIngressCycles] +
         Cycles{profile[Limit::kIngressByteCycles]} * argument_bytes;
}

Cycles transmission_price(const Profile& profile, uint64_t bytes) {
  const Cycles transmitted = Cycles{bytes} + profile[Limit::kReplyBytes];
  return profile[Limit::kCallCycles] + profile[Limit::kCallByteCycles] * transmitted;
}

Cycles transmission_refund(const Profile& profile, uint64_t reply_bytes) {
  const uint64_t most = profile[Limit::kReplyBytes];
  return Cycles{profile[Limit::kCallByteCycles]} * (most - std::min(most, reply_bytes));
}

uint64_t memory_usage(const Canister& canister) {
  return memory_usage(canister, canister.wasm ? &*canister.wasm : nullptr);
}

uint64_t memory_usage(const Canister& canister, const WasmState* state) {
  uint64_t bytes = 0;
  if (state != nullptr) {
    bytes += state->heap.size() + state->stable.size() + state->code->stored().size() +
             state->code->persisted().size() * kBytesPerGlobal;
  }
  for (const auto& [hash, chunk] : canister.chunks) bytes += chunk.size();
  for (const auto& [name, snapshot] : canister.snapshots) bytes += snapshot.total_size();
  return bytes;
}

Cycles freezing_threshold(const Profile& profile, uint64_t memory_bytes, uint64_t seconds) {
  if (memory_bytes == 0) return 0;
  const Cycles storage =
      Cycles{memory_bytes} * profile[Limit::kStorageCycles] * kSecondsPerDay / ic::limits::kGiB;
  const Cycles a_day = storage + Cycles{profile[Limit::kCanisterSecondCycles]} * kSecondsPerDay;
  return a_day * seconds / kSecondsPerDay;
}

std::optional<std::string> out_of_cycles(const Canister& canister, Cycles threshold, Cycles amount,
                                         bool tells) {
  const Cycles needed = saturating_add(threshold, amount);
  if (needed <= canister.balance) return std::nullopt;
  std::string text = fmt::format("Canister {} is out of cycles", canister.id.text());
  if (tells) {
    text += fmt::format(": please top up the canister with at least {} additional cycles",
                        cycles_text(needed - canister.balance));
  }
  return text;
}

}  // namespace canrec::executor
