// SPDX-License-Identifier: Apache-2.0
// Where stack, data and heap lie, by what the linker chose.
#include "recover/memory_map.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wasm/builder.h"
#include "wasm/load.h"

namespace canrec::recover {
namespace {

using wasm::SectionId;

// i32.const as three bytes of LEB128, for addresses below 2^20.
Bytes address(uint32_t value) {
  return {0x41, static_cast<uint8_t>(value | 0x80), static_cast<uint8_t>((value >> 7) | 0x80),
          static_cast<uint8_t>(value >> 14), 0x0b};
}

Bytes global(bool is_mutable, uint32_t value) {
  return wasm::concat({{0x7f, static_cast<uint8_t>(is_mutable ? 1 : 0)}, address(value)});
}

// (global (mut i32) stack_pointer), 16 bytes of data, and where wanted an export __data_end.
std::vector<std::string> map_of(uint32_t stack_pointer, uint32_t data, uint32_t data_end = 0) {
  std::vector<Bytes> globals = {global(true, stack_pointer)};
  std::vector<Bytes> exports;
  if (data_end != 0) {
    globals.push_back(global(false, data_end));
    exports.push_back({10, '_', '_', 'd', 'a', 't', 'a', '_', 'e', 'n', 'd', 3, 1});
  }
  const Bytes module = wasm::concat(
      {wasm::module_header(), wasm::section(SectionId::kMemory, wasm::vec({{0, 2}})),
       wasm::section(SectionId::kGlobal, wasm::vec(globals)),
       wasm::section(SectionId::kExport, wasm::vec(exports)),
       wasm::section(SectionId::kData,
                     wasm::vec({wasm::concat({{0}, address(data), {16}, Bytes(16, 1)})}))});
  const auto loaded = wasm::load_module(module);
  EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().message());
  std::vector<std::string> out;
  if (!loaded) return out;
  for (const MapPiece& piece : memory_map(loaded->module, 0x20000)) {
    out.push_back(fmt::format("{:x} {:x} {}", piece.begin, piece.end, piece.what));
  }
  return out;
}

using Map = std::vector<std::string>;

TEST(MemoryMap, PutsAStackThatComesFirstBelowTheData) {
  EXPECT_EQ(map_of(0x10000, 0x10000),
            (Map{"0 10000 stack", "10000 10010 data segment 0", "10010 20000 heap"}));
}

TEST(MemoryMap, DoesNotCallAStackBehindTheDataHeap) {
  EXPECT_EQ(map_of(0x18000, 0x400),
            (Map{"0 400 static area (zero-initialised)", "400 410 data segment 0",
                 "410 18000 static area (zero-initialised) or stack", "18000 20000 heap"}));
}

TEST(MemoryMap, TellsStaticsFromTheStackBehindThemByDataEnd) {
  EXPECT_EQ(
      map_of(0x18000, 0x400, 0x8000),
      (Map{"0 400 static area (zero-initialised)", "400 410 data segment 0",
           "410 8000 static area (zero-initialised)", "8000 18000 stack", "18000 20000 heap"}));
}

}  // namespace
}  // namespace canrec::recover
