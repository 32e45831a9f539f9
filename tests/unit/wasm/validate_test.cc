// SPDX-License-Identifier: Apache-2.0
// Positive and negative bodies for every family of instructions, then the rules of the sections.
#include "wasm/validate.h"

#include <gtest/gtest.h>

#include "base/leb128.h"
#include "base/limits.h"
#include "unit/wasm/parts.h"

namespace canrec::wasm {
namespace {

using namespace parts;

// The module that bodies are checked in: one of everything.
Parts everything(bool wide = false) {
  Parts parts;
  const uint8_t flag = wide ? 0x04 : 0x00;
  parts.types = {func_type({}, {}), func_type({kI32}, {kI64}), func_type({kI64}, {kI64}),
                 func_type({kI32, kF64}, {kF32, kI32})};
  parts.imports = {import_func("ic0", "f1", 1)};
  parts.tables = {{kFunc, flag, 0x04}, {kExtern, 0x00, 0x02}};
  parts.memories = {{flag, 0x01}};
  parts.globals = {{kI32, 0x01, 0x41, 0x00, 0x0b}, {kI64, 0x00, 0x42, 0x00, 0x0b}};
  parts.exports = {export_of("declared", 0, 0)};
  parts.elements = {{0x01, 0x00, 0x01, 0x00}};
  parts.data_count = {0x01};
  parts.data = {{0x01, 0x00}};
  // Locals 0 and 1: i32; 2: i64; 3: f32; 4: f64; 5: v128; 6: funcref; 7: externref.
  parts.locals = {0x07, 0x02, kI32,  0x01, kI64,  0x01, kF32,   0x01,
                  kF64, 0x01, kV128, 0x01, kFunc, 0x01, kExtern};
  return parts;
}

Status checked(const Parts& parts) {
  const Bytes bytes = parts.module();
  auto module = read_module(bytes);
  if (!module) return fail(std::move(module).error());
  return validate(*module);
}

struct Case {
  const char* text;
  Bytes code;
  int bad_at = -1;  // place of the offending byte in `code`; -1 = valid
  Errc errc = Errc::kWasmInvalid;
};

void expect_all(Parts parts, std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    SCOPED_TRACE(one.text);
    parts.code = one.code;
    const Bytes bytes = parts.module();
    const auto module = read_module(bytes);
    ASSERT_TRUE(module) << module.error().message();
    const Status status = validate(*module);
    if (one.bad_at < 0) {
      EXPECT_TRUE(status) << status.error().message();
      continue;
    }
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), one.errc) << status.error().message();
    const uint64_t code_begin = module->functions.back().code.begin;
    EXPECT_EQ(status.error().offset(), code_begin + static_cast<uint64_t>(one.bad_at))
        << status.error().message();
  }
}

TEST(Validate, ChecksArithmetic) {
  expect_all(everything(), {
                               {"i32.add", {0x20, 0, 0x20, 1, 0x6a, 0x1a}},
                               {"i32.add of i64", {0x20, 0, 0x20, 2, 0x6a, 0x1a}, 4},
                               {"i32.add of one value", {0x20, 0, 0x6a, 0x1a}, 2},
                               {"i64.extend_i32_u", {0x20, 0, 0xad, 0x21, 2}},
                               {"i64.extend_i32_u of i64", {0x20, 2, 0xad, 0x21, 2}, 2},
                               {"i32.extend8_s", {0x20, 0, 0xc0, 0x1a}},
                               {"i64.extend32_s of i32", {0x20, 0, 0xc4, 0x1a}, 2},
                               {"i32.trunc_sat_f64_u", {0x20, 4, 0xfc, 3, 0x21, 0}},
                               {"i32.trunc_sat_f64_u of f32", {0x20, 3, 0xfc, 3, 0x21, 0}, 2},
                               {"f64.promote_f32", {0x20, 3, 0xbb, 0x21, 4}},
                               {"f64.promote_f32 of f64", {0x20, 4, 0xbb, 0x21, 4}, 2},
                               {"f32.lt gives i32", {0x20, 3, 0x20, 3, 0x5d, 0x21, 0}},
                               {"f32.lt does not give f32", {0x20, 3, 0x20, 3, 0x5d, 0x21, 3}, 5},
                               {"a value left over", {0x41, 0}, 2},
                           });
}

