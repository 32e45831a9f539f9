// SPDX-License-Identifier: Apache-2.0
// `canrec patch` as a user runs it, and what other tools say of its results.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

struct Answer {
  int status;
  std::string out;
};

Answer shell(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  Answer answer{};
  char buffer[65536];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) answer.out.append(buffer, n);
  answer.status = WEXITSTATUS(pclose(pipe));
  return answer;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

const std::string kFixtures = CANREC_FIXTURES "/";
const std::string kMotoko = kFixtures + "motoko/4.10.0/stuck.wasm";
const std::string kNotes = kFixtures + "canisters/notes_no_grow.wasm";

class PatchCommand : public testing::Test {
 protected:
  PatchCommand()
      : directory_(std::filesystem::temp_directory_path() /
                   fmt::format("canrec-patch-test-{}", ::getpid())) {
    std::filesystem::create_directory(directory_);
  }
  ~PatchCommand() override { std::filesystem::remove_all(directory_); }

  static Answer patch(const std::string& arguments) {
    return shell(std::string(CANREC_PROGRAM) + " patch " + arguments);
  }
  std::string file(const std::string& name) const { return directory_ / name; }
  static bool has(const Answer& answer, std::string_view text) {
    return answer.out.find(text) != std::string::npos;
  }

  std::filesystem::path directory_;
};

TEST_F(PatchCommand, ListsCallsAndSignalsHazards) {
  const Answer run = patch("calls " + kNotes + " --from canister_pre_upgrade");
  EXPECT_EQ(run.status, 1) << run.out;
  EXPECT_TRUE(has(run, "ic0.stable64_write")) << run.out;
  EXPECT_TRUE(has(run, "no stable grow before it on any path")) << run.out;
  const Answer json = patch("calls " + kNotes + " --json");
  const auto head = nlohmann::json::parse(json.out.substr(0, json.out.find('\n')));
  EXPECT_EQ(head["type"], "call_sites");
  EXPECT_GT(head["with_findings"], 0);
}

TEST_F(PatchCommand, WritesAProvenModuleAndLeavesTheInputAlone) {
  const std::string before = read(kNotes);
  const std::string arguments =
      "grow-before-write " + kNotes + " canister_pre_upgrade -o " + file("fixed.wasm");
  const Answer run = patch(arguments);
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_TRUE(has(run, "PROVEN")) << run.out;
  EXPECT_TRUE(has(run, "route S (snapshot with the new module): ")) << run.out;
  EXPECT_TRUE(has(run, "+ call $canrec_growing_stable64_write")) << run.out;
  EXPECT_EQ(read(kNotes), before);
  EXPECT_EQ(patch(arguments).status, 4);
  EXPECT_EQ(patch(arguments + " --force").status, 0);
  EXPECT_EQ(patch("stub " + kNotes + " canister_pre_upgrade -o " + kNotes + " --force").status, 2);
  EXPECT_EQ(read(kNotes), before);
}

TEST_F(PatchCommand, WritesNothingOnADryRunOrWithoutAnOutput) {
  EXPECT_EQ(patch("stub " + kNotes + " canister_pre_upgrade --dry-run -o " + file("x")).status, 0);
  EXPECT_FALSE(std::filesystem::exists(file("x")));
  EXPECT_EQ(patch("stub " + kNotes + " canister_pre_upgrade").status, 2);
}

TEST_F(PatchCommand, KeepsAPlanAndAppliesItOnlyToItsInput) {
  const std::string plan = file("plan.json");
  ASSERT_EQ(patch("plan grow-before-write " + kNotes + " canister_pre_upgrade -o " + plan).status,
            0);
  const Answer shown = patch("show-diff " + plan + " " + kNotes);
  EXPECT_EQ(shown.status, 0);
  EXPECT_TRUE(has(shown, "- call $ic0.stable64_write")) << shown.out;
  ASSERT_EQ(patch("apply " + plan + " " + kNotes + " -o " + file("a.wasm")).status, 0);
  ASSERT_EQ(
      patch("grow-before-write " + kNotes + " canister_pre_upgrade -o " + file("b.wasm")).status,
      0);
  EXPECT_EQ(read(file("a.wasm")), read(file("b.wasm")));
  const Answer other = patch("apply " + plan + " " + kMotoko + " -o " + file("c.wasm"));
  EXPECT_EQ(other.status, 5) << other.out;
  EXPECT_FALSE(std::filesystem::exists(file("c.wasm")));
}

