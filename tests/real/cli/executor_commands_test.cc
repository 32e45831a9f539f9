// SPDX-License-Identifier: Apache-2.0
// `canrec install`, `query`, `call`, `upgrade` and `snapshot show` as a user runs them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/shell.h"
#include "support/temporary_directory.h"

namespace {

using canrec::test::Answer;
using canrec::test::canrec_with;
using canrec::test::read_tree;
using canrec::test::TemporaryDirectory;
using canrec::test::write_text;

const std::string kFixtures = CANREC_FIXTURES "/";

class ExecutorCommands : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (directory / name).string(); }
  void install(const std::string& module, const std::string& name) {
    const Answer run = canrec_with("install " + kFixtures + module + " -o " + path(name));
    ASSERT_EQ(run.status, 0) << run.out;
  }
  TemporaryDirectory directory;
};

TEST_F(ExecutorCommands, InstallCallQueryAndUpgradeAMotokoProgram) {
  install("motoko/3.6.16/counter.wasm", "s0");
  EXPECT_EQ(canrec_with("call " + path("s0") + " add --arg '(41)' -o " + path("s1")).out,
            "(41 : nat)\n");
  const auto before = read_tree(directory / "s1");
  EXPECT_EQ(canrec_with("call " + path("s1") + " inc").out, "(42 : nat)\n");
  EXPECT_EQ(canrec_with("query " + path("s1") + " get").out, "(41 : nat)\n");
  EXPECT_EQ(canrec_with("query " + path("s1") + " get --output hex").out, "4449444c00017d29\n");
  EXPECT_EQ(canrec_with("query " + path("s1") + " get --raw").out,
            std::string("DIDL\0\1\x7d\x29", 8));
  const Answer upgrade = canrec_with("upgrade " + path("s1") + " " + kFixtures +
                                     "motoko/3.6.16/counter.wasm -o " + path("s2"));
  EXPECT_EQ(upgrade.status, 0) << upgrade.out;
  EXPECT_NE(upgrade.out.find("canister_pre_upgrade: "), std::string::npos);
  EXPECT_NE(upgrade.out.find("canister_post_upgrade: "), std::string::npos);
  EXPECT_EQ(canrec_with("query " + path("s2") + " get").out, "(41 : nat)\n");
  EXPECT_EQ(read_tree(directory / "s1"), before);
}

TEST_F(ExecutorCommands, ShowAFailedUpgradeAndLeaveNothingBehind) {
  install("canisters/notes_no_grow.wasm", "s0");
  ASSERT_EQ(
      canrec_with("call " + path("s0") + " put --arg '(7, \"seven\")' -o " + path("s1")).status, 0);
  const auto before = read_tree(directory / "s1");
  const Answer run = canrec_with("upgrade " + path("s1") + " " + kFixtures +
                                 "canisters/notes_v2.wasm -o " + path("s2"));
  EXPECT_EQ(run.status, 6);
  for (const char* part : {"Canister trapped: stable memory out of bounds", "pre_upgrade (function",
                           "last System API calls", "stable64_write(0, ",
                           "FAILED in canister_pre_upgrade", "IC0502: Error from Canister "}) {
    EXPECT_NE(run.out.find(part), std::string::npos) << part << "\n" << run.out;
  }
  EXPECT_FALSE(std::filesystem::exists(directory / "s2"));
  EXPECT_EQ(read_tree(directory / "s1"), before);
}

TEST_F(ExecutorCommands, GiveJson) {
  install("canisters/notes.wasm", "s0");
  const Answer run = canrec_with("call --json " + path("s0") + " put --arg '(7, \"seven\")'");
  EXPECT_EQ(run.status, 0);
  const size_t end = run.out.find('\n');
  const auto report = nlohmann::json::parse(run.out.substr(0, end));
  EXPECT_EQ(report["type"], "run");
  EXPECT_EQ(report["entry"], "canister_update put");
  EXPECT_GT(report["instructions"], 0);
  const auto answer = nlohmann::json::parse(run.out.substr(end + 1));
  EXPECT_EQ(answer["type"], "answer");
  EXPECT_EQ(answer["reply"], "4449444c0000");

  const Answer shown = canrec_with("snapshot show --json " + path("s0"));
  const auto snapshot = nlohmann::json::parse(shown.out);
  EXPECT_EQ(snapshot["type"], "snapshot");
  EXPECT_EQ(snapshot["memory_bits"], 32);
  EXPECT_EQ(snapshot["globals"].size(), snapshot["module_globals"]);
}

