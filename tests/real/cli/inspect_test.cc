// SPDX-License-Identifier: Apache-2.0
// `canrec inspect` as a user runs it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace {

struct Answer {
  int status;
  std::string out;
};
Answer inspect(const std::string& arguments) {
  const std::string command = std::string(CANREC_PROGRAM) + " inspect " + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  Answer run{};
  char buffer[65536];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) run.out.append(buffer, n);
  run.status = WEXITSTATUS(pclose(pipe));
  return run;
}
const std::string kFixtures = CANREC_FIXTURES "/";

TEST(InspectCommand, ShowsTheNewestMotokoModule) {
  const Answer run = inspect(kFixtures + "motoko/4.10.0/ledger.wasm");
  EXPECT_EQ(run.status, 0) << run.out;
  for (const std::string_view part :
       {"Motoko, enhanced orthogonal persistence", "64-bit, layout version 1",
        "incremental garbage collector", "table 0  funcref, 64-bit", "canister_pre_upgrade",
        "\"candid:service\" private, for controllers", "ic0.stable64_write"}) {
    EXPECT_NE(run.out.find(part), std::string::npos) << part;
  }
}

TEST(InspectCommand, GivesOneJsonObject) {
  const Answer run = inspect("--json " + kFixtures + "azle/0.33.0/stable.wasm");
  EXPECT_EQ(run.status, 0);
  const auto object = nlohmann::json::parse(run.out);
  EXPECT_EQ(object["type"], "inspect");
  EXPECT_EQ(object["toolchain"]["name"], "azle");
  EXPECT_EQ(object["valid"], true);
  EXPECT_EQ(object["memory"]["bits"], 32);
  EXPECT_EQ(object["globals"].size(), 1u);
  EXPECT_EQ(object["globals"][0]["initial"], "1048576");
  EXPECT_EQ(object["network_rules"].size(), 0u);
}

TEST(InspectCommand, LabelsEveryByte) {
  const Answer run = inspect("--bytes --json " + kFixtures + "motoko/2.0.3/counter.wasm");
  EXPECT_EQ(run.status, 0);
  uint64_t at = 0;
  size_t begin = 0;
  while (begin < run.out.size()) {
    const size_t end = run.out.find('\n', begin);
    const auto range = nlohmann::json::parse(run.out.substr(begin, end - begin));
    ASSERT_EQ(range["begin"], at);
    at = range["end"];
    begin = end + 1;
  }
  EXPECT_EQ(at, 177'600u);
}

TEST(InspectCommand, AnswersThreeForTextAndFourForNothing) {
  const Answer text = inspect(std::string(CANREC_SOURCE_DIR) + "/LICENSE");
  EXPECT_EQ(text.status, 3);
  EXPECT_NE(text.out.find("0x00000000: not a WebAssembly module"), std::string::npos) << text.out;
  EXPECT_EQ(inspect("/nonexistent.wasm").status, 4);
}

}  // namespace
