// SPDX-License-Identifier: Apache-2.0
#pragma once

// System API functions without an engine: a heap, a stable memory, a counter, and calls by name.

#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor/system_calls.h"

namespace canrec::executor::test {

class FakeMeter final : public Meter {
 public:
  int64_t remaining() const override { return left; }
  void set_remaining(int64_t value) override { left = value; }
  engine::BudgetState look() override { return slices.look(left); }
  uint64_t slice_overrun() const override { return slices.overrun(); }
  int64_t left = int64_t{1} << 40;
  engine::Slices slices{int64_t{1} << 40, int64_t{1} << 40};
};

/// One execution that calls what a test tells it to. Heap: two pages, byte i of the first page is
/// i.
class Caller {
 public:
  explicit Caller(ic::Context context)
      : heap_memory(zeros(2, 10)), stable_memory(zeros(0, 8'192'000)) {
    in.context = context;
    in.self = ic::Principal::canister(7);
    in.controllers = &controllers;
    in.environment = &environment;
    in.calls_under_way = &under_way;
    in.instructions = uint64_t{1} << 40;
    in.slice_instructions = in.instructions;
    in.reply_bytes = 100;
    in.stable_access_os_pages = 1000;
    in.balance = 1000;
    const auto bytes = heap_memory.write(0, 65536);
    for (size_t i = 0; i < bytes->size(); ++i) (*bytes)[i] = static_cast<uint8_t>(i);
    heap_memory.begin_message();
  }

  /// Calls and expects success; the result, or 0 when there is none.
  uint64_t ok(std::string_view name, std::initializer_list<uint64_t> arguments = {}) {
    const auto result = call(name, arguments);
    EXPECT_TRUE(result) << name << ": " << (result ? "" : result.error().message);
    return result ? result->value_or(0) : 0;
  }
  /// Calls and expects to be stopped; the network's message.
  std::string stopped(std::string_view name, std::initializer_list<uint64_t> arguments = {}) {
    const auto result = call(name, arguments);
    EXPECT_FALSE(result) << name;
    return result ? "not stopped" : result.error().message;
  }
  OrStop<std::optional<uint64_t>> call(std::string_view name,
                                       std::initializer_list<uint64_t> arguments) {
    const ic::SystemApiFunction* row = ic::find_system_api(name);
    EXPECT_NE(row, nullptr) << name;
    EXPECT_EQ(row->parameters.size(), arguments.size()) << name;
    return perform(row->id, std::vector<uint64_t>(arguments));
  }
  OrStop<std::optional<uint64_t>> perform(ic::SystemApi function,
                                          const std::vector<uint64_t>& arguments) {
    if (!calls) calls.emplace(profile, in, report);
    Machine machine{has_heap ? &heap : nullptr, stable, meter, is_64};
    return calls->call(function, arguments, machine);
  }
  Effects& effects() { return calls->effects(); }
  /// What the calls so far have cost.
  uint64_t spent() const { return static_cast<uint64_t>((int64_t{1} << 40) - meter.left); }
  std::string heap_text(uint64_t from, uint64_t length) {
    return std::string(as_text(*heap_memory.peek(from, length)));
  }
  void put(uint64_t at, std::string_view text) {
    const auto bytes = heap_memory.write(at, text.size());
    std::copy(text.begin(), text.end(), bytes->begin());
  }

  static engine::Memory zeros(uint64_t pages, uint64_t capacity) {
    auto memory = engine::Memory::zeros(pages, capacity);
    EXPECT_TRUE(memory);
    return std::move(*memory);
  }

  Profile profile = Profile::mainnet();
  Inputs in;
  RunReport report;
  std::vector<ic::Principal> controllers;
  std::map<std::string, std::string> environment;
  std::map<ic::Principal, uint64_t> under_way;
  engine::Memory heap_memory;
  engine::Memory stable_memory;
  FakeMeter meter;
  MeteredMemory heap{heap_memory, MemoryKind::kHeap, engine::PageModel::kNone, meter};
  MeteredMemory stable{stable_memory, MemoryKind::kStable, engine::PageModel::kNone, meter};
  bool has_heap = true;
  bool is_64 = false;
  std::optional<SystemCalls> calls;
};

}  // namespace canrec::executor::test