TEST(Validate, ChecksVariables) {
  expect_all(everything(),
             {
                 {"local.tee", {0x20, 2, 0x22, 2, 0x1a}},
                 {"local.tee of another type", {0x20, 2, 0x22, 0, 0x1a}, 2},
                 {"local.set of a missing local", {0x41, 0, 0x21, 9}, 3, Errc::kWasmIndex},
                 {"local.get of the last local", {0x20, 7, 0x1a}},
                 {"local.get behind the last local", {0x20, 8, 0x1a}, 1, Errc::kWasmIndex},
                 {"global.set", {0x41, 0, 0x24, 0}},
                 {"global.set of an immutable one", {0x42, 0, 0x24, 1}, 2},
                 {"global.set of another type", {0x42, 0, 0x24, 0}, 2},
                 {"global.get of a missing one", {0x23, 2, 0x1a}, 1, Errc::kWasmIndex},
             });
}

TEST(Validate, ChecksBlocksAndBranches) {
  expect_all(
      everything(),
      {
          {"block with a result", {0x02, kI32, 0x41, 1, 0x0b, 0x1a}},
          {"block without its result", {0x02, kI32, 0x0b, 0x1a}, 2},
          {"block with too many values", {0x02, 0x40, 0x41, 1, 0x0b}, 4},
          {"block that reaches below itself", {0x41, 1, 0x02, 0x40, 0x1a, 0x0b}, 4},
          {"block with parameters",
           {0x41, 1, 0x20, 4, 0x02, 3, 0x1a, 0x1a, 0x20, 3, 0x41, 0, 0x0b, 0x1a, 0x1a}},
          {"block of a missing type", {0x02, 9, 0x0b}, 1, Errc::kWasmIndex},
          {"loop takes its parameters", {0x42, 1, 0x03, 2, 0x0c, 0, 0x0b, 0x1a}},
          {"loop label without parameters", {0x03, 0x40, 0x0c, 0, 0x0b}},
          {"if else", {0x41, 0, 0x04, kI32, 0x41, 1, 0x05, 0x41, 2, 0x0b, 0x1a}},
          {"if without else and with a result", {0x41, 0, 0x04, kI32, 0x41, 1, 0x0b, 0x1a}, 6},
          {"if without else that keeps its types", {0x42, 1, 0x41, 0, 0x04, 2, 0x0b, 0x1a}},
          {"if without a condition", {0x04, 0x40, 0x0b}, 0},
          {"else without if", {0x02, 0x40, 0x05, 0x0b}, 2},
          {"two else", {0x41, 0, 0x04, 0x40, 0x05, 0x05, 0x0b}, 5},
          {"br with its value", {0x02, kI32, 0x41, 1, 0x0c, 0, 0x0b, 0x1a}},
          {"br without its value", {0x02, kI32, 0x0c, 0, 0x0b, 0x1a}, 2},
          {"br too far", {0x0c, 1}, 1, Errc::kWasmIndex},
          {"br to the function", {0x0c, 0}},
          {"br_if keeps its value", {0x02, kI32, 0x41, 1, 0x41, 1, 0x0d, 0, 0x0b, 0x1a}},
          {"br_if without a condition", {0x02, 0x40, 0x0d, 0, 0x0b}, 2},
          {"br_table", {0x02, 0x40, 0x41, 1, 0x0e, 2, 0, 1, 0, 0x0b}},
          {"br_table with different arities",
           {0x02, kI32, 0x41, 1, 0x41, 1, 0x0e, 1, 0, 1, 0x0b, 0x1a},
           9},
          {"br_table too far", {0x41, 1, 0x0e, 1, 0, 7}, 5, Errc::kWasmIndex},
          {"br_table with different types",
           {0x02, kI32, 0x02, kI64, 0x42, 1, 0x41, 1, 0x0e, 1, 0, 1, 0x0b, 0x1a, 0x41, 1, 0x0b,
            0x1a},
           8},
          {"return", {0x0f}},
          {"an end too many", {0x0b, 0x01}, 1, Errc::kWasmMalformed},
          {"an end too few", {0x02, 0x40}, 3, Errc::kWasmMalformed},
      });
}

