// SPDX-License-Identifier: Apache-2.0
// Which globals speak against keeping the heap.
#include "recover/route_k.h"

#include <algorithm>

#include "support.h"
#include "wasm/load.h"

namespace canrec::recover::test {
namespace {

using snapshot::GlobalType;
using snapshot::GlobalValue;

// The bare module with a global section; mutable globals are persisted without an export.
Bytes module_with(const Bytes& globals) {
  return wasm::concat({bare_module(false), wasm::section(wasm::SectionId::kGlobal, globals)});
}

std::vector<std::string> global_findings(const Bytes& module, std::vector<GlobalValue> values) {
  const auto loaded = wasm::load_module(module);
  EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().message());
  if (!loaded) return {};
  snapshot::Metadata metadata;
  metadata.globals = std::move(values);
  std::vector<std::string> out;
  for (const Finding& finding : judge_route_k(loaded->module, {&metadata, ByteView{}, false})) {
    if (finding.code == "globals") out.push_back(finding.what);
  }
  return out;
}

using Words = std::vector<std::string>;

TEST(RouteK, AcceptsGlobalsThatHoldTheirInitialValues) {
  // (global i32 (i32.const 7)) (global (mut i32) (global.get 0)) (global (mut i64) (i64.const -1))
  const Bytes module =
      module_with({3, 0x7f, 0, 0x41, 7, 0x0b, 0x7f, 1, 0x23, 0, 0x0b, 0x7e, 1, 0x42, 0x7f, 0x0b});
  EXPECT_EQ(
      global_findings(module, {{GlobalType::kI32, 7, 0}, {GlobalType::kI64, ~uint64_t{0}, 0}}),
      Words{});
  EXPECT_EQ(
      global_findings(module, {{GlobalType::kI32, 8, 0}, {GlobalType::kI64, ~uint64_t{0}, 0}}),
      Words{"global 1 is 8 in the state and restarts at 7"});
}

TEST(RouteK, RejectsAGlobalOfAnotherType) {
  // (global (mut i32) (i32.const 0)): the same bits, and yet another module's
  const Bytes module = module_with({1, 0x7f, 1, 0x41, 0, 0x0b});
  EXPECT_EQ(global_findings(module, {{GlobalType::kI64, 0, 0}}),
            Words{"the module persists i32 here, the state has i64"});
}

TEST(RouteK, ComparesAllBitsOfAVector) {
  // (global (mut v128) (v128.const i64x2 0 0))
  const Bytes module =
      module_with({1, 0x7b, 1, 0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b});
  EXPECT_EQ(global_findings(module, {{GlobalType::kV128, 0, 0}}), Words{});
  EXPECT_EQ(global_findings(module, {{GlobalType::kV128, 0, 1}}).size(), 1U);
}

}  // namespace
}  // namespace canrec::recover::test
