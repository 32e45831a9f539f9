// SPDX-License-Identifier: Apache-2.0
// Every body of every real module, in both ways of reading it in canonical form.
#include <gtest/gtest.h>

#include <filesystem>

#include "unit/wasmdiff/read_alike.h"
#include "wasm/load.h"

namespace canrec::wasmdiff {
namespace {

TEST(CanonicalReader, ReadsRealModulesAlikeInBothWays) {
  const std::filesystem::path fixtures = CANREC_FIXTURES;
  size_t modules = 0;
  for (const char* folder : {"azle", "motoko", "ic-wasm"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(fixtures / folder)) {
      if (entry.path().extension() != ".wasm") continue;
      SCOPED_TRACE(entry.path().string());
      const auto file = wasm::open_module(entry.path());
      ASSERT_TRUE(file) << file.error().message();
      EXPECT_GT(test::expect_read_alike(file->module()), 1000U);
      ++modules;
    }
  }
  EXPECT_GE(modules, 10U);
}

}  // namespace
}  // namespace canrec::wasmdiff