TEST(Validate, LetsThePolymorphicStackMatchEverything) {
  expect_all(everything(),
             {
                 {"operands appear", {0x00, 0x6a, 0x1a}},
                 {"a wrong one is still wrong", {0x00, 0x20, 2, 0x6a, 0x1a}, 3},
                 {"unknown select", {0x00, 0x1b, 0x1a}},
                 {"select of one known type", {0x00, 0x20, 2, 0x41, 0, 0x1b, 0x21, 2}},
                 {"and not of another", {0x00, 0x20, 2, 0x41, 0, 0x1b, 0x21, 0}, 6},
                 {"br_table with unknown values",
                  {0x02, kI32, 0x02, kI64, 0x00, 0x0e, 1, 0, 1, 0x0b, 0x1a, 0x41, 1, 0x0b, 0x1a}},
                 {"br_if gives its label's types",
                  {0x02, kI32, 0x00, 0x0d, 0, 0x21, 2, 0x41, 1, 0x0b, 0x1a},
                  5},
                 {"values left over", {0x00, 0x41, 1}, 3},
                 {"it ends with the block", {0x02, 0x40, 0x00, 0x0b, 0x1a}, 4},
                 {"else begins anew", {0x41, 0, 0x04, 0x40, 0x00, 0x05, 0x1a, 0x0b}, 6},
                 {"ref.is_null of unknown", {0x00, 0xd1, 0x1a}},
             });
}

TEST(Validate, ChecksCalls) {
  expect_all(
      everything(),
      {
          {"call", {0x41, 0, 0x10, 0, 0x21, 2}},
          {"call without its argument", {0x10, 0, 0x1a}, 0},
          {"call of a missing function", {0x10, 5}, 1, Errc::kWasmIndex},
          {"call_indirect", {0x41, 0, 0x41, 0, 0x11, 1, 0, 0x1a}},
          {"call_indirect of a missing type", {0x41, 0, 0x11, 9, 0}, 3, Errc::kWasmIndex},
          {"call_indirect through a missing table", {0x41, 0, 0x11, 0, 2}, 4, Errc::kWasmIndex},
          {"call_indirect through externref", {0x41, 0, 0x11, 0, 1}, 2},
          {"call_indirect with a wide index", {0x42, 0, 0x11, 0, 0}, 2},
          {"return_call", {0x12, 1}},
          {"return_call with other results", {0x41, 0, 0x12, 0}, 2},
          {"return_call_indirect", {0x41, 0, 0x13, 0, 0}},
          {"return_call_indirect with other results", {0x41, 0, 0x41, 0, 0x13, 1, 0}, 4},
      });
}

