// SPDX-License-Identifier: Apache-2.0
// Text and back on real functions: the same instructions, so no change.
#include "patch/wat_window.h"

#include "fixtures.h"

namespace canrec::patch {
namespace {

// Functions looked at in one module; larger modules are sampled evenly.
constexpr uint32_t kFunctions = 120;

class WatWindowReal : public testing::TestWithParam<std::string> {};

TEST_P(WatWindowReal, GivesEveryFunctionBackUnchanged) {
  const auto file = open_fixture(GetParam());
  ASSERT_TRUE(file.has_value()) << file.error().message();
  const wasm::Module& module = file->module();
  const auto functions = static_cast<uint32_t>(module.functions.size());
  const uint32_t defined = functions - module.imported_functions;
  // Azle's modules have thousands of functions, each text of which names them all.
  const uint32_t wanted = defined > 2000 ? 12 : kFunctions;
  const uint32_t step = std::max(1u, defined / wanted);
  for (uint32_t i = module.imported_functions; i < functions; i += step) {
    const wasm::FuncIdx fn{i};
    const auto text = function_to_wat(file->loaded, fn);
    ASSERT_TRUE(text.has_value()) << i << ": " << text.error().message();
    const auto plan = edit_function(file->loaded, fn, *text);
    ASSERT_TRUE(plan.has_value()) << i << ": " << plan.error().message() << "\n"
                                  << text->substr(0, 4000);
    EXPECT_TRUE(plan->changes.empty()) << i << ": offset " << plan->changes[0].range.begin;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, WatWindowReal, testing::ValuesIn(real_modules()), test_name);

TEST(WatWindowReal, HasFixtures) { EXPECT_GE(real_modules().size(), 20u); }

}  // namespace
}  // namespace canrec::patch
