// SPDX-License-Identifier: Apache-2.0
// `canrec backup` as a user runs it, from the first backup to a damaged store.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "backup_support.h"
#include "snapshot/directory.h"
#include "snapshot/writer.h"
#include "support/noise.h"
#include "support/shell.h"
#include "support/temporary_directory.h"

namespace canrec::snapshot {
namespace {

namespace fs = std::filesystem;
using test::Answer;
using test::canrec_with;

class BackupCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    // Damage in the middle of a pack hits the heap, for noise hardly compresses.
    Bytes heap = test::noise(2 << 20);
    heap.resize(4 << 20);
    write_snapshot(directory, heap);
  }

  Answer run(const std::string& verb, const std::string& arguments) const {
    return canrec_with("backup " + verb + " --store " + store.string() + " " + arguments);
  }
  // The id in the last line of create.
  std::string create(const std::string& more = "") const {
    const Answer answer = run("create", directory.string() + " " + more);
    EXPECT_EQ(answer.status, 0) << answer.out;
    const size_t at = answer.out.rfind("backup ");
    return answer.out.substr(at + 7, 16);
  }

  test::TemporaryDirectory temporary;
  fs::path directory = temporary / "snapshot";
  fs::path store = temporary / "store";
};

TEST_F(BackupCommand, GivesBackTheDirectory) {
  const std::string id = create("--label first --canister-id rrkah-fqaaa-aaaaa-aaaaq-cai");
  const Answer list = run("list", "");
  EXPECT_EQ(list.status, 0);
  EXPECT_NE(list.out.find(id), std::string::npos);
  EXPECT_NE(list.out.find("rrkah-fqaaa-aaaaa-aaaaq-cai  first"), std::string::npos);
  EXPECT_EQ(run("verify", "--deep").status, 0);
  const fs::path out = temporary / "out";
  EXPECT_EQ(run("restore", id.substr(0, 6) + " -o " + out.string()).status, 0);
  EXPECT_EQ(test::read_tree(out), test::read_tree(directory));
  EXPECT_EQ(run("restore", id + " -o " + out.string()).status, 4);  // it exists
}

TEST_F(BackupCommand, ComparesAndPrunes) {
  const std::string first = create("--time 1000000000000000000");
  std::string heap = test::read_text(directory / "wasm_memory.bin");
  heap[100'000] ^= 1;
  test::write_text(directory / "wasm_memory.bin", heap);
  const std::string second = create("--time 1000000000000000001");
  const Answer diff = run("diff", first + " " + second + " --json");
  EXPECT_EQ(diff.status, 1);
  EXPECT_NE(diff.out.find(R"("changed":[{"file":"wasm_memory.bin","begin":98304,"end":114688}])"),
            std::string::npos)
      << diff.out;
  EXPECT_EQ(run("diff", first + " " + first).status, 0);
  EXPECT_EQ(run("prune", "").status, 2);
  EXPECT_EQ(run("prune", "--keep-last 1 --dry-run").status, 0);
  EXPECT_EQ(run("show", first).status, 0);
  EXPECT_EQ(run("prune", "--keep-last 1").status, 0);
  EXPECT_EQ(run("show", first).status, 4);
  EXPECT_EQ(run("verify", "--deep").status, 0);
}

TEST_F(BackupCommand, SaysWhatIsLostAndSavesTheRest) {
  const std::string id = create();
  const fs::path pack = store / "packs/0000000000000001.pack";
  std::string bytes = test::read_text(pack);
  bytes[bytes.size() / 2] ^= 1;
  test::write_text(pack, bytes);
  const Answer verify = run("verify", "");
  EXPECT_EQ(verify.status, 5);
  EXPECT_NE(verify.out.find("LOST"), std::string::npos) << verify.out;
  EXPECT_NE(verify.out.find("wasm_memory.bin"), std::string::npos);
  const fs::path out = temporary / "out";
  EXPECT_EQ(run("restore", id + " -o " + out.string()).status, 5);
  EXPECT_FALSE(fs::exists(out));
  EXPECT_EQ(run("restore", id + " --salvage -o " + out.string()).status, 5);
  EXPECT_NE(test::read_text(out.string() + ".loss.json").find("\"file\": \"wasm_memory.bin\""),
            std::string::npos);
  EXPECT_EQ(test::read_text(out / "wasm_module.bin"),
            test::read_text(directory / "wasm_module.bin"));
}

TEST_F(BackupCommand, MovesABackupBetweenStores) {
  const std::string id = create();
  const fs::path file = temporary / "one.canrec";
  EXPECT_EQ(run("export", id + " -o " + file.string()).status, 0);
  store = temporary / "other";
  EXPECT_EQ(run("import", file.string()).status, 0);
  EXPECT_EQ(run("import", file.string()).status, 4);
  EXPECT_EQ(run("restore", id + " -o " + (temporary / "out").string()).status, 0);
  EXPECT_EQ(test::read_tree(temporary / "out"), test::read_tree(directory));
}

TEST_F(BackupCommand, RefusesWhatIsNotWhole) {
  fs::resize_file(directory / "wasm_memory.bin", 65536);
  EXPECT_EQ(run("create", directory.string()).status, 3);
  EXPECT_FALSE(fs::exists(store));
  EXPECT_EQ(run("list", "").status, 4);
  EXPECT_EQ(run("create", (temporary / "none").string()).status, 4);
}

}  // namespace
}  // namespace canrec::snapshot
