// SPDX-License-Identifier: Apache-2.0
// Open addressing.
#include "snapshot/store_table.h"

#include <algorithm>
#include <iterator>

namespace canrec::snapshot {

// The slot that has the address, or the free one where it belongs. Addresses are hashes already.
size_t AddressTable::slot_of(const Part& part, const Address& address) {
  const uint64_t count = part.slots.size();
  size_t at = static_cast<size_t>(((address.low & 0xffffffff) * count) >> 32);
  while (part.slots[at].location.size != 0 && part.slots[at].address != address) {
    at = at + 1 == count ? 0 : at + 1;
  }
  return at;
}

void AddressTable::grow(Part& part) {
  Part larger;
  larger.slots.resize(part.slots.size() + part.slots.size() / 2 + 8);
  for (const Entry& entry : part.slots) {
    if (entry.location.size != 0) larger.slots[slot_of(larger, entry.address)] = entry;
  }
  part.slots = std::move(larger.slots);
}

Location* AddressTable::find(const Address& address) {
  return const_cast<Location*>(static_cast<const AddressTable*>(this)->find(address));
}

const Location* AddressTable::find(const Address& address) const {
  const Part& part = parts_[address.high >> 56];
  if (part.used == 0) return nullptr;
  const Entry& entry = part.slots[slot_of(part, address)];
  return entry.location.size != 0 ? &entry.location : nullptr;
}

void AddressTable::insert(const Address& address, const Location& location) {
  CANREC_ASSERT(location.size != 0);
  Part& part = parts_[address.high >> 56];
  // At least an eighth stays free, so that every search ends soon.
  if ((part.used + 1) * 8 > part.slots.size() * 7) grow(part);
  part.slots[slot_of(part, address)] = {address, location};
  ++part.used;
  ++size_;
}

std::vector<AddressTable::Entry> AddressTable::sorted(uint8_t first_byte) const {
  const Part& part = parts_[first_byte];
  std::vector<Entry> out;
  out.reserve(part.used);
  std::ranges::copy_if(part.slots, std::back_inserter(out),
                       [](const Entry& entry) { return entry.location.size != 0; });
  std::ranges::sort(out, {}, &Entry::address);
  return out;
}

}  // namespace canrec::snapshot
