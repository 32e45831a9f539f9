// SPDX-License-Identifier: Apache-2.0
// Interfaces of modules: finding them, encoding calls, printing replies.
#include "candid/interface.h"

#include <gtest/gtest.h>

#include <map>

#include "unit/candid/support.h"

namespace canrec::candid {
namespace {

using Sections = std::map<std::string, std::string, std::less<>>;

SectionLookup lookup(const Sections& sections) {
  return [&sections](std::string_view name) -> std::optional<ByteView> {
    const auto found = sections.find(name);
    if (found == sections.end()) return std::nullopt;
    return as_bytes(found->second);
  };
}

Interface interface_of(std::string_view text) {
  auto result = read_interface(as_bytes(text), std::nullopt);
  EXPECT_TRUE(result);
  return std::move(*result);
}

std::string printed(const Interface* interface, std::string_view method, ByteView reply,
                    ReplyForm form) {
  std::string out;
  const auto notes = print_reply(interface, method, reply, form, [&](std::string_view piece) {
    out += piece;
    return Status(Ok{});
  });
  return notes ? out : notes.error().message();
}

TEST(CandidInterface, FindsSectionsUnderTheirThreeNames) {
  for (const char* prefix : {"icp:public ", "icp:private ", ""}) {
    const Sections sections = {{std::string(prefix) + "candid:service", "service : {}"},
                               {std::string(prefix) + "candid:args", "(nat)"}};
    const auto found = read_module_interface(lookup(sections));
    ASSERT_TRUE(found);
    ASSERT_TRUE(*found);
    ASSERT_TRUE((*found)->init);
    EXPECT_EQ((*found)->init->args.size(), 1U);
  }
}

TEST(CandidInterface, TellsMissingFromUnreadable) {
  const auto missing = read_module_interface(lookup({}));
  ASSERT_TRUE(missing);
  EXPECT_FALSE(*missing);
  const Sections broken = {{"icp:public candid:service", "service : {"}};
  const auto unreadable = read_module_interface(lookup(broken));
  ASSERT_FALSE(unreadable);
  EXPECT_EQ(unreadable.error().code(), Errc::kCandidSyntax);
  const Sections bytes = {{"icp:public candid:service", "service : {} // \xff"}};
  EXPECT_EQ(read_module_interface(lookup(bytes)).error().code(), Errc::kUtf8);
  const Sections types_only = {{"icp:public candid:service", "type a = nat"}};
  EXPECT_EQ(read_module_interface(lookup(types_only)).error().code(), Errc::kCandidUnknown);
}

TEST(CandidInterface, TakesInitArgumentsFromTheConstructorFirst) {
  const Sections sections = {{"candid:service", "type t = text; service : (t, nat) -> {}"},
                             {"candid:args", "(nat)"}};
  const auto found = read_module_interface(lookup(sections));
  ASSERT_TRUE(found && *found && (*found)->init);
  EXPECT_EQ((*found)->init->args.size(), 2U);
  const auto init = encode_init(&**found, "(\"x\", 5)");
  ASSERT_TRUE(init);
  EXPECT_EQ(to_hex(init->bytes), "4449444c0002717d017805");
}

TEST(CandidInterface, LetsInitArgumentsUseNamesOfTheService) {
  const Sections sections = {{"candid:service", "type t = record { a : nat }; service : {}"},
                             {"candid:args", "type u = opt text; (t, u)"}};
  const auto found = read_module_interface(lookup(sections));
  ASSERT_TRUE(found && *found && (*found)->init);
  EXPECT_TRUE(encode_init(&**found, "(record { a = 1 })"));
  EXPECT_FALSE(encode_init(&**found, "(record { b = 1 })"));
}

TEST(CandidInterface, FindsMotokoNamesWithATrailingUnderscore) {
  const Interface interface = interface_of("service : { get : (text) -> (nat) query }");
  ASSERT_NE(find_method(interface, "get"), nullptr);
  EXPECT_EQ(find_method(interface, "get_"), find_method(interface, "get"));
  EXPECT_EQ(find_method(interface, "get__"), nullptr);
  const auto exported = [](std::string_view name) {
    return name == "canister_query get_" || name == "canister_update put";
  };
  const auto get = find_export("get", exported);
  ASSERT_TRUE(get);
  EXPECT_EQ(get->name, "canister_query get_");
  EXPECT_EQ(get->mode, Mode::kQuery);
  EXPECT_EQ(find_export("put", exported)->mode, Mode::kUpdate);
  EXPECT_FALSE(find_export("other", exported));
}

TEST(CandidInterface, EncodesCallsAtTheTypesOfTheMethod) {
  const Interface interface = interface_of("service : { get : (nat8, opt text) -> (nat) query }");
  const auto typed = encode_call(&interface, "get", "(5)");
  ASSERT_TRUE(typed);
  EXPECT_TRUE(typed->typed);
  EXPECT_EQ(to_hex(typed->bytes), "4449444c016e71027b000500");
  EXPECT_EQ(encode_call(&interface, "get", "(500)").error().code(), Errc::kCandidMismatch);
  EXPECT_EQ(encode_call(&interface, "get", "()").error().code(), Errc::kCandidMismatch);
  EXPECT_EQ(encode_call(&interface, "get", "(1, null, 3)").error().code(), Errc::kCandidMismatch);
  const auto hidden = encode_call(&interface, "hidden", "(5)");
  ASSERT_TRUE(hidden);
  EXPECT_FALSE(hidden->typed);
  EXPECT_EQ(to_hex(hidden->bytes), "4449444c00017c05");
  const auto bare = encode_call(nullptr, "get", "\"alice\"");
  ASSERT_TRUE(bare);
  EXPECT_EQ(to_hex(bare->bytes), "4449444c00017105616c696365");
}

TEST(CandidInterface, PrintsRepliesInEveryForm) {
  const Interface interface =
      interface_of("service : { get : () -> (record { name : text; age : nat }) query }");
  const Bytes good = test::hex(
      test::encoded("(record { name = \"Ali\"; age = 5 })", "(record { name : text; age : nat })"));
  EXPECT_EQ(printed(&interface, "get", good, ReplyForm::kText),
            "(record { age = 5 : nat; name = \"Ali\" })\n");
  EXPECT_EQ(printed(&interface, "get", good, ReplyForm::kJson),
            "[{\"age\":\"5\",\"name\":\"Ali\"}]\n");
  EXPECT_EQ(printed(&interface, "get", good, ReplyForm::kHex), to_hex(good) + "\n");
  EXPECT_EQ(printed(&interface, "get", good, ReplyForm::kRaw), std::string(as_text(good)));
  // Without the interface the labels are known from the table of common names.
  EXPECT_EQ(printed(nullptr, "get", good, ReplyForm::kText),
            "(record { 4_846_783 = 5 : nat; name = \"Ali\" })\n");
}

TEST(CandidInterface, PrintsAReplyThatDoesNotFitAtItsOwnTypes) {
  const Interface interface = interface_of("service : { get : () -> (nat) query }");
  const Bytes reply = test::hex(test::encoded("(\"text\")", "(text)"));
  std::string out;
  const auto notes =
      print_reply(&interface, "get", reply, ReplyForm::kText, [&](std::string_view piece) {
        out += piece;
        return Status(Ok{});
      });
  ASSERT_TRUE(notes);
  EXPECT_FALSE(notes->typed);
  EXPECT_EQ(notes->mismatch, "argument 1: nat expected, the message has text");
  EXPECT_EQ(out, "(\"text\")\n");
}

TEST(CandidInterface, PrintsNothingOfABrokenReply) {
  std::string out;
  const Bytes reply = test::hex("4449444c000271710568656c6c6f05");
  const auto notes =
      print_reply(nullptr, "get", reply, ReplyForm::kText, [&](std::string_view piece) {
        out += piece;
        return Status(Ok{});
      });
  ASSERT_FALSE(notes);
  EXPECT_EQ(notes.error().code(), Errc::kCandidMalformed);
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace canrec::candid