TEST(Validate, ChecksSelectAndReferences) {
  expect_all(
      everything(),
      {
          {"select", {0x42, 0, 0x42, 0, 0x41, 0, 0x1b, 0x21, 2}},
          {"select of two types", {0x42, 0, 0x41, 0, 0x41, 0, 0x1b, 0x1a}, 6},
          {"select of references", {0x20, 6, 0x20, 6, 0x41, 0, 0x1b, 0x1a}, 6},
          {"select of vectors", {0x20, 5, 0x20, 5, 0x41, 0, 0x1b, 0x21, 5}},
          {"typed select of references", {0x20, 6, 0x20, 6, 0x41, 0, 0x1c, 1, kFunc, 0x21, 6}},
          {"typed select of none", {0x20, 6, 0x20, 6, 0x41, 0, 0x1c, 0, 0x1a}, 6},
          {"typed select of an unknown type",
           {0x41, 0, 0x1c, 1, 0x40, 0x1a},
           2,
           Errc::kWasmMalformed},
          {"ref.null func", {0xd0, kFunc, 0x21, 6}},
          {"ref.null extern is no funcref", {0xd0, kExtern, 0x21, 6}, 2},
          {"ref.null of a number", {0xd0, kI32, 0x1a}, 1, Errc::kWasmMalformed},
          {"ref.is_null", {0x20, 7, 0xd1, 0x21, 0}},
          {"ref.is_null of a number", {0x20, 0, 0xd1, 0x21, 0}, 2},
          {"ref.func", {0xd2, 0, 0x21, 6}},
          {"ref.func of an undeclared function", {0xd2, 1, 0x21, 6}, 0},
          {"ref.func of a missing function", {0xd2, 9, 0x21, 6}, 1, Errc::kWasmIndex},
      });
}

TEST(Validate, ChecksMemoryAccesses) {
  expect_all(everything(),
             {
                 {"i32.load", {0x41, 0, 0x28, 2, 0, 0x1a}},
                 {"i32.load aligned beyond nature", {0x41, 0, 0x28, 3, 0, 0x1a}, 3},
                 {"i64.load32_u at a wide address", {0x42, 0, 0x35, 2, 0, 0x1a}, 2},
                 {"offset of 2^32 - 1", {0x41, 0, 0x28, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x1a}},
                 {"offset of 2^32", {0x41, 0, 0x28, 2, 0x80, 0x80, 0x80, 0x80, 0x10, 0x1a}, 4},
                 {"i64.store", {0x41, 0, 0x42, 0, 0x37, 3, 0}},
                 {"i64.store of i32", {0x41, 0, 0x41, 0, 0x37, 3, 0}, 4},
                 {"memory.size", {0x3f, 0, 0x21, 0}},
                 {"memory.grow", {0x41, 0, 0x40, 0, 0x21, 0}},
                 {"memory.grow of memory 1", {0x41, 0, 0x40, 1, 0x21, 0}, 3, Errc::kWasmIndex},
                 {"memory.size with a padded zero", {0x3f, 0x80, 0, 0x1a}, 1, Errc::kWasmMalformed},
                 {"memory.fill", {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0b, 0}},
                 {"memory.copy", {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0a, 0, 0}},
                 {"memory.copy of i64", {0x41, 0, 0x42, 0, 0x41, 0, 0xfc, 0x0a, 0, 0}, 6},
                 {"memory.init", {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 0, 0}},
                 {"memory.init of a missing segment",
                  {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 1, 0},
                  8,
                  Errc::kWasmIndex},
                 {"data.drop", {0xfc, 9, 0}},
                 {"data.drop of a missing segment", {0xfc, 9, 1}, 2, Errc::kWasmIndex},
             });
}

