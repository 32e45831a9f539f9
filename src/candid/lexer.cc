// SPDX-License-Identifier: Apache-2.0
// Cutting Candid text into tokens.
#include "candid/lexer.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/core.h>

#include "base/bytes.h"

namespace canrec::candid {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_word_start(c) || is_digit(c); }

unsigned hex_value(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a' + 10);
}

std::unexpected<Error> syntax(std::string_view text, size_t offset, std::string_view message) {
  return fail(Errc::kCandidSyntax, offset,
              fmt::format("{}: {}", line_and_column(text, offset), message));
}

// Moves past a comment that starts at `at`; comments of the second kind nest.
Result<size_t> skip_comment(std::string_view text, size_t at) {
  if (text[at + 1] == '/') {
    const size_t end = text.find('\n', at);
    return end == std::string_view::npos ? text.size() : end;
  }
  const size_t start = at;
  size_t depth = 0;
  while (at + 1 < text.size()) {
    if (text[at] == '/' && text[at + 1] == '*') {
      ++depth;
      at += 2;
    } else if (text[at] == '*' && text[at + 1] == '/') {
      at += 2;
      if (--depth == 0) return at;
    } else {
      ++at;
    }
  }
  return syntax(text, start, "comment is not closed");
}

size_t skip_digits(std::string_view text, size_t at, bool hex) {
  while (at < text.size() && (text[at] == '_' || (hex ? is_hex(text[at]) : is_digit(text[at])))) {
    ++at;
  }
  return at;
}

// A number runs over digits, a fraction and an exponent; whether it fits is the reader's question.
size_t skip_number(std::string_view text, size_t at) {
  const bool hex =
      text[at] == '0' && at + 2 < text.size() && text[at + 1] == 'x' && is_hex(text[at + 2]);
  at = skip_digits(text, hex ? at + 2 : at, hex);
  if (at < text.size() && text[at] == '.') at = skip_digits(text, at + 1, hex);
  if (at < text.size() && (hex ? (text[at] | 0x20) == 'p' : (text[at] | 0x20) == 'e')) {
    size_t digits = at + 1;
    if (digits < text.size() && (text[digits] == '+' || text[digits] == '-')) ++digits;
    if (digits < text.size() && is_digit(text[digits])) at = skip_digits(text, digits, false);
  }
  return at;
}

}  // namespace

std::string line_and_column(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column =
      newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  return fmt::format("line {}, column {}", line, column);
}

bool is_reserved_word(std::string_view word) {
  static constexpr std::array<std::string_view, 16> kWords = {
      "type",   "import",          "service", "func",      "opt",  "vec",
      "record", "variant",         "blob",    "principal", "null", "oneway",
      "query",  "composite_query", "true",    "false"};
  return std::ranges::find(kWords, word) != kWords.end();
}

bool is_identifier(std::string_view word) {
  return !word.empty() && is_word_start(word[0]) && std::ranges::all_of(word, is_word);
}

void append_utf8(std::string& out, uint32_t code_point) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(static_cast<uint8_t>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3f));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

Result<Tokens> Tokens::cut(std::string_view text) {
  Tokens result(text);
  size_t at = 0;
  size_t gap = 0;
  while (true) {
    while (at < text.size() &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) {
      ++at;
    }
    if (at == text.size()) break;
    const char c = text[at];
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (c == '/' && (next == '/' || next == '*')) {
      CANREC_TRY(at, skip_comment(text, at));
      continue;
    }
    Token token{TokenKind::kPunct, gap, at, at + 1};
    if (is_word_start(c)) {
      token.kind = TokenKind::kWord;
      while (token.end < text.size() && is_word(text[token.end])) ++token.end;
    } else if (is_digit(c) || (c == '.' && is_digit(next))) {
      token.kind = TokenKind::kNumber;
      token.end = skip_number(text, at);
      if (token.end < text.size() && is_word(text[token.end])) {
        return syntax(text, token.end, "a number ends in a letter");
      }
    } else if (c == '"') {
      token.kind = TokenKind::kString;
      while (token.end < text.size() && text[token.end] != '"') {
        token.end += text[token.end] == '\\' ? 2 : 1;
      }
      if (token.end >= text.size()) return syntax(text, at, "string is not closed");
      ++token.end;
    } else if (c == '-' && next == '>') {
      token.end = at + 2;
    } else if (std::string_view(";,:=.(){}+-").find(c) == std::string_view::npos) {
      return syntax(text, at, fmt::format("unexpected character {}", printable(as_bytes({&c, 1}))));
    }
    at = gap = token.end;
    result.tokens_.push_back(token);
  }
  result.tokens_.push_back({TokenKind::kEnd, gap, text.size(), text.size()});
  return result;
}

