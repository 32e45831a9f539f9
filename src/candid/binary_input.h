// SPDX-License-Identifier: Apache-2.0
#pragma once

// The reads of the binary format. Internal to binary_*.cc.
//
// Candid's LEB128 is more liberal than WebAssembly's: overlong forms are fine as long as the value
// fits. Reads answer bool and keep the first error here, which is what the inner loop can afford.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

namespace canrec::candid {

class BinaryInput {
 public:
  explicit BinaryInput(ByteView bytes) : bytes_(bytes) {}

  size_t pos() const { return at_; }
  void seek(size_t pos) { at_ = pos; }
  size_t left() const { return bytes_.size() - at_; }
  const uint8_t* data() const { return bytes_.data() + at_; }

  /// Notes an error, the first one only; always false.
  bool fail_at(Errc code, size_t offset, std::string message) {
    if (!error_) error_.emplace(code, offset, std::move(message));
    return false;
  }
  Error take_error() {
    CANREC_ASSERT(error_);
    return std::move(*error_);
  }

  bool u8(uint8_t& out) {
    if (at_ == bytes_.size()) return eof();
    out = bytes_[at_++];
    return true;
  }
  /// n bytes as a view.
  bool view(uint64_t n, ByteView& out) {
    if (n > left()) return eof();
    out = bytes_.subspan(at_, static_cast<size_t>(n));
    at_ += static_cast<size_t>(n);
    return true;
  }
  bool skip(uint64_t n) {
    if (n > left()) return eof();
    at_ += static_cast<size_t>(n);
    return true;
  }
  /// Unsigned LEB128 below 2^64 in at most ten bytes.
  bool u64(uint64_t& out) {
    if (at_ < bytes_.size() && bytes_[at_] < 0x80) [[likely]] {
      out = bytes_[at_++];
      return true;
    }
    return slow_u64(out);
  }
  /// Unsigned LEB128 below 2^32.
  bool u32(uint32_t& out);
  /// Signed LEB128 in 64 bits, at most ten bytes.
  bool s64(int64_t& out);
  /// A count of things of at least `min_size` bytes each: refused when they cannot be there.
  bool count(uint64_t min_size, const char* what, uint64_t& out);
  /// A LEB128 of any length; the view covers all of it.
  bool leb(ByteView& out);
  /// A length and that many bytes of UTF-8.
  bool text(ByteView& out);

 private:
  bool eof() { return fail_at(Errc::kUnexpectedEof, bytes_.size(), "unexpected end of message"); }
  bool slow_u64(uint64_t& out);

  ByteView bytes_;
  size_t at_ = 0;
  std::optional<Error> error_;
};

}  // namespace canrec::candid
