// SPDX-License-Identifier: Apache-2.0
#pragma once

// A valid module of some 400 bytes with every section, every form of segment, custom sections in
// odd places and padded LEB128s; and the checks that must hold for every sequence of bytes.

#include <gtest/gtest.h>

#include "base/leb128.h"
#include "unit/wasm/parts.h"
#include "wasm/inspect.h"
#include "wasm/text.h"

namespace canrec::wasm::parts {

// A section whose size takes `width` bytes.
inline Bytes padded_section(SectionId id, const Bytes& content, unsigned width) {
  Bytes out{std::to_underlying(id)};
  EXPECT_TRUE(append_leb_u64_padded(out, content.size(), width));
  append(out, content);
  return out;
}

inline Bytes sample_module() {
  const Bytes code_0 = concat({{0x01, 0x02, kI32},                    // two locals
                               {0x02, 0x40, 0x41, 0x01, 0x0d, 0x00},  // block, br_if
                               {0x41, 0x80, 0x80, 0x00, 0x28, 0x02, 0x84, 0x00, 0x1a},  // padded
                               {0x0b, 0x41, 0x00, 0x11, 0x00, 0x00, 0x0b}});
  const Bytes code_1 = {0x00, 0x41, 0x00, 0xfd, 0x11, 0x1a, 0x10, 0x82, 0x80, 0x00, 0x0b};
  const Bytes code_2 = {0x00, 0xfc, 0x09, 0x01, 0xd2, 0x01, 0x1a, 0x0b};
  const auto sized = [](const Bytes& body_bytes, unsigned width) {
    Bytes out;
    EXPECT_TRUE(append_leb_u64_padded(out, body_bytes.size(), width));
    append(out, body_bytes);
    return out;
  };
  const Bytes function_names =
      vec({concat({{0x01}, name_bytes("first")}), concat({{0x02}, name_bytes("second")})});
  return concat({
      module_header(),
      custom_section("icp:public candid:service", as_bytes("service : {}")),
      padded_section(SectionId::kType, vec({func_type({}, {}), func_type({kI32}, {kI64})}), 5),
      section(SectionId::kImport, one(import_func("ic0", "msg_reply", 0))),
      custom_section("", {}),
      section(SectionId::kFunction, Bytes{0x03, 0x00, 0x80, 0x00, 0x00}),
      section(SectionId::kTable, one({kFunc, 0x01, 0x08, 0x08})),
      padded_section(SectionId::kMemory, Bytes{0x01, 0x01, 0x01, 0x02}, 2),
      section(SectionId::kGlobal,
              vec({{kI32, 0x01, 0x41, 0x80, 0x80, 0x04, 0x0b}, {kI64, 0x00, 0x42, 0x05, 0x0b}})),
      section(SectionId::kExport,
              vec({export_of("canister_init", 0, 1), export_of("memory", 2, 0),
                   export_of("five", 3, 1), export_of("canister_query get", 0, 2)})),
      section(SectionId::kStart, Bytes{0x83, 0x00}),
      section(SectionId::kElement,
              vec({{0x00, 0x41, 0x01, 0x0b, 0x02, 0x01, 0x82, 0x00},
                   {0x01, 0x00, 0x01, 0x03},
                   {0x02, 0x00, 0x41, 0x04, 0x0b, 0x00, 0x01, 0x01},
                   {0x03, 0x00, 0x01, 0x02},
                   {0x04, 0x41, 0x05, 0x0b, 0x02, 0xd2, 0x01, 0x0b, 0xd0, kFunc, 0x0b},
                   {0x05, kFunc, 0x00},
                   {0x06, 0x00, 0x41, 0x07, 0x0b, kFunc, 0x01, 0xd2, 0x03, 0x0b},
                   {0x07, kFunc, 0x01, 0xd2, 0x02, 0x0b}})),
      section(SectionId::kDataCount, Bytes{0x82, 0x00}),
      padded_section(SectionId::kCode, vec({sized(code_0, 5), sized(code_1, 1), sized(code_2, 2)}),
                     4),
      section(SectionId::kData, vec({{0x00, 0x41, 0x80, 0x08, 0x0b, 0x03, 0x61, 0x62, 0x63},
                                     {0x01, 0x81, 0x00, 0x7a}})),
      custom_section("name",
                     concat({{0x01, static_cast<uint8_t>(function_names.size())}, function_names})),
      custom_section("icp:private motoko:compiler", as_bytes("0.0.0")),
  });
}

// What must hold for any bytes: an error with a place inside them, or a module that is written back
// as it was, whose bytes are all labelled once, and that every reader survives.
inline void check_everything(const Bytes& bytes) {
  const auto module = read_module(bytes);
  if (!module) {
    ASSERT_TRUE(module.error().offset()) << module.error().message();
    ASSERT_LE(*module.error().offset(), bytes.size());
    return;
  }
  ASSERT_EQ(write_module(*module), bytes);
  uint64_t at = 0;
  for (const LabelledRange& piece : coverage(*module)) {
    ASSERT_EQ(piece.range.begin, at) << piece.label;
    ASSERT_GT(piece.range.end, at) << piece.label;
    at = piece.range.end;
  }
  ASSERT_EQ(at, bytes.size());
  const Status valid = validate(*module);
  if (!valid) {
    ASSERT_TRUE(valid.error().offset()) << valid.error().message();
    ASSERT_LE(*valid.error().offset(), bytes.size());
  }
  const FunctionNames names(*module, FunctionNames::Style::kReadable);
  const ModuleFacts facts = inspect_module(*module, names);
  ASSERT_EQ(facts.invalid.has_value(), !valid.has_value());
  static_cast<void>(read_names(*module));
  for (uint32_t i = 0; i < module->functions.size(); ++i) {
    const FuncIdx fn{i};
    ASSERT_FALSE(names.of(fn).empty());
    if (!module->function(fn).is_import()) static_cast<void>(body_text(*module, names, fn));
  }
  for (uint32_t i = 0; i < module->tables.size(); ++i) {
    static_cast<void>(table_image(*module, TableIdx{i}));
  }
}

}  // namespace canrec::wasm::parts
