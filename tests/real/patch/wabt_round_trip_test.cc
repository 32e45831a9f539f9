// SPDX-License-Identifier: Apache-2.0
// WABT's own `wasm2wat | wat2wasm` of real modules beside one patch of them: what each keeps.
#include <map>

#include "fixtures.h"
#include "patch/apply.h"
#include "patch/operations.h"
#include "support/temporary_directory.h"

namespace canrec::patch {
namespace {

// What of a module another one still has.
struct Kept {
  size_t custom_sections = 0;  ///< with the same bytes
  size_t bodies = 0;           ///< with the same bytes, by position among the defined functions
  size_t named_functions = 0;  ///< by index
  bool operator==(const Kept&) const = default;
};

Kept kept(const wasm::Module& old, const wasm::Module& now) {
  Kept out;
  for (const wasm::Section& section : old.sections) {
    if (section.id != wasm::SectionId::kCustom) continue;
    const wasm::Section* other = now.custom(section.name);
    out.custom_sections +=
        other != nullptr && std::ranges::equal(old.view(section.payload), now.view(other->payload))
            ? 1
            : 0;
  }
  const size_t functions = std::min(old.functions.size(), now.functions.size());
  for (size_t i = old.imported_functions; i < functions; ++i) {
    out.bodies +=
        std::ranges::equal(old.view(old.functions[i].body), now.view(now.functions[i].body)) ? 1
                                                                                             : 0;
  }
  const auto names = wasm::read_names(old);
  const auto others = wasm::read_names(now);
  for (size_t i = 0; i < std::min(names.functions.size(), others.functions.size()); ++i) {
    out.named_functions += !names.functions[i].empty() && names.functions[i] == others.functions[i];
  }
  return out;
}

TEST(WabtRoundTrip, LosesWhatAPatchKeeps) {
  const canrec::test::TemporaryDirectory directory;
  const std::string wat = directory / "module.wat";
  const std::string theirs = directory / "theirs.wasm";
  const std::map<std::string, std::string> functions = {
      {"canisters/notes.wasm", "canister_pre_upgrade"},
      {"canisters/journal.wasm", "canister_pre_upgrade"},
      {"motoko/3.11.1/ledger.wasm", "canister_pre_upgrade"},
      {"azle/0.33.0/stable.wasm", "raw_init"}};
  for (const auto& [name, function] : functions) {
    SCOPED_TRACE(name);
    const auto file = open_fixture(name);
    ASSERT_TRUE(file.has_value()) << file.error().message();
    const wasm::Module& module = file->module();
    const Kept all = kept(module, module);
    ASSERT_GT(all.custom_sections, 0U);

    const auto plan = stub(file->loaded, function, {});
    ASSERT_TRUE(plan.has_value()) << plan.error().message();
    const auto patched = apply(file->loaded, *plan);
    ASSERT_TRUE(patched.has_value()) << patched.error().message();
    const auto ours = wasm::load_module(patched->stored);
    ASSERT_TRUE(ours.has_value());
    Kept but_one = all;
    --but_one.bodies;
    EXPECT_EQ(kept(module, ours->module), but_one);

    const std::string input = std::string(CANREC_FIXTURES) + "/" + name;
    ASSERT_EQ(shell("wasm2wat --enable-tail-call " + input + " -o " + wat).status, 0);
    ASSERT_EQ(shell("wat2wasm --enable-tail-call " + wat + " -o " + theirs).status, 0);
    const auto round_trip = wasm::open_module(theirs);
    ASSERT_TRUE(round_trip.has_value()) << round_trip.error().message();
    const Kept left = kept(module, round_trip->module());
    EXPECT_EQ(left.custom_sections, 0U);
    EXPECT_EQ(left.named_functions, 0U);
    RecordProperty(name + " bodies rewritten", std::to_string(all.bodies - left.bodies));
    // Nothing was asked to change; compilers of C and Rust pad LEB128s, which WABT shortens.
    if (name.starts_with("canisters/")) {
      EXPECT_LT(left.bodies, all.bodies);
    }
  }
}

TEST(WabtRoundTrip, RefusesWhatMotokosCompilerWritesToday) {
  const std::string input = CANREC_FIXTURES "/motoko/4.10.0/ledger.wasm";
  const Answer run =
      shell("wasm2wat --enable-memory64 --enable-tail-call " + input + " -o /dev/null");
  EXPECT_NE(run.status, 0);
  EXPECT_NE(run.out.find("table"), std::string::npos) << run.out;
}

}  // namespace
}  // namespace canrec::patch
