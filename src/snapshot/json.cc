// SPDX-License-Identifier: Apache-2.0
// A small exact JSON reader and the number forms of serde_json.
#include "snapshot/json.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/bytes.h"
#include "base/checked.h"
#include "snapshot/limits.h"

namespace canrec::snapshot {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<JsonValue> document() {
    CANREC_TRY(JsonValue out, value(0));
    skip_space();
    if (at_ != text_.size()) return wrong("text after the end of the document");
    return out;
  }

 private:
  std::unexpected<Error> wrong(std::string message) const {
    return fail(Errc::kSnapshotMetadata, at_, std::move(message));
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  Result<JsonValue> value(unsigned depth) {
    skip_space();
    if (++values_ > limits::kJsonValues) {
      return fail(Errc::kLimit, at_, fmt::format("more than {} values", limits::kJsonValues));
    }
    if (depth > limits::kJsonDepth) {
      return fail(Errc::kLimit, at_, fmt::format("nested deeper than {}", limits::kJsonDepth));
    }
    if (at_ == text_.size()) return wrong("unexpected end, a value wanted");
    JsonValue out;
    out.offset = at_;
    const char c = text_[at_];
    if (c == '{') {
      CANREC_CHECK(object(out, depth));
    } else if (c == '[') {
      CANREC_CHECK(array(out, depth));
    } else if (c == '"') {
      out.kind = JsonKind::kString;
      CANREC_TRY(out.text, string());
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      out.kind = JsonKind::kNumber;
      CANREC_CHECK(number());
    } else {
      CANREC_CHECK(word(out));
    }
    out.raw = text_.substr(out.offset, at_ - out.offset);
    return out;
  }

  Status object(JsonValue& out, unsigned depth) {
    out.kind = JsonKind::kObject;
    ++at_;
    skip_space();
    if (take('}')) return Ok{};
    while (true) {
      skip_space();
      if (at_ == text_.size() || text_[at_] != '"') return wrong("a key in quotes wanted");
      const size_t key_at = at_;
      CANREC_TRY(std::string key, string());
      if (out.find(key) != nullptr) {
        return fail(Errc::kSnapshotMetadata, key_at, fmt::format("key {} given twice", key));
      }
      if (out.members.size() == limits::kJsonKeys) {
        return fail(Errc::kLimit, key_at, fmt::format("more than {} keys", limits::kJsonKeys));
      }
      skip_space();
      if (!take(':')) return wrong("a colon wanted");
      CANREC_TRY(JsonValue item, value(depth + 1));
      out.members.push_back({std::move(key), std::move(item)});
      skip_space();
      if (take('}')) return Ok{};
      if (!take(',')) return wrong("a comma or a closing brace wanted");
    }
  }

  Status array(JsonValue& out, unsigned depth) {
    out.kind = JsonKind::kArray;
    ++at_;
    skip_space();
    if (take(']')) return Ok{};
    while (true) {
      CANREC_TRY(JsonValue item, value(depth + 1));
      out.items.push_back(std::move(item));
      skip_space();
      if (take(']')) return Ok{};
      if (!take(',')) return wrong("a comma or a closing bracket wanted");
    }
  }

  Status word(JsonValue& out) {
    for (const std::string_view known : {"null", "true", "false"}) {
      if (!text_.substr(at_).starts_with(known)) continue;
      out.kind = known == "null" ? JsonKind::kNull : JsonKind::kBool;
      at_ += known.size();
      return Ok{};
    }
    return wrong("a value wanted");
  }

  bool digits() {
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > start;
  }

  Status number() {
    const size_t start = at_;
    take('-');
    if (!take('0') && !digits()) return wrong("a digit wanted");
    if (take('.') && !digits()) return wrong("a digit wanted behind the point");
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return wrong("a digit wanted in the exponent");
    }
    if (at_ - start > limits::kJsonNumberBytes) {
      return fail(Errc::kLimit, start, "number too long");
    }
    return Ok{};
  }

  Result<uint32_t> hex4() {
    if (text_.size() - at_ < 4) return wrong("four hex digits wanted");
    uint32_t code = 0;
    const char* end = text_.data() + at_ + 4;
    const auto result = std::from_chars(text_.data() + at_, end, code, 16);
    if (result.ec != std::errc{} || result.ptr != end) return wrong("four hex digits wanted");
    at_ += 4;
    return code;
  }

