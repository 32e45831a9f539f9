// SPDX-License-Identifier: Apache-2.0
#pragma once

// The hash that turns a field or tag name into its label.
// Source: https://github.com/dfinity/candid/blob/master/spec/Candid.md#shorthand-symbolic-field-ids

#include <cstdint>
#include <string_view>

namespace canrec::candid {

/// The label of a name: h = h * 223 + byte, modulo 2^32, over its UTF-8 form.
constexpr uint32_t label_hash(std::string_view name) {
  uint32_t hash = 0;
  for (const char c : name) hash = hash * 223 + static_cast<uint8_t>(c);
  return hash;
}

}  // namespace canrec::candid
