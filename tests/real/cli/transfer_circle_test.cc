// SPDX-License-Identifier: Apache-2.0
// The whole way round, as a user goes it: a canister that is bricked by a trapping pre-upgrade is
// pulled, backed up, verified, restored, pushed into a fresh canister, and gets its real module by
// route K where its globals allow that; where they do not, the refusal says why, and the restored
// backup leads to the same answers by the other route.
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/shell.h"
#include "support/temporary_directory.h"

namespace {

using canrec::test::Answer;
using canrec::test::canrec_with;
using canrec::test::read_tree;

const std::string kFixtures = CANREC_FIXTURES "/";

class TransferCircle : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return directory / name; }
  std::string run(const std::string& arguments, int status = 0) {
    const Answer answer = canrec_with(arguments);
    EXPECT_EQ(answer.status, status) << arguments << "\n" << answer.out;
    return answer.out;
  }
  // Installs a module and fills it; then shows that no upgrade gets past its pre-upgrade.
  void make_bricked(const std::string& module, const std::vector<std::string>& calls,
                    const std::string& next) {
    std::string at = path("filled-0");
    run("install " + module + " -o " + at);
    for (size_t i = 0; i < calls.size(); ++i) {
      const std::string after = path("filled-" + std::to_string(i + 1));
      run("call " + at + " " + calls[i] + " -o " + after);
      at = after;
    }
    std::filesystem::rename(at, path("bricked"));
    const std::string told = run("upgrade " + path("bricked") + " " + next, 6);
    EXPECT_NE(told.find("FAILED in canister_pre_upgrade"), std::string::npos) << told;
  }
  // Into a store, verified to the last byte, and out of it: the same directory, file by file.
  void back_up_and_restore() {
    const auto pulled = nlohmann::json::parse(
        run("pull " + path("bricked") + " --store " + path("store") + " --label bricked --json"));
    run("backup verify --deep --store " + path("store"));
    run("backup restore " + pulled["backup"].get<std::string>() + " --store " + path("store") +
        " -o " + path("restored"));
    EXPECT_EQ(read_tree(path("restored")), read_tree(path("bricked")));
    run("verify " + path("restored"));
  }
  std::string ask(const std::string& state, const std::string& query) {
    return run("query " + path(state) + " " + query);
  }

  canrec::test::TemporaryDirectory directory;
};

TEST_F(TransferCircle, AHeapWithoutItsOwnGlobalsGoesIntoAFreshCanister) {
  const std::string module = kFixtures + "canisters/notes_unreachable.wasm";
  const std::string real = kFixtures + "canisters/notes_kept.wasm";
  make_bricked(module,
               {"put --arg '(7, \"seven\")'", "put --arg '(8, \"eight\")'", "fill --arg '(9000)'"},
               kFixtures + "canisters/notes_v2.wasm");
  back_up_and_restore();
  for (const std::string source : {"store", "restored"}) {
    const std::string fresh = "fresh-from-" + source;
    const std::string told = run("push " + path(source) + " -o " + path(fresh) + " --module " +
                                 real + " --check 'get(7)'");
    EXPECT_NE(told.find("answers the same in both: (opt \"seven\")"), std::string::npos) << told;
    for (const std::string query :
         {"get --arg '(7)'", "get --arg '(8)'", "get --arg '(1000042)'", "count"}) {
      EXPECT_EQ(ask(fresh, query), ask("bricked", query)) << query;
    }
    // The fresh canister upgrades through stable memory as the old one never could. Its module has
    // the section now, so the network wants to be told what becomes of the heap.
    run("upgrade " + path(fresh) + " " + kFixtures +
        "canisters/notes_v2.wasm --replace-memory -o " + path(fresh + "-v2"));
    EXPECT_EQ(ask(fresh + "-v2", "get --arg '(8)'"), ask("bricked", "get --arg '(8)'"));
    EXPECT_EQ(ask(fresh + "-v2", "count"), ask("bricked", "count"));
  }
  // Without the section the network would refuse the module, and so does canrec, with the way out.
  const std::string refused = run("push " + path("store") + " -o " + path("refused"), 6);
  EXPECT_NE(refused.find("canrec patch prepare-route-k"), std::string::npos) << refused;
  EXPECT_FALSE(std::filesystem::exists(path("refused.canrec-push")));
}

