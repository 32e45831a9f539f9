// SPDX-License-Identifier: Apache-2.0
// Which outputs would change an input.
#include "recover/outside.h"

#include <gtest/gtest.h>

#include "support/temporary_directory.h"

namespace canrec::recover {
namespace {

namespace fs = std::filesystem;

TEST(Outside, RejectsAnOutputInTheInput) {
  const canrec::test::TemporaryDirectory directory;
  const fs::path state = directory.path() / "state";
  fs::create_directories(state);
  fs::create_directory_symlink(state, directory.path() / "link");
  for (const char* inside :
       {"state", "state/", "state/out", "state/a/b", "x/../state/out", "link/out"}) {
    for (const fs::path& input : {state, state / ""}) {
      const Status status = check_outside(input, directory.path() / inside);
      ASSERT_FALSE(status.has_value()) << inside;
      EXPECT_EQ(status.error().code(), Errc::kBadArgument);
    }
  }
  for (const char* outside : {"state-2", "out", "stat", "state/../out", "."}) {
    EXPECT_TRUE(check_outside(state, directory.path() / outside).has_value()) << outside;
  }
}

}  // namespace
}  // namespace canrec::recover
