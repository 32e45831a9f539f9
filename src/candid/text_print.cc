// SPDX-License-Identifier: Apache-2.0
// Printing values as Candid text.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include <fmt/core.h>

#include "candid/lexer.h"
#include "candid/text.h"

namespace canrec::candid {
namespace {

// Strings up to here are laid out; longer ones are written through in pieces.
constexpr size_t kPiece = 4096;
// Vectors of more scalars than this stay on one line.
constexpr size_t kFewElements = 10;

constexpr uint64_t kQuietNan64 = 0x7ff8000000000000;
constexpr uint64_t kQuietNan32 = 0x7fc00000;

bool plain_byte(uint8_t byte) {
  return (byte >= 0x20 && byte < 0x7f) || byte == '\t' || byte == '\n' || byte == '\r';
}

// Bytes as characters where all are plain, every byte as \hh otherwise.
std::string escape_blob(std::string_view bytes, bool hex) {
  std::string out;
  out.reserve(hex ? bytes.size() * 3 : bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    const bool special = byte < 0x20 || c == '"' || c == '\'' || c == '`' || c == '\\';
    if (hex || special) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += '\\';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

std::string escape_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<uint8_t>(c);
    switch (c) {
      case '\n':
        out += "\\n";
        continue;
      case '\r':
        out += "\\r";
        continue;
      case '\t':
        out += "\\t";
        continue;
      case '\\':
      case '"':
      case '\'':
        out += '\\';
        out += c;
        continue;
      default:
        break;
    }
    // C1 controls are two bytes, c2 80 to c2 9f; a terminal may obey them.
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{{{:x}}}", byte);
    } else if (c1) {
      out += fmt::format("\\u{{{:x}}}", static_cast<uint8_t>(text[++i]));
    } else {
      out += c;
    }
  }
  return out;
}

bool is_scalar(Kind kind) {
  return kind < Kind::kOpt && kind != Kind::kText && kind != Kind::kPrincipal;
}

std::string principal_text(ByteView bytes) {
  const auto principal = ic::Principal::from_bytes(bytes);
  CANREC_ASSERT(principal);
  return principal->text();
}

}  // namespace

std::string quote_text(std::string_view text) { return '"' + escape_text(text) + '"'; }

std::string label_text(const Field& field) {
  if (!field.name) return group_digits(std::to_string(field.label));
  const std::string& name = *field.name;
  if (is_identifier(name) && !is_reserved_word(name) && !primitive_by_name(name)) return name;
  return quote_text(name);
}

