// SPDX-License-Identifier: Apache-2.0
#pragma once

// Linear memory and stable memory: reserved address space whose pages come from a private mapping
// of an image file, or are zeros.
//
//   0            image length       size                capacity + guard
//   | file, copy-on-write | zeros    | not accessible         |
//
// Opening costs nothing until a page is touched, growing never copies, and the base address never
// changes. One byte of state for each 4 KiB OS page is looked at in every access, inline:
//
//   kAccessed  read or written in this message        cleared by begin_message()
//   kWritten   written in this message                cleared by begin_message()
//   kJournaled its content at the start of the        cleared by commit() and rollback()
//              transaction is known
//   kModified  differs from the image                 never cleared but by rollback()
//   kKept      a private copy of what the image has   cleared when the copy is given back
//   kOwed      the content is still with the memory   cleared when it is taken over
//              that this one was forked from
//
// An access whose pages have the bit set is in bounds and already counted; every other access takes
// the slow path, which checks the bounds, counts, and keeps the old content for rollback(). Old
// content is copied only when the page was modified before; otherwise the image still has it. So
// rollback(), commit(), begin_message() and fork() cost in proportion to the pages touched.
//
// What is resident is in that proportion too: where a page of the file is read, the kernel maps
// those around it, and these are given back (memory_resident.cc).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace canrec::engine {

inline constexpr uint64_t kWasmPage = 65536;
inline constexpr uint64_t kOsPage = 4096;
inline constexpr uint64_t kOsPagesPerWasmPage = kWasmPage / kOsPage;

/// Pages touched since begin_message().
struct PageCounts {
  uint64_t wasm_accessed = 0;  ///< 64 KiB pages read or written
  uint64_t wasm_written = 0;   ///< 64 KiB pages written
  uint64_t os_accessed = 0;    ///< 4 KiB pages read or written
  uint64_t os_written = 0;     ///< 4 KiB pages written
  bool operator==(const PageCounts&) const = default;
};

/// How much of an image stays mapped for pages that were only read; see memory_resident.cc.
///
/// Units: OS pages.
struct ResidentLimits {
  size_t read = 128;      ///< pages read before what the kernel mapped around them is given back
  size_t kept = 131'072;  ///< private copies of pages that were read
};

/// Bytes [begin, end) of a memory.
struct MemoryRange {
  uint64_t begin;
  uint64_t end;
  bool operator==(const MemoryRange&) const = default;
};

/// One memory. Movable, not copyable (fork() copies); not for use by two threads.
class Memory {
 public:
  // State bits of an OS page. The interpreter and compiled code test them.
  static constexpr uint8_t kAccessed = 1;
  static constexpr uint8_t kWritten = 2;
  static constexpr uint8_t kJournaled = 4;
  static constexpr uint8_t kModified = 8;
  static constexpr uint8_t kKept = 16;
  static constexpr uint8_t kOwed = 32;

  /// Zeros.
  ///
  /// Units:  `pages` and `capacity_pages` are 64 KiB pages; pages <= capacity_pages.
  /// Errors: kEngine when `pages` is over the capacity, kIo when the address space cannot be had.
  static Result<Memory> zeros(uint64_t pages, uint64_t capacity_pages);

  /// The first `length` bytes of an open file, zeros behind them. The file is never written.
  ///
  /// Shape:  `length` <= the file's length and <= pages * 64 KiB; the file does not shrink while
  /// the
  ///         memory lives.
  /// Errors: as zeros(), kEngine for a length beyond the pages.
  /// Owns:   a duplicate of the descriptor; the caller may close its own.
  static Result<Memory> from_image(int descriptor, uint64_t length, uint64_t pages,
                                   uint64_t capacity_pages);

  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  uint64_t pages() const { return pages_; }
  uint64_t size() const { return pages_ * kWasmPage; }
  uint64_t capacity_pages() const { return capacity_pages_; }

  /// Adds zero pages; false (and nothing changed) beyond the capacity.
  bool grow(uint64_t delta_pages);

  // --- counted access ---------------------------------------------------------------------------

