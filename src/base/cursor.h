// SPDX-License-Identifier: Apache-2.0
#pragma once

// A reader over bytes that knows where it stands in the file, so that every error can say so.

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/leb128.h"

namespace canrec {

/// Reads forward through a view; `base` is the file offset of the view's first byte.
class Cursor {
 public:
  explicit Cursor(ByteView bytes, uint64_t base = 0) : bytes_(bytes), base_(base) {}

  /// File offset of the next byte.
  uint64_t pos() const { return base_ + at_; }
  /// Bytes read since the start of the view.
  size_t index() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  bool at_end() const { return at_ == bytes_.size(); }
  ByteView rest() const { return bytes_.subspan(at_); }

  Result<uint8_t> u8() {
    if (at_end()) return eof("byte");
    return bytes_[at_++];
  }
  Result<uint8_t> peek() const {
    if (at_end()) return eof("byte");
    return bytes_[at_];
  }
  /// A fixed-width little-endian value.
  template <typename T>
  Result<T> le() {
    if (left() < sizeof(T)) return eof("fixed-width value");
    const T value = load_le<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  Result<uint32_t> u32() {
    if (!at_end() && bytes_[at_] < 0x80) [[likely]]
      return bytes_[at_++];
    return take(read_leb_u32(bytes_, at_, base_));
  }
  Result<uint64_t> u64() {
    if (!at_end() && bytes_[at_] < 0x80) [[likely]]
      return bytes_[at_++];
    return take(read_leb_u64(bytes_, at_, base_));
  }
  Result<int32_t> s32() { return take(read_leb_s32(bytes_, at_, base_)); }
  Result<int64_t> s33() { return take(read_leb_s33(bytes_, at_, base_)); }
  Result<int64_t> s64() { return take(read_leb_s64(bytes_, at_, base_)); }

  /// The next n bytes, as a view.
  Result<ByteView> bytes(uint64_t n) {
    if (n > left()) return eof("bytes");
    const ByteView view = bytes_.subspan(at_, static_cast<size_t>(n));
    at_ += static_cast<size_t>(n);
    return view;
  }
  /// Goes on over n bytes of rest(); n <= left().
  void pass(size_t n) { at_ += n; }
  Status skip(uint64_t n) {
    CANREC_CHECK(bytes(n));
    return Ok{};
  }
  /// A u32 count of items that take at least `min_size` bytes each: refused when they cannot fit,
  /// so that a caller may allocate for them.
  Result<uint32_t> count(uint64_t min_size, std::string_view what);
  /// A u32 length and that many bytes of UTF-8.
  Result<std::string_view> name();

 private:
  template <typename T>
  Result<T> take(Result<Leb<T>>&& leb) {
    if (!leb) [[unlikely]]
      return fail(std::move(leb).error());
    at_ += leb->width;
    return leb->value;
  }
  std::unexpected<Error> eof(std::string_view what) const;

  ByteView bytes_;
  uint64_t base_;
  size_t at_ = 0;
};

}  // namespace canrec
