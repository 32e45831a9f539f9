// SPDX-License-Identifier: Apache-2.0
#include "wasmdiff/canonical.h"

#include <gtest/gtest.h>

#include "unit/wasmdiff/read_alike.h"
#include "unit/wasmdiff/test_module.h"

namespace canrec::wasmdiff::test {
namespace {

size_t read_alike(const Canister& canister) {
  const Bytes bytes = canister.build();
  const auto module = wasm::read_module(bytes);
  EXPECT_TRUE(module) << module.error().message();
  return module ? expect_read_alike(*module) : 0;
}

TEST(CanonicalReader, ReadsTheSampleAlikeInBothWays) { EXPECT_GT(read_alike(Canister{}), 20U); }

TEST(CanonicalReader, ReadsUnusualBodiesAlikeInBothWays) {
  const Bytes block = {0x02, 0x40};
  const Bytes branch_if = {0x04, 0x7f};
  const Bytes otherwise = {0x05};
  const Bytes branch = {0x0c, 0x00};
  const Bytes table = {0x0e, 0x01, 0x00, 0x80, 0x00};
  Canister canister;
  canister.functions = {
      // Locals in another order than declared, before and behind they have numbers.
      {kStep,
       {2, 2, 0x7f, 1, 0x7e},
       code({i64(-1),
             local_set(3),
             local_get(2),
             local_get(1),
             kAdd,
             local_tee(2),
             kDrop,
             local_get(3),
             kDrop,
             {0x20, 0x82, 0x00}}),
       "locals"},
      // Dead code, an empty else, an else with something in it.
      {kStep,
       {0},
       code({block,
             branch,
             i32(1),
             kDrop,
             block,
             kEnd,
             kEnd,
             local_get(0),
             {0x04, 0x40},
             otherwise,
             kEnd,
             local_get(0),
             branch_if,
             i32(1),
             otherwise,
             i32(2),
             kEnd}),
       "flow"},
      {kStep, {0}, code({block, block, local_get(0), table, kEnd, kEnd, i32(1)}), "table"},
      // Constants, offsets and calls of every width.
      {kStep,
       {0},
       code({i32(63),        kDrop,
             i32(64),        kDrop,
             i32(-65),       kDrop,
             i32(1 << 27),   kDrop,
             i32(INT32_MIN), kDrop,
             i64(1LL << 40), kDrop,
             i32(0),         load(127),
             kDrop,          i32(0),
             load(128),      kDrop,
             i32(0),         load(1 << 28),
             kDrop,          {0x10, 0x80, 0x00},
             call(kReply),   i32(0)}),
       "widths"},
  };
  canister.segments = {{1, {0, 1}}};
  canister.exports = {{"canister_update inc", 0}};
  EXPECT_GT(read_alike(canister), 25U);
}

}  // namespace
}  // namespace canrec::wasmdiff::test
