// SPDX-License-Identifier: Apache-2.0
#pragma once

// A small canister from bytes, whose parts tests change one at a time.

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/leb128.h"
#include "wasm/builder.h"
#include "wasmdiff/compare.h"

namespace canrec::wasmdiff::test {

inline Bytes leb(uint64_t value) {
  Bytes out;
  do {
    const auto low = static_cast<uint8_t>(value & 0x7f);
    value >>= 7;
    out.push_back(static_cast<uint8_t>(low | (value != 0 ? 0x80 : 0)));
  } while (value != 0);
  return out;
}
inline Bytes sleb(int64_t value) {
  Bytes out;
  for (bool more = true; more;) {
    const auto low = static_cast<uint8_t>(value & 0x7f);
    value >>= 7;
    more = !((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0));
    out.push_back(static_cast<uint8_t>(low | (more ? 0x80 : 0)));
  }
  return out;
}
inline Bytes code(std::initializer_list<Bytes> pieces) {
  Bytes out;
  for (const Bytes& piece : pieces) append(out, piece);
  return out;
}
inline Bytes op(uint8_t opcode) { return {opcode}; }
inline Bytes i32(int32_t value) { return code({{0x41}, sleb(value)}); }
inline Bytes i64(int64_t value) { return code({{0x42}, sleb(value)}); }
inline Bytes call(uint32_t fn) { return code({{0x10}, leb(fn)}); }
inline Bytes local_get(uint32_t local) { return code({{0x20}, leb(local)}); }
inline Bytes local_set(uint32_t local) { return code({{0x21}, leb(local)}); }
inline Bytes local_tee(uint32_t local) { return code({{0x22}, leb(local)}); }
inline Bytes global_get(uint32_t global) { return code({{0x23}, leb(global)}); }
inline Bytes global_set(uint32_t global) { return code({{0x24}, leb(global)}); }
inline Bytes load(uint32_t offset) { return code({{0x28, 2}, leb(offset)}); }
inline Bytes store(uint32_t offset) { return code({{0x36, 2}, leb(offset)}); }
inline const Bytes kDrop = {0x1a};
inline const Bytes kAdd = {0x6a};
inline const Bytes kSub = {0x6b};
inline const Bytes kEnd = {0x0b};
inline const Bytes kUnreachable = {0x00};

/// One defined function.
struct Fn {
  uint32_t type;
  Bytes locals;  ///< vec of declarations
  Bytes code;    ///< without the final end
  std::string name;
};
struct Imported {
  std::string name;  ///< of module ic0
  uint32_t type;
};
struct Data {
  std::optional<int32_t> address;  ///< nothing = passive
  std::string bytes;
};
struct GlobalEntry {
  uint8_t type;
  bool is_mutable;
  Bytes init;
  std::string export_name;
};
struct Segment {
  int32_t slot;
  std::vector<uint32_t> functions;  ///< positions in Canister::functions
};

// Types of the canister below.
enum : uint32_t {
  kNothing = 0,
  kStep = 1,
  kTime = 2,
  kGrow = 3,
  kTwo = 4,
  kThree = 5,
  kLong = 6,
  kWriteGlobal = 7
};
// Its imports.
enum : uint32_t { kReply, kTimeApi, kGrowApi, kTrapApi, kCopyApi, kWriteApi, kImports };
// Its functions, by position.
enum : uint32_t { kFnOne, kFnTwo, kFnInc, kFnGet, kFnPre, kFnFrame };

/// Two step functions in the table, an update that calls through it, a query, a pre-upgrade hook
/// and a function with a stack frame.
struct Canister {
  std::vector<Bytes> types = {
      {0x60, 0, 0},                    // kNothing
      {0x60, 1, 0x7f, 1, 0x7f},        // kStep
      {0x60, 0, 1, 0x7e},              // kTime
      {0x60, 1, 0x7e, 1, 0x7e},        // kGrow
      {0x60, 2, 0x7f, 0x7f, 0},        // kTwo
      {0x60, 3, 0x7f, 0x7f, 0x7f, 0},  // kThree
      {0x60, 3, 0x7e, 0x7e, 0x7e, 0},  // kLong
      {0x60, 2, 0x7f, 0x7f, 1, 0x7f},  // kWriteGlobal
  };
  std::vector<Imported> imports = {{"msg_reply", kNothing},       {"time", kTime},
                                   {"stable64_grow", kGrow},      {"trap", kTwo},
                                   {"msg_arg_data_copy", kThree}, {"stable64_write", kLong}};
  std::vector<Fn> functions;
  uint64_t table_min = 3;
  std::vector<Segment> segments = {{1, {kFnOne, kFnTwo}}};
  uint64_t memory_min = 2;
  bool memory_64 = false;
  std::optional<uint64_t> memory_max;
  std::vector<GlobalEntry> globals = {{0x7f, true, i32(65536), ""}};
  std::vector<std::pair<std::string, uint32_t>> exports = {{"canister_update inc", kFnInc},
                                                           {"canister_query get", kFnGet},
                                                           {"canister_pre_upgrade", kFnPre},
                                                           {"canister_update frame", kFnFrame}};
  std::optional<uint32_t> start;  ///< position
  std::vector<Data> data = {{65536, "the count is as follows"},
                            {65792, std::string("\5\0\0\0", 4)}};
  bool data_count = false;
  std::vector<std::pair<std::string, std::string>> custom = {
      {"icp:private enhanced-orthogonal-persistence", ""}};
  bool names = true;
  std::vector<std::string> given_names;  ///< in place of the functions' own