  /// Counts [address, address + length) as read; false when it is out of bounds, then nothing was
  /// counted. A length of zero is in bounds up to size().
  bool touch_read(uint64_t address, uint64_t length);
  /// Counts it as written and keeps what rollback() needs; false when it is out of bounds.
  bool touch_write(uint64_t address, uint64_t length);
  /// A counted view; nothing when it is out of bounds. Good until the next write or grow.
  std::optional<ByteView> read(uint64_t address, uint64_t length);
  /// A counted view for writing.
  std::optional<std::span<uint8_t>> write(uint64_t address, uint64_t length);

  /// Touched since begin_message().
  const PageCounts& counts() const { return counts_; }
  /// Forgets what was touched; modifications and the transaction stay.
  void begin_message();

  // --- uncounted access -------------------------------------------------------------------------

  /// A view that is not counted, for reports and for writing images; nothing when out of bounds.
  std::optional<ByteView> peek(uint64_t address, uint64_t length) const;

  // --- transactions -----------------------------------------------------------------------------

  /// Makes everything since the last commit or rollback permanent.
  void commit();
  /// Restores content and size of the last commit, and forgets what was touched.
  void rollback();
  /// An independent memory of equal content and size, whose last commit is now. Between messages,
  /// with everything committed, it takes a modified page over only when one of the two comes to
  /// use it; so both belong to one thread.
  Result<Memory> fork() const;

  /// Byte ranges that may differ from the image (from zeros, behind it), ascending, disjoint,
  /// aligned to OS pages.
  std::vector<MemoryRange> modified_ranges() const;
  /// Bytes of the image file that are mapped; everything behind is zeros but for modified_ranges().
  uint64_t image_length() const { return image_length_; }

  /// Changes nothing but what is resident.
  void set_resident_limits(const ResidentLimits& limits) { resident_limits_ = limits; }

  // --- for the interpreter and compiled code ----------------------------------------------------

  uint8_t* base() const { return base_; }
  /// One state byte for each OS page of the capacity and 16 GiB behind it, so that any address
  /// below 16 GiB may be looked up; bytes of pages out of bounds are 0.
  uint8_t* page_states() const { return states_; }

 private:
  Memory() = default;
  static Result<Memory> reserve(uint64_t pages, uint64_t capacity_pages);
  Status open_pages(uint64_t first_page, uint64_t end_page);
  void reset();
  void take_over(uint64_t os_page) const;
  void take_over_all() const;
  void leave_family();
  void enter_family_of(Memory& other);
  void mark_accessed(uint64_t os_page);
  void mark_written(uint64_t os_page);
  void drop_to_image(std::vector<uint32_t>& os_pages);
  void drop_to_image(uint64_t os_page, uint64_t count);
  void read_ahead(bool pays) const;
  void note_read(uint64_t os_page);
  void give_back_when_many();
  void give_back_window(uint64_t first_page, uint8_t staying);
  void keep(uint32_t os_page);
  void give_back_kept();

  uint8_t* base_ = nullptr;
  uint8_t* states_ = nullptr;
  uint64_t reserved_bytes_ = 0;
  uint64_t state_bytes_ = 0;
  uint64_t pages_ = 0;
  uint64_t capacity_pages_ = 0;
  uint64_t committed_pages_ = 0;
  int image_ = -1;
  uint64_t image_length_ = 0;
  mutable bool reads_ahead_ = false;  // the kernel may read more of the image than was touched
  PageCounts counts_;
  uint64_t wasm_accessed_then_ = 0;  // when it was last looked whether reading ahead pays

  struct PreImage {
    uint32_t os_page;
    std::unique_ptr<uint8_t[]> bytes;
  };
  std::vector<uint32_t> touched_;    // OS pages with kAccessed, in order of first access
  std::vector<PreImage> journal_;    // pages modified before this transaction and again in it
  std::vector<uint32_t> modified_;   // OS pages with kModified
  uint64_t committed_modified_ = 0;  // modified_ entries that the last commit knew

  // fork(), memory_fork.cc. Who has an origin has no copies.
  mutable Memory* origin_ = nullptr;     // has the content of pages with kOwed
  mutable std::vector<Memory*> copies_;  // memories whose origin this is

  ResidentLimits resident_limits_;
  std::vector<uint32_t> read_;  // clean OS pages of the image read since the last giving back
  std::vector<uint32_t> kept_;  // OS pages that got kKept; some of them have lost it since
};

}  // namespace canrec::engine