TEST(Validate, UsesWideAddressesInAWideMemory) {
  expect_all(
      everything(true),
      {
          {"i32.load", {0x42, 0, 0x28, 2, 0, 0x1a}},
          {"i32.load at a narrow address", {0x41, 0, 0x28, 2, 0, 0x1a}, 2},
          {"offset of 2^32", {0x42, 0, 0x28, 2, 0x80, 0x80, 0x80, 0x80, 0x10, 0x1a}},
          {"memory.size", {0x3f, 0, 0x21, 2}},
          {"memory.grow", {0x42, 0, 0x40, 0, 0x21, 2}},
          {"memory.fill", {0x42, 0, 0x41, 0, 0x42, 0, 0xfc, 0x0b, 0}},
          {"memory.fill with a narrow length", {0x42, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0b, 0}, 6},
          {"memory.copy", {0x42, 0, 0x42, 0, 0x42, 0, 0xfc, 0x0a, 0, 0}},
          {"memory.init", {0x42, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 0, 0}},
          {"call_indirect", {0x41, 0, 0x42, 0, 0x11, 1, 0, 0x1a}},
          {"call_indirect with a narrow index", {0x41, 0, 0x41, 0, 0x11, 1, 0, 0x1a}, 4},
          {"table.get", {0x42, 0, 0x25, 0, 0x21, 6}},
          {"table.size", {0xfc, 0x10, 0, 0x21, 2}},
          {"table.grow", {0x20, 6, 0x42, 0, 0xfc, 0x0f, 0, 0x21, 2}},
          {"table.init", {0x42, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0c, 0, 0}},
          {"table.copy", {0x42, 0, 0x42, 0, 0x42, 0, 0xfc, 0x0e, 0, 0}},
      });
}

TEST(Validate, ChecksTables) {
  expect_all(everything(),
             {
                 {"table.get", {0x41, 0, 0x25, 0, 0x21, 6}},
                 {"table.get of externref", {0x41, 0, 0x25, 1, 0x21, 7}},
                 {"table.get of a missing table", {0x41, 0, 0x25, 2, 0x1a}, 3, Errc::kWasmIndex},
                 {"table.set", {0x41, 0, 0x20, 6, 0x26, 0}},
                 {"table.set of another type", {0x41, 0, 0x20, 7, 0x26, 0}, 4},
                 {"table.size", {0xfc, 0x10, 0, 0x21, 0}},
                 {"table.grow", {0x20, 6, 0x41, 0, 0xfc, 0x0f, 0, 0x21, 0}},
                 {"table.fill", {0x41, 0, 0x20, 6, 0x41, 0, 0xfc, 0x11, 0}},
                 {"table.fill of another type", {0x41, 0, 0x20, 7, 0x41, 0, 0xfc, 0x11, 0}, 6},
                 {"table.copy", {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0e, 0, 0}},
                 {"table.copy between types", {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0e, 0, 1}, 6},
                 {"table.init", {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0c, 0, 0}},
                 {"table.init into externref", {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0c, 0, 1}, 6},
                 {"table.init of a missing segment",
                  {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0c, 4, 0},
                  8,
                  Errc::kWasmIndex},
                 {"elem.drop", {0xfc, 0x0d, 0}},
                 {"elem.drop of a missing segment", {0xfc, 0x0d, 1}, 2, Errc::kWasmIndex},
             });
}