  Canister() {
    functions = {
        {kStep, {0}, code({local_get(0), i32(1), kAdd}), "one"},
        {kStep, {0}, code({local_get(0), i32(2), kAdd}), "two"},
        {kNothing,
         {0},
         code({i32(0), i32(0), load(65792), i32(1), {0x11, kStep, 0}, store(65792), call(kReply)}),
         "inc"},
        {kNothing, {0}, code({i32(0), load(65792), kDrop, call(kReply)}), "get"},
        {kNothing, {0}, code({i64(7), i64(8), i64(4), call(kWriteApi)}), "pre_upgrade"},
        {kNothing,
         {1, 1, 0x7f},
         code({global_get(0), i32(16), kSub, local_tee(0), global_set(0), local_get(0), i32(3),
               store(8), local_get(0), i32(16), kAdd, global_set(0), call(kReply)}),
         "frame"},
    };
  }

  uint32_t index(uint32_t position) const {
    return static_cast<uint32_t>(imports.size()) + position;
  }

  Bytes build() const {
    using wasm::SectionId;
    Bytes out = wasm::module_header();
    const auto add = [&](SectionId id, const std::vector<Bytes>& items) {
      if (!items.empty()) append(out, wasm::section(id, wasm::vec(items)));
    };
    add(SectionId::kType, types);
    std::vector<Bytes> items;
    for (const Imported& import : imports) {
      items.push_back(
          code({wasm::name_bytes("ic0"), wasm::name_bytes(import.name), {0}, leb(import.type)}));
    }
    add(SectionId::kImport, items);
    items.clear();
    for (const Fn& fn : functions) items.push_back(leb(fn.type));
    add(SectionId::kFunction, items);
    if (table_min > 0) add(SectionId::kTable, {code({{0x70, 0}, leb(table_min)})});
    if (memory_min > 0) {
      const auto flags = static_cast<uint8_t>((memory_64 ? 4 : 0) | (memory_max ? 1 : 0));
      add(SectionId::kMemory,
          {code({{flags}, leb(memory_min), memory_max ? leb(*memory_max) : Bytes{}})});
    }
    items.clear();
    for (const GlobalEntry& global : globals) {
      items.push_back(
          code({{global.type, static_cast<uint8_t>(global.is_mutable)}, global.init, kEnd}));
    }
    add(SectionId::kGlobal, items);
    items.clear();
    for (const auto& [name, position] : exports) {
      items.push_back(code({wasm::name_bytes(name), {0}, leb(index(position))}));
    }
    for (size_t i = 0; i < globals.size(); ++i) {
      if (globals[i].export_name.empty()) continue;
      items.push_back(code({wasm::name_bytes(globals[i].export_name), {3}, leb(i)}));
    }
    add(SectionId::kExport, items);
    if (start) append(out, wasm::section(SectionId::kStart, leb(index(*start))));
    items.clear();
    for (const Segment& segment : segments) {
      std::vector<Bytes> list;
      for (const uint32_t position : segment.functions) list.push_back(leb(index(position)));
      items.push_back(code({{0}, i32(segment.slot), kEnd, wasm::vec(list)}));
    }
    add(SectionId::kElement, items);
    if (data_count) append(out, wasm::section(SectionId::kDataCount, leb(data.size())));
    items.clear();
    for (const Fn& fn : functions) items.push_back(wasm::body(fn.locals, code({fn.code, kEnd})));
    add(SectionId::kCode, items);
    items.clear();
    for (const Data& segment : data) {
      const Bytes bytes = wasm::name_bytes(segment.bytes);
      items.push_back(segment.address ? code({{0}, i32(*segment.address), kEnd, bytes})
                                      : code({{1}, bytes}));
    }
    add(SectionId::kData, items);
    if (names) append(out, wasm::custom_section("name", name_payload()));
    for (const auto& [name, payload] : custom) {
      append(out, wasm::custom_section(name, as_bytes(payload)));
    }
    return out;
  }

