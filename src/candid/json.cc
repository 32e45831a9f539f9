// SPDX-License-Identifier: Apache-2.0
// Values as JSON.
#include "candid/json.h"

#include <fmt/core.h>

#include <algorithm>

#include "candid/text.h"

namespace canrec::candid {
namespace {

constexpr size_t kFlushAt = size_t{64} << 10;

}  // namespace

void JsonPrinter::write(std::string_view words) {
  buffer_ += words;
  if (buffer_.size() < kFlushAt) return;
  if (status_) status_ = out_(buffer_);
  buffer_.clear();
}

Status JsonPrinter::finish() {
  if (status_ && !buffer_.empty()) status_ = out_(buffer_);
  buffer_.clear();
  if (!status_) return fail(status_.error().copy());
  return Ok{};
}

void JsonPrinter::before_value() {
  if (frames_.empty() || frames_.back().labelled) return;
  if (!frames_.back().first) write(",");
  frames_.back().first = false;
}

void JsonPrinter::open(char bracket, char closing) {
  before_value();
  write({&bracket, 1});
  frames_.push_back({.closing = closing});
}

void JsonPrinter::close() {
  write({&frames_.back().closing, 1});
  frames_.pop_back();
}

void JsonPrinter::scalar(std::string_view words) {
  before_value();
  write(words);
}

void JsonPrinter::natural(Kind kind, uint64_t value) {
  const bool wide = kind == Kind::kNat || kind == Kind::kNat64;
  scalar(wide ? fmt::format("\"{}\"", value) : std::to_string(value));
}

void JsonPrinter::integer(Kind kind, int64_t value) {
  const bool wide = kind == Kind::kInt || kind == Kind::kInt64;
  scalar(wide ? fmt::format("\"{}\"", value) : std::to_string(value));
}

void JsonPrinter::big(Kind kind, ByteView leb) {
  const BigInt value =
      kind == Kind::kNat ? BigInt::from_unsigned_leb(leb) : BigInt::from_signed_leb(leb);
  scalar(fmt::format("\"{}\"", value.text(false)));
}

void JsonPrinter::floating(Kind kind, uint64_t bits) {
  const std::string words = float_text(kind, bits);
  const bool finite = words != "NaN" && words != "inf" && words != "-inf";
  scalar(finite ? words : fmt::format("\"{}\"", words));
}

// The text is UTF-8; what JSON does not allow in strings is escaped, and what a terminal may obey:
// U+007F, and U+0080 to U+009F, which are c2 80 to c2 9f.
void JsonPrinter::quoted(std::string_view text) {
  write("\"");
  size_t done = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0;
    if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f && !c1) continue;
    write(text.substr(done, i - done));
    if (c1) ++i;
    write(byte == '"' || byte == '\\' ? fmt::format("\\{}", text[i])
                                      : fmt::format("\\u{:04x}", static_cast<uint8_t>(text[i])));
    done = i + 1;
  }
  write(text.substr(done));
  write("\"");
}

void JsonPrinter::text(std::string_view value) {
  before_value();
  quoted(value);
}

void JsonPrinter::blob(ByteView value) {
  before_value();
  write("\"0x");
  constexpr size_t kPiece = 4096;
  for (size_t at = 0; at < value.size(); at += kPiece) {
    write(to_hex(value.subspan(at, std::min(kPiece, value.size() - at))));
  }
  write("\"");
}

void JsonPrinter::principal(ByteView value) {
  const auto principal = ic::Principal::from_bytes(value);
  CANREC_ASSERT(principal);
  scalar(fmt::format("\"{}\"", principal->text()));
}

void JsonPrinter::func(const FuncRef& value) {
  const auto principal = ic::Principal::from_bytes(value.principal);
  CANREC_ASSERT(principal);
  scalar(fmt::format("{{\"principal\":\"{}\",\"method\":", principal->text()));
  quoted(value.method);
  write("}");
}

void JsonPrinter::begin_record(std::span<const Field> fields) {
  bool tuple = !fields.empty();
  for (size_t i = 0; i < fields.size(); ++i) {
    tuple = tuple && fields[i].label == i && !fields[i].name;
  }
  open(tuple ? '[' : '{', tuple ? ']' : '}');
  frames_.back().labelled = !tuple;
}

void JsonPrinter::begin_field(const Field& field) {
  if (!frames_.back().labelled) return;
  if (!frames_.back().first) write(",");
  frames_.back().first = false;
  quoted(field.name ? *field.name : fmt::format("_{}_", field.label));
  write(":");
}

void JsonPrinter::begin_variant(const Field& tag, size_t) {
  open('{', '}');
  frames_.back().labelled = true;
  quoted(tag.name ? *tag.name : fmt::format("_{}_", tag.label));
  write(":");
}

}  // namespace canrec::candid
