// SPDX-License-Identifier: Apache-2.0
// scripts/transfer-state against a stand-in for `icp`, which has the real client read every command
// line and forwards to the embedded executor: what comes out is what `canrec pull` gives, what goes
// in is what was there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "support/shell.h"
#include "support/temporary_directory.h"

namespace {

using canrec::test::Answer;
using canrec::test::canrec_with;
using canrec::test::read_text;
using canrec::test::read_tree;
using canrec::test::shell;

class TransferScript : public testing::TestWithParam<const char*> {
 protected:
  std::string path(const std::string& name) const { return directory / name; }
  void canrec(const std::string& arguments) {
    const Answer run = canrec_with(arguments);
    ASSERT_EQ(run.status, 0) << arguments << "\n" << run.out;
  }
  // A canister with data whose pre-upgrade traps.
  void make_stuck(const std::string& name) {
    canrec("install " CANREC_FIXTURES "/" + std::string(GetParam()) + " -o " + path("installed"));
    const bool motoko = std::string(GetParam()).starts_with("motoko");
    canrec("call " + path("installed") +
           (motoko ? " write --arg '(\"kept\")'" : " fill --arg '(9000)'") + " -o " + path(name));
  }
  // The script with the stand-in as icp, which serves `calls` calls.
  Answer transfer(const std::string& arguments, const std::string& state, int calls = 1'000'000) {
    std::string key = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100";
    for (int i = 0; i < 96; ++i) key += "81";
    std::filesystem::create_directories(path("home"));
    std::filesystem::remove(path("log"));
    return shell("HOME='" + path("home") +
                 "' DO_NOT_TRACK=1 CANREC='" CANREC_PROGRAM "' STAND_IN_CANREC='" CANREC_PROGRAM
                 "' STAND_IN_ICP='" CANREC_FIXTURES "/bin/icp' STAND_IN_STATE='" +
                 path(state) + "' STAND_IN_LOG='" + path("log") +
                 "' STAND_IN_FAIL=" + std::to_string(calls) +
                 " PATH='" CANREC_SOURCE_DIR "/tests/support/stand-in':\"$PATH\" " CANREC_SOURCE_DIR
                 "/scripts/transfer-state " +
                 arguments + " -- -n http://127.0.0.1:9 --identity anonymous -k " + key);
  }
  // Such that there are several chunks, but not many.
  std::string chunk() const {
    return std::string(" --chunk ") +
           (std::string(GetParam()).starts_with("motoko") ? "1048576" : "65536");
  }
  long reads() const { return calls("query canrec_heap") + calls("query canrec_stable"); }
  long calls(const std::string& line) const {
    const std::string log = read_text(directory / "log");
    long found = 0;
    for (size_t at = 0; (at = log.find(line + "\n", at)) != std::string::npos; ++at) ++found;
    return found;
  }

  void put_downloader_over(const std::string& state, const std::string& under) {
    const std::string module = path("downloader.wasm");
    canrec("downloader --for " + path(state) + " -o " + module);
    canrec("upgrade " + path(state) + " " + module + " --skip-pre-upgrade --keep -o " +
           path(under));
  }

