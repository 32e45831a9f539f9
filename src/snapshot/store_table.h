// SPDX-License-Identifier: Apache-2.0
#pragma once

// Addresses and where their chunks are, in memory. A run over a large image has millions of them,
// so they lie flat: 40 bytes each in tables that are at least 58 % full. There are 256 small tables
// by the first byte of the address, so that what grows, or is sorted, and is there twice meanwhile,
// is small.

#include <array>
#include <cstdint>
#include <vector>

#include "snapshot/store_format.h"

namespace canrec::snapshot {

/// A frame of a pack.
struct Location {
  uint64_t pack = 0;  ///< number of the pack; packs count from 1
  uint64_t offset = 0;
  uint32_t size = 0;  ///< with header and table
  auto operator<=>(const Location&) const = default;
};

class AddressTable {
 public:
  struct Entry {
    Address address;
    Location location;
  };

  /// The location of an address, to be read or set; null when it is not in the table. A new entry
  /// or the end of the table invalidates it.
  Location* find(const Address& address);
  const Location* find(const Address& address) const;
  /// Puts an address in that is not there yet. Shape: location.size is not 0.
  void insert(const Address& address, const Location& location);

  uint64_t size() const { return size_; }
  /// The entries whose address begins with a byte, by rising address.
  std::vector<Entry> sorted(uint8_t first_byte) const;

 private:
  // Open addressing with linear probing; a location of size 0 is a free slot.
  struct Part {
    std::vector<Entry> slots;
    size_t used = 0;
  };
  static size_t slot_of(const Part& part, const Address& address);
  static void grow(Part& part);

  std::array<Part, 256> parts_;
  uint64_t size_ = 0;
};

}  // namespace canrec::snapshot