std::string float_text(Kind kind, uint64_t bits) {
  const bool narrow = kind == Kind::kFloat32;
  const auto small = std::bit_cast<float>(static_cast<uint32_t>(bits));
  const double value = narrow ? static_cast<double>(small) : std::bit_cast<double>(bits);
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 512> buffer;
  char* const end = buffer.data() + buffer.size();
  const auto [stop, errc] =
      narrow ? std::to_chars(buffer.data(), end, small, std::chars_format::fixed)
             : std::to_chars(buffer.data(), end, value, std::chars_format::fixed);
  CANREC_ASSERT(errc == std::errc{});
  std::string text(buffer.data(), stop);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

// What comes before a value: an item's line, the sign between a tag and its payload.
void TextPrinter::start() {
  if (before_ == Before::kTag) {
    layout_.text(" = ");
  } else if (before_ == Before::kNothing && !frames_.empty() && frames_.back().list) {
    layout_.item();
  }
  before_ = Before::kNothing;
}

void TextPrinter::plain(std::string_view words) {
  start();
  layout_.text(words);
}

void TextPrinter::annotated(std::string_view words, Kind kind) {
  const bool brackets = before_ == Before::kSome;
  start();
  const std::string_view type = kind_name(kind);
  layout_.text(brackets ? fmt::format("({} : {})", words, type)
                        : fmt::format("{} : {}", words, type));
}

void TextPrinter::null() {
  if (before_ == Before::kTag) {
    before_ = Before::kNothing;  // `variant { tag }`
    return;
  }
  annotated("null", Kind::kNull);
}
void TextPrinter::reserved() { annotated("null", Kind::kReserved); }
void TextPrinter::absent() { plain("null"); }
void TextPrinter::boolean(bool value) { plain(value ? "true" : "false"); }

void TextPrinter::natural(Kind kind, uint64_t value) {
  annotated(group_digits(std::to_string(value)), kind);
}
void TextPrinter::integer(Kind kind, int64_t value) {
  annotated(group_digits(std::to_string(value)), kind);
}
void TextPrinter::big(Kind kind, ByteView leb) {
  const BigInt value =
      kind == Kind::kNat ? BigInt::from_unsigned_leb(leb) : BigInt::from_signed_leb(leb);
  annotated(value.text(true), kind);
}

void TextPrinter::floating(Kind kind, uint64_t bits) {
  const std::string words = float_text(kind, bits);
  if (words == "NaN" && bits != kQuietNan64 && bits != kQuietNan32) readable_ = false;
  annotated(words, kind);
}

void TextPrinter::quoted(std::string_view prefix, std::string_view body, bool blob) {
  start();
  const bool hex = blob && !std::ranges::all_of(as_bytes(body), plain_byte);
  const auto escape = [&](std::string_view part) {
    return blob ? escape_blob(part, hex) : escape_text(part);
  };
  if (body.size() <= kPiece) {
    layout_.text(fmt::format("{}\"{}\"", prefix, escape(body)));
    return;
  }
  layout_.long_text(fmt::format("{}\"", prefix));
  while (!body.empty()) {
    size_t size = std::min(kPiece, body.size());
    // A piece does not end inside a character.
    while (!blob && size < body.size() && (static_cast<uint8_t>(body[size]) & 0xc0) == 0x80) ++size;
    layout_.long_text(escape(body.substr(0, size)));
    body.remove_prefix(size);
  }
  layout_.long_text("\"");
}

void TextPrinter::text(std::string_view value) { quoted("", value, false); }
void TextPrinter::blob(ByteView value) { quoted("blob ", as_text(value), true); }
void TextPrinter::principal(ByteView value) {
  plain(fmt::format("principal \"{}\"", principal_text(value)));
}
void TextPrinter::service(ByteView value) {
  plain(fmt::format("service \"{}\"", principal_text(value)));
}
void TextPrinter::func(const FuncRef& value) {
  const bool bare = is_identifier(value.method) && !is_reserved_word(value.method) &&
                    !primitive_by_name(value.method);
  plain(fmt::format("func \"{}\".{}", principal_text(value.principal),
                    bare ? std::string(value.method) : quote_text(value.method)));
}

void TextPrinter::begin_some() {
  plain("opt ");
  before_ = Before::kSome;
}
void TextPrinter::end_some() {}

void TextPrinter::begin_vec(size_t count, Kind element) {
  start();
  layout_.open("vec {", ";", true, count > kFewElements && is_scalar(element));
  frames_.push_back({.list = true});
}
void TextPrinter::end_vec() {
  frames_.pop_back();
  layout_.close("}");
}

void TextPrinter::begin_record(std::span<const Field> fields) {
  start();
  layout_.open("record {", ";", true);
  bool tuple = true;
  for (size_t i = 0; i < fields.size(); ++i) {
    tuple = tuple && fields[i].label == i && !fields[i].name;
  }
  frames_.push_back({.tuple = tuple});
}
void TextPrinter::begin_field(const Field& field) {
  layout_.item();
  if (!frames_.back().tuple) layout_.text(label_text(field) + " = ");
}
void TextPrinter::end_record() {
  frames_.pop_back();
  layout_.close("}");
}

void TextPrinter::begin_variant(const Field& tag, size_t) {
  start();
  layout_.open("variant {", "", true);
  layout_.item();
  layout_.text(label_text(tag));
  before_ = Before::kTag;
  frames_.push_back({});
}
void TextPrinter::end_variant() {
  frames_.pop_back();
  layout_.close("}");
}

void TextPrinter::begin_args(size_t) {
  layout_.open("(", ",", false);
  frames_.push_back({.list = true});
}
void TextPrinter::end_args() {
  frames_.pop_back();
  layout_.close(")");
}

std::string args_to_text(const TypeEnv& env, std::span<const TypeIdx> types,
                         std::span<const Value> values) {
  std::string out;
  TextPrinter printer([&out](std::string_view piece) -> Status {
    out += piece;
    return Ok{};
  });
  walk(env, types, values, printer);
  const Status status = printer.finish();
  CANREC_ASSERT(status);
  return out;
}

}  // namespace canrec::candid
