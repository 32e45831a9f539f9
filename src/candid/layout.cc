// SPDX-License-Identifier: Apache-2.0
// The line breaker.
#include "candid/layout.h"

#include <algorithm>
#include <utility>

namespace canrec::candid {
namespace {

constexpr size_t kFlushAt = size_t{64} << 10;

}  // namespace

void Layout::text(std::string_view words) {
  if (pending_open_ == 0) {
    write(words);
  } else {
    feed({.what = What::kText, .words = std::string(words)});
  }
}

void Layout::open(std::string_view bracket, std::string_view separator, bool padded, bool flat) {
  feed({.what = What::kOpen,
        .padded = padded,
        .flat = flat,
        .words = std::string(bracket),
        .separator = std::string(separator)});
}

void Layout::item() { feed({.what = What::kItem}); }

void Layout::close(std::string_view bracket) {
  feed({.what = What::kClose, .words = std::string(bracket)});
}

void Layout::long_text(std::string_view piece) {
  while (pending_open_ != 0) break_outermost();
  write(piece);
}

// Tokens outside an undecided group are written at once; the others wait.
void Layout::feed(Token token) {
  const bool waits = pending_open_ != 0;
  const bool undecided =
      token.what == What::kOpen && !token.flat && (groups_.empty() || !groups_.back().forced);
  if (!waits && !undecided) {
    emit(token);
    return;
  }
  decide(std::move(token));
}

void Layout::decide(Token token) {
  pending_width_ += token.words.size();
  switch (token.what) {
    case What::kText:
      break;
    case What::kOpen:
      ++pending_open_;
      break;
    case What::kItem:
      pending_width_ += 2;  // separator and blank, or the blank after the bracket
      break;
    case What::kClose:
      --pending_open_;
      break;
  }
  pending_.push_back(std::move(token));
  if (column_ + pending_width_ > kWidth) {
    break_outermost();
    return;
  }
  if (pending_open_ != 0) return;
  // The group is whole and fits: everything in it goes on this line.
  const std::vector<Token> fits = std::exchange(pending_, {});
  pending_width_ = 0;
  Token first = fits.front();
  first.flat = true;
  emit(first);
  for (size_t i = 1; i < fits.size(); ++i) emit(fits[i]);
}

// The outermost waiting group is too wide: it is broken, and what follows is looked at anew.
void Layout::break_outermost() {
  std::vector<Token> rest = std::exchange(pending_, {});
  pending_open_ = 0;
  pending_width_ = 0;
  emit(rest.front());
  for (size_t i = 1; i < rest.size(); ++i) feed(std::move(rest[i]));
}

// A group is emitted broken unless it is marked flat or lies in one that is on one line.
void Layout::emit(const Token& token) {
  switch (token.what) {
    case What::kText:
      write(token.words);
      break;
    case What::kOpen: {
      const bool forced = token.flat || (!groups_.empty() && groups_.back().forced);
      write(token.words);
      groups_.push_back({!forced, token.padded, forced, 0, token.separator});
      break;
    }
    case What::kItem: {
      Group& group = groups_.back();
      if (group.items++ != 0) {
        write(group.separator);
        if (!group.broken) write(" ");
      } else if (group.padded && !group.broken) {
        write(" ");
      }
      if (group.broken) new_line();
      break;
    }
    case What::kClose: {
      const Group group = std::move(groups_.back());
      groups_.pop_back();
      if (group.items != 0 && group.broken) {
        write(group.separator);
        new_line();
      } else if (group.items != 0 && group.padded) {
        write(" ");
      }
      write(token.words);
      break;
    }
  }
}

void Layout::write(std::string_view words) {
  if (!status_) return;
  buffer_ += words;
  column_ += words.size();
  if (buffer_.size() >= kFlushAt) {
    status_ = out_(buffer_);
    buffer_.clear();
  }
}

void Layout::new_line() {
  size_t depth = 0;
  for (const Group& group : groups_) depth += group.broken ? 1 : 0;
  write("\n");
  column_ = 0;
  constexpr size_t kDeepestIndent = 64;  // levels; deeper lines stay there, or they grow quadratic
  write(std::string(2 * std::min(depth, kDeepestIndent), ' '));
}

Status Layout::finish() {
  while (pending_open_ != 0) break_outermost();
  if (status_ && !buffer_.empty()) status_ = out_(buffer_);
  buffer_.clear();
  if (!status_) return fail(status_.error().copy());
  return Ok{};
}

}  // namespace canrec::candid
