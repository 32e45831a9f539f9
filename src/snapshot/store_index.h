// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where each chunk of the store is. Most entries lie sorted in a mapped file; those of packs that
// the file does not know yet are in memory.

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/file_system.h"
#include "base/input_file.h"
#include "snapshot/store_format.h"

namespace canrec::snapshot {

/// A frame of a pack.
struct Location {
  uint64_t pack = 0;  ///< number of the pack
  uint64_t offset = 0;
  uint32_t size = 0;  ///< with header and table
  auto operator<=>(const Location&) const = default;
};

/// A pack as the directory lists it.
struct PackFile {
  uint64_t number = 0;
  uint64_t size = 0;
  auto operator<=>(const PackFile&) const = default;
};

struct AddressHash {
  size_t operator()(const Address& address) const { return static_cast<size_t>(address.low); }
};

class Index {
 public:
  /// An index without entries.
  Index() = default;

  /// Maps an index file.
  ///
  /// Errors: kStoreMalformed (with offset) when it is damaged or inconsistent, kNotFound, kIo.
  static Result<Index> open(const std::filesystem::path& path);

  /// The same for bytes that the caller keeps alive.
  static Result<Index> parse(ByteView bytes);

  /// Writes everything as an index file of these packs; entries of other packs are left out.
  Status write(FileSystem& system, const std::filesystem::path& path,
               std::span<const PackFile> packs) const;

  /// Packs that the mapped file covers, by rising number.
  std::span<const PackFile> packs() const { return packs_; }

  std::optional<Location> find(const Address& address) const;
  /// Adds an entry unless the address is known.
  void add(const Address& address, const Location& location);

  uint64_t mapped_entries() const { return mapped_; }
  Address mapped_address(uint64_t row) const { return address(row); }
  /// Where row `row` of the mapped file says its chunk is.
  Location mapped_location(uint64_t row) const { return entry(row).location; }
  uint64_t added_entries() const { return added_.size(); }

 private:
  struct Entry {
    Address address;
    Location location;
  };
  Entry entry(uint64_t row) const;
  Address address(uint64_t row) const;
  Status check(ByteView bytes);
  std::vector<Entry> sorted_entries() const;

  std::optional<InputFile> file_;
  ByteView entries_;  ///< of the mapped file
  uint64_t mapped_ = 0;
  std::vector<PackFile> packs_;
  std::unordered_map<Address, Location, AddressHash> added_;
};

}  // namespace canrec::snapshot