// A program of rustc with the standard library, from its own restored module: no source is needed.
class RustCircle : public TransferCircle {
 protected:
  const std::string next = kFixtures + "canisters/journal_v2.wasm";
  const std::vector<std::string> queries = {"get --arg '(7)'", "get --arg '(1019999)'",
                                            "find --arg '(\"page 1042\")'",
                                            "find --arg '(\"eight\")'", "count"};

  void brick_and_restore(const std::string& name, const std::string& entries) {
    make_bricked(kFixtures + "canisters/" + name + ".wasm",
                 {"fill --arg '(" + entries + ")'", "put --arg '(7, \"seven\")'",
                  "put --arg '(8, \"eight\")'"},
                 next);
    back_up_and_restore();
    EXPECT_NE(ask("bricked", "get --arg '(7)'").find("seven"), std::string::npos);
  }
  void push_and_compare(const std::string& source, const std::string& real) {
    const std::string told = run("push " + path(source) + " -o " + path("from-" + source) +
                                 " --module " + path(real) + " --check 'find(\"page 1042\")'");
    EXPECT_NE(told.find("answers the same in both: (\n  vec {\n    1_010_420 : nat32;"),
              std::string::npos)
        << told;
    for (const std::string& query : queries) {
      EXPECT_EQ(ask("from-" + source, query), ask("bricked", query)) << query;
    }
  }
};

class RustMendedCircle : public RustCircle, public testing::WithParamInterface<const char*> {};

