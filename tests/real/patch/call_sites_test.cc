// SPDX-License-Identifier: Apache-2.0
// Calls of real modules, taken out and put back; and what other tools say of the results.
#include <fmt/core.h>

#include <map>

#include "fixtures.h"
#include "ic/context.h"
#include "patch/apply.h"
#include "patch/calls.h"
#include "patch/operations.h"
#include "patch/proof_body.h"
#include "support/temporary_directory.h"

namespace canrec::patch {
namespace {

class CallSitesReal : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto file = open_fixture(GetParam());
    ASSERT_TRUE(file.has_value()) << file.error().message();
    file_.emplace(std::move(*file));
  }
  const wasm::LoadedModule& input() const { return file_->loaded; }

  // What stands where a call of this site would be taken out or put back.
  struct Entry {
    Site site;
    const ic::SystemApiFunction* api;
    std::string place;
  };

  // Every call in the hooks' reach that `remove` and `insert` are for.
  std::vector<Entry> sites_in_reach_of_hooks() {
    const auto list = list_calls(input().module, "");
    EXPECT_TRUE(list.has_value()) << list.error().message();
    std::vector<Entry> found;
    if (!list) return found;
    for (const CallSiteInfo& info : list->sites) {
      const bool in_hook = std::ranges::any_of(info.reached_from, [&](const ReachedFrom& from) {
        return ic::find_hook(list->entries[from.entry].name) != nullptr;
      });
      if (!in_hook) continue;
      EXPECT_NE(info.api, nullptr) << info.place;
      EXPECT_EQ(info.site.instruction.op, wasm::Opcode::kCall) << info.place;
      // What is never reached has no types to check against.
      if (!info.site.reachable) {
        const auto refused = remove_call(input(), place_of(info.site), {});
        EXPECT_FALSE(refused.has_value()) << info.place;
        ++unreachable_;
        continue;
      }
      found.push_back({info.site, info.api, info.place});
    }
    return found;
  }

  static std::string place_of(const Site& site) {
    return fmt::format("@{}", site.instruction.offset);
  }

  std::optional<wasm::ModuleFile> file_;
  int unreachable_ = 0;
};

// Applies a plan and gives what it wrote.
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

// Several plans for one module as one: each change is proven in its place, whichever stand beside
// it. The plans are in file order and change code only.
Result<Plan> joined(std::vector<Result<Plan>> plans) {
  Plan all;
  for (Result<Plan>& plan : plans) {
    if (!plan) return std::move(plan);
    EXPECT_EQ(plan->added_imports, 0U);
    EXPECT_TRUE(plan->names.empty());
    all.input = plan->input;
    all.input_size = plan->input_size;
    all.command = plan->command;
    for (Change& change : plan->changes) {
      EXPECT_EQ(change.scope, wasm::EditScope::kBody);
      all.changes.push_back(std::move(change));
    }
  }
  return all;
}

// Every function has the same locals and instructions; a call's index may have lost its padding.
void expect_same_functions(const wasm::Module& old, const wasm::Module& now) {
  ASSERT_EQ(old.functions.size(), now.functions.size());
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
      ASSERT_TRUE(same_instruction(a, b, Numbering{})) << "function " << i << " at " << a.offset;
    }
    EXPECT_EQ(want.at_end(), have.at_end());
  }
}

std::vector<std::string> ones(const ic::SystemApiFunction& api) {
  return std::vector<std::string>(api.results.size(), "1");
}

// The insertion that puts a removed call back over the drops and constants in its place.
Insertion putting_back(const ic::SystemApiFunction& api) {
  Insertion insertion;
  insertion.call = popping_call(api);
  insertion.keep_result = true;
  insertion.over = static_cast<uint32_t>(api.parameters.size() + api.results.size());
  insertion.where = insertion.over == 0 ? Where::kBefore : Where::kOver;
  return insertion;
}

// Where sites stand once the calls of `plan` are taken out: LEB128s of sizes may have become
// shorter in front, and code in front of a site in its function longer or shorter.
std::string place_after(const wasm::Module& old, const wasm::Module& now, const Plan& plan,
                        const Site& site) {
  const wasm::Function& before = old.function(site.function);
  const wasm::Function& after = now.function(site.function);
  uint64_t offset = after.code.begin + (site.instruction.offset - before.code.begin);
  for (const Change& change : plan.changes) {
    if (change.range.begin < before.code.begin) continue;
    if (change.range.begin >= site.instruction.offset) break;
    offset = offset + change.after.size() - change.before.size();
  }
  return fmt::format("@{}", offset);
}

// Whether other tools take a module, which they get unpacked.
struct Verdicts {
  Answer wasm_validate;
  Answer ic_wasm;
};
Verdicts ask_other_tools(ByteView unpacked) {
  const canrec::test::TemporaryDirectory directory;
  const std::filesystem::path path = directory / "module.wasm";
  canrec::test::write_bytes(path, unpacked);
  return {wasm_validate(path), ic_wasm_info(path)};
}

