// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small canister modules from bytes. A body is a list of pieces; each piece carries its text form
// as its name: i32(5), call(import), load(), ...

#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/leb128.h"
#include "ic/system_api.h"
#include "wasm/builder.h"

namespace canrec::executor::test {

inline Bytes uleb(uint64_t value) {
  Bytes out;
  do {
    out.push_back(static_cast<uint8_t>((value & 0x7f) | (value > 0x7f ? 0x80 : 0)));
    value >>= 7;
  } while (value != 0);
  return out;
}
inline Bytes sleb(int64_t value) {
  Bytes out;
  while (true) {
    const auto byte = static_cast<uint8_t>(value & 0x7f);
    value >>= 7;
    const bool done = (value == 0 && (byte & 0x40) == 0) || (value == -1 && (byte & 0x40) != 0);
    out.push_back(done ? byte : static_cast<uint8_t>(byte | 0x80));
    if (done) return out;
  }
}
inline Bytes operator+(Bytes a, const Bytes& b) {
  append(a, b);
  return a;
}

inline Bytes i32(int64_t value) { return Bytes{0x41} + sleb(value); }
inline Bytes i64(int64_t value) { return Bytes{0x42} + sleb(value); }
inline Bytes call(uint32_t function) { return Bytes{0x10} + uleb(function); }
inline Bytes drop() { return {0x1a}; }
inline Bytes unreachable() { return {0x00}; }
inline Bytes local_get(uint32_t index) { return Bytes{0x20} + uleb(index); }
inline Bytes global_get(uint32_t index) { return Bytes{0x23} + uleb(index); }
inline Bytes global_set(uint32_t index) { return Bytes{0x24} + uleb(index); }
inline Bytes i32_load(uint32_t offset) { return Bytes{0x28, 2} + uleb(offset); }
inline Bytes i32_store(uint32_t offset) { return Bytes{0x36, 2} + uleb(offset); }
inline Bytes i32_add() { return {0x6a}; }
inline Bytes memory_grow() { return {0x40, 0}; }
inline Bytes endless_loop() { return {0x03, 0x40, 0x0c, 0x00, 0x0b}; }
/// memory[address] += by, as i32
inline Bytes increment(uint32_t address, int64_t by = 1) {
  return i32(address) + i32(address) + i32_load(0) + i32(by) + i32_add() + i32_store(0);
}

/// A 32-bit module under construction. Imports come first, then functions of type () -> () or
/// (i32) -> ().
class TestModule {
 public:
  /// Imports ic0.NAME and gives its function index; before the first function.
  uint32_t import(std::string_view name) {
    for (size_t i = 0; i < imported_.size(); ++i) {
      if (imported_[i] == name) return static_cast<uint32_t>(i);
    }
    const ic::SystemApiFunction* row = ic::find_system_api(name);
    CANREC_ASSERT(row != nullptr && bodies_.empty());
    const auto types = [](std::string_view letters) {
      Bytes out = uleb(letters.size());
      for (const char letter : letters) {
        out.push_back(ic::resolve_width(letter, false) == 'i' ? 0x7f : 0x7e);
      }
      return out;
    };
    types_.push_back(Bytes{0x60} + types(row->parameters) + types(row->results));
    imports_.push_back(wasm::name_bytes("ic0") + wasm::name_bytes(name) + Bytes{0x00} +
                       uleb(types_.size() - 1));
    imported_.push_back(std::string(name));
    return static_cast<uint32_t>(imported_.size() - 1);
  }
  /// Adds a function; `code` without the final end.
  uint32_t function(const Bytes& code, bool takes_i32 = false) {
    types_.push_back(takes_i32 ? Bytes{0x60, 1, 0x7f, 0} : Bytes{0x60, 0, 0});
    functions_.push_back(uleb(types_.size() - 1));
    bodies_.push_back(wasm::body(Bytes{0}, code + Bytes{0x0b}));
    return static_cast<uint32_t>(imported_.size() + bodies_.size() - 1);
  }
  void export_function(std::string_view name, uint32_t function) {
    exports_.push_back(wasm::name_bytes(name) + Bytes{0x00} + uleb(function));
  }
  /// The same with a function of its own.
  void exported(std::string_view name, const Bytes& code) { export_function(name, function(code)); }
  uint32_t global(int64_t initial) {
    globals_.push_back(Bytes{0x7f, 0x01} + i32(initial) + Bytes{0x0b});
    return static_cast<uint32_t>(globals_.size() - 1);
  }
  void memory(uint64_t pages) { memory_ = pages; }
  void memory(uint64_t pages, uint64_t most) {
    memory_ = pages;
    most_ = most;
  }
  void start(uint32_t function) { start_ = uleb(function); }
  void data(uint32_t address, std::string_view text) {
    data_.push_back(Bytes{0x00} + i32(address) + Bytes{0x0b} + wasm::name_bytes(text));
  }
  /// Puts functions into table 0, from slot 0 on.
  void table(const std::vector<uint32_t>& functions) { table_ = functions; }
  void custom(std::string_view name, std::string_view content) {
    customs_.push_back(wasm::custom_section(name, as_bytes(content)));
  }

  Bytes build() const {
    using wasm::SectionId;
    Bytes out = wasm::module_header();
    append(out, wasm::section(SectionId::kType, wasm::vec(types_)));
    if (!imports_.empty()) append(out, wasm::section(SectionId::kImport, wasm::vec(imports_)));
    append(out, wasm::section(SectionId::kFunction, wasm::vec(functions_)));
    if (!table_.empty()) {
      append(out, wasm::section(SectionId::kTable, Bytes{1, 0x70, 0x00} + uleb(table_.size())));
    }
    if (memory_) {
      const Bytes limits =
          most_ ? Bytes{1} + uleb(*memory_) + uleb(*most_) : Bytes{0} + uleb(*memory_);
      append(out, wasm::section(SectionId::kMemory, Bytes{1} + limits));
    }
    if (!globals_.empty()) append(out, wasm::section(SectionId::kGlobal, wasm::vec(globals_)));
    append(out, wasm::section(SectionId::kExport, wasm::vec(exports_)));
    if (!start_.empty()) append(out, wasm::section(SectionId::kStart, start_));
    if (!table_.empty()) {
      Bytes segment = Bytes{1, 0x00} + i32(0) + Bytes{0x0b} + uleb(table_.size());
      for (const uint32_t function : table_) append(segment, uleb(function));
      append(out, wasm::section(SectionId::kElement, segment));
    }
    append(out, wasm::section(SectionId::kCode, wasm::vec(bodies_)));
    if (!data_.empty()) append(out, wasm::section(SectionId::kData, wasm::vec(data_)));
    for (const Bytes& custom : customs_) append(out, custom);
    return out;
  }

 private:
  std::vector<Bytes> types_, imports_, functions_, bodies_, exports_, globals_, data_, customs_;
  std::vector<std::string> imported_;
  std::vector<uint32_t> table_;
  std::optional<uint64_t> memory_ = 1;
  std::optional<uint64_t> most_;
  Bytes start_;
};

/// Code that replies with `length` bytes at `address`.
class Replies {
 public:
  explicit Replies(TestModule& module)
      : append_(module.import("msg_reply_data_append")), reply_(module.import("msg_reply")) {}
  Bytes with(uint32_t address, uint32_t length) const {
    return i32(address) + i32(length) + call(append_) + call(reply_);
  }
  Bytes empty() const { return call(reply_); }

 private:
  uint32_t append_;
  uint32_t reply_;
};

}  // namespace canrec::executor::test
