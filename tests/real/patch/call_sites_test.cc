// SPDX-License-Identifier: Apache-2.0
// Calls of real modules, taken out and put back.
#include <fmt/core.h>

#include "fixtures.h"
#include "ic/context.h"
#include "patch/apply.h"
#include "patch/calls.h"
#include "patch/operations.h"
#include "patch/proof_body.h"

namespace canrec::patch {
namespace {

class CallSitesReal : public testing::TestWithParam<std::string> {};

// Applies a plan to bytes that the result then views.
Bytes applied(const wasm::LoadedModule& input, const Result<Plan>& plan) {
  EXPECT_TRUE(plan.has_value()) << plan.error().message();
  if (!plan) return {};
  auto result = apply(input, *plan);
  EXPECT_TRUE(result.has_value()) << result.error().message();
  return result ? std::move(result->stored) : Bytes{};
}

// "stable_write(pop, pop, pop)"
std::string popping_call(const ic::SystemApiFunction& api) {
  std::string call = std::string(api.name) + "(";
  for (size_t i = 0; i < api.parameters.size(); ++i) call += i == 0 ? "pop" : ", pop";
  return call + ")";
}

// Every function has the same locals and instructions; a call's index may have lost its padding.
void expect_same_functions(const wasm::Module& old, const wasm::Module& now,
                           const std::string& place) {
  ASSERT_EQ(old.functions.size(), now.functions.size()) << place;
  for (uint32_t i = old.imported_functions; i < old.functions.size(); ++i) {
    const ByteView before = old.view(old.functions[i].body);
    const ByteView after = now.view(now.functions[i].body);
    if (std::ranges::equal(before, after)) continue;
    EXPECT_TRUE(
        std::ranges::equal(old.view(old.functions[i].locals), now.view(now.functions[i].locals)));
    wasm::InstructionReader want = old.instructions(old.functions[i]);
    wasm::InstructionReader have = now.instructions(now.functions[i]);
    wasm::Instruction a;
    wasm::Instruction b;
    while (!want.at_end() && !have.at_end()) {
      ASSERT_TRUE(want.next(a) && have.next(b));
      ASSERT_TRUE(same_instruction(a, b, Numbering{})) << place << " at " << a.offset;
    }
    EXPECT_EQ(want.at_end(), have.at_end()) << place;
  }
}

TEST_P(CallSitesReal, RemovedAndPutBackTheModuleIsTheSame) {
  const auto file = open_fixture(GetParam());
  ASSERT_TRUE(file.has_value()) << file.error().message();
  const wasm::Module& module = file->module();
  const auto list = list_calls(module, "");
  ASSERT_TRUE(list.has_value()) << list.error().message();
  // Of a large module every n-th site: each costs two proofs.
  const size_t step = module.bytes.size() > 1'000'000
                          ? std::max<size_t>(1, list->sites.size() / 4)
                          : std::max<size_t>(1, list->sites.size() / 15);
  size_t tried = 0;
  for (size_t i = 0; i < list->sites.size(); i += step) {
    const CallSiteInfo& site = list->sites[i];
    const bool in_hook = std::ranges::any_of(site.reached_from, [&](const ReachedFrom& from) {
      return ic::find_hook(list->entries[from.entry].name) != nullptr;
    });
    if (!in_hook || !site.site.reachable || site.api == nullptr) continue;
    if (site.site.instruction.op == wasm::Opcode::kReturnCall) continue;
    ++tried;
    const std::string place = fmt::format("@{}", site.site.instruction.offset);
    const std::vector<std::string> results(site.api->results.size(), "1");
    const Bytes removed = applied(file->loaded, remove_call(file->loaded, place, results));
    ASSERT_FALSE(removed.empty()) << site.place;
    const auto without = wasm::load_module(removed);
    ASSERT_TRUE(without.has_value());
    // Taking out may have shortened LEB128s in front: the site is found through its function.
    const wasm::Function& old_fn = module.function(site.site.function);
    const wasm::Function& now_fn = without->module.function(site.site.function);
    const uint64_t offset = now_fn.code.begin + (site.site.instruction.offset - old_fn.code.begin);
    const auto instructions = static_cast<uint32_t>(site.api->parameters.size() + results.size());
    Insertion insertion;
    insertion.call = popping_call(*site.api);
    insertion.keep_result = true;
    insertion.where = instructions == 0 ? Where::kBefore : Where::kOver;
    insertion.over = instructions;
    const Bytes back =
        applied(*without, insert_call(*without, fmt::format("@{}", offset), insertion));
    const auto restored = wasm::load_module(back);
    ASSERT_TRUE(restored.has_value()) << site.place;
    expect_same_functions(module, restored->module, site.place);
  }
  RecordProperty("sites", static_cast<int>(tried));
}

TEST_P(CallSitesReal, AnImportAddedMovesNothingElse) {
  const auto file = open_fixture(GetParam());
  ASSERT_TRUE(file.has_value()) << file.error().message();
  const wasm::Module& module = file->module();
  Insertion insertion;
  insertion.call = "in_replicated_execution()";
  insertion.where = Where::kAtEntry;
  const auto plan =
      insert_call(file->loaded, fmt::format("#{}", module.imported_functions), insertion);
  const Bytes bytes = applied(file->loaded, plan);
  const auto now = wasm::load_module(bytes);
  ASSERT_TRUE(now.has_value());
  EXPECT_EQ(now->module.functions.size(), module.functions.size() + plan->added_imports);
  const auto again = plan_from_json(to_json(*plan));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(applied(file->loaded, again), bytes);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, CallSitesReal, testing::ValuesIn(real_modules()), test_name);

}  // namespace
}  // namespace canrec::patch