// They take the result wherever they take the input.
void expect_other_tools_agree(const std::string& name, const wasm::Module& input,
                              const Bytes& stored) {
  static std::map<std::string, Verdicts> of_inputs;
  const auto [it, is_new] = of_inputs.try_emplace(name);
  if (is_new) it->second = ask_other_tools(input.bytes);
  const Verdicts& before = it->second;
  const auto result = wasm::load_module(stored);
  ASSERT_TRUE(result.has_value());
  const Verdicts after = ask_other_tools(result->module.bytes);
  if (before.wasm_validate.status == 0) {
    EXPECT_EQ(after.wasm_validate.status, 0) << after.wasm_validate.out.substr(0, 2000);
  } else {
    // WABT 1.0.32 knows no 64-bit tables, and nothing else keeps it from one of these modules.
    EXPECT_TRUE(std::ranges::any_of(input.tables, [](const wasm::Table& table) {
      return table.type.limits.is_64;
    })) << before.wasm_validate.out.substr(0, 2000);
  }
  EXPECT_EQ(before.ic_wasm.status, 0) << before.ic_wasm.out.substr(0, 2000);
  EXPECT_EQ(after.ic_wasm.status, 0) << after.ic_wasm.out.substr(0, 2000);
}

TEST_P(CallSitesReal, RemovedAndPutBackEveryCallIsTheSame) {
  const std::vector<Entry> sites = sites_in_reach_of_hooks();
  RecordProperty("sites", static_cast<int>(sites.size()));
  RecordProperty("unreachable", unreachable_);
  if (sites.empty()) {
    // Nothing but modules without hooks, or with hooks that call nothing, has none.
    EXPECT_LT(input().module.bytes.size(), 4096U);
    return;
  }
  std::vector<Result<Plan>> removals;
  for (const Entry& entry : sites) {
    removals.push_back(remove_call(input(), place_of(entry.site), ones(*entry.api)));
  }
  const Result<Plan> removal = joined(std::move(removals));
  const Bytes removed = applied(input(), removal);
  ASSERT_FALSE(removed.empty());
  const auto without = wasm::load_module(removed);
  ASSERT_TRUE(without.has_value());
  const auto left = list_calls(without->module, "");
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(list_calls(input().module, "")->sites.size() - left->sites.size(), sites.size());

  std::vector<Result<Plan>> insertions;
  for (const Entry& entry : sites) {
    insertions.push_back(
        insert_call(*without, place_after(input().module, without->module, *removal, entry.site),
                    putting_back(*entry.api)));
  }
  const Bytes back = applied(*without, joined(std::move(insertions)));
  ASSERT_FALSE(back.empty());
  const auto restored = wasm::load_module(back);
  ASSERT_TRUE(restored.has_value());
  expect_same_functions(input().module, restored->module);
  expect_other_tools_agree(GetParam(), input().module, removed);
}

// The same for single calls, as users take them out: all of a small module, the first one of each
// function that the network offers in a large one.
TEST_P(CallSitesReal, RemovedAndPutBackOneCallIsTheSame) {
  constexpr size_t kSmall = 100'000;
  std::set<ic::SystemApi> tried;
  for (const Entry& entry : sites_in_reach_of_hooks()) {
    const bool again = !tried.insert(entry.api->id).second;
    if (again && input().module.bytes.size() > kSmall) continue;
    if (tried.size() > 6 && input().module.bytes.size() > kSmall) break;
    SCOPED_TRACE(entry.place);
    const Result<Plan> removal = remove_call(input(), place_of(entry.site), ones(*entry.api));
    const Bytes removed = applied(input(), removal);
    ASSERT_FALSE(removed.empty());
    const auto without = wasm::load_module(removed);
    ASSERT_TRUE(without.has_value());
    const Bytes back = applied(
        *without,
        insert_call(*without, place_after(input().module, without->module, *removal, entry.site),
                    putting_back(*entry.api)));
    const auto restored = wasm::load_module(back);
    ASSERT_TRUE(restored.has_value());
    expect_same_functions(input().module, restored->module);
  }
}

TEST_P(CallSitesReal, AnImportAddedMovesNothingElse) {
  const wasm::Module& module = input().module;
  if (module.imported_functions == module.functions.size()) return;
  Insertion insertion;
  insertion.call = "in_replicated_execution()";
  insertion.where = Where::kAtEntry;
  const auto plan = insert_call(input(), fmt::format("#{}", module.imported_functions), insertion);
  const Bytes bytes = applied(input(), plan);
  const auto now = wasm::load_module(bytes);
  ASSERT_TRUE(now.has_value());
  EXPECT_EQ(now->module.functions.size(), module.functions.size() + plan->added_imports);
  const auto again = plan_from_json(to_json(*plan));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(applied(input(), again), bytes);
  expect_other_tools_agree(GetParam(), module, bytes);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, CallSitesReal, testing::ValuesIn(real_modules()), test_name);

// What the fixtures README names is there, so nothing is left out in silence.
TEST(CallSitesReal, CoversEveryKindOfFixture) {
  const std::vector<std::string> modules = real_modules();
  const auto count = [&](std::string_view part) {
    return std::ranges::count_if(
        modules, [&](const std::string& path) { return path.find(part) != std::string::npos; });
  };
  EXPECT_EQ(count("azle/"), 8);
  EXPECT_GE(count("motoko/"), 50);
  EXPECT_GE(count("/counter_"), 12);
  EXPECT_EQ(count("ic-wasm/"), 9);
  EXPECT_GE(count("canisters/"), 20);
  EXPECT_GE(count("pairs/"), 90);
}

}  // namespace
}  // namespace canrec::patch
