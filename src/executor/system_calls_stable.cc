// SPDX-License-Identifier: Apache-2.0
// System API: stable memory. The order of steps is that of the functions which the network puts in
// place of these imports (dfinity/ic rs/embedders/src/wasm_utils/system_api_replacements.rs).
#include <algorithm>

#include <fmt/core.h>

#include "base/checked.h"
#include "executor/system_calls.h"
#include "wasm/module.h"

namespace canrec::executor {
namespace {

constexpr uint64_t kKilobytesPerOsPage = 4;

std::string kilobytes(uint64_t os_pages) { return std::to_string(os_pages * kKilobytesPerOsPage); }

}  // namespace

OrStop<Ok> SystemCalls::small_enough_for_32_bits() {
  if (machine_->stable.pages() > profile_[Limit::kStablePages32]) {
    return fail(trapped(ic::TrapCode::kStableTooBigFor32Bit));
  }
  return Ok{};
}

OrStop<Ok> SystemCalls::stable_bounds(uint64_t at, uint64_t length) {
  if (!in_bounds(at, length, machine_->stable.size())) {
    return fail(trapped(ic::TrapCode::kStableOutOfBounds));
  }
  return Ok{};
}

OrStop<Ok> SystemCalls::heap_bounds(uint64_t at, uint64_t length) {
  if (machine_->heap == nullptr || !in_bounds(at, length, machine_->heap->size())) {
    return fail(trapped(ic::TrapCode::kHeapOutOfBounds));
  }
  return Ok{};
}

// The 64-bit calls look at the plain numbers before anything is counted.
OrStop<Ok> SystemCalls::wide_address(uint64_t at, uint64_t length) {
  const uint64_t most = machine_->is_64 ? profile_[Limit::kHeapBytes64] : uint64_t{UINT32_MAX};
  if (at > most || length > most) return fail(trapped(ic::TrapCode::kHeapOutOfBounds));
  return Ok{};
}

OrStop<Ok> SystemCalls::may_access(uint64_t at, uint64_t length) {
  const uint64_t limit = in_.stable_access_os_pages;
  const uint64_t used = machine_->stable.counts().os_accessed;
  const uint64_t room = limit - std::min(limit, used);
  if (machine_->stable.not_yet_accessed(at, length, room + 1) > room) {
    return fail(stop(ic::ExecutionError::kStableReadLimit,
                     {kilobytes(profile_[Limit::kStableAccessPagesUpdate]),
                      kilobytes(profile_[Limit::kStableAccessPagesQuery])}));
  }
  return Ok{};
}

OrStop<Ok> SystemCalls::may_write(uint64_t at, uint64_t length) {
  const uint64_t limit = in_.stable_access_os_pages;
  const uint64_t used = machine_->stable.counts().os_written;
  const uint64_t room = limit - std::min(limit, used);
  if (machine_->stable.not_yet_written(at, length, room + 1) > room) {
    return fail(stop(ic::ExecutionError::kStableWriteLimit,
                     {kilobytes(profile_[Limit::kStableAccessPagesUpdate]),
                      kilobytes(profile_[Limit::kStableAccessPagesInstall]),
                      kilobytes(profile_[Limit::kStableAccessPagesQuery])}));
  }
  return Ok{};
}

SystemCalls::Value SystemCalls::stable_size(bool is_32) {
  if (is_32) CANREC_CHECK(small_enough_for_32_bits());
  return machine_->stable.pages();
}

SystemCalls::Value SystemCalls::stable_grow(uint64_t more, bool is_32) {
  if (is_32) CANREC_CHECK(small_enough_for_32_bits());
  const uint64_t refused = is_32 ? uint64_t{UINT32_MAX} : UINT64_MAX;
  const uint64_t before = machine_->stable.pages();
  const auto after = checked_add(before, more);
  const uint64_t most = is_32 ? profile_[Limit::kStablePages32] : profile_[Limit::kStablePages];
  if (!after || *after > most) return refused;
  CANREC_CHECK(pay_for_growth(more * wasm::kPageSize));
  if (!machine_->stable.grow(more)) return refused;
  return before;
}

SystemCalls::Value SystemCalls::stable_read(uint64_t to, uint64_t from, uint64_t length,
                                            bool is_32) {
  if (length == 0) return std::nullopt;  // nothing is checked
  if (is_32) CANREC_CHECK(small_enough_for_32_bits());
  CANREC_CHECK(stable_bounds(from, length));
  if (!is_32) CANREC_CHECK(wide_address(to, length));
  CANREC_CHECK(may_access(from, length));
  CANREC_CHECK(heap_bounds(to, length));
  const ByteView source = machine_->stable.read(from, length);
  const std::span<uint8_t> target = machine_->heap->write(to, length);
  std::copy(source.begin(), source.end(), target.begin());
  report_.stable_bytes_read += length;
  return std::nullopt;
}

SystemCalls::Value SystemCalls::stable_write(uint64_t to, uint64_t from, uint64_t length,
                                             bool is_32) {
  if (is_32) {
    CANREC_CHECK(small_enough_for_32_bits());
    CANREC_CHECK(stable_bounds(to, length));  // also when nothing is written
    if (length == 0) return std::nullopt;
  } else {
    if (length == 0) return std::nullopt;
    CANREC_CHECK(stable_bounds(to, length));
    CANREC_CHECK(wide_address(from, length));
  }
  CANREC_CHECK(may_access(to, length));
  CANREC_CHECK(may_write(to, length));
  CANREC_CHECK(heap_bounds(from, length));
  const ByteView source = machine_->heap->read(from, length);
  const std::span<uint8_t> target = machine_->stable.write(to, length);
  std::copy(source.begin(), source.end(), target.begin());
  report_.stable_bytes_written += length;
  return std::nullopt;
}

}  // namespace canrec::executor
