// SPDX-License-Identifier: Apache-2.0
#include "wasm/text.h"

#include <gtest/gtest.h>

#include "unit/wasm/parts.h"

namespace canrec::wasm {
namespace {

using namespace parts;

std::vector<std::string> lines_of(const Bytes& code) {
  Parts parts;
  parts.types = {func_type({}, {}), func_type({kI32, kI64}, {kF32})};
  parts.imports = {import_func("ic0", "msg_reply", 0)};
  parts.memories = {{0x00, 0x01}};
  parts.code = code;
  const Bytes bytes = parts.module();
  const auto module = read_module(bytes);
  EXPECT_TRUE(module);
  const FunctionNames names(*module, FunctionNames::Style::kReadable);
  const auto lines = body_text(*module, names, FuncIdx{1});
  EXPECT_TRUE(lines);
  std::vector<std::string> out;
  for (const TextLine& line : *lines) out.push_back(std::string(2 * line.depth, ' ') + line.text);
  return out;
}

TEST(BodyText, IndentsBlocksAndNamesCallees) {
  // block  i32.const -1  if (param i32 i64) (result f32)  call 0  else  unreachable  end  end  end
  const auto lines =
      lines_of({0x02, 0x40, 0x41, 0x7f, 0x04, 0x01, 0x10, 0x00, 0x05, 0x00, 0x0b, 0x0b});
  const std::vector<std::string> expected = {"block",
                                             "  i32.const -1",
                                             "  if (param i32 i64) (result f32)",
                                             "    call $ic0.msg_reply",
                                             "  else",
                                             "    unreachable",
                                             "  end",
                                             "end",
                                             "end"};
  // The last `end` closes the function itself.
  EXPECT_EQ(lines, expected);
}

TEST(BodyText, PrintsImmediatesOfEveryShape) {
  EXPECT_EQ(lines_of({0x28, 0x02, 0x08})[0], "i32.load offset=8");
  EXPECT_EQ(lines_of({0x28, 0x00, 0x00})[0], "i32.load align=1");
  EXPECT_EQ(lines_of({0x0e, 0x02, 0x00, 0x01, 0x02})[0], "br_table 0 1 2");
  EXPECT_EQ(lines_of({0x11, 0x01, 0x00})[0], "call_indirect (param i32 i64) (result f32)");
  EXPECT_EQ(lines_of({0x43, 0x00, 0x00, 0xc0, 0x3f})[0], "f32.const 0x1.8p+0");
  EXPECT_EQ(lines_of({0x43, 0x00, 0x00, 0xc0, 0xff})[0], "f32.const -nan");
  EXPECT_EQ(lines_of({0x43, 0x01, 0x00, 0x80, 0x7f})[0], "f32.const nan:0x1");
  EXPECT_EQ(lines_of({0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f})[0], "f64.const inf");
  EXPECT_EQ(lines_of({0xd0, 0x70})[0], "ref.null func");
  EXPECT_EQ(lines_of({0x1c, 0x01, 0x7e})[0], "select (result i64)");
  EXPECT_EQ(lines_of({0xfc, 0x08, 0x03, 0x00})[0], "memory.init 3");
  EXPECT_EQ(lines_of({0xfd, 0x15, 0x07})[0], "i8x16.extract_lane_s 7");
  EXPECT_EQ(lines_of({0xfd, 0x57, 0x03, 0x04, 0x01})[0], "v128.load64_lane offset=4 1");
  EXPECT_EQ(lines_of({0xfd, 0x0c, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0})[0],
            "v128.const i32x4 0x00000001 0x00000002 0x00000003 0x00000004");
}

TEST(TextIdentifier, QuotesWhatTheFormatCannotSpell) {
  EXPECT_EQ(text_identifier("ic0.msg_reply"), "$ic0.msg_reply");
  EXPECT_EQ(text_identifier("foo::bar(int)"), "$\"foo::bar(int)\"");
  EXPECT_EQ(text_identifier(""), "$\"\"");
}

}  // namespace
}  // namespace canrec::wasm
