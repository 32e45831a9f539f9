// SPDX-License-Identifier: Apache-2.0
// The interpreter against other engines. The comparisons are scripts for Node, which drive
// engine_runner; they need wasm-interp and spectest-interp (WABT) and wasm-opt (Binaryen). Node is
// a fixture, since the one of the distributions knows no 64-bit tables.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

const std::filesystem::path kScripts =
    std::filesystem::path(CANREC_SOURCE_DIR) / "tests" / "real" / "engine";
const std::string kFixtures = CANREC_FIXTURES;

bool has(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

class EngineOracles : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(kFixtures + "/bin/node")) << "fetch the fixtures";
  }
  static int run_script(const std::string& script, const std::string& args) {
    const auto runner = std::filesystem::path(CANREC_PROGRAM).parent_path() / "engine_runner";
    const std::string command = "'" + kFixtures + "/bin/node' '" + (kScripts / script).string() +
                                "' '" + runner.string() + "' " + args;
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

TEST_F(EngineOracles, EveryNumericInstructionAgreesWithNodeAndWabt) {
  ASSERT_TRUE(has("wasm-interp")) << "not installed: run scripts/test";
  EXPECT_EQ(run_script("numeric_oracle.mjs", "'" CANREC_SOURCE_DIR "/src/wasm/opcodes.def'"), 0);
}

TEST_F(EngineOracles, TablesOfBothWidthsAgreeWithNode) {
  EXPECT_EQ(run_script("table_oracle.mjs", "2000"), 0);
}

// Imports return zeros, so much of what runs ends in traps; counts, calls of imports and memory
// agree all the same.
TEST_F(EngineOracles, RealModulesAgreeWithNode) {
  EXPECT_EQ(run_script("fuzz_oracle.mjs", "--real '" + kFixtures + "'/motoko/*/*.wasm '" +
                                              kFixtures + "'/azle/0.33.0/*.wasm"),
            0);
}

TEST_F(EngineOracles, RandomModulesAgreeWithNodeAndWabt) {
  ASSERT_TRUE(has("wasm-opt") && has("spectest-interp")) << "not installed: run scripts/test";
  EXPECT_EQ(run_script("fuzz_oracle.mjs", "120"), 0);
}

}  // namespace