TEST_F(PatchCommand, GivesErrorsInTheUsersTextByLineAndColumn) {
  const std::string text = file("f.wat");
  ASSERT_EQ(patch("edit " + kMotoko + " canister_pre_upgrade -o " + text).status, 0);
  std::string wat = read(text);
  const Answer same = patch("edit " + kMotoko + " canister_pre_upgrade --from " + text + " -o " +
                            file("same.wasm"));
  EXPECT_EQ(same.status, 0) << same.out;
  EXPECT_EQ(read(file("same.wasm")), read(kMotoko));
  const size_t at = wat.find("(local ");
  ASSERT_NE(at, std::string::npos);
  const auto line =
      2 + std::count(wat.begin(), wat.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  wat.insert(wat.find('\n', at) + 1, "  call $nobody\n");
  write(text, wat);
  const Answer run =
      patch("edit " + kMotoko + " canister_pre_upgrade --from " + text + " -o " + file("bad.wasm"));
  EXPECT_EQ(run.status, 3) << run.out;
  EXPECT_TRUE(has(run, fmt::format("line {}, column 8: undefined function", line))) << run.out;
  EXPECT_FALSE(std::filesystem::exists(file("bad.wasm")));
}

TEST_F(PatchCommand, OpensAnEditor) {
  write(file("editor"), "#!/bin/sh\nsed -i 's/i32.const 3$/i32.const 4/' \"$1\"\n");
  std::filesystem::permissions(file("editor"), std::filesystem::perms::owner_all);
  const Answer run =
      shell("VISUAL= EDITOR=" + file("editor") + " " + CANREC_PROGRAM + " patch edit " + kMotoko +
            " canister_pre_upgrade --editor -o " + file("edited.wasm"));
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_TRUE(has(run, "+ i32.const 4")) << run.out;
}

TEST_F(PatchCommand, ListsCandidatesOfAmbiguousSites) {
  const Answer run = patch("remove " + kMotoko + " stable64_write -o " + file("x.wasm"));
  EXPECT_EQ(run.status, 2) << run.out;
  EXPECT_TRUE(has(run, "names ")) << run.out;
  EXPECT_TRUE(has(run, ":stable64_write#2 @0x")) << run.out;
}

TEST_F(PatchCommand, KeepsGzip) {
  ASSERT_EQ(shell("gzip -nc " + kNotes + " > " + file("in.wasm.gz")).status, 0);
  const Answer run =
      patch("drop-hook " + file("in.wasm.gz") + " canister_pre_upgrade -o " + file("out.wasm.gz"));
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_EQ(shell("gzip -t < " + file("out.wasm.gz")).status, 0);
}

// What other tools make of a patched module.
TEST_F(PatchCommand, ResultsAreReadByOtherTools) {
  const std::vector<std::pair<std::string, std::string>> modules = {
      {"canisters/notes", "canister_pre_upgrade"},
      {"canisters/journal", "canister_pre_upgrade"},
      {"motoko/3.11.1/ledger", "canister_pre_upgrade"},
      {"azle/0.33.0/stable", "raw_init"}};
  for (const auto& [name, function] : modules) {
    SCOPED_TRACE(name);
    const std::string input = kFixtures + name + ".wasm";
    const std::string output = file("out.wasm");
    const Answer run = patch("insert " + input + " " + function +
                             " --at-entry 'in_replicated_execution()' --force -o " + output);
    ASSERT_EQ(run.status, 0) << run.out;
    // wasm-validate knows no tail calls without an option; where it takes the input it must take
    // the result.
    const std::string validate = "wasm-validate --enable-tail-call ";
    ASSERT_EQ(shell(validate + input).status, 0);
    EXPECT_EQ(shell(validate + output).status, 0);
    const Answer info = shell(kFixtures + "bin/ic-wasm " + output + " info");
    EXPECT_EQ(info.status, 0) << info.out;
    EXPECT_TRUE(has(info, "in_replicated_execution")) << info.out.substr(0, 2000);
  }
  // The newest Motoko module has a 64-bit table, which wasm-validate cannot parse; ic-wasm can.
  const std::string output = file("out64.wasm");
  ASSERT_EQ(patch("grow-before-write " + kMotoko + " canister_pre_upgrade -o " + output).status, 0);
  EXPECT_NE(shell("wasm-validate --enable-memory64 --enable-tail-call " + kMotoko).status, 0);
  const Answer info = shell(kFixtures + "bin/ic-wasm " + output + " info");
  EXPECT_EQ(info.status, 0) << info.out;
}

// WABT's own round trip of the same module, for comparison: custom sections are gone.
TEST_F(PatchCommand, LosesNothingThatWabtsRoundTripLoses) {
  const std::string input = kFixtures + "canisters/notes.wasm";
  ASSERT_EQ(patch("stub " + input + " canister_pre_upgrade -o " + file("ours.wasm")).status, 0);
  ASSERT_EQ(shell("wasm2wat " + input + " -o " + file("x.wat")).status, 0);
  ASSERT_EQ(shell("wat2wasm " + file("x.wat") + " -o " + file("theirs.wasm")).status, 0);
  const std::string section = "icp:public candid:service";
  EXPECT_TRUE(read(file("ours.wasm")).find(section) != std::string::npos);
  EXPECT_TRUE(read(file("theirs.wasm")).find(section) == std::string::npos);
}

}  // namespace
