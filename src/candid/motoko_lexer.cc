// SPDX-License-Identifier: Apache-2.0
// Cutting stable signatures into tokens.
#include "candid/motoko_lexer.h"

#include <fmt/core.h>

#include "base/bytes.h"
#include "candid/lexer.h"

namespace canrec::candid::motoko {
namespace {

// Bytes of a signature. Reason: each may be a token, which takes 32. Twice what a canister's custom
// sections may have together.
constexpr size_t kMaxText = size_t{2} << 20;
// Bytes of a name. Reason: findings repeat them.
constexpr size_t kMaxName = 1000;

bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_word_start(c) || (c >= '0' && c <= '9') || c == '\''; }

std::unexpected<Error> syntax(std::string_view text, size_t at, std::string_view message) {
  return fail(Errc::kCandidSyntax, at, fmt::format("{}: {}", line_and_column(text, at), message));
}

}  // namespace

Result<Tokens> Tokens::cut(std::string_view text) {
  if (text.size() > kMaxText) {
    return fail(Errc::kLimit, fmt::format("the signature has {} bytes; at most {} are read",
                                          text.size(), kMaxText));
  }
  if (!is_utf8(as_bytes(text))) return fail(Errc::kUtf8, "the signature is not UTF-8");
  Tokens result;
  result.text_ = text;
  size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at;
      continue;
    }
    if (text.substr(at).starts_with("//")) {
      const size_t end = text.find('\n', at);
      at = end == std::string_view::npos ? text.size() : end;
      continue;
    }
    if (text.substr(at).starts_with("/*")) {
      const size_t end = text.find("*/", at + 2);
      if (end == std::string_view::npos) return syntax(text, at, "comment is not closed");
      at = end + 2;
      continue;
    }
    Token token{Token::Kind::kPunct, at, {}};
    size_t end = at + 1;
    if (is_word_start(c)) {
      token.kind = Token::Kind::kWord;
      while (end < text.size() && is_word(text[end])) ++end;
    } else if (c == '"') {
      token.kind = Token::Kind::kString;
      end = text.find('"', at + 1);
      if (end == std::string_view::npos) return syntax(text, at, "string is not closed");
      token.text = text.substr(at + 1, end - at - 1);
      ++end;
    } else if (text.substr(at).starts_with("->") || text.substr(at).starts_with("<:")) {
      ++end;
    } else if (std::string_view("{}()[]<>;:,?#=*").find(c) == std::string_view::npos) {
      return syntax(text, at, fmt::format("unexpected character {}", printable(as_bytes({&c, 1}))));
    }
    if (token.kind != Token::Kind::kString) token.text = text.substr(at, end - at);
    if (token.text.size() > kMaxName) {
      return fail(
          Errc::kLimit, at,
          fmt::format("{}: a name of more than {} bytes", line_and_column(text, at), kMaxName));
    }
    result.tokens_.push_back(token);
    at = end;
  }
  result.tokens_.push_back({Token::Kind::kEnd, text.size(), {}});
  return result;
}

std::unexpected<Error> Tokens::error(std::string_view message, Errc code) const {
  return fail(code, peek().begin,
              fmt::format("{}: {}", line_and_column(text_, peek().begin), message));
}

Status Tokens::expect(std::string_view spelling) {
  if (accept(spelling)) return Ok{};
  return error(fmt::format("`{}` wanted, not `{}`", spelling,
                           at_end() ? "the end of the text" : peek().text));
}

Result<std::string> Tokens::word(std::string_view what) {
  if (peek().kind != Token::Kind::kWord) {
    return error(
        fmt::format("{} wanted, not `{}`", what, at_end() ? "the end of the text" : peek().text));
  }
  std::string result(peek().text);
  advance();
  return result;
}

std::string Tokens::version_of(std::string_view text) {
  constexpr std::string_view kPrefix = "// Version: ";
  if (!text.starts_with(kPrefix)) return {};
  std::string_view line = text.substr(kPrefix.size());
  line = line.substr(0, line.find('\n'));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return std::string(line);
}

}  // namespace canrec::candid::motoko
