// SPDX-License-Identifier: Apache-2.0
// `canrec pull` and `canrec push`, to and from directories and chunk stores, killed with SIGKILL at
// many moments: what has its final name is whole, the same command goes on, and in the end there is
// what an undisturbed run makes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "snapshot/store.h"
#include "snapshot/writer.h"
#include "support/noise.h"
#include "support/temporary_directory.h"
#include "wasm/builder.h"

namespace {

namespace fs = std::filesystem;
using canrec::Bytes;
using canrec::test::noise;
using canrec::test::read_tree;
using Clock = std::chrono::steady_clock;
using Arguments = std::vector<std::string>;

constexpr size_t kPage = 65536;
constexpr int kMoments = 24;

pid_t start(const Arguments& arguments) {
  std::vector<char*> words;
  std::string program = CANREC_PROGRAM;
  words.push_back(program.data());
  Arguments copy = arguments;
  for (std::string& word : copy) words.push_back(word.data());
  words.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    dup2(null, 1);
    dup2(null, 2);
    execv(words[0], words.data());
    _exit(127);
  }
  return child;
}

// The exit status; -1 when it was killed.
int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Lets it run for a while, then kills it. Whether it was killed before it ended.
bool run_and_kill(const Arguments& arguments, Clock::duration after) {
  const pid_t child = start(arguments);
  const auto deadline = Clock::now() + after;
  while (Clock::now() < deadline) usleep(200);
  kill(child, SIGKILL);
  return wait_for(child) == -1;
}

class TransferCrash : public ::testing::Test {
 protected:
  // A canister without globals and with the section that route K asks for.
  void SetUp() override {
    const Bytes memory = {uint8_t{1}, uint8_t{0x00}, uint8_t{0}};
    const Bytes module = canrec::wasm::concat(
        {canrec::wasm::module_header(),
         canrec::wasm::section(canrec::wasm::SectionId::kMemory, memory),
         canrec::wasm::custom_section("icp:private enhanced-orthogonal-persistence", {})});
    const Bytes heap = noise(40 * kPage, 1);
    const Bytes stable = noise(30 * kPage, 2);
    canrec::snapshot::NewSnapshot state;
    state.metadata.canister_version = 7;
    state.module = canrec::snapshot::Image::of(module);
    state.heap = canrec::snapshot::Image::of(heap);
    state.stable = canrec::snapshot::Image::of(stable);
    const canrec::Interrupt never;
    const auto written = canrec::snapshot::write_directory(canrec::posix_file_system(), source(),
                                                           state, canrec::Overwrite::kNo, never);
    ASSERT_TRUE(written.has_value()) << written.error().message();
  }
  std::string source() const { return directory / "source"; }
  std::string path(const std::string& name) const { return directory / name; }

  // Kills the command at moments spread over the time that it takes undisturbed; after every kill
  // runs it to its end. `whole` says whether what is under the final name is so, if anything is.
  void kill_at_many_moments(const Arguments& command, const std::string& output,
                            const std::string& work, const std::function<void()>& whole) {
    const auto begin = Clock::now();
    ASSERT_EQ(wait_for(start(command)), 0);
    const auto duration = Clock::now() - begin;
    whole();
    fs::remove_all(output);
    int killed = 0;
    int resumed = 0;
    for (int i = 0; i < kMoments; ++i) {
      if (run_and_kill(command, duration * i / kMoments)) ++killed;
      const bool under_way = fs::exists(fs::path(work) / "state.json");
      if (under_way) ++resumed;
      // A directory appears when everything is in it; the work may be left over then.
      if (fs::exists(output) && command.at(2) != "--store") {
        whole();
      } else {
        ASSERT_EQ(wait_for(start(command)), 0) << "after moment " << i;
        whole();
        EXPECT_FALSE(fs::exists(work)) << i;
      }
      fs::remove_all(output);
      fs::remove_all(work);
    }
    EXPECT_GT(killed, kMoments / 3);
    EXPECT_GT(resumed, kMoments / 4);
  }
  // The same work, killed again and again without help until it is done.
  void kill_until_done(const Arguments& command, const std::string& output,
                       const std::function<void()>& whole) {
    const auto begin = Clock::now();
    ASSERT_EQ(wait_for(start(command)), 0);
    const auto duration = Clock::now() - begin;
    fs::remove_all(output);
    int kills = 0;
    while (run_and_kill(command, duration / 5 + duration * kills / 20)) ASSERT_LT(++kills, 200);
    EXPECT_GT(kills, 0);
    whole();
  }

  canrec::test::TemporaryDirectory directory;
};

