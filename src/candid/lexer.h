// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tokens of Candid text, shared by `.did` files and text values.
// Source: https://github.com/dfinity/candid/blob/master/spec/Candid.md#core-grammar

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace canrec::candid {

enum class TokenKind : uint8_t {
  kWord,    ///< identifier or keyword
  kNumber,  ///< digits without a sign: integer or float, decimal or hexadecimal
  kString,
  kPunct,  ///< one of ; , : = . ( ) { } + - and ->
  kEnd,
};

/// A token: the bytes [begin, end) of the text. Between the token before it (`gap`) and `begin`
/// there is nothing but white space and comments.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t gap = 0;
  size_t begin = 0;
  size_t end = 0;
};

/// A text cut into tokens; `text` is what they point into and outlives them.
class Tokens {
 public:
  /// Errors: kCandidSyntax (unknown character, unclosed comment or string, text over 4 GiB), with
  /// line and column in the message; offset in `text`.
  static Result<Tokens> cut(std::string_view text);

  const Token& peek(size_t ahead = 0) const;
  std::string_view text(const Token& token) const {
    return text_.substr(token.begin, token.end - token.begin);
  }
  bool is(std::string_view spelling, size_t ahead = 0) const;
  /// Moves past the next token when it is this word or punctuation.
  bool accept(std::string_view spelling);
  Status expect(std::string_view spelling, std::string_view where);
  void advance();
  bool at_end() const { return peek().kind == TokenKind::kEnd; }

  /// The bytes a string token stands for, escapes resolved.
  Result<std::string> unescape(const Token& token) const;
  /// The same, checked to be UTF-8.
  Result<std::string> unescape_text(const Token& token) const;

  /// The comments before the next token, without slashes and stars, one line each; those that
  /// stand on the line of the token before are left out.
  std::string comments_before() const;
  /// The comment that follows the last token on the same line, if there is one.
  std::string comment_behind() const;

  /// kCandidSyntax at a token: "line 3, column 7: ...".
  std::unexpected<Error> error_at(const Token& token, std::string_view message) const;
  std::unexpected<Error> error_at(Errc code, const Token& token, std::string_view message) const;
  /// What stands at the token, for messages: "`}`" or "the end of the text".
  std::string spelled(const Token& token) const;

 private:
  explicit Tokens(std::string_view text) : text_(text) {}
  std::string comments_in(size_t begin, size_t end, bool same_line) const;

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

/// "line 3, column 7" of a byte offset; columns count bytes from 1.
std::string line_and_column(std::string_view text, size_t offset);
/// Whether a word may stand for a name without quotes.
bool is_reserved_word(std::string_view word);
bool is_identifier(std::string_view word);
/// Appends a code point as UTF-8.
void append_utf8(std::string& out, uint32_t code_point);

}  // namespace canrec::candid
