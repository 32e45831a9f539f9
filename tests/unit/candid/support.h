// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the Candid tests share.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "candid/binary.h"
#include "candid/parser.h"
#include "candid/printer.h"
#include "candid/text.h"

namespace canrec::candid::test {

/// Bytes from hex with blanks.
inline Bytes hex(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
  }
  Bytes bytes;
  EXPECT_TRUE(from_hex(digits, bytes)) << text;
  return bytes;
}

/// "(nat, opt text)" or definitions and a tuple, as types.
struct Types {
  TypeTuple tuple;
  std::vector<TypeIdx> list;
};
inline Types types(std::string_view text) {
  auto tuple = parse_type_tuple(text);
  EXPECT_TRUE(tuple) << text << ": " << (tuple ? "" : tuple.error().message());
  Types result;
  if (!tuple) return result;
  result.tuple = std::move(*tuple);
  for (const Arg& arg : result.tuple.args) result.list.push_back(arg.type);
  return result;
}

/// The message of values at types, as hex; the error's message when there is one.
inline std::string encoded(std::string_view values, std::string_view type_text) {
  const Types at = types(type_text);
  const auto read = parse_args(values, at.tuple.env, at.list);
  if (!read) return read.error().message();
  const auto bytes = encode(at.tuple.env, at.list, read->values);
  return bytes ? to_hex(*bytes) : bytes.error().message();
}

/// A message as text, at its own types or at those given.
inline std::string decoded(ByteView message, std::string_view type_text = {}) {
  if (type_text.empty()) {
    const auto read = decode(message);
    return read ? args_to_text(read->env, read->types, read->values) : read.error().message();
  }
  const Types at = types(type_text);
  const auto read = decode(message, {&at.tuple.env, at.list});
  return read ? args_to_text(at.tuple.env, at.list, read->values) : read.error().message();
}

}  // namespace canrec::candid::test
