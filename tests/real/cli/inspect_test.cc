// SPDX-License-Identifier: Apache-2.0
// `canrec inspect` as a user runs it.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "support/shell.h"
#include "support/temporary_directory.h"

namespace {

using canrec::test::Answer;

Answer inspect(const std::string& arguments) {
  return canrec::test::canrec_with("inspect " + arguments);
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

// A snapshot directory of the oldest Motoko counter, every global with the value 5.
void write_snapshot(const canrec::test::TemporaryDirectory& directory, size_t left_out) {
  const std::string module = kFixtures + "motoko/2.0.3/counter.wasm";
  const auto object = nlohmann::json::parse(inspect("--json " + module).out);
  nlohmann::json globals = nlohmann::json::array();
  for (const auto& global : object["globals"]) globals.push_back({{global["type"], 5}});
  globals.erase(globals.begin(), globals.begin() + static_cast<ptrdiff_t>(left_out));
  const nlohmann::json metadata = {{"source", {{"taken_from_canister", nullptr}}},
                                   {"taken_at_timestamp", 1},
                                   {"wasm_module_size", object["stored_size"]},
                                   {"globals", globals},
                                   {"wasm_memory_size", 262144},
                                   {"stable_memory_size", 65536},
                                   {"wasm_chunk_store", nlohmann::json::array()},
                                   {"canister_version", 7},
                                   {"certified_data", nlohmann::json::array()},
                                   {"global_timer", nullptr},
                                   {"on_low_wasm_memory_hook_status", nullptr}};
  canrec::test::write_text(directory / "metadata.json", metadata.dump());
  canrec::test::write_bytes(directory / "wasm_memory.bin", canrec::Bytes(262144));
  canrec::test::write_bytes(directory / "stable_memory.bin", canrec::Bytes(65536));
  std::filesystem::copy_file(module, directory / "wasm_module.bin");
}

TEST(InspectCommand, ShowsTheValuesOfASnapshotDirectory) {
  const canrec::test::TemporaryDirectory directory;
  write_snapshot(directory, 0);
  const Answer run = inspect("--json " + directory.path().string());
  EXPECT_EQ(run.status, 0) << run.out;
  const auto object = nlohmann::json::parse(run.out);
  EXPECT_EQ(object["snapshot"]["globals_match"], true);
  EXPECT_EQ(object["snapshot"]["canister_version"], 7);
  for (const auto& global : object["globals"]) EXPECT_EQ(global["value"], "5");
  const Answer text = inspect(directory.path().string());
  EXPECT_EQ(text.status, 0);
  EXPECT_NE(text.out.find("initially 65536, now 5"), std::string::npos) << text.out;
}

TEST(InspectCommand, AnswersOneWhenTheGlobalsAreNotTheModules) {
  const canrec::test::TemporaryDirectory directory;
  write_snapshot(directory, 1);
  const Answer run = inspect(directory.path().string());
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.out.find("the metadata has 8 globals, this module persists 9"), std::string::npos)
      << run.out;
}

TEST(InspectCommand, AnswersThreeForTextAndFourForNothing) {
  const Answer text = inspect(std::string(CANREC_SOURCE_DIR) + "/LICENSE");
  EXPECT_EQ(text.status, 3);
  EXPECT_NE(text.out.find("0x00000000: not a WebAssembly module"), std::string::npos) << text.out;
  EXPECT_EQ(inspect("/nonexistent.wasm").status, 4);
}

}  // namespace