TEST_F(ExecutorCommands, RejectWhatIsWrongWithTheRightStatus) {
  install("canisters/notes.wasm", "s0");
  EXPECT_EQ(canrec_with("query " + path("s0") + " nothing").status, 6);
  EXPECT_EQ(canrec_with("query " + path("s0") + " get --arg-hex 4").status, 2);
  EXPECT_EQ(canrec_with("query " + path("s0") + " get --arg '(seven)'").status, 3);
  EXPECT_EQ(canrec_with("query " + path("s0") + " get --arg '(7)' --arg-hex 00").status, 2);
  EXPECT_EQ(canrec_with("query " + path("s0") + " count --limit nothing=3").status, 2);
  EXPECT_EQ(canrec_with("query " + path("s0") + " count --page-charges 2024").status, 2);
  EXPECT_EQ(canrec_with("query " + path("s0") + " count --caller nobody").status, 2);
  EXPECT_EQ(canrec_with("query " + path("missing") + " count").status, 4);
  EXPECT_EQ(canrec_with("install " + std::string(CANREC_SOURCE_DIR) + "/LICENSE").status, 6);
  EXPECT_EQ(canrec_with("call " + path("s0") + " put --arg '(1, \"a\")' -o " + path("s0")).status,
            4);
}

TEST_F(ExecutorCommands, RejectDamagedDirectories) {
  install("canisters/notes.wasm", "s0");
  std::filesystem::resize_file(directory / "s0" / "wasm_memory.bin", 65536);
  EXPECT_EQ(canrec_with("query " + path("s0") + " count").status, 3);
  install("canisters/notes.wasm", "s1");
  write_text(directory / "s1" / "metadata.json", "{");
  EXPECT_EQ(canrec_with("query " + path("s1") + " count").status, 3);
  install("canisters/notes.wasm", "s2");
  write_text(directory / "s2" / "wasm_module.bin", "");
  EXPECT_NE(canrec_with("query " + path("s2") + " count").status, 0);
}

TEST_F(ExecutorCommands, StopAtALimitThatIsLowered) {
  install("canisters/notes_endless.wasm", "s0");
  ASSERT_EQ(canrec_with("call " + path("s0") + " put --arg '(7, \"x\")' -o " + path("s1")).status,
            0);
  const Answer run = canrec_with("upgrade " + path("s1") + " " + kFixtures +
                                 "canisters/notes_v2.wasm --instruction-limit 50000000");
  EXPECT_EQ(run.status, 6);
  EXPECT_NE(run.out.find("IC0522"), std::string::npos);
}

TEST_F(ExecutorCommands, EndWith130OnControlC) {
  install("canisters/notes_endless.wasm", "s0");
  ASSERT_EQ(canrec_with("call " + path("s0") + " put --arg '(7, \"x\")' -o " + path("s1")).status,
            0);
  const std::string from = path("s1");
  const std::string to = path("s2");
  const std::string module = kFixtures + "canisters/notes_v2.wasm";
  const pid_t child = fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    dup2(null, 1);
    dup2(null, 2);
    execl(CANREC_PROGRAM, "canrec", "upgrade", from.c_str(), module.c_str(), "-o", to.c_str(),
          nullptr);
    _exit(99);
  }
  usleep(700'000);
  kill(child, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    EXPECT_EQ(entry.path().filename().string().find("s2"), std::string::npos) << entry.path();
  }
}

// --- calls among canisters
// ------------------------------------------------------------------------

const std::string kCounterId = "r7inp-6aaaa-aaaaa-aaabq-cai";

class SeveralCanisters : public ExecutorCommands,
                         public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    const std::string compiler = std::string("motoko/") + GetParam() + "/";
    install(compiler + "gateway.wasm", "gateway");
    install(compiler + "counter.wasm", "counter");
  }
  std::string with(const std::string& name = "counter") const {
    return " --with " + kCounterId + "=" + path(name);
  }
  const std::string add = " add '(\"" + kCounterId + "\", 5)'";
};
INSTANTIATE_TEST_SUITE_P(BothPersistences, SeveralCanisters, ::testing::Values("3.6.16", "4.10.0"));