 private:
  Bytes name_payload() const {
    std::vector<Bytes> items;
    for (uint32_t i = 0; i < functions.size(); ++i) {
      const std::string& name = i < given_names.size() ? given_names[i] : functions[i].name;
      items.push_back(code({leb(index(i)), wasm::name_bytes(name)}));
    }
    const Bytes map = wasm::vec(items);
    return code({{1}, leb(map.size()), map});
  }
};

/// Two modules and what the comparison says.
struct Compared {
  Bytes old_bytes;
  Bytes new_bytes;
  std::unique_ptr<wasm::Module> old_module;
  std::unique_ptr<wasm::Module> new_module;
  Comparison comparison;

  Word s() const { return comparison.word(Route::kS); }
  Word k() const { return comparison.word(Route::kK); }
  const Finding* find(std::string_view code) const {
    for (const Finding& finding : comparison.findings) {
      if (finding.code == code) return &finding;
    }
    return nullptr;
  }
  bool has(std::string_view code) const { return find(code) != nullptr; }
};

inline Compared compare_bytes(Bytes old_bytes, Bytes new_bytes) {
  Compared out;
  out.old_bytes = std::move(old_bytes);
  out.new_bytes = std::move(new_bytes);
  auto a = wasm::read_module(out.old_bytes);
  auto b = wasm::read_module(out.new_bytes);
  if (!a || !b) {
    ADD_FAILURE() << (a ? b.error().message() : a.error().message());
    return out;
  }
  out.old_module = std::make_unique<wasm::Module>(std::move(*a));
  out.new_module = std::make_unique<wasm::Module>(std::move(*b));
  auto result = compare(*out.old_module, *out.new_module, {});
  if (!result) {
    ADD_FAILURE() << result.error().message();
    return out;
  }
  out.comparison = std::move(*result);
  return out;
}

/// The base canister against one that `edit` changed.
inline Compared after(const std::function<void(Canister&)>& edit) {
  Canister changed;
  edit(changed);
  return compare_bytes(Canister().build(), changed.build());
}
/// Two canisters that were both changed.
inline Compared between(const std::function<void(Canister&)>& old_edit,
                        const std::function<void(Canister&)>& new_edit) {
  Canister a;
  Canister b;
  old_edit(a);
  new_edit(b);
  return compare_bytes(a.build(), b.build());
}

}  // namespace canrec::wasmdiff::test