TEST(Validate, ChecksVectors) {
  const Bytes shuffle = {0x20, 5, 0x20, 5, 0xfd, 0x0d, 0,  1,  2,  3,  4,    5,
                         6,    7, 8,    9, 10,   11,   12, 13, 14, 31, 0x21, 5};
  Bytes bad_shuffle = shuffle;
  bad_shuffle[21] = 32;
  expect_all(everything(),
             {
                 {"i32x4.add", {0x20, 5, 0x20, 5, 0xfd, 0xae, 0x01, 0x21, 5}},
                 {"i32x4.add of i32", {0x20, 5, 0x20, 0, 0xfd, 0xae, 0x01, 0x21, 5}, 4},
                 {"i8x16.splat", {0x20, 0, 0xfd, 0x0f, 0x21, 5}},
                 {"i64x2.splat of i32", {0x20, 0, 0xfd, 0x12, 0x21, 5}, 2},
                 {"i8x16.extract_lane_s 15", {0x20, 5, 0xfd, 0x15, 15, 0x21, 0}},
                 {"i8x16.extract_lane_s 16", {0x20, 5, 0xfd, 0x15, 16, 0x21, 0}, 4},
                 {"i16x8.extract_lane_u 8", {0x20, 5, 0xfd, 0x19, 8, 0x21, 0}, 4},
                 {"i32x4.extract_lane 4", {0x20, 5, 0xfd, 0x1b, 4, 0x21, 0}, 4},
                 {"f64x2.extract_lane 1", {0x20, 5, 0xfd, 0x21, 1, 0x21, 4}},
                 {"f64x2.extract_lane 2", {0x20, 5, 0xfd, 0x21, 2, 0x21, 4}, 4},
                 {"i8x16.shuffle", shuffle},
                 {"i8x16.shuffle of lane 32", bad_shuffle, 4},
                 {"v128.load", {0x41, 0, 0xfd, 0, 4, 0, 0x21, 5}},
                 {"v128.load aligned beyond nature", {0x41, 0, 0xfd, 0, 5, 0, 0x21, 5}, 4},
                 {"v128.load16_lane 7", {0x41, 0, 0x20, 5, 0xfd, 0x55, 1, 0, 7, 0x21, 5}},
                 {"v128.load16_lane 8", {0x41, 0, 0x20, 5, 0xfd, 0x55, 1, 0, 8, 0x21, 5}, 8},
                 {"v128.store64_lane 2", {0x41, 0, 0x20, 5, 0xfd, 0x5b, 3, 0, 2}, 8},
                 {"v128.bitselect", {0x20, 5, 0x20, 5, 0x20, 5, 0xfd, 0x52, 0x21, 5}},
                 {"v128.any_true", {0x20, 5, 0xfd, 0x53, 0x21, 0}},
             });
}

TEST(Validate, RejectsMemoryInstructionsWithoutMemoryOrDataCount) {
  Parts parts;
  expect_all(parts, {{"i32.load", {0x41, 0, 0x28, 0, 0, 0x1a}, 2},
                     {"memory.size", {0x3f, 0, 0x1a}, 0},
                     {"data.drop", {0xfc, 9, 0}, 0}});
  parts.memories = {{0x00, 0x01}};
  parts.data = {{0x01, 0x00}};
  expect_all(parts, {{"data.drop", {0xfc, 9, 0}, 0}});
}

TEST(Validate, FindsLocalsBeyondTheFlatOnes) {
  Parts parts;
  // 300 i32, 300 i64
  parts.locals = {0x02, 0xac, 0x02, kI32, 0xac, 0x02, kI64};
  expect_all(parts, {{"local 299", {0x20, 0xab, 0x02, 0x45, 0x1a}},
                     {"local 300", {0x20, 0xac, 0x02, 0x50, 0x1a}},
                     {"local 300 is i64", {0x20, 0xac, 0x02, 0x45, 0x1a}, 3},
                     {"local 599", {0x20, 0xd7, 0x04, 0x50, 0x1a}},
                     {"local 600", {0x20, 0xd8, 0x04, 0x50, 0x1a}, 1, Errc::kWasmIndex}});
}

TEST(Validate, TakesBlocksNestedAHundredThousandDeep) {
  Parts parts;
  for (int i = 0; i < 100'000; ++i) append(parts.code, Bytes{0x02, 0x40});
  Parts open = parts;
  parts.code.insert(parts.code.end(), 100'000, 0x0b);
  EXPECT_TRUE(checked(parts));
  const Status status = checked(open);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kWasmMalformed);
}

TEST(Validate, RejectsBlocksNestedDeeperThanTheLimit) {
  Parts parts;
  for (uint32_t i = 0; i < limits::kBlockDepth - 1; ++i) append(parts.code, Bytes{0x02, 0x40});
  Parts more = parts;
  parts.code.insert(parts.code.end(), limits::kBlockDepth - 1, 0x0b);
  EXPECT_TRUE(checked(parts));
  append(more.code, Bytes{0x02, 0x40});
  const Status status = checked(more);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kLimit);
}