TEST_P(RustMendedCircle, GoesIntoAFreshCanisterUnderItsOwnMendedModule) {
  brick_and_restore(GetParam(), "20000");
  run("patch grow-before-write " + path("restored/wasm_module.bin") + " canister_pre_upgrade -o " +
      path("mended.wasm"));
  run("patch prepare-route-k " + path("mended.wasm") + " -o " + path("real.wasm"));
  for (const std::string source : {"store", "restored"}) {
    push_and_compare(source, "real.wasm");
    const std::string next_version = "from-" + source + "-v2";
    run("upgrade " + path("from-" + source) + " " + next + " --replace-memory -o " +
        path(next_version));
    for (const std::string& query : queries) {
      EXPECT_EQ(ask(next_version, query), ask("bricked", query)) << query;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Builds, RustMendedCircle,
                         testing::Values("journal", "journal_speed", "journal_stack_exported"),
                         [](const auto& row) { return std::string(row.param); });

class RustPanicCircle : public RustCircle, public testing::WithParamInterface<const char*> {};

// What panics is inside the hook, so there is no call to take out; the state is safe all the same.
TEST_P(RustPanicCircle, GoesIntoAFreshCanisterWithItsHookAsItIs) {
  brick_and_restore(GetParam(), "20000");
  const std::string why = run("autopsy " + path("bricked") + " --upgrade " + next + " --json", 1);
  const auto explanation = nlohmann::json::parse(why)["explanation"].dump();
  EXPECT_NE(explanation.find("called `Option::unwrap()` on a `None` value"), std::string::npos);
  EXPECT_NE(explanation.find("journal.rs:"), std::string::npos) << explanation;
  const std::string told =
      run("autopsy " + path("bricked") + " --upgrade " + next + " --check 'get(7)'", 1);
  EXPECT_NE(told.find("None of these brings the data through. Next:"), std::string::npos) << told;
  EXPECT_NE(told.find("canrec pull "), std::string::npos) << told;
  run("patch prepare-route-k " + path("restored/wasm_module.bin") + " -o " + path("real.wasm"));
  for (const std::string source : {"store", "restored"}) push_and_compare(source, "real.wasm");
}

INSTANTIATE_TEST_SUITE_P(Builds, RustPanicCircle,
                         testing::Values("journal_panics", "journal_panics_silently"),
                         [](const auto& row) { return std::string(row.param); });

TEST_F(RustCircle, CountersInGlobalsAreRefusedAndGoByASnapshot) {
  brick_and_restore("journal_instrumented", "2000");
  run("patch prepare-route-k " + path("restored/wasm_module.bin") + " -o " + path("real.wasm"));
  const std::string refused =
      run("push " + path("store") + " -o " + path("fresh") + " --module " + path("real.wasm"), 6);
  // Every counter of the instrumentation is named; the stack pointer is back at its beginning.
  for (const char* global : {"global 3", "global 4", "global 5", "global 6"}) {
    EXPECT_NE(refused.find(std::string(global) + " is "), std::string::npos) << refused;
  }
  EXPECT_EQ(refused.find("global 0 is"), std::string::npos) << refused;
  EXPECT_NE(refused.find("canrec package --route S"), std::string::npos) << refused;
  EXPECT_FALSE(std::filesystem::exists(path("fresh")));

  run("package " + path("restored") + " " + path("restored/wasm_module.bin") +
      " --route S --check 'get(7)' -o " + path("package"));
  for (const std::string& query : {queries[0], queries.back()}) {
    EXPECT_EQ(ask("package/snapshot", query), ask("bricked", query)) << query;
  }
}

// The first static that is added moves others, and every map in the heap would be read as something
// else: count would answer 0, without a trap.
TEST_F(RustCircle, AnotherLayoutIsRefusedBeforeAnythingIsPushed) {
  brick_and_restore("journal", "2000");
  const std::string refused =
      run("push " + path("restored") + " -o " + path("fresh") + " --module " + kFixtures +
              "canisters/journal_static_added_kept.wasm --check count",
          6);
  EXPECT_NE(refused.find("modules: __data_end moved from 0x"), std::string::npos) << refused;
  EXPECT_NE(refused.find("Next: patch the old module instead"), std::string::npos) << refused;
  EXPECT_FALSE(std::filesystem::exists(path("fresh")));
  EXPECT_FALSE(std::filesystem::exists(path("fresh.canrec-push")));
  run("patch prepare-route-k " + path("restored/wasm_module.bin") + " -o " + path("real.wasm"));
  const std::string told =
      run("push " + path("restored") + " -o " + path("fresh") + " --module " + path("real.wasm"));
  EXPECT_NE(told.find("  layout    safe by route K\n"), std::string::npos) << told;
}

class MotokoCircle : public TransferCircle, public testing::WithParamInterface<const char*> {};

TEST_P(MotokoCircle, IsRefusedWithTheReasonAndComesBackByTheOtherRoute) {
  const std::string base = kFixtures + "motoko/" + GetParam() + "/";
  const bool enhanced = std::string(GetParam()) == "4.10.0";
  make_bricked(base + "shelf.wasm", {"fill --arg '(40000)'", "put --arg '(7, \"seven\")'"},
               base + "shelf_fixed.wasm" + (enhanced ? " --keep" : ""));
  back_up_and_restore();
  const std::vector<std::string> queries = {"get --arg '(7)'", "get --arg '(1012345)'", "count",
                                            "sum"};
  EXPECT_EQ(ask("bricked", queries[1]), "(opt \"page 12_345\")\n");
  EXPECT_EQ(ask("bricked", "count"), "(40_001 : nat32)\n");

  // The section alone does not help where it is missing, and no refusal keeps another one back.
  std::vector<std::string> modules = {path("bricked/wasm_module.bin")};
  if (!enhanced) {
    modules.push_back(path("prepared.wasm"));
    run("patch prepare-route-k " + modules.front() + " -o " + modules.back());
  }
  for (const std::string& module : modules) {
    const std::string refused =
        run("push " + path("store") + " -o " + path("fresh") + " --module " + module, 6);
    EXPECT_NE(refused.find(enhanced ? "the root of the stable variables is 0" : "restarts at 0"),
              std::string::npos)
        << refused;
    EXPECT_NE(refused.find("canrec package --route S"), std::string::npos) << refused;
    EXPECT_FALSE(std::filesystem::exists(path("fresh")));
    EXPECT_FALSE(std::filesystem::exists(path("fresh.canrec-push")));
  }

  run("patch stub " + path("restored/wasm_module.bin") + " preupgrade -o " + path("fixed.wasm"));
  run("rehearse " + path("restored") + " 'replace " + path("fixed.wasm") + "' 'upgrade " + base +
      "shelf_fixed.wasm" + (enhanced ? " --keep" : "") + "' 'expect-same sum' --save " +
      path("recovered"));
  for (const std::string& query : queries) {
    EXPECT_EQ(ask("recovered", query), ask("bricked", query)) << query;
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, MotokoCircle, testing::Values("2.0.3", "3.6.16", "4.10.0"),
                         [](const auto& row) {
                           const std::string version = row.param;
                           if (version == "4.10.0") return "EnhancedOn64Bit";
                           return version == "2.0.3" ? "OldClassicalOn32Bit" : "ClassicalOn32Bit";
                         });

}  // namespace