const Token& Tokens::peek(size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

bool Tokens::is(std::string_view spelling, size_t ahead) const {
  const Token& token = peek(ahead);
  return (token.kind == TokenKind::kWord || token.kind == TokenKind::kPunct) &&
         text(token) == spelling;
}

bool Tokens::accept(std::string_view spelling) {
  if (!is(spelling)) return false;
  advance();
  return true;
}

Status Tokens::expect(std::string_view spelling, std::string_view where) {
  if (accept(spelling)) return Ok{};
  return error_at(peek(), fmt::format("`{}` wanted {}, not {}", spelling, where, spelled(peek())));
}

void Tokens::advance() {
  if (at_ + 1 < tokens_.size()) ++at_;
}

Result<std::string> Tokens::unescape(const Token& token) const {
  const std::string_view body = text_.substr(token.begin + 1, token.end - token.begin - 2);
  std::string out;
  out.reserve(body.size());
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\') {
      out += body[i];
      continue;
    }
    const Token place{TokenKind::kString, 0, token.begin + 1 + i, token.begin + 2 + i};
    const char c = body[++i];  // a backslash is never the last byte: the string would not end
    if (is_hex(c) && i + 1 < body.size() && is_hex(body[i + 1])) {
      out += static_cast<char>(static_cast<uint8_t>(hex_value(c) << 4 | hex_value(body[i + 1])));
      ++i;
    } else if (c == 'u' && i + 1 < body.size() && body[i + 1] == '{') {
      uint32_t code_point = 0;
      size_t digits = 0;
      for (i += 2; i < body.size() && (is_hex(body[i]) || body[i] == '_'); ++i) {
        if (body[i] == '_') continue;
        if (code_point < 0x110000) code_point = code_point << 4 | hex_value(body[i]);
        ++digits;
      }
      const bool surrogate = code_point >= 0xd800 && code_point < 0xe000;
      if (i == body.size() || body[i] != '}' || digits == 0 || code_point > 0x10ffff || surrogate) {
        return error_at(place, "\\u{...} wants a Unicode scalar value in hexadecimal");
      }
      append_utf8(out, code_point);
    } else {
      static constexpr std::string_view kNames = "nrt\\\"'";
      static constexpr std::string_view kBytes = "\n\r\t\\\"'";
      const size_t which = kNames.find(c);
      if (which == std::string_view::npos) return error_at(place, "unknown escape in a string");
      out += kBytes[which];
    }
  }
  return out;
}

Result<std::string> Tokens::unescape_text(const Token& token) const {
  CANREC_TRY(std::string out, unescape(token));
  if (!is_utf8(as_bytes(out))) return error_at(Errc::kUtf8, token, "string is not UTF-8");
  return out;
}

std::string Tokens::comments_in(size_t begin, size_t end, bool same_line) const {
  std::string out;
  const auto add_line = [&out](std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!out.empty()) out += '\n';
    out += line;
  };
  bool first_line = begin != 0;  // whether we still stand on the line of the token before
  for (size_t at = begin; at < end;) {
    if (text_[at] != '/') {
      if (text_[at] == '\n') first_line = false;
      ++at;
      continue;
    }
    // The comment was closed when the text was cut, so this cannot fail.
    const size_t stop = *skip_comment(text_, at);
    std::string_view body = text_.substr(at + 2, stop - at - 2);
    const bool block = text_[at + 1] == '*';
    if (first_line == same_line) {
      if (block) body.remove_suffix(2);
      while (!body.empty() && (body[0] == '/' || body[0] == '*')) body.remove_prefix(1);
      while (true) {
        const size_t newline = body.find('\n');
        std::string_view line = body.substr(0, newline);
        if (block) {
          while (!line.empty() && (line[0] == ' ' || line[0] == '\t')) line.remove_prefix(1);
          if (!line.empty() && line[0] == '*') line.remove_prefix(1);
        }
        if (!line.empty() && line[0] == ' ') line.remove_prefix(1);
        const bool edge = block && (line.empty() || line == "\r");
        if (!edge) add_line(line);
        if (newline == std::string_view::npos) break;
        body.remove_prefix(newline + 1);
      }
    }
    if (block && text_.substr(at, stop - at).find('\n') != std::string_view::npos) {
      first_line = false;
    }
    at = stop;
  }
  return out;
}

std::string Tokens::comments_before() const { return comments_in(peek().gap, peek().begin, false); }

std::string Tokens::comment_behind() const { return comments_in(peek().gap, peek().begin, true); }

std::unexpected<Error> Tokens::error_at(const Token& token, std::string_view message) const {
  return error_at(Errc::kCandidSyntax, token, message);
}

std::unexpected<Error> Tokens::error_at(Errc code, const Token& token,
                                        std::string_view message) const {
  return fail(code, token.begin,
              fmt::format("{}: {}", line_and_column(text_, token.begin), message));
}

std::string Tokens::spelled(const Token& token) const {
  if (token.kind == TokenKind::kEnd) return "the end of the text";
  constexpr size_t kLongest = 40;
  const std::string_view spelling = text(token);
  if (spelling.size() > kLongest) {
    return fmt::format("`{}...`", printable(as_bytes(spelling.substr(0, kLongest))));
  }
  return fmt::format("`{}`", printable(as_bytes(spelling)));
}

}  // namespace canrec::candid