TEST(Validate, RejectsMoreOperandsThanTheLimit) {
  Parts parts;
  parts.types = {func_type({}, {}), func_type({}, Bytes(100, kI32))};
  parts.imports = {import_func("ic0", "many", 1)};
  for (size_t i = 0; i <= limits::kOperands / 100; ++i) append(parts.code, Bytes{0x10, 0x00});
  const Status status = checked(parts);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kLimit);
}

TEST(Validate, LimitsTheValuesOfAType) {
  const auto with = [](size_t n) {
    Parts parts;
    Bytes type{0x60};
    append_leb_u64(type, n);
    type.insert(type.end(), n, kI32);
    type.push_back(0);
    parts.types.push_back(type);
    return checked(parts);
  };
  EXPECT_TRUE(with(999));
  EXPECT_TRUE(with(1000));
  const Status status = with(1001);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Errc::kLimit);
}

// Expects a refusal with that code.
void rejected(const Parts& parts, Errc errc, const char* what) {
  const Status status = checked(parts);
  ASSERT_FALSE(status) << what;
  EXPECT_EQ(status.error().code(), errc) << what << ": " << status.error().message();
  EXPECT_TRUE(status.error().offset()) << what;
}

TEST(Validate, ChecksLimitsOfMemoriesAndTables) {
  Parts parts;
  parts.memories = {{0x00, 0x80, 0x80, 0x04}};  // 65,536 pages
  EXPECT_TRUE(checked(parts));
  parts.memories = {{0x00, 0x81, 0x80, 0x04}};
  rejected(parts, Errc::kWasmInvalid, "65,537 pages");
  parts.memories = {{0x01, 0x00, 0x81, 0x80, 0x04}};
  rejected(parts, Errc::kWasmInvalid, "maximum of 65,537 pages");
  parts.memories = {{0x01, 0x02, 0x01}};
  rejected(parts, Errc::kWasmInvalid, "maximum below minimum");
  parts.memories = {{0x05, 0x02, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40}};  // 2^48
  EXPECT_TRUE(checked(parts));
  parts.memories = {{0x05, 0x02, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40}};
  rejected(parts, Errc::kWasmInvalid, "2^48 + 1 pages");
  parts.memories.clear();
  parts.tables = {{kFunc, 0x01, 0x02, 0x01}};
  rejected(parts, Errc::kWasmInvalid, "table maximum below minimum");
  parts.tables = {{kFunc, 0x05, 0x02, 0x02}};
  EXPECT_TRUE(checked(parts));
}

TEST(Validate, ChecksGlobalInitialisers) {
  Parts parts;
  parts.imports = {concat({name_bytes("env"), name_bytes("fixed"), {0x03, kI32, 0x00}}),
                   concat({name_bytes("env"), name_bytes("moving"), {0x03, kI32, 0x01}})};
  parts.globals = {{kI32, 0x00, 0x23, 0x00, 0x0b}};
  EXPECT_TRUE(checked(parts));
  parts.globals = {{kI32, 0x00, 0x23, 0x01, 0x0b}};
  rejected(parts, Errc::kWasmInvalid, "global.get of a mutable one");
  parts.globals = {{kI32, 0x00, 0x23, 0x02, 0x0b}};
  rejected(parts, Errc::kWasmInvalid, "global.get of itself");
  parts.globals = {{kI64, 0x00, 0x41, 0x00, 0x0b}};
  rejected(parts, Errc::kWasmInvalid, "another type");
  parts.globals = {{kI32, 0x00, 0x01, 0x0b}};
  rejected(parts, Errc::kWasmInvalid, "nop");
  parts.globals = {{kFunc, 0x00, 0xd2, 0x00, 0x0b}};
  EXPECT_TRUE(checked(parts));
  parts.globals = {{kFunc, 0x00, 0xd2, 0x05, 0x0b}};
  rejected(parts, Errc::kWasmIndex, "ref.func of a missing function");
  parts.globals = {{kExtern, 0x00, 0xd0, kFunc, 0x0b}};
  rejected(parts, Errc::kWasmInvalid, "ref.null of another type");
}

