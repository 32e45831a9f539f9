// SPDX-License-Identifier: Apache-2.0
#include "patch/site.h"

#include "modules.h"

namespace canrec::patch {
namespace {

TEST(Places, FindsFunctionsByExportNameAndIndex) {
  const TestModule module = small_canister();
  const Places places(module.module());
  for (const char* text : {"canister_pre_upgrade", "pre", "#5", "5", "f5"}) {
    const auto fn = places.function(text);
    ASSERT_TRUE(fn.has_value()) << text;
    EXPECT_EQ(std::to_underlying(*fn), 5u) << text;
  }
  EXPECT_FALSE(places.function("#99").has_value());
  EXPECT_FALSE(places.defined("#0").has_value());
}

TEST(Places, RejectsUnknownFunctionsAndListsSimilarOnes) {
  const TestModule module = small_canister();
  const auto fn = Places(module.module()).function("upd");
  ASSERT_FALSE(fn.has_value());
  EXPECT_EQ(fn.error().code(), Errc::kPatchSite);
  EXPECT_NE(fn.error().message().find("update (#6)"), std::string::npos) << fn.error().message();
}

TEST(Places, RejectsNamesThatSeveralFunctionsHave) {
  Bytes bytes = wasm::module_header();
  append(bytes, wasm::section(wasm::SectionId::kType, Bytes{1, 0x60, 0, 0}));
  append(bytes, wasm::section(wasm::SectionId::kFunction, Bytes{2, 0, 0}));
  append(bytes, wasm::section(wasm::SectionId::kCode, Bytes{2, 2, 0, 0x0b, 2, 0, 0x0b}));
  append(bytes, wasm::custom_section("name", Bytes{1, 7, 2, 0, 1, 'x', 1, 1, 'x'}));
  const TestModule module(std::move(bytes));
  const auto fn = Places(module.module()).function("x");
  ASSERT_FALSE(fn.has_value());
  EXPECT_NE(fn.error().message().find("2 functions are called \"x\""), std::string::npos);
}

TEST(Places, FindsCallsByNumberAndOffset) {
  const TestModule module(R"((module
    (import "ic0" "msg_reply" (func $reply))
    (func call $reply call $reply)))");
  const Places places(module.module());
  const auto second = places.call("f1:msg_reply#2");
  ASSERT_TRUE(second.has_value()) << second.error().message();
  const auto first = places.call("f1:ic0.msg_reply#1");
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(second->instruction.offset, first->instruction.end);
  const auto same = places.call(fmt::format("@0x{:x}", second->instruction.offset));
  ASSERT_TRUE(same.has_value());
  EXPECT_EQ(places.describe(*same),
            fmt::format("f1:msg_reply#2 @0x{:08x}", second->instruction.offset));
  for (const char* text : {"f1:msg_reply", "f1:msg_reply#3", "f1:msg_reply#0", "f1:msg_reject",
                           "@0x", "@0xzz", "@8"}) {
    const auto none = places.call(text);
    ASSERT_FALSE(none.has_value()) << text;
    EXPECT_EQ(none.error().code(), Errc::kPatchSite) << text;
  }
  const auto inside = places.call(fmt::format("@{}", second->instruction.offset + 1));
  ASSERT_FALSE(inside.has_value());
  EXPECT_NE(inside.error().message().find("lies inside the instruction"), std::string::npos);
}

TEST(Places, KnowsWhatIsReached) {
  const TestModule module(R"((module
    (func $f (param i32)
      block
        local.get 0
        if
          return
          nop
        else
          nop
        end
        br 0
        nop
      end
      nop)))");
  std::string reached;
  ASSERT_TRUE(walk(module.module(), wasm::FuncIdx{0}, [&](const Site& site) {
                if (site.instruction.op == wasm::Opcode::kNop)
                  reached += site.reachable ? 'y' : 'n';
              }).has_value());
  EXPECT_EQ(reached, "nyny");
}

}  // namespace
}  // namespace canrec::patch
