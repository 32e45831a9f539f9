// SPDX-License-Identifier: Apache-2.0
// Every function of real modules can be translated, and real modules make states.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "engine/translator.h"
#include "wasm/load.h"

namespace canrec::engine {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> modules_in(const char* folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(CANREC_FIXTURES) / folder)) {
    if (entry.path().extension() == ".wasm") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

uint64_t translate_all(const fs::path& path) {
  const auto file = wasm::open_module(path);
  EXPECT_TRUE(file) << path;
  auto compiled = CompiledModule::compile(file->module());
  EXPECT_TRUE(compiled) << path;
  uint64_t count = 0;
  for (FunctionCode& function : compiled->impl().functions) {
    if (function.entry == nullptr) continue;
    const Status done = translate(compiled->impl(), function);
    EXPECT_TRUE(done) << path << ": " << done.error().message();
    ++count;
  }
  auto memory = initial_memory(*compiled);
  EXPECT_TRUE(memory) << path;
  EXPECT_TRUE(apply_active_segments(*compiled, *memory)) << path;
  std::vector<Value> globals = initial_globals(*compiled);
  const HostFunction nobody{[](void*, HostCall&) -> HostStatus { return nullptr; }, nullptr};
  const std::vector<HostFunction> imports(file->module().imported_functions, nobody);
  EXPECT_TRUE(Instance::attach(*compiled, &*memory, globals, imports, {})) << path;
  return count;
}

TEST(EngineRealModules, MotokoModulesTranslateWhole) {
  uint64_t functions = 0;
  for (const fs::path& path : modules_in("motoko")) functions += translate_all(path);
  EXPECT_GT(functions, 10'000u);
}

TEST(EngineRealModules, AzleModulesTranslateWhole) {
  uint64_t functions = 0;
  for (const fs::path& path : modules_in("azle")) functions += translate_all(path);
  EXPECT_GT(functions, 10'000u);
}

}  // namespace
}  // namespace canrec::engine