TEST_P(SeveralCanisters, CallEachOtherAndAreWrittenWhereAsked) {
  const auto before = read_tree(directory / "counter");
  const Answer run = canrec_with("call " + path("gateway") + add + with() + " -o " + path("g1") +
                                 " --output-with " + kCounterId + "=" + path("c1"));
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.out, "(5 : nat)\n");
  EXPECT_EQ(canrec_with("query " + path("g1") + " counts").out, "(1 : nat, 1 : nat)\n");
  EXPECT_EQ(canrec_with("query " + path("c1") + " get").out, "(5 : nat)\n");
  EXPECT_EQ(read_tree(directory / "counter"), before);
  EXPECT_EQ(
      canrec_with("query " + path("g1") + " look '(\"" + kCounterId + "\")'" + with("c1")).out,
      "(5 : nat)\n");
}

TEST_P(SeveralCanisters, AreNeverDroppedInSilence) {
  const Answer one = canrec_with("call " + path("gateway") + add + with() + " -o " + path("g1"));
  EXPECT_EQ(one.status, 0);
  EXPECT_NE(one.out.find("canister " + kCounterId + " changed; its new state is not kept (use " +
                         "--output-with " + kCounterId + "=DIR)"),
            std::string::npos)
      << one.out;
  const Answer other = canrec_with("call " + path("gateway") + add + with() + " --output-with " +
                                   kCounterId + "=" + path("c1"));
  EXPECT_EQ(other.status, 0);
  EXPECT_NE(other.out.find(path("gateway") + " changed; its new state is not kept (use -o DIR)"),
            std::string::npos)
      << other.out;
}

TEST_P(SeveralCanisters, AreNotWrittenWhenOneOfThePlacesIsTaken) {
  const std::string c1 = " --output-with " + kCounterId + "=" + path("c1");
  const std::string call = "call " + path("gateway") + add + with();
  EXPECT_EQ(canrec_with(call + " -o " + path("gateway") + c1).status, 4);
  EXPECT_EQ(canrec_with(call + " -o " + path("c1") + "/" + c1).status, 2);
  // The same place by another way, and one in the other.
  std::filesystem::create_directory_symlink(directory.path(), directory / "link");
  for (const char* const main : {"link/c1", "gateway/../c1", "c1/inside"}) {
    EXPECT_EQ(canrec_with(call + " --force -o " + path(main) + c1).status, 2) << main;
  }
  EXPECT_FALSE(std::filesystem::exists(directory / "c1"));
  EXPECT_EQ(canrec_with(call + " -o " + path("g1") + " --output-with " + kCounterId + "=" +
                        path("counter"))
                .status,
            4);
  EXPECT_FALSE(std::filesystem::exists(directory / "g1"));
}

TEST_F(ExecutorCommands, SayWhatCanBeCalled) {
  install("motoko/3.6.16/gateway.wasm", "s0");
  const auto says = [&](const std::string& arguments, const std::string& what) {
    const Answer run = canrec_with(arguments);
    EXPECT_EQ(run.status, 6);
    EXPECT_NE(run.out.find(what), std::string::npos) << run.out;
  };
  says("query " + path("s0") + " add '(\"aaaaa-aa\", 1)'",
       "add is an update method: use canrec call");
  says("call " + path("s0") + " look '(\"aaaaa-aa\")'",
       "look is a composite_query method: use canrec query");
  says("query " + path("s0") + " nothing", "its methods: ");
}

TEST_F(ExecutorCommands, DoNotTakeTheirStackForTheNetworks) {
  install("canisters/notes_recurses.wasm", "s0");
  const Answer run =
      canrec_with("upgrade " + path("s0") + " " + kFixtures + "canisters/notes_v2.wasm");
  EXPECT_EQ(run.status, 6);
  EXPECT_NE(run.out.find("Canister trapped: stack overflow"), std::string::npos);
  EXPECT_NE(run.out.find("the depth is this engine's"), std::string::npos);
}

