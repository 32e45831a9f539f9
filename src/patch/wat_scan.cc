// SPDX-License-Identifier: Apache-2.0
// Scans WAT token by token without understanding it.
// Source: https://webassembly.github.io/spec/core/text/lexical.html
#include "patch/wat_scan.h"

#include <fmt/core.h>

namespace canrec::patch {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Scanner {
 public:
  Scanner(std::string_view text, uint32_t depth) : text_(text), limit_(depth) {}

  Status run() {
    while (at_ < text_.size()) {
      CANREC_CHECK(token());
    }
    if (parens_ > 0) return error("the text ends inside a parenthesis");
    if (forms_ == 0) return error("no (func ...) in the text");
    return Ok{};
  }

 private:
  std::unexpected<Error> error(std::string_view why) const {
    return text_error(line_, column_, why);
  }

  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void advance() {
    if (text_[at_++] == '\n') {
      ++line_;
      column_ = 1;
    } else {
      ++column_;
    }
  }

  Status token() {
    const char c = peek();
    if (is_space(c)) {
      advance();
      return Ok{};
    }
    if (c == ';' && peek(1) == ';') {
      while (at_ < text_.size() && peek() != '\n') advance();
      return Ok{};
    }
    if (c == '(' && peek(1) == ';') return block_comment();
    if (c == '"') return string();
    if (c == '(') return open();
    if (c == ')') {
      if (parens_ == 0) return error("this parenthesis closes nothing");
      --parens_;
      behind_open_ = false;
      advance();
      return Ok{};
    }
    return word();
  }

  Status block_comment() {
    uint32_t depth = 0;
    do {
      if (at_ >= text_.size()) return error("the text ends inside a comment");
      if (peek() == '(' && peek(1) == ';') {
        ++depth;
        advance();
      } else if (peek() == ';' && peek(1) == ')') {
        --depth;
        advance();
      }
      advance();
    } while (depth > 0);
    return Ok{};
  }

  Status string() {
    if (parens_ == 0) return error("only one (func ...) may stand here");
    advance();
    while (peek() != '"') {
      if (at_ >= text_.size() || peek() == '\n') return error("the line ends inside a string");
      if (peek() == '\\' && at_ + 1 < text_.size()) advance();
      advance();
    }
    advance();
    return Ok{};
  }

  Status open() {
    if (parens_ == 0) {
      if (forms_ > 0) return error("only one (func ...) may stand here: nothing else comes back");
      size_t next = at_ + 1;
      while (next < text_.size() && is_space(text_[next])) ++next;
      const std::string_view head = text_.substr(next);
      const bool func = head.starts_with("func") &&
                        (head.size() == 4 || is_space(head[4]) || head[4] == '(' || head[4] == ')');
      if (!func) return error("(func ...) is wanted here");
      ++forms_;
    }
    ++parens_;
    behind_open_ = true;
    advance();
    return check_depth();
  }

  Status word() {
    if (parens_ == 0) return error("only one (func ...) may stand here");
    const size_t begin = at_;
    while (at_ < text_.size() && !is_space(peek()) && peek() != '(' && peek() != ')' &&
           peek() != '"' && peek() != ';') {
      advance();
    }
    if (at_ == begin) advance();
    const std::string_view word = text_.substr(begin, at_ - begin);
    // A folded block closes with its parenthesis, which counts already.
    const bool folded = behind_open_;
    behind_open_ = false;
    if (!folded && (word == "block" || word == "loop" || word == "if")) ++blocks_;
    if (word == "end" && blocks_ > 0) --blocks_;
    return check_depth();
  }

  Status check_depth() const {
    if (parens_ + blocks_ <= limit_) return Ok{};
    return fail(Errc::kLimit, fmt::format("line {}, column {}: nested more than {} deep", line_,
                                          column_, limit_));
  }

  std::string_view text_;
  uint32_t limit_;
  size_t at_ = 0;
  uint64_t line_ = 1;
  uint64_t column_ = 1;
  uint64_t parens_ = 0;
  uint64_t blocks_ = 0;
  uint32_t forms_ = 0;
  bool behind_open_ = false;
};

}  // namespace

std::unexpected<Error> text_error(uint64_t line, uint64_t column, std::string_view why) {
  return fail(Errc::kPatchText, fmt::format("line {}, column {}: {}", line, column, why));
}

Status check_one_function(std::string_view wat, uint32_t depth) {
  return Scanner(wat, depth).run();
}

}  // namespace canrec::patch
