// SPDX-License-Identifier: Apache-2.0
// `canrec install`, `query`, `call`, `upgrade` and `snapshot show` as a user runs them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "support/temporary_directory.h"

namespace {

using canrec::test::read_tree;
using canrec::test::TemporaryDirectory;
using canrec::test::write_text;

struct Answer {
  int status;
  std::string out;  // both streams
};
Answer canrec_with(const std::string& arguments) {
  const std::string command = std::string(CANREC_PROGRAM) + " " + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  Answer run{};
  char buffer[65536];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) run.out.append(buffer, n);
  run.status = WEXITSTATUS(pclose(pipe));
  return run;
}
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
