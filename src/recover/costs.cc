// SPDX-License-Identifier: Apache-2.0
// Sums over the price list.
//
//   take, restore, announce    5M cycles an execution, 2,000M instructions, one a byte of the
//   snapshot a slice read or written    5M cycles an execution, 5M instructions, one a byte of the
//   slice each message from outside  so much, and so much a byte of it, envelope included
//
// Source: dfinity/ic rs/execution_environment/src/canister_manager.rs (take_canister_snapshot,
// load_canister_snapshot, read_ and upload_canister_snapshot_data), rs/config/src/subnet_config.rs.
#include "recover/costs.h"

#include <fmt/core.h>

#include <numeric>

#include "executor/prices.h"
#include "ic/limits.h"

namespace canrec::recover {
namespace {

using executor::Cycles;
using executor::Limit;
using executor::Profile;

constexpr uint64_t kGlobalBytes = 16;
constexpr uint64_t kSecondsPerDay = 86'400;

Cycles of_snapshot(const Profile& profile, uint64_t bytes, uint64_t message) {
  return executor::execution_price(profile, profile[Limit::kSnapshotInstructionsBase] + bytes,
                                   false) +
         executor::ingress_price(profile, message);
}

// Slices of one blob: calls, and what they cost. Bytes that are written travel in the message.
struct Slices {
  uint64_t calls = 0;
  Cycles cycles = 0;

  // `message` is without the slice.
  void add(const Profile& profile, uint64_t blob, uint64_t message, bool written) {
    const uint64_t each = profile[Limit::kSnapshotReadBytes];
    add_equal(profile, blob / each, each, written ? with_blob(message, each) : message);
    if (const uint64_t rest = blob % each; rest != 0) {
      add_equal(profile, 1, rest, written ? with_blob(message, rest) : message);
    }
  }

 private:
  void add_equal(const Profile& profile, uint64_t count, uint64_t slice, uint64_t message) {
    calls += count;
    const uint64_t instructions = profile[Limit::kSnapshotReadInstructionsBase] + slice;
    cycles += (executor::execution_price(profile, instructions, false) +
               executor::ingress_price(profile, message)) *
              count;
  }
};

Slices slices_of(const CostCase& at_hand, const Profile& profile, uint64_t module, bool written) {
  const SnapshotMessages& sizes = at_hand.sizes;
  Slices slices;
  for (const uint64_t blob : {module, at_hand.heap_bytes, at_hand.stable_bytes}) {
    slices.add(profile, blob, written ? sizes.upload_slice : sizes.read_slice, written);
  }
  for (const uint64_t chunk : at_hand.store_chunks) {
    slices.add(profile, chunk, written ? sizes.upload_chunk : sizes.read_chunk, written);
  }
  return slices;
}

Cycles day_of(const Profile& profile, uint64_t bytes) {
  return Cycles{bytes} * profile[Limit::kStorageCycles] * kSecondsPerDay / ic::limits::kGiB;
}

}  // namespace

Costs costs_of(const CostCase& at_hand, const Profile& profile) {
  Costs out;
  const uint64_t state =
      at_hand.heap_bytes + at_hand.stable_bytes + at_hand.globals * kGlobalBytes +
      std::accumulate(at_hand.store_chunks.begin(), at_hand.store_chunks.end(), uint64_t{0});
  out.snapshot_bytes = state + at_hand.old_module_bytes;
  out.new_snapshot_bytes = state + at_hand.module_bytes;
  out.take = of_snapshot(profile, out.snapshot_bytes, at_hand.sizes.take);
  out.way_back = of_snapshot(profile, out.snapshot_bytes, at_hand.sizes.load);
  out.snapshot_day = day_of(profile, out.snapshot_bytes);

  const Slices read = slices_of(at_hand, profile, at_hand.old_module_bytes, false);
  const Cycles metadata =
      executor::ingress_price(profile, at_hand.sizes.read_metadata) +
      executor::execution_price(profile, profile[Limit::kSnapshotReadInstructionsBase], false);
  out.download_calls = read.calls + 1;
  out.download = read.cycles + metadata;

  const bool route_k = !at_hand.messages.empty();
  if (route_k) {
    for (const uint64_t bytes : at_hand.messages) {
      out.install += executor::ingress_price(profile, bytes);
    }
    const uint64_t chunks = at_hand.messages.size() - 1;  // the last message installs
    out.install +=
        executor::execution_price(profile, at_hand.install_instructions, false) +
        executor::execution_price(profile, profile[Limit::kUploadChunkInstructions], false) *
            chunks;
  } else {
    const Slices written = slices_of(at_hand, profile, at_hand.module_bytes, true);
    out.upload_calls = written.calls + 1;
    out.upload = written.cycles +
                 of_snapshot(profile, out.new_snapshot_bytes, at_hand.sizes.upload_metadata);
    out.restore = of_snapshot(profile, out.new_snapshot_bytes, at_hand.sizes.load);
    out.new_snapshot_day = day_of(profile, out.new_snapshot_bytes);
  }

  const uint64_t seconds = profile[Limit::kFreezingSeconds];
  out.canister_day = day_of(profile, out.snapshot_bytes) +
                     Cycles{profile[Limit::kCanisterSecondCycles]} * kSecondsPerDay;
  out.reserve_before = executor::freezing_threshold(profile, out.snapshot_bytes, seconds);
  const uint64_t most =
      out.snapshot_bytes * 2 + (route_k ? at_hand.module_bytes : out.new_snapshot_bytes);
  out.reserve_during = executor::freezing_threshold(profile, most, seconds);
  return out;
}

Costs on_subnet(const Costs& costs, uint32_t nodes) {
  Costs out = costs;
  for (Cycles Costs::*const fee :
       {&Costs::take, &Costs::download, &Costs::upload, &Costs::restore, &Costs::way_back,
        &Costs::install, &Costs::canister_day, &Costs::snapshot_day, &Costs::new_snapshot_day,
        &Costs::reserve_before, &Costs::reserve_during}) {
    out.*fee = costs.*fee * nodes / ic::limits::kPriceNodes;
  }
  return out;
}

std::string cycles_words(Cycles cycles) {
  if (!executor::fits_64_bits(cycles)) return executor::cycles_text(cycles) + " cycles";
  const auto value = static_cast<uint64_t>(cycles);
  if (value < 1'000'000'000) return grouped(value) + " cycles";
  return fmt::format("{:.3f} T cycles ({})", static_cast<double>(value) / 1e12, grouped(value));
}

}  // namespace canrec::recover
