// SPDX-License-Identifier: Apache-2.0
// Errors that say which file they are about, once.
#include "base/named_error.h"

#include <gtest/gtest.h>

namespace canrec {
namespace {

TEST(NamedError, PutsFileAndOffsetInFront) {
  const Error named = in_file(Error(Errc::kUnexpectedEof, 0x2d, "section past end"), "a.wasm");
  EXPECT_EQ(named.message(), "a.wasm:0x0000002d: section past end");
  EXPECT_EQ(named.code(), Errc::kUnexpectedEof);
  EXPECT_FALSE(named.offset().has_value());
  EXPECT_EQ(in_file(Error(Errc::kWasmMalformed, std::nullopt, "no code"), "a.wasm").message(),
            "a.wasm: no code");
}

TEST(NamedError, NamesNoFileTwice) {
  for (const auto& [code, message] : std::vector<std::pair<Errc, std::string>>{
           {Errc::kNotFound, "open a.wasm: No such file or directory"},
           {Errc::kIo, "a.wasm is not a regular file"},
           {Errc::kExists, "another exists; give --force to replace it"}}) {
    const Error error(code, std::nullopt, message);
    EXPECT_TRUE(names_file(error, "a.wasm")) << message;
    EXPECT_TRUE(names_file(error, "a.wasm/")) << message;
    EXPECT_EQ(in_file(error.copy(), "a.wasm").message(), message);
  }
  const Error once = in_file(Error(Errc::kUnexpectedEof, 1, "short"), "a.wasm");
  EXPECT_EQ(in_file(once.copy(), "a.wasm").message(), "a.wasm:0x00000001: short");
  // Another file, and a message that only happens to begin alike.
  EXPECT_FALSE(names_file(Error(Errc::kNotFound, std::nullopt, "open b.wasm: none"), "a.wasm"));
  EXPECT_FALSE(names_file(Error(Errc::kWasmMalformed, std::nullopt, "a.wasm x"), "a.wasm"));
  EXPECT_FALSE(names_file(Error(Errc::kIo, 7, "a.wasm x"), "a.wasm"));
  EXPECT_FALSE(names_file(Error(Errc::kExists, std::nullopt, "exists; give another"), "out"));
}

TEST(NamedError, LeavesResultsAlone) {
  EXPECT_EQ(*in_file(Result<int>(7), "a"), 7);
  const Result<int> bad = in_file(Result<int>(fail(Errc::kIo, "cannot")), "a");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().message(), "a: cannot");
}

}  // namespace
}  // namespace canrec
