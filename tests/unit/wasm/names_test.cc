// SPDX-License-Identifier: Apache-2.0
#include "wasm/names.h"

#include <gtest/gtest.h>

#include "unit/wasm/parts.h"

namespace canrec::wasm {
namespace {

using namespace parts;

Bytes name_section(std::initializer_list<Bytes> subsections) {
  return custom_section("name", concat(subsections));
}
Bytes subsection(uint8_t id, const Bytes& content) {
  Bytes out{id, static_cast<uint8_t>(content.size())};
  append(out, content);
  return out;
}
Bytes named(uint8_t index, std::string_view name) { return concat({{index}, name_bytes(name)}); }

TEST(Demangle, ReadsRustLegacyNamesWithoutTheHash) {
  EXPECT_EQ(demangle("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE"),
            "core::fmt::Formatter::pad");
}
TEST(Demangle, ReadsRustV0Names) { EXPECT_EQ(demangle("_RNvCs1234_7mycrate3foo"), "mycrate::foo"); }
TEST(Demangle, ReadsItaniumNames) { EXPECT_EQ(demangle("_ZN3foo3barEi"), "foo::bar(int)"); }
TEST(Demangle, LeavesOtherNamesAlone) {
  EXPECT_EQ(demangle("canister_init"), "canister_init");
  EXPECT_EQ(demangle("_Znonsense!"), "_Znonsense!");
  EXPECT_EQ(demangle(""), "");
}
// f(pair<int, int>, pair of the last with itself, ...): every parameter doubles the text.
std::string exploding_name(size_t doublings) {
  std::string name = "_Z1fSt4pairIiiE";
  const std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (size_t i = 0; i < doublings; ++i) {
    const std::string last = std::string("S") + digits[i] + "_";
    name += "S_I" + last + last + "E";
  }
  return name;
}
TEST(Demangle, GivesUpOnNamesThatExplode) {
  EXPECT_GT(demangle(exploding_name(7)).size(), 1024u);
  EXPECT_EQ(demangle(exploding_name(30)), exploding_name(30));
}

TEST(FunctionNames, PrefersTheNameSectionThenTheExportThenTheIndex) {
  Parts parts;
  parts.imports = {import_func("ic0", "msg_reply", 0)};
  parts.exports = {export_of("canister_init", 0, 1)};
  const Bytes plain = parts.module();
  auto module = read_module(plain);
  ASSERT_TRUE(module);
  EXPECT_EQ(FunctionNames(*module, FunctionNames::Style::kReadable).of(FuncIdx{0}),
            "ic0.msg_reply");
  EXPECT_EQ(FunctionNames(*module, FunctionNames::Style::kReadable).of(FuncIdx{1}),
            "canister_init");

  parts.custom = {name_section({subsection(1, vec({named(0, "x"), named(1, "_ZN3foo3barEi")}))})};
  const Bytes with_names = parts.module();
  module = read_module(with_names);
  ASSERT_TRUE(module);
  const FunctionNames readable(*module, FunctionNames::Style::kReadable);
  EXPECT_EQ(readable.of(FuncIdx{0}), "ic0.msg_reply");
  EXPECT_EQ(readable.of(FuncIdx{1}), "foo::bar(int)");
  EXPECT_EQ(readable.raw(FuncIdx{1}), "_ZN3foo3barEi");
  EXPECT_EQ(FunctionNames(*module, FunctionNames::Style::kRaw).of(FuncIdx{1}), "_ZN3foo3barEi");

  parts.exports.clear();
  parts.custom.clear();
  const Bytes bare = parts.module();
  module = read_module(bare);
  ASSERT_TRUE(module);
  EXPECT_EQ(FunctionNames(*module, FunctionNames::Style::kRaw).of(FuncIdx{1}), "f1");
}

TEST(FunctionNames, PrintsControlCharactersAsHex) {
  Parts parts;
  parts.exports = {export_of("a\x1b[31mb", 0, 0)};
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  EXPECT_EQ(FunctionNames(*module, FunctionNames::Style::kRaw).of(FuncIdx{0}), "a\\1b[31mb");
}

TEST(ReadNames, KeepsWhatComesBeforeTheDamage) {
  Parts parts;
  parts.custom = {name_section({
      subsection(1, vec({named(0, "main")})),
      subsection(2, vec({concat({{0x00}, vec({named(0, "x"), named(3, "y")})})})),
      subsection(7, vec({named(0, "__stack_pointer")})),
      subsection(9, {0x02, 0x00}),
  })};
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const NameSection names = read_names(*module);
  EXPECT_EQ(names.functions.at(0), "main");
  EXPECT_EQ(names.locals.at(0).at(3), "y");
  EXPECT_EQ(names.globals.at(0), "__stack_pointer");
  ASSERT_TRUE(names.problem);
  EXPECT_EQ(names.problem->code(), Errc::kUnexpectedEof);
}

TEST(ReadNames, GivesTheFunctionNamesAloneAlike) {
  for (const std::string_view second : {"g", "\xff"}) {  // the latter is damage
    Parts parts;
    parts.imports = {import_func("ic0", "f", 0)};
    parts.custom = {name_section({subsection(1, vec({named(0, "f"), named(1, second)}))})};
    const Bytes bytes = parts.module();
    const auto module = read_module(bytes);
    ASSERT_TRUE(module) << module.error().message();
    EXPECT_EQ(read_function_names(*module), read_names(*module).functions);
    EXPECT_EQ(read_function_names(*module).at(0), "f");
  }
}

TEST(ReadNames, TellsOfANameForAFunctionThatIsNotThere) {
  Parts parts;
  parts.custom = {name_section({subsection(1, vec({named(0, "main"), named(9, "ghost")}))})};
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  ASSERT_TRUE(module);
  const NameSection names = read_names(*module);
  EXPECT_EQ(names.functions.at(0), "main");
  ASSERT_TRUE(names.problem);
  EXPECT_EQ(names.problem->code(), Errc::kWasmIndex);
}

}  // namespace
}  // namespace canrec::wasm
