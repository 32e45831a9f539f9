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
                                 real + " --check get --check-arg '(7)'");
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

class MotokoCircle : public TransferCircle, public testing::WithParamInterface<const char*> {};

TEST_P(MotokoCircle, IsRefusedWithTheReasonAndComesBackByTheOtherRoute) {
  const std::string base = kFixtures + "motoko/" + GetParam() + "/";
  const bool enhanced = std::string(GetParam()) == "4.10.0";
  make_bricked(base + "stuck.wasm", {"write --arg '(\"kept\")'", "write --arg '(\"kept again\")'"},
               base + "stuck_fixed.wasm" + (enhanced ? " --keep" : ""));
  back_up_and_restore();
  const std::string before = ask("bricked", "read");
  EXPECT_NE(before.find("kept again"), std::string::npos);

  // The section alone does not help where it is missing, and no refusal keeps another one back.
  std::vector<std::string> modules = {path("bricked/wasm_module.bin")};
  if (!enhanced) {
    modules.push_back(path("prepared.wasm"));
    run("patch prepare-route-k " + modules.front() + " -o " + modules.back());
  }
  for (const std::string& module : modules) {
    const std::string refused =
        run("push " + path("store") + " -o " + path("fresh") + " --module " + module, 6);
    EXPECT_NE(refused.find(enhanced ? "the root of the stable variables is 0" : "restarts at 0x0"),
              std::string::npos)
        << refused;
    EXPECT_NE(refused.find("canrec package --route S"), std::string::npos) << refused;
    EXPECT_FALSE(std::filesystem::exists(path("fresh")));
    EXPECT_FALSE(std::filesystem::exists(path("fresh.canrec-push")));
  }

  run("patch stub " + path("restored/wasm_module.bin") + " preupgrade -o " + path("fixed.wasm"));
  run("rehearse " + path("restored") + " 'replace " + path("fixed.wasm") + "' 'upgrade " + base +
      "stuck_fixed.wasm" + (enhanced ? " --keep" : "") + "' 'expect-same read' --save " +
      path("recovered"));
  EXPECT_EQ(ask("recovered", "read"), before);
}

INSTANTIATE_TEST_SUITE_P(Widths, MotokoCircle, testing::Values("3.6.16", "4.10.0"),
                         [](const auto& row) {
                           return std::string(row.param) == "4.10.0" ? "EnhancedOn64Bit"
                                                                     : "ClassicalOn32Bit";
                         });

}  // namespace