TEST_F(TransferCrash, PullIntoADirectory) {
  const std::string output = path("out");
  const Arguments command = {"pull", source(), "-o", output, "--chunk", "65536"};
  const auto expected = read_tree(source());
  const auto whole = [&] { ASSERT_EQ(read_tree(output), expected); };
  kill_at_many_moments(command, output, output + ".canrec-pull", whole);
  kill_until_done(command, output, whole);
}

TEST_F(TransferCrash, PullIntoAStore) {
  const std::string store = path("store");
  const Arguments command = {"pull", source(), "--store", store, "--chunk", "65536"};
  const auto expected = read_tree(source());
  int restores = 0;
  const auto whole = [&] {
    const auto opened = canrec::snapshot::Store::open(store);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    const auto newest = opened->newest();
    ASSERT_TRUE(newest.has_value()) << newest.error().message();
    const std::string restored = path("restored-" + std::to_string(++restores));
    ASSERT_EQ(
        wait_for(start({"backup", "restore", newest->id(), "--store", store, "-o", restored})), 0);
    EXPECT_EQ(read_tree(restored), expected);
    fs::remove_all(restored);
    EXPECT_EQ(wait_for(start({"backup", "verify", "--deep", "--store", store})), 0);
  };
  kill_at_many_moments(command, store, store + ".canrec-pull", whole);
}

TEST_F(TransferCrash, PushFromADirectory) {
  const std::string output = path("out");
  const Arguments command = {"push", source(), "-o", output, "--chunk", "65536"};
  const auto expected = read_tree(source());
  const auto whole = [&] {
    auto found = read_tree(output);
    ASSERT_EQ(found.size(), expected.size());
    for (const char* name : {"wasm_memory.bin", "stable_memory.bin", "wasm_module.bin"}) {
      EXPECT_EQ(found.at(name), expected.at(name)) << name;
    }
  };
  kill_at_many_moments(command, output, output + ".canrec-push", whole);
  kill_until_done(command, output, whole);
}

TEST_F(TransferCrash, PushFromAStore) {
  ASSERT_EQ(wait_for(start({"backup", "create", source(), "--store", path("store")})), 0);
  const std::string output = path("out");
  const Arguments command = {"push", path("store"), "-o", output, "--chunk", "65536"};
  const auto expected = read_tree(source());
  const auto whole = [&] {
    EXPECT_EQ(read_tree(output).at("wasm_memory.bin"), expected.at("wasm_memory.bin"));
    EXPECT_EQ(read_tree(output).at("stable_memory.bin"), expected.at("stable_memory.bin"));
  };
  kill_at_many_moments(command, output, output + ".canrec-push", whole);
}

// Half a transfer of one state never goes on with another.
TEST_F(TransferCrash, RefuseToGoOnFromAnotherState) {
  fs::copy(source(), path("other"), fs::copy_options::recursive);
  std::string metadata = canrec::test::read_text(fs::path(path("other")) / "metadata.json");
  const size_t at = metadata.find("\"canister_version\": 7");
  ASSERT_NE(at, std::string::npos) << metadata;
  metadata.replace(at, 21, "\"canister_version\": 8");
  canrec::test::write_text(fs::path(path("other")) / "metadata.json", metadata);
  for (const std::string verb : {"pull", "push"}) {
    const std::string output = path(verb);
    const std::string work = output + ".canrec-" + verb;
    // Killed as soon as the work has begun.
    const pid_t child = start({verb, source(), "-o", output, "--chunk", "65536"});
    while (!fs::exists(fs::path(work) / "state.json")) usleep(100);
    kill(child, SIGKILL);
    ASSERT_EQ(wait_for(child), -1);
    const auto before = read_tree(work);
    EXPECT_EQ(wait_for(start({verb, path("other"), "-o", output})), 3) << verb;
    EXPECT_EQ(read_tree(work), before) << verb;
    EXPECT_FALSE(fs::exists(output));
    EXPECT_EQ(wait_for(start({verb, source(), "-o", output})), 0) << verb;
    EXPECT_FALSE(fs::exists(work)) << verb;
  }
}

// A directory of that name that is somebody's is left alone.
TEST_F(TransferCrash, TouchNothingThatIsNotTheirs) {
  for (const std::string verb : {"pull", "push"}) {
    const std::string output = path(verb);
    const fs::path work = output + ".canrec-" + verb;
    fs::create_directory(work);
    canrec::test::write_text(work / "thesis.txt", "years of work");
    EXPECT_EQ(wait_for(start({verb, source(), "-o", output})), 4) << verb;
    EXPECT_EQ(canrec::test::read_text(work / "thesis.txt"), "years of work");
  }
}

}  // namespace