TEST_P(SeveralCanisters, SayWhatAFailedCallWouldHaveLeftBehind) {
  const Answer run =
      canrec_with("call " + path("gateway") + " addAndTrap '(\"" + kCounterId + "\", 5)'" + with() +
                  " -o " + path("g1") + " --output-with " + kCounterId + "=" + path("c1"));
  EXPECT_EQ(run.status, 6);
  EXPECT_NE(run.out.find("assertion failed"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("canister " + kCounterId +
                         " changed; its new state is not kept, since "
                         "the call failed; on the network it would stay"),
            std::string::npos)
      << run.out;
  EXPECT_FALSE(std::filesystem::exists(directory / "g1"));
  EXPECT_FALSE(std::filesystem::exists(directory / "c1"));
}

TEST_P(SeveralCanisters, SayWhoIsNotHere) {
  const Answer run = canrec_with("call " + path("gateway") + add);
  EXPECT_EQ(run.status, 6);
  EXPECT_NE(run.out.find("canister " + kCounterId + " was called and is not here"),
            std::string::npos)
      << run.out;
  const Answer query =
      canrec_with("query --json " + path("gateway") + " look '(\"" + kCounterId + "\")'");
  EXPECT_EQ(query.status, 6);
  EXPECT_NE(query.out.find("\"canisters_not_here\":[\"" + kCounterId + "\"]"), std::string::npos)
      << query.out;
}

TEST_P(SeveralCanisters, RejectWhatDoesNotFitTogether) {
  const std::string call = "call " + path("gateway") + add;
  EXPECT_EQ(canrec_with(call + " --with nothing=" + path("counter")).status, 2);
  EXPECT_EQ(canrec_with(call + " --with " + kCounterId).status, 2);
  EXPECT_EQ(canrec_with(call + with() + with()).status, 4);
  EXPECT_EQ(canrec_with(call + with() + " --canister-id " + kCounterId).status, 4);
  EXPECT_EQ(canrec_with(call + with("missing")).status, 4);
  EXPECT_EQ(canrec_with(call + " --output-with " + kCounterId + "=" + path("c1")).status, 2);
  EXPECT_EQ(canrec_with("query " + path("gateway") + " counts --output-with a=b").status, 2);
}

TEST_F(ExecutorCommands, PayWithCyclesWhenAsked) {
  install("motoko/3.6.16/counter.wasm", "s0");
  const Answer rich = canrec_with("call --json " + path("s0") + " inc --cycles 3T");
  EXPECT_EQ(rich.status, 0);
  const auto run = nlohmann::json::parse(rich.out.substr(0, rich.out.find('\n')));
  EXPECT_EQ(run["cycles"], std::to_string(5'000'000 + run["instructions"].get<uint64_t>()));
  const Answer poor = canrec_with("call " + path("s0") + " inc --cycles 1_000_000");
  EXPECT_EQ(poor.status, 6);
  EXPECT_NE(poor.out.find("IC0207: Canister "), std::string::npos) << poor.out;
  EXPECT_NE(poor.out.find("is out of cycles: please top up the canister with at least "),
            std::string::npos);
  EXPECT_NE(canrec_with("query " + path("s0") + " get --cycles 1").out.find("it's frozen"),
            std::string::npos);
  const Answer upgrade = canrec_with("upgrade " + path("s0") + " " + kFixtures +
                                     "motoko/3.6.16/counter.wasm --cycles 100B");
  EXPECT_EQ(upgrade.status, 6);
  EXPECT_NE(upgrade.out.find("Canister installation failed with `Canister "), std::string::npos);
  for (const char* wrong : {"''", "-1", "3Q", "T", "340282366920938463463374607431768211456"}) {
    EXPECT_EQ(canrec_with("query " + path("s0") + " get --cycles " + wrong).status, 2) << wrong;
  }
}

TEST_F(ExecutorCommands, RefuseADirectoryThatIsBeingWritten) {
  install("canisters/notes.wasm", "s0");
  write_text(directory / "s0" / ".lock", "");
  const int lock = ::open(path("s0/.lock").c_str(), O_RDONLY);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  EXPECT_EQ(canrec_with("query " + path("s0") + " count").status, 4);
  close(lock);
  EXPECT_EQ(canrec_with("query " + path("s0") + " count").status, 0);
}

}  // namespace
