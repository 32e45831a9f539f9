// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tokens of stable signatures. Internal to motoko_*.cc.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace canrec::candid::motoko {

struct Token {
  enum class Kind : uint8_t { kWord, kString, kPunct, kEnd };
  Kind kind = Kind::kEnd;
  size_t begin = 0;
  std::string_view text;  ///< of a string: without its quotes
};

class Tokens {
 public:
  /// Errors: kCandidSyntax, kUtf8, kLimit.
  static Result<Tokens> cut(std::string_view text);

  const Token& peek(size_t ahead = 0) const {
    return tokens_[at_ + ahead < tokens_.size() ? at_ + ahead : tokens_.size() - 1];
  }
  bool is(std::string_view spelling) const {
    return peek().kind != Token::Kind::kString && peek().text == spelling;
  }
  bool accept(std::string_view spelling) {
    if (!is(spelling)) return false;
    advance();
    return true;
  }
  Status expect(std::string_view spelling);
  Result<std::string> word(std::string_view what);
  void advance() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  /// Where peek() looks, to come back to.
  size_t place() const { return at_; }
  void go_back(size_t place) { at_ = place; }
  bool at_end() const { return peek().kind == Token::Kind::kEnd; }
  std::unexpected<Error> error(std::string_view message, Errc code = Errc::kCandidSyntax) const;
  /// "1.0.0" of a first line `// Version: 1.0.0`.
  static std::string version_of(std::string_view text);

 private:
  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace canrec::candid::motoko
