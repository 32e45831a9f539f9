// SPDX-License-Identifier: Apache-2.0
#pragma once

// Breaking nested text into lines without holding more than a line of it.
//
// Text comes as groups of items. A group goes on one line when it fits into the width, else every
// item gets a line of its own, two columns further in, with the separator behind it. While it is
// open whether the outermost undecided group fits, at most a line's width is held back; then the
// group is either complete or too wide, and known to be broken.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace canrec::candid {

/// Takes pieces of output. An error ends the output; it is what finish() answers.
using TextOut = std::function<Status(std::string_view)>;

class Layout {
 public:
  static constexpr size_t kWidth = 80;

  explicit Layout(TextOut out) : out_(std::move(out)) {}

  /// Text that is not broken.
  void text(std::string_view words);
  /// A piece of a text that is known to be wider than a line; breaks what is undecided.
  void long_text(std::string_view piece);
  /// Begins a group; `flat` keeps it and what is inside on one line whatever its width.
  void open(std::string_view bracket, std::string_view separator, bool padded, bool flat = false);
  /// Begins the next item of the innermost group.
  void item();
  void close(std::string_view bracket);
  /// Writes what is held back. Errors: what the output said first.
  Status finish();

 private:
  enum class What : uint8_t { kText, kOpen, kItem, kClose };
  struct Token {
    What what;
    bool padded = false;  // kOpen: a blank inside the brackets of a one-line group
    bool flat = false;
    std::string words = {};
    std::string separator = {};
  };
  struct Group {
    bool broken;
    bool padded;
    bool forced;  // on one line by demand
    size_t items;
    std::string separator;
  };

  void feed(Token token);
  void decide(Token token);
  void break_outermost();
  void emit(const Token& token);
  void write(std::string_view words);
  void new_line();

  TextOut out_;
  Status status_ = Ok{};
  std::string buffer_;
  size_t column_ = 0;
  std::vector<Group> groups_;   // decided
  std::vector<Token> pending_;  // from the outermost undecided group on
  size_t pending_open_ = 0;
  size_t pending_width_ = 0;
};

}  // namespace canrec::candid
