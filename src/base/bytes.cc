// SPDX-License-Identifier: Apache-2.0
// UTF-8, hex, and sizes for people.
#include "base/bytes.h"

#include <fmt/core.h>

#include <array>

namespace canrec {
namespace {

struct Utf8Step {
  size_t length;  // bytes of a well-formed sequence, or of the ill-formed prefix to replace
  bool good;
};

// Table 3-7 of the Unicode standard: which second bytes each lead byte allows.
Utf8Step utf8_step(ByteView s) {
  const uint8_t lead = s[0];
  if (lead < 0x80) return {1, true};
  size_t tail = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    tail = 1;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    tail = 2;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    tail = 3;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return {1, false};
  }
  for (size_t i = 1; i <= tail; ++i) {
    if (i >= s.size() || s[i] < low || s[i] > high) return {i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {tail + 1, true};
}

}  // namespace

bool is_utf8(ByteView bytes) {
  while (!bytes.empty()) {
    // Eight bytes of ASCII at once, as names mostly are.
    if (bytes.size() >= 8 && (load_le<uint64_t>(bytes.data()) & 0x8080808080808080) == 0) {
      bytes = bytes.subspan(8);
      continue;
    }
    const Utf8Step step = utf8_step(bytes);
    if (!step.good) return false;
    bytes = bytes.subspan(step.length);
  }
  return true;
}

std::string utf8_lossy(ByteView bytes) {
  std::string out;
  while (!bytes.empty()) {
    const Utf8Step step = utf8_step(bytes);
    if (step.good) {
      out.append(as_text(bytes.first(step.length)));
    } else {
      out.append("\xef\xbf\xbd");
    }
    bytes = bytes.subspan(step.length);
  }
  return out;
}

std::string to_hex(ByteView bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

bool from_hex(std::string_view text, Bytes& out) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return false;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes.push_back(static_cast<uint8_t>(high * 16 + low));
  }
  out = std::move(bytes);
  return true;
}

std::string printable(ByteView bytes) {
  std::string out;
  for (const uint8_t byte : bytes) {
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
      out.push_back(static_cast<char>(byte));
    } else {
      out += fmt::format("\\{:02x}", byte);
    }
  }
  return out;
}

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string human_size(uint64_t bytes) {
  std::string out = grouped(bytes) + (bytes == 1 ? " byte" : " bytes");
  static constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes >= 10 * 1024) {
    double value = static_cast<double>(bytes) / 1024;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < kUnits.size()) {
      value /= 1024;
      ++unit;
    }
    out += fmt::format(" ({:.1f} {})", value, kUnits[unit]);
  }
  return out;
}

}  // namespace canrec
