// SPDX-License-Identifier: Apache-2.0
// Quoting as POSIX describes it: nothing is special inside single quotes but their end.
#include "base/shell.h"

#include <algorithm>

namespace canrec {
namespace {

bool is_harmless(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || std::string_view("@%+=:,./-_").contains(c);
}

}  // namespace

std::string shell_word(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_harmless)) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out += '\'';
}

}  // namespace canrec
