// SPDX-License-Identifier: Apache-2.0
#pragma once

// Modules for engine tests, put together from pieces of hex with their text beside them, and a
// state to run them in.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/leb128.h"
#include "engine/engine.h"
#include "wasm/builder.h"
#include "wasm/module.h"
#include "wasm/validate.h"

namespace canrec::engine {

/// Bytes of a hex text with spaces.
inline Bytes hex(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
  }
  Bytes bytes;
  EXPECT_TRUE(from_hex(digits, bytes)) << text;
  return bytes;
}

inline constexpr char kNothing[] = "60 00 00";      // [] -> []
inline constexpr char kGet32[] = "60 00 01 7f";     // [] -> [i32]
inline constexpr char kMap32[] = "60 01 7f 01 7f";  // [i32] -> [i32]
inline constexpr char kMap64[] = "60 01 7e 01 7e";  // [i64] -> [i64]

/// A module under construction. Function i (imports first) is exported as "f<i>"; types are given
/// in full by each function and are not shared.
class TestModule {
 public:
  TestModule& import(std::string_view type) {
    imports_.push_back(wasm::concat({wasm::name_bytes("env"),
                                     wasm::name_bytes("host"),
                                     {0},
                                     {static_cast<uint8_t>(types_.size())}}));
    types_.push_back(hex(type));
    return *this;
  }
  /// `locals` is a vec of groups, `code` comes without the final end.
  TestModule& function(std::string_view type, std::string_view code,
                       std::string_view locals = "00") {
    functions_.push_back({static_cast<uint8_t>(types_.size())});
    types_.push_back(hex(type));
    Bytes whole = hex(code);
    whole.push_back(0x0b);
    bodies_.push_back(wasm::body(hex(locals), whole));
    return *this;
  }
  TestModule& memory(std::string_view limits) {
    memory_ = hex(limits);
    return *this;
  }
  TestModule& table(std::string_view type) {
    table_ = hex(type);
    return *this;
  }
  TestModule& global(std::string_view entry) {
    globals_.push_back(hex(entry));
    return *this;
  }
  TestModule& element(std::string_view segment) {
    elements_.push_back(hex(segment));
    return *this;
  }
  TestModule& data(std::string_view segment) {
    data_.push_back(hex(segment));
    return *this;
  }

  Bytes bytes() const {
    using wasm::SectionId;
    Bytes out = wasm::module_header();
    const auto add = [&](SectionId id, const std::vector<Bytes>& items) {
      if (!items.empty()) append(out, wasm::section(id, wasm::vec(items)));
    };
    std::vector<Bytes> exports;
    for (size_t i = 0; i < imports_.size() + functions_.size(); ++i) {
      exports.push_back(wasm::concat(
          {wasm::name_bytes("f" + std::to_string(i)), {0}, {static_cast<uint8_t>(i)}}));
    }
    add(SectionId::kType, types_);
    add(SectionId::kImport, imports_);
    add(SectionId::kFunction, functions_);
    if (table_) add(SectionId::kTable, {*table_});
    if (memory_) add(SectionId::kMemory, {*memory_});
    add(SectionId::kGlobal, globals_);
    add(SectionId::kExport, exports);
    add(SectionId::kElement, elements_);
    if (!data_.empty()) {
      append(out, wasm::section(SectionId::kDataCount, Bytes{static_cast<uint8_t>(data_.size())}));
    }
    add(SectionId::kCode, bodies_);
    add(SectionId::kData, data_);
    return out;
  }

 private:
  std::vector<Bytes> types_, imports_, functions_, globals_, elements_, bodies_, data_;
  std::optional<Bytes> memory_, table_;
};

/// A module read, validated and compiled, with a fresh state.
class TestState {
 public:
  explicit TestState(const TestModule& made) : bytes_(made.bytes()) {
    const Status prepared = prepare();
    EXPECT_TRUE(prepared) << prepared.error().message();
  }

  TestState& host(HostFunction::Body body, void* context = nullptr) {
    imports_.push_back({body, context});
    return *this;
  }
  /// Makes an instance with `config`; the memory and globals stay.
  Instance& attach(InstanceConfig config = {}) {
    config_ = config;
    memory_->begin_message();
    auto made = Instance::attach(*compiled_, &*memory_, globals_, imports_, config);
    EXPECT_TRUE(made) << made.error().message();
    instance_.emplace(std::move(*made));
    return *instance_;
  }
  Outcome call(uint32_t function, std::vector<Value> args = {}) {
    if (!instance_) attach();
    return instance_->call(wasm::FuncIdx{function}, args);
  }
  /// Instructions taken so far.
  int64_t spent() const { return config_.instructions - instance_->counter(); }

  const wasm::Module& parsed() const { return parsed_; }
  CompiledModule& compiled() { return *compiled_; }
  Memory& memory() { return *memory_; }
  Instance& instance() { return *instance_; }
  std::vector<Value>& globals() { return globals_; }
  std::span<const HostFunction> imports() const { return imports_; }
  /// File offset of byte `n` of function `function`'s code.
  uint64_t at(uint32_t function, uint64_t n) const {
    return parsed_.functions[function].code.begin + n;
  }

 private:
  Status prepare() {
    CANREC_TRY(parsed_, wasm::read_module(bytes_));
    CANREC_CHECK(wasm::validate(parsed_));
    CANREC_TRY(compiled_, CompiledModule::compile(parsed_));
    CANREC_TRY(memory_, initial_memory(*compiled_));
    globals_ = initial_globals(*compiled_);
    CANREC_CHECK(apply_active_segments(*compiled_, *memory_));
    memory_->commit();
    return Ok{};
  }

  Bytes bytes_;
  wasm::Module parsed_;
  std::optional<CompiledModule> compiled_;
  std::optional<Memory> memory_;
  std::vector<Value> globals_;
  std::vector<HostFunction> imports_;
  InstanceConfig config_;
  std::optional<Instance> instance_;
};

inline void expect_trap(const Outcome& outcome, TrapKind kind, uint64_t offset) {
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.trap->kind, kind) << outcome.trap->message;
  ASSERT_FALSE(outcome.trap->backtrace.empty());
  EXPECT_EQ(outcome.trap->backtrace[0].offset, offset);
}

}  // namespace canrec::engine
