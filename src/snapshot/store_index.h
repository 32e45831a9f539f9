// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where each chunk of the store is. Most entries come sorted from the index file; those of packs
// that the file does not know yet are in a hash table.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/file_system.h"
#include "snapshot/store_format.h"
#include "snapshot/store_table.h"

namespace canrec::snapshot {

/// A pack as the directory lists it.
struct PackFile {
  uint64_t number = 0;
  uint64_t size = 0;
  auto operator<=>(const PackFile&) const = default;
};

class Index {
 public:
  /// An index without entries.
  Index() = default;

  /// Reads an index file.
  ///
  /// Errors: kStoreMalformed (with offset) when it is damaged or inconsistent, kLimit, kNotFound,
  ///         kIo.
  static Result<Index> open(const std::filesystem::path& path);

  /// The same for bytes that the caller keeps alive.
  static Result<Index> parse(ByteView bytes);

  /// Writes everything as an index file of these packs; entries of other packs are left out. Where
  /// a file system cannot rename over an existing file, the old index is removed first: without one
  /// the packs are read.
  Status write(FileSystem& system, const std::filesystem::path& path,
               std::span<const PackFile> packs) const;

  /// Packs that the index file covers, by rising number.
  std::span<const PackFile> packs() const { return packs_; }

  /// Where a chunk is; nothing for one that is only announced.
  std::optional<Location> find(const Address& address) const;
  /// Whether a chunk is known or announced.
  bool contains(const Address& address) const;
  /// Notes that a chunk is going to be stored. The address must not be known.
  void announce(const Address& address);
  /// Adds an entry unless the place of the chunk is known.
  void add(const Address& address, const Location& location);

  /// Entries of the index file, the address in a row, and where it says the chunk is.
  uint64_t file_entries() const { return file_entries_; }
  Address file_address(uint64_t row) const { return address(row); }
  Location file_location(uint64_t row) const { return entry(row).location; }
  /// Entries that came later.
  uint64_t added_entries() const { return added_.size(); }

 private:
  using Entry = AddressTable::Entry;
  Entry entry(uint64_t row) const;
  Address address(uint64_t row) const;
  std::optional<uint64_t> file_row(const Address& address) const;
  Status check(ByteView bytes);
  Bytes encode(std::span<const PackFile> packs) const;

  Bytes content_;     ///< of the index file, unless the caller has it
  ByteView entries_;  ///< in it
  uint64_t file_entries_ = 0;
  std::vector<PackFile> packs_;
  AddressTable added_;
};

}  // namespace canrec::snapshot
