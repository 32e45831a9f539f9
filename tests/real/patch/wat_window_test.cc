// SPDX-License-Identifier: Apache-2.0
// Text and back on real functions: the same instructions, so no change.
#include "patch/wat_window.h"

#include "fixtures.h"
#include "patch/apply.h"

namespace canrec::patch {
namespace {

// Functions looked at in a module of the Motoko compiler, and in one of Azle, whose functions are
// thousands, each text of which names them all. Others are looked at whole.
constexpr size_t kOfMotoko = 60;
constexpr size_t kOfAzle = 12;

class WatWindowReal : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto file = open_fixture(GetParam());
    ASSERT_TRUE(file.has_value()) << file.error().message();
    file_.emplace(std::move(*file));
  }

  // Evenly spread, and beginning at another function in each module: programs of one compiler
  // share their runtime, so together they cover it.
  std::vector<wasm::FuncIdx> sample() const {
    const wasm::Module& module = file_->module();
    const size_t defined = module.functions.size() - module.imported_functions;
    const size_t wanted = defined > 2000 ? kOfAzle : defined > 300 ? kOfMotoko : defined;
    const size_t step = wanted == 0 ? 1 : (defined + wanted - 1) / wanted;
    size_t first = 0;
    for (const char c : GetParam()) first = first * 31 + static_cast<unsigned char>(c);
    std::vector<wasm::FuncIdx> out;
    for (size_t i = first % step; i < defined; i += step) {
      out.push_back(wasm::FuncIdx{static_cast<uint32_t>(module.imported_functions + i)});
    }
    return out;
  }

  std::optional<wasm::ModuleFile> file_;
};

TEST_P(WatWindowReal, GivesEveryFunctionBackUnchanged) {
  const auto functions = sample();
  RecordProperty("functions", static_cast<int>(functions.size()));
  for (const wasm::FuncIdx fn : functions) {
    const auto text = function_to_wat(file_->loaded, fn);
    ASSERT_TRUE(text.has_value()) << std::to_underlying(fn) << ": " << text.error().message();
    const auto plan = edit_function(file_->loaded, fn, *text);
    ASSERT_TRUE(plan.has_value()) << std::to_underlying(fn) << ": " << plan.error().message()
                                  << "\n"
                                  << text->substr(0, 4000);
    EXPECT_TRUE(plan->changes.empty())
        << std::to_underlying(fn) << ": offset " << plan->changes[0].range.begin;
  }
}

// One instruction in front of the body and nothing else: what stood there keeps its bytes.
TEST_P(WatWindowReal, PutsOneInstructionInAndKeepsTheRest) {
  const auto functions = sample();
  if (functions.empty()) return;
  const wasm::Module& module = file_->module();
  const wasm::FuncIdx fn = functions[functions.size() / 2];
  auto text = function_to_wat(file_->loaded, fn);
  ASSERT_TRUE(text.has_value()) << text.error().message();
  // Behind the first line of the function, and of its locals where it has some.
  size_t at = text->find('\n', text->find("\n(func ") + 1);
  if (text->compare(at, 9, "\n  (local") == 0) at = text->find('\n', at + 1);
  // A function without instructions ends on that line.
  if (at + 1 == text->size()) at = text->rfind(')');
  text->insert(at, "\n  nop");
  const auto plan = edit_function(file_->loaded, fn, *text);
  ASSERT_TRUE(plan.has_value()) << plan.error().message() << *text;
  ASSERT_EQ(plan->changes.size(), 1U);
  EXPECT_EQ(plan->changes[0].range.begin, module.function(fn).code.begin);
  EXPECT_EQ(plan->changes[0].range.size(), 0U);
  EXPECT_EQ(plan->changes[0].after, Bytes{0x01});
  const auto result = apply(file_->loaded, *plan);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->evidence.functions_changed, 1U);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, WatWindowReal, testing::ValuesIn(real_modules()), test_name);

TEST(WatWindowReal, HasFixtures) { EXPECT_GE(real_modules().size(), 180U); }

}  // namespace
}  // namespace canrec::patch
