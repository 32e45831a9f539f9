// SPDX-License-Identifier: Apache-2.0
#pragma once

// JSON as the snapshot tools lay it out: serde_json's pretty printer and JSON.stringify with two
// spaces do the same.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "snapshot/json.h"

namespace canrec::snapshot {

/// Two spaces a level, every element on its own line, [] when empty.
// Pretty JSON: two spaces a level, every element on its own line, [] when empty.
class JsonPrinter {
 public:
  void open(char bracket) {
    out_ += bracket;
    ++depth_;
    first_ = true;
  }
  void close(char bracket) {
    --depth_;
    if (!first_) line();
    out_ += bracket;
    first_ = false;
  }
  void item() {
    if (!first_) out_ += ',';
    first_ = false;
    line();
  }
  void key(std::string_view name) {
    item();
    out_ += json_quoted(name) + ": ";
  }
  void raw(std::string_view text) { out_ += text; }
  /// [1, 2, ...]
  void bytes(ByteView bytes) {
    open('[');
    for (const uint8_t byte : bytes) {
      item();
      raw(std::to_string(byte));
    }
    close(']');
  }
  std::string take() { return std::move(out_); }

 private:
  void line() {
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }
  std::string out_;
  size_t depth_ = 0;
  bool first_ = true;
};

}  // namespace canrec::snapshot
