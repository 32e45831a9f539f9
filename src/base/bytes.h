// SPDX-License-Identifier: Apache-2.0
#pragma once

// Views of bytes and the little-endian reads every format here needs.

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace canrec {

/// Bytes that somebody else owns; the owner outlives the view.
using ByteView = std::span<const uint8_t>;
using Bytes = std::vector<uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Reads a little-endian value. The caller has checked that sizeof(T) bytes are there.
template <typename T>
T load_le(const void* from) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
/// Writes a little-endian value to sizeof(T) bytes.
template <typename T>
void store_le(void* to, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(to, &value, sizeof(T));
}

inline void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

/// Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(ByteView bytes);
/// The text with every ill-formed sequence replaced by U+FFFD, as Rust's from_utf8_lossy does.
std::string utf8_lossy(ByteView bytes);

/// Lower-case hex, two digits a byte, no separators.
std::string to_hex(ByteView bytes);
/// The bytes of a hex text; nothing when a digit is wrong or the count is odd.
bool from_hex(std::string_view text, Bytes& out);
/// Printable ASCII as it is, everything else as \xx; for reports.
std::string printable(ByteView bytes);
/// "12,345 bytes" or "42,310 bytes (41.3 KiB)" from 10 KiB on.
std::string human_size(uint64_t bytes);
/// 1234567 as "1,234,567".
std::string grouped(uint64_t number);

static_assert(std::endian::native == std::endian::little, "images are mapped as they are on disk");

}  // namespace canrec
