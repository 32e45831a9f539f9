// SPDX-License-Identifier: Apache-2.0
#include "wasm/toolchain.h"

#include <gtest/gtest.h>

#include "unit/wasm/parts.h"
#include "wasm/inspect.h"

namespace canrec::wasm {
namespace {

using namespace parts;

ModuleFacts facts_of(const Bytes& bytes) {
  const auto module = read_module(bytes);
  EXPECT_TRUE(module);
  return inspect_module(*module, FunctionNames(*module, FunctionNames::Style::kReadable));
}

Bytes text_section(std::string_view name, std::string_view text) {
  return custom_section(name, as_bytes(text));
}
Bytes producers(std::string_view field, std::string_view name, std::string_view version) {
  return custom_section(
      "producers",
      concat({{0x01}, name_bytes(field), {0x01}, name_bytes(name), name_bytes(version)}));
}

TEST(DetectToolchain, TellsClassicalFromEnhancedMotoko) {
  Parts parts;
  parts.custom = {text_section("icp:private motoko:compiler", "0.14.9")};
  const Bytes classical = parts.module();
  ModuleFacts facts = facts_of(classical);
  EXPECT_EQ(facts.toolchain.toolchain, Toolchain::kMotokoClassical);
  EXPECT_EQ(facts.toolchain.compiler, "0.14.9");
  // The section that an upgrade with a kept heap asks for makes no other runtime of it.
  parts.custom.push_back(text_section("icp:private enhanced-orthogonal-persistence", ""));
  const Bytes prepared = parts.module();
  EXPECT_EQ(facts_of(prepared).toolchain.toolchain, Toolchain::kMotokoClassical);
  parts.custom.back() =
      text_section("icp:private enhanced-orthogonal-persistence", "64-bit, layout version 1");
  parts.memories = {{0x04, 0x01}};
  const Bytes enhanced = parts.module();
  facts = facts_of(enhanced);
  EXPECT_EQ(facts.toolchain.toolchain, Toolchain::kMotokoEnhanced);
  EXPECT_EQ(facts.toolchain.layout, "64-bit, layout version 1");
  parts.custom = {text_section("motoko", "")};
  const Bytes wide = parts.module();
  EXPECT_EQ(facts_of(wide).toolchain.toolchain, Toolchain::kMotokoEnhanced);
}

TEST(DetectToolchain, KnowsAzleRustAndCByTheirSigns) {
  Parts parts;
  parts.custom = {producers("language", "Rust", "")};
  const Bytes rust = parts.module();
  EXPECT_EQ(facts_of(rust).toolchain.toolchain, Toolchain::kRust);
  parts.exports = {export_of("canister_query _azle_actions_len", 0, 0)};
  const Bytes azle = parts.module();
  EXPECT_EQ(facts_of(azle).toolchain.toolchain, Toolchain::kAzle);
  parts.exports.clear();
  parts.custom = {producers("processed-by", "clang", "19.1.7")};
  const Bytes c = parts.module();
  ModuleFacts facts = facts_of(c);
  EXPECT_EQ(facts.toolchain.toolchain, Toolchain::kC);
  EXPECT_EQ(facts.toolchain.compiler, "clang 19.1.7");
  parts.custom.clear();
  const Bytes bare = parts.module();
  EXPECT_EQ(facts_of(bare).toolchain.toolchain, Toolchain::kUnknown);
}

TEST(DetectToolchain, KnowsRustByItsMangling) {
  Parts parts;
  const Bytes names = concat({{0x01, 0x00}, name_bytes("_ZN3foo3bar17h0123456789abcdefE")});
  parts.custom = {
      custom_section("name", concat({{0x01, static_cast<uint8_t>(names.size())}, names}))};
  const Bytes bytes = parts.module();
  EXPECT_EQ(facts_of(bytes).toolchain.toolchain, Toolchain::kRust);
}

TEST(DetectToolchain, KeepsTheProducersBeforeTheDamage) {
  Parts parts;
  parts.custom = {custom_section("producers", concat({{0x02},
                                                      name_bytes("language"),
                                                      {0x01},
                                                      name_bytes("Rust"),
                                                      name_bytes(""),
                                                      name_bytes("cut")}))};
  const Bytes bytes = parts.module();
  const ModuleFacts facts = facts_of(bytes);
  EXPECT_EQ(facts.toolchain.toolchain, Toolchain::kRust);
  EXPECT_EQ(facts.toolchain.producers.size(), 1u);
}

TEST(InspectModule, SaysWhyAModuleIsInvalidAndKeepsTheRest) {
  Parts parts;
  parts.custom = {text_section("motoko", "")};
  parts.code = {0x41, 0x00};
  const Bytes bytes = parts.module();
  const ModuleFacts facts = facts_of(bytes);
  ASSERT_TRUE(facts.invalid);
  EXPECT_EQ(facts.invalid->code(), Errc::kWasmInvalid);
  EXPECT_EQ(facts.toolchain.toolchain, Toolchain::kMotokoClassical);
  EXPECT_TRUE(facts.entries.empty());
}

TEST(ParseIcpSection, SplitsVisibilityAndName) {
  EXPECT_TRUE(parse_icp_section("icp:public candid:service")->is_public);
  EXPECT_EQ(parse_icp_section("icp:private  x")->name, " x");
  EXPECT_FALSE(parse_icp_section("icp:private x")->is_public);
  EXPECT_FALSE(parse_icp_section("icp:public"));
  EXPECT_FALSE(parse_icp_section("name"));
}

}  // namespace
}  // namespace canrec::wasm
