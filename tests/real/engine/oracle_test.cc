// SPDX-License-Identifier: Apache-2.0
// The interpreter against other engines. The comparisons are scripts for Node, which drive
// engine_runner; they need node, wasm-interp (WABT) and wasm-opt (Binaryen).
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

const std::filesystem::path kScripts =
    std::filesystem::path(CANREC_SOURCE_DIR) / "tests" / "real" / "engine";

bool has(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

int run_script(const std::string& script, const std::string& args) {
  const auto runner = std::filesystem::path(CANREC_PROGRAM).parent_path() / "engine_runner";
  // Newer versions have 64-bit memories without the flag, and some no longer know it.
  const std::string flag = "--experimental-wasm-memory64 ";
  const bool known = std::system(("node " + flag + "-e 0 2>/dev/null").c_str()) == 0;
  const std::string command = "node " + (known ? flag : "") + "'" + (kScripts / script).string() +
                              "' '" + runner.string() + "' " + args;
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(EngineOracles, EveryNumericInstructionAgreesWithNodeAndWabt) {
  ASSERT_TRUE(has("node") && has("wasm-interp")) << "not installed: run scripts/test";
  EXPECT_EQ(run_script("numeric_oracle.mjs", "'" CANREC_SOURCE_DIR "/src/wasm/opcodes.def'"), 0);
}

// The compilers whose modules have no 64-bit tables, which Node 20 does not know. Imports return
// zeros, so much of what runs ends in traps; counts, calls of imports and memory agree all the
// same.
TEST(EngineOracles, RealModulesAgreeWithNode) {
  ASSERT_TRUE(has("node")) << "node is not installed: run scripts/test";
  const std::string fixtures = CANREC_FIXTURES;
  EXPECT_EQ(run_script("fuzz_oracle.mjs", "--real '" + fixtures + "'/motoko/2.0.3/*.wasm '" +
                                              fixtures + "'/motoko/3.*/*.wasm '" + fixtures +
                                              "'/azle/0.33.0/*.wasm"),
            0);
}

TEST(EngineOracles, RandomModulesAgreeWithNode) {
  ASSERT_TRUE(has("node") && has("wasm-opt")) << "not installed: run scripts/test";
  EXPECT_EQ(run_script("fuzz_oracle.mjs", "120"), 0);
}

}  // namespace