TEST(Validate, RejectsExportsOfOneName) {
  Parts parts;
  parts.exports = {export_of("a", 0, 0), export_of("b", 0, 0)};
  EXPECT_TRUE(checked(parts));
  parts.exports.push_back(export_of("a", 0, 0));
  rejected(parts, Errc::kWasmInvalid, "twice");
}

TEST(Validate, ChecksTheTypeOfTheStartFunction) {
  Parts parts;
  parts.start = {0x00};
  EXPECT_TRUE(checked(parts));
  parts.types = {func_type({kI32}, {})};
  rejected(parts, Errc::kWasmInvalid, "a parameter");
}

TEST(Validate, ChecksSegments) {
  Parts parts;
  parts.tables = {{kFunc, 0x00, 0x01}};
  parts.memories = {{0x00, 0x01}};
  parts.elements = {{0x00, 0x41, 0x00, 0x0b, 0x01, 0x00}};
  parts.data = {{0x00, 0x41, 0x00, 0x0b, 0x00}};
  EXPECT_TRUE(checked(parts));
  parts.elements = {{0x00, 0x42, 0x00, 0x0b, 0x01, 0x00}};
  rejected(parts, Errc::kWasmInvalid, "element segment at a wide slot");
  parts.elements = {{0x04, 0x41, 0x00, 0x0b, 0x02, 0xd2, 0x00, 0x0b, 0xd0, kFunc, 0x0b}};
  EXPECT_TRUE(checked(parts));
  parts.elements = {{0x04, 0x41, 0x00, 0x0b, 0x01, 0xd0, kExtern, 0x0b}};
  rejected(parts, Errc::kWasmInvalid, "item of another type");
  parts.elements = {{0x04, 0x41, 0x00, 0x0b, 0x01, 0x41, 0x00, 0x0b}};
  rejected(parts, Errc::kWasmInvalid, "item that is a number");
  parts.elements = {{0x06, 0x00, 0x41, 0x00, 0x0b, kExtern, 0x00}};
  rejected(parts, Errc::kWasmInvalid, "externref in a table of funcref");
  parts.elements.clear();
  parts.data = {{0x00, 0x42, 0x00, 0x0b, 0x00}};
  rejected(parts, Errc::kWasmInvalid, "data segment at a wide address");
  parts.memories = {{0x04, 0x01}};
  EXPECT_TRUE(checked(parts));
}

TEST(Validate, DeclaresFunctionsThroughElementsExportsAndGlobals) {
  Parts parts;
  parts.code = {0xd2, 0x00, 0x1a};
  rejected(parts, Errc::kWasmInvalid, "nothing declares it");
  Parts by_export = parts;
  by_export.exports = {export_of("f", 0, 0)};
  EXPECT_TRUE(checked(by_export));
  Parts by_global = parts;
  by_global.globals = {{kFunc, 0x00, 0xd2, 0x00, 0x0b}};
  EXPECT_TRUE(checked(by_global));
  Parts by_element = parts;
  by_element.elements = {{0x03, 0x00, 0x01, 0x00}};
  EXPECT_TRUE(checked(by_element));
  Parts by_start = parts;
  by_start.start = {0x00};
  rejected(by_start, Errc::kWasmInvalid, "start does not declare");
}

TEST(ValidateFunction, ChecksOneBodyOnly) {
  Parts parts;
  parts.code = {0x41, 0x00};
  parts.exports = {export_of("a", 0, 0), export_of("a", 0, 0)};
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const Status status = validate_function(*module, FuncIdx{0});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().offset(), module->functions[0].code.end - 1);
  EXPECT_EQ(status.error().code(), Errc::kWasmInvalid);
}

}  // namespace
}  // namespace canrec::wasm
