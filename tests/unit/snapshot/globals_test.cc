// SPDX-License-Identifier: Apache-2.0
// What a module's globals begin with, and how values are shown.
#include "snapshot/globals.h"

#include <gtest/gtest.h>

#include "wasm/builder.h"
#include "wasm/load.h"

namespace canrec::snapshot {
namespace {

// A module whose global section holds these entries.
Bytes module_of(const Bytes& globals) {
  return wasm::concat({wasm::module_header(), wasm::section(wasm::SectionId::kGlobal, globals)});
}

std::optional<GlobalValue> initial(const Bytes& globals, uint32_t index) {
  const Bytes bytes = module_of(globals);
  const auto loaded = wasm::load_module(bytes);
  EXPECT_TRUE(loaded.has_value()) << (loaded ? "" : loaded.error().message());
  if (!loaded) return std::nullopt;
  return initial_value(loaded->module, wasm::GlobalIdx{index});
}

TEST(InitialValue, IsTheConstantOfEachType) {
  // (global i32 (i32.const -1))
  EXPECT_EQ(initial({1, 0x7f, 0, 0x41, 0x7f, 0x0b}, 0),
            (GlobalValue{GlobalType::kI32, 0xffffffff, 0}));
  // (global i64 (i64.const -1))
  EXPECT_EQ(initial({1, 0x7e, 0, 0x42, 0x7f, 0x0b}, 0),
            (GlobalValue{GlobalType::kI64, ~uint64_t{0}, 0}));
  // (global f32 (f32.const 1.5))
  EXPECT_EQ(initial({1, 0x7d, 0, 0x43, 0, 0, 0xc0, 0x3f, 0x0b}, 0),
            (GlobalValue{GlobalType::kF32, 0x3fc00000, 0}));
  // (global f64 (f64.const 1.5))
  EXPECT_EQ(initial({1, 0x7c, 0, 0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x0b}, 0),
            (GlobalValue{GlobalType::kF64, 0x3ff8000000000000, 0}));
  // (global v128 (v128.const i64x2 1 2))
  EXPECT_EQ(
      initial({1, 0x7b, 0, 0xfd, 12, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x0b}, 0),
      (GlobalValue{GlobalType::kV128, 1, 2}));
}

TEST(InitialValue, FollowsEarlierGlobals) {
  // (global i32 (i32.const 7)) (global i32 (global.get 0)) (global (mut i32) (global.get 1))
  const Bytes chain = {3, 0x7f, 0, 0x41, 7, 0x0b, 0x7f, 0, 0x23, 0, 0x0b, 0x7f, 1, 0x23, 1, 0x0b};
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(initial(chain, i), (GlobalValue{GlobalType::kI32, 7, 0})) << i;
  }
}

TEST(InitialValue, IsUnknownOfAGlobalThatTakesItselfOrALaterOne) {
  // (global i32 (global.get 1)) (global i32 (global.get 0))
  const Bytes circle = {2, 0x7f, 0, 0x23, 1, 0x0b, 0x7f, 0, 0x23, 0, 0x0b};
  EXPECT_EQ(initial(circle, 0), std::nullopt);
  EXPECT_EQ(initial(circle, 1), std::nullopt);
  // (global i32 (global.get 0))
  EXPECT_EQ(initial({1, 0x7f, 0, 0x23, 0, 0x0b}, 0), std::nullopt);
}

TEST(InitialValue, IsUnknownOfAnImportedGlobal) {
  // (import "a" "b" (global i32)) (global i32 (global.get 0))
  const Bytes bytes =
      wasm::concat({wasm::module_header(),
                    wasm::section(wasm::SectionId::kImport, Bytes{1, 1, 'a', 1, 'b', 3, 0x7f, 0}),
                    wasm::section(wasm::SectionId::kGlobal, Bytes{1, 0x7f, 0, 0x23, 0, 0x0b})});
  const auto loaded = wasm::load_module(bytes);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_EQ(initial_value(loaded->module, wasm::GlobalIdx{0}), std::nullopt);
  EXPECT_EQ(initial_value(loaded->module, wasm::GlobalIdx{1}), std::nullopt);
}

TEST(ValueText, ShowsIntegersSignedAndTheRestAsBits) {
  EXPECT_EQ(value_text({GlobalType::kI32, 0xffffffff, 0}), "-1");
  EXPECT_EQ(value_text({GlobalType::kI64, ~uint64_t{0}, 0}), "-1");
  EXPECT_EQ(value_text({GlobalType::kF32, 1, 0}), "bits 0x00000001");
  EXPECT_EQ(value_text({GlobalType::kF64, 1, 0}), "bits 0x0000000000000001");
  EXPECT_EQ(value_text({GlobalType::kV128, 1, 2}), "bits 0x00000000000000020000000000000001");
}

}  // namespace
}  // namespace canrec::snapshot
