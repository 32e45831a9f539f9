// SPDX-License-Identifier: Apache-2.0
#include "wasm/edit.h"

#include <gtest/gtest.h>

#include "unit/wasm/sample.h"

namespace canrec::wasm {
namespace {

using namespace parts;

class EditTest : public testing::Test {
 protected:
  EditTest() : bytes_(sample_module()) {
    auto module = read_module(bytes_);
    EXPECT_TRUE(module);
    module_ = std::move(*module);
  }
  void rejected(std::vector<Edit> edits, uint64_t offset) {
    const auto result = apply_edits(module_, std::move(edits));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::kWasmEdit);
    EXPECT_EQ(result.error().offset(), offset) << result.error().message();
  }
  Bytes bytes_;
  Module module_;
};

TEST_F(EditTest, CopiesTheModuleWithoutEdits) { EXPECT_EQ(apply_edits(module_, {}), bytes_); }

TEST_F(EditTest, KeepsTheWidthOfTheSizesAroundABody) {
  const Function& fn = module_.functions[1];
  const uint64_t at = fn.code.begin;
  const auto edited = apply_edits(module_, {{EditScope::kBody, {at, at}, {0x01, 0x01, 0x01}}});
  ASSERT_TRUE(edited);
  EXPECT_EQ(edited->size(), bytes_.size() + 3);
  const auto again = read_module(*edited);
  ASSERT_TRUE(again);
  EXPECT_TRUE(validate(*again));
  EXPECT_EQ(again->section(SectionId::kCode)->size_width, 4u);
  EXPECT_EQ(again->functions[1].body.begin - again->functions[1].entry.begin, 5u);
  EXPECT_EQ(again->functions[1].code.size(), fn.code.size() + 3);
}

TEST_F(EditTest, TellsTheEndOfABodyFromThePlaceBehindIt) {
  const uint64_t at = module_.functions[1].entry.end;
  const Bytes entry = body(Bytes{0x00}, Bytes{0x0b});
  const auto behind = apply_edits(module_, {{EditScope::kSection, {at, at}, entry}});
  ASSERT_TRUE(behind);
  // The new entry stands between the functions, and the count does not know of it.
  EXPECT_EQ(read_module(*behind).error().code(), Errc::kWasmSectionSize);
  const uint64_t end = module_.functions[1].code.end;
  const auto inside = apply_edits(module_, {{EditScope::kBody, {end, end}, {0x0b}}});
  ASSERT_TRUE(inside);
  const auto again = read_module(*inside);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->functions[1].code.size(), module_.functions[1].code.size() + 1);
}

TEST_F(EditTest, RemovesAndInsertsWholeSections) {
  const ByteRange names = module_.custom("name")->range;
  const Bytes other = custom_section("other", {});
  const auto edited =
      apply_edits(module_, {{EditScope::kFile, names, {}}, {EditScope::kFile, {8, 8}, other}});
  ASSERT_TRUE(edited);
  EXPECT_EQ(edited->size(), bytes_.size() - names.size() + other.size());
  const auto again = read_module(*edited);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->custom("name"), nullptr);
  EXPECT_EQ(again->sections[0].name, "other");
}

TEST_F(EditTest, RejectsEditsThatDoNotFit) {
  const Function& fn = module_.functions[1];
  const ByteRange code = fn.code;
  rejected({{EditScope::kBody, {code.begin, code.begin + 2}, {}},
            {EditScope::kBody, {code.begin + 1, code.begin + 3}, {}}},
           code.begin + 1);
  rejected({{EditScope::kBody, {code.end, code.end + 1}, {}}}, code.end);
  rejected({{EditScope::kSection, {code.begin, code.begin}, {0x01}}}, code.begin);
  rejected({{EditScope::kFile, {9, 9}, {}}}, 9);
  rejected({{EditScope::kSection, {4, 4}, {}}}, 4);
  rejected({{EditScope::kSection, {bytes_.size(), bytes_.size() + 1}, {}}}, bytes_.size());
}

}  // namespace
}  // namespace canrec::wasm
