// SPDX-License-Identifier: Apache-2.0
#include "wasm/persisted.h"

#include <gtest/gtest.h>

#include "unit/wasm/parts.h"

namespace canrec::wasm {
namespace {

using namespace parts;

Bytes global_i32(bool is_mutable, uint8_t value) {
  return {kI32, static_cast<uint8_t>(is_mutable ? 1 : 0), 0x41, value, 0x0b};
}

TEST(PersistedGlobals, ListsExportsOnceEachThenMutableOnes) {
  Parts parts;
  parts.globals = {global_i32(true, 1), global_i32(false, 2), global_i32(true, 3),
                   global_i32(false, 4)};
  parts.exports = {export_of("two", 3, 2), export_of("one", 3, 1), export_of("again", 3, 2),
                   export_of("f", 0, 0)};
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const auto list = persisted_globals(*module);
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0].global, GlobalIdx{2});
  EXPECT_EQ(list[0].export_name, "two");
  EXPECT_EQ(list[1].global, GlobalIdx{1});
  EXPECT_FALSE(list[1].type.is_mutable);
  EXPECT_EQ(list[2].global, GlobalIdx{2});
  EXPECT_EQ(list[2].export_name, "again");
  EXPECT_EQ(list[3].global, GlobalIdx{0});
  EXPECT_TRUE(list[3].export_name.empty());
}

Bytes active_elements(uint8_t slot, const Bytes& functions) {
  Bytes out{0x00, 0x41, slot, 0x0b, static_cast<uint8_t>(functions.size())};
  append(out, functions);
  return out;
}

TEST(TableImage, LaterSegmentsOverwriteEarlierOnes) {
  Parts parts;
  parts.imports = {import_func("ic0", "msg_reply", 0)};
  parts.tables = {{kFunc, 0x00, 0x04}};
  parts.elements = {active_elements(1, {0, 0}), active_elements(2, {1})};
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const auto slots = table_image(*module, TableIdx{0});
  ASSERT_TRUE(slots);
  ASSERT_EQ(slots->size(), 4u);
  EXPECT_FALSE((*slots)[0]);
  EXPECT_EQ((*slots)[1], FuncIdx{0});
  EXPECT_EQ((*slots)[2], FuncIdx{1});
  EXPECT_FALSE((*slots)[3]);
}

TEST(TableImage, RejectsASegmentThatDoesNotFit) {
  Parts parts;
  parts.tables = {{kFunc, 0x00, 0x04}};
  parts.elements = {active_elements(3, {0, 0})};
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const auto slots = table_image(*module, TableIdx{0});
  ASSERT_FALSE(slots);
  EXPECT_EQ(slots.error().code(), Errc::kWasmIndex);
  EXPECT_EQ(slots.error().offset(), module->elements[0].range.begin);
}

TEST(TableImage, RejectsATableBeyondTheNetworksBound) {
  Parts parts;
  parts.tables = {{kFunc, 0x00, 0xc1, 0x84, 0x3d}};  // 1,000,001
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const auto slots = table_image(*module, TableIdx{0});
  ASSERT_FALSE(slots);
  EXPECT_EQ(slots.error().code(), Errc::kLimit);
}

}  // namespace
}  // namespace canrec::wasm