  Status escape(std::string& out) {
    const size_t start = at_;
    if (at_ == text_.size()) return wrong("unexpected end inside a string");
    static constexpr std::string_view kFrom = "\"\\/bfnrt";
    static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    if (const size_t i = kFrom.find(text_[at_]); i != std::string_view::npos) {
      out.push_back(kTo[i]);
      ++at_;
      return Ok{};
    }
    if (!take('u')) return wrong("unknown escape");
    CANREC_TRY(uint32_t code, hex4());
    if (code >= 0xd800 && code < 0xdc00) {
      if (!take('\\') || !take('u')) return wrong("the second half of a surrogate pair wanted");
      CANREC_TRY(const uint32_t low, hex4());
      if (low < 0xdc00 || low > 0xdfff) return wrong("half a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code <= 0xdfff) {
      return fail(Errc::kSnapshotMetadata, start, "half a surrogate pair");
    }
    append_utf8(out, code);
    return Ok{};
  }

  static void append_utf8(std::string& out, uint32_t code) {
    const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xc0 | (code >> 6));
      put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      put(0xe0 | (code >> 12));
      put(0x80 | ((code >> 6) & 0x3f));
      put(0x80 | (code & 0x3f));
    } else {
      put(0xf0 | (code >> 18));
      put(0x80 | ((code >> 12) & 0x3f));
      put(0x80 | ((code >> 6) & 0x3f));
      put(0x80 | (code & 0x3f));
    }
  }

  Result<std::string> string() {
    ++at_;  // the opening quote
    std::string out;
    while (true) {
      if (at_ == text_.size()) return wrong("unexpected end inside a string");
      const char c = text_[at_];
      if (static_cast<uint8_t>(c) < 0x20) return wrong("control character inside a string");
      ++at_;
      if (c == '"') return out;
      if (c == '\\') {
        CANREC_CHECK(escape(out));
      } else {
        out.push_back(c);
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t values_ = 0;
};

std::unexpected<Error> not_a(std::string_view wanted, const JsonValue& value) {
  return fail(Errc::kSnapshotMetadata, value.offset,
              fmt::format("{} where {} is wanted",
                          value.kind == JsonKind::kNumber ? value.raw : words(value.kind), wanted));
}

// The layout of ryu's "pretty" form, which serde_json prints: plain digits while the decimal point
// is near (up to kMaxPoint digits in front, kMaxZeros zeros behind), otherwise with an exponent.
std::string layout(std::string_view scientific, int max_point, int min_point) {
  std::string out;
  if (scientific.front() == '-') {
    out = "-";
    scientific.remove_prefix(1);
  }
  const size_t e = scientific.find('e');
  int exponent = 0;
  // from_chars knows no plus sign.
  const size_t sign = scientific[e + 1] == '+' ? 2 : 1;
  std::from_chars(scientific.data() + e + sign, scientific.data() + scientific.size(), exponent);
  std::string digits(1, scientific[0]);
  if (e > 2) digits += scientific.substr(2, e - 2);
  const int length = narrow<int>(digits.size());
  const int point = exponent + 1;  // digits in front of the decimal point
  if (point >= length && point <= max_point) {
    return out + digits + std::string(static_cast<size_t>(point - length), '0') + ".0";
  }
  if (point > 0 && point <= max_point) {
    return out + digits.substr(0, static_cast<size_t>(point)) + "." +
           digits.substr(static_cast<size_t>(point));
  }
  if (point > min_point && point <= 0) {
    return out + "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  }
  out += digits[0];
  if (length > 1) out += "." + digits.substr(1);
  return out + fmt::format("e{}", exponent);
}

template <typename T>
std::string shortest(T value, int max_point, int min_point) {
  CANREC_ASSERT(std::isfinite(value));
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::scientific);
  CANREC_ASSERT(result.ec == std::errc{});
  return layout({buffer.data(), result.ptr}, max_point, min_point);
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view key) const {
  for (const JsonMember& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Result<JsonValue> parse_json(std::string_view text) {
  if (!is_utf8(as_bytes(text))) return fail(Errc::kUtf8, 0, "document is not UTF-8");
  return Parser(text).document();
}

std::string_view words(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return "a boolean";
    case JsonKind::kNumber:
      return "a number";
    case JsonKind::kString:
      return "a string";
    case JsonKind::kArray:
      return "an array";
    case JsonKind::kObject:
      return "an object";
  }
  return "a value";
}

Result<uint64_t> json_u64(const JsonValue& value, uint64_t max) {
  uint64_t out = 0;
  const char* end = value.raw.data() + value.raw.size();
  if (value.kind == JsonKind::kNumber) {
    const auto result = std::from_chars(value.raw.data(), end, out);
    if (result.ec == std::errc{} && result.ptr == end && out <= max) return out;
  }
  return not_a(fmt::format("an integer from 0 to {}", max), value);
}

Result<int64_t> json_i64(const JsonValue& value, int64_t min, int64_t max) {
  int64_t out = 0;
  const char* end = value.raw.data() + value.raw.size();
  if (value.kind == JsonKind::kNumber) {
    const auto result = std::from_chars(value.raw.data(), end, out);
    if (result.ec == std::errc{} && result.ptr == end && out >= min && out <= max) return out;
  }
  return not_a(fmt::format("an integer from {} to {}", min, max), value);
}

Result<double> json_double(const JsonValue& value) {
  double out = 0;
  const char* end = value.raw.data() + value.raw.size();
  if (value.kind == JsonKind::kNumber) {
    const auto result = std::from_chars(value.raw.data(), end, out);
    if (result.ec == std::errc{} && result.ptr == end && std::isfinite(out)) return out;
  }
  return not_a("a finite number", value);
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    static constexpr std::string_view kFrom = "\"\\\b\f\n\r\t";
    static constexpr std::string_view kTo = "\"\\bfnrt";
    if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
      out += '\\';
      out += kTo[i];
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_shortest(float value) { return shortest(value, 13, -6); }
std::string json_shortest(double value) { return shortest(value, 16, -5); }

}  // namespace canrec::snapshot