  canrec::test::TemporaryDirectory directory;
};

constexpr const char* kCanister = " rwlgt-iiaaa-aaaaa-aaaaa-cai ";

TEST_P(TransferScript, DownloadsWhatPullGives) {
  make_stuck("stuck");
  canrec("pull " + path("stuck") + " -o " + path("pulled"));
  put_downloader_over("stuck", "under");
  const auto before = read_tree(directory / "under");
  const auto arguments = [&](const char* out) {
    return "download" + std::string(kCanister) + path(out) + chunk();
  };
  const Answer whole = transfer(arguments("whole"), "under");
  ASSERT_EQ(whole.status, 0) << whole.out;
  const long all = reads();
  EXPECT_GT(all, 1);

  // The network goes away before the end; the same command goes on and fetches the rest only.
  const Answer broken = transfer(arguments("out"), "under", static_cast<int>(calls("")) - 2);
  EXPECT_NE(broken.status, 0);
  EXPECT_NE(broken.out.find("run the same again to go on"), std::string::npos) << broken.out;
  EXPECT_FALSE(std::filesystem::exists(path("out")));
  const long early = reads();
  EXPECT_GT(early, 0);
  const Answer run = transfer(arguments("out"), "under");
  ASSERT_EQ(run.status, 0) << run.out;
  EXPECT_EQ(early + reads(), all);
  // Every command stands there before it runs, as it can be typed.
  EXPECT_NE(
      run.out.find("+ icp canister call rwlgt-iiaaa-aaaaa-aaaaa-cai canrec_hash '(0 : nat8, "),
      std::string::npos)
      << run.out;

  const auto pulled = read_tree(directory / "pulled");
  const auto out = read_tree(directory / "out");
  EXPECT_EQ(out.at("wasm_memory.bin"), pulled.at("wasm_memory.bin"));
  EXPECT_EQ(out.at("stable_memory.bin"), pulled.at("stable_memory.bin"));
  EXPECT_EQ(out, read_tree(directory / "whole"));
  EXPECT_EQ(read_tree(directory / "under"), before);
  EXPECT_FALSE(std::filesystem::exists(path("out.canrec-transfer")));
}

TEST_P(TransferScript, UploadsToTheSameImages) {
  make_stuck("stuck");
  canrec("uploader --for " + path("stuck") + " -o " + path("uploader.wasm"));
  canrec("install " + path("uploader.wasm") + " -o " + path("fresh"));
  const std::string arguments = "upload" + std::string(kCanister) + path("stuck") + chunk();
  const Answer broken = transfer(arguments, "fresh", 5);
  EXPECT_NE(broken.status, 0);
  const Answer run = transfer(arguments, "fresh");
  ASSERT_EQ(run.status, 0) << run.out;
  EXPECT_NE(run.out.find("--mode upgrade --wasm-memory-persistence keep"), std::string::npos);
  const auto source = read_tree(directory / "stuck");
  const auto fresh = read_tree(directory / "fresh");
  EXPECT_EQ(fresh.at("wasm_memory.bin"), source.at("wasm_memory.bin"));
  EXPECT_EQ(fresh.at("stable_memory.bin"), source.at("stable_memory.bin"));
  // Once more: nothing differs, nothing is sent. Hashes that the whole subnet answers for.
  const Answer again = transfer(arguments + " --certified", "fresh");
  ASSERT_EQ(again.status, 0) << again.out;
  EXPECT_EQ(calls("update canrec_put_heap") + calls("update canrec_put_stable"), 0);
  EXPECT_EQ(calls("query canrec_hash"), 0);
  EXPECT_GT(calls("update canrec_hash"), 0);
}

TEST_P(TransferScript, SendsNothingOfADamagedDirectory) {
  make_stuck("stuck");
  put_downloader_over("stuck", "under");
  ASSERT_EQ(transfer("download" + std::string(kCanister) + path("out") + chunk(), "under").status,
            0);
  canrec("uploader --for " + path("stuck") + " -o " + path("uploader.wasm"));
  canrec("install " + path("uploader.wasm") + " -o " + path("fresh"));
  for (const auto& [name, words] : {std::pair("out", "is not the file that was downloaded"),
                                    std::pair("stuck", "is no whole snapshot")}) {
    const std::filesystem::path heap = directory / name / "wasm_memory.bin";
    std::filesystem::resize_file(heap, std::filesystem::file_size(heap) - 65536);
    const Answer run = transfer("upload" + std::string(kCanister) + path(name) + chunk(), "fresh");
    EXPECT_EQ(run.status, 1) << run.out;
    EXPECT_NE(run.out.find(words), std::string::npos) << run.out;
    EXPECT_NE(run.out.find("othing was sent"), std::string::npos) << run.out;
    EXPECT_FALSE(std::filesystem::exists(path("log")));  // icp was not even called
  }
}

TEST(TransferScriptAlone, SaysInWordsWhatCannotBeRun) {
  canrec::test::TemporaryDirectory directory;
  const std::string at = directory.path().string();
  const std::string script = CANREC_SOURCE_DIR "/scripts/transfer-state ";
  const Answer client =
      shell("CANREC=/nowhere/canrec " + script + "download aaaaa-aa " + at + "/out");
  EXPECT_EQ(client.status, 1);
  EXPECT_NE(client.out.find("/nowhere/canrec cannot be run: No such file"), std::string::npos)
      << client.out;
  const Answer missing =
      shell("CANREC='" CANREC_PROGRAM "' " + script + "upload aaaaa-aa " + at + "/none");
  EXPECT_EQ(missing.status, 1);
  EXPECT_NE(missing.out.find("/none/"), std::string::npos) << missing.out;
  EXPECT_EQ(missing.out.find("Traceback"), std::string::npos) << missing.out;
}

TEST_P(TransferScript, RefusesAnotherStateAndOtherOptions) {
  make_stuck("stuck");
  put_downloader_over("stuck", "under");
  const std::string arguments = "download" + std::string(kCanister) + path("out");
  ASSERT_NE(transfer(arguments, "under", 3).status, 0);
  // Installed once more, the canister has another version: what was read belongs to another state.
  canrec("upgrade " + path("under") + " " + path("downloader.wasm") + " --keep -o " +
         path("later"));
  const Answer mixed = transfer(arguments, "later");
  EXPECT_NE(mixed.status, 0);
  EXPECT_NE(mixed.out.find("was begun for another state"), std::string::npos) << mixed.out;
  EXPECT_FALSE(std::filesystem::exists(path("out")));

  const Answer unknown =
      shell("STAND_IN_ICP='" CANREC_FIXTURES
            "/bin/icp' STAND_IN_CANREC=x STAND_IN_STATE=x "
            "STAND_IN_LOG=/dev/null " CANREC_SOURCE_DIR
            "/tests/support/stand-in/icp canister call aaaaa-aa x '()' --no-such-option");
  EXPECT_NE(unknown.status, 0);
  EXPECT_NE(unknown.out.find("the real icp has no option --no-such-option"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Canisters, TransferScript,
                         testing::Values("motoko/3.6.16/stuck.wasm", "motoko/4.10.0/stuck.wasm",
                                         "canisters/notes_unreachable.wasm"),
                         [](const auto& row) {
                           const std::string name = row.param;
                           return name.starts_with("canisters") ? std::string("Notes")
                                  : name.find("3.6") != std::string::npos
                                      ? std::string("MotokoClassical")
                                      : std::string("MotokoEnhanced");
                         });

}  // namespace
