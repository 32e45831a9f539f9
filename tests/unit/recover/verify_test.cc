// SPDX-License-Identifier: Apache-2.0
// Every defect of a snapshot directory that an upload would accept without a word.
#include "recover/verify.h"

#include <algorithm>

#include "recover/convert.h"
#include "support.h"

namespace canrec::recover::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPage = 65536;

class Verify : public testing::Test {
 protected:
  void SetUp() override {
    path_ = directory_.path() / "state";
    write_state(path_, false, noise(2 * kPage), noise(80 * kPage, 2));
  }
  VerifyReport report(const VerifyOptions& options = {}) const {
    auto result = verify(path_, options);
    EXPECT_TRUE(result.has_value());
    return result ? std::move(*result) : VerifyReport{};
  }
  // The codes that were found, worst first.
  std::vector<std::string> codes(const VerifyOptions& options = {}) const {
    std::vector<std::string> out;
    for (const Finding& finding : report(options).findings) {
      EXPECT_FALSE(finding.what.empty());
      EXPECT_FALSE(finding.why.empty()) << finding.code;
      EXPECT_FALSE(finding.next.empty()) << finding.code;
      out.push_back(finding.code);
    }
    return out;
  }
  bool has(const std::string& code) const { return std::ranges::count(codes(), code) > 0; }
  void edit_metadata(const std::string& from, const std::string& to) {
    std::string text = canrec::test::read_text(path_ / "metadata.json");
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    canrec::test::write_text(path_ / "metadata.json", text);
  }

  canrec::test::TemporaryDirectory directory_;
  fs::path path_;
};

TEST_F(Verify, FindsNothingInAWholeDirectory) {
  EXPECT_TRUE(codes().empty());
  EXPECT_EQ(report().files.size(), 3U);
  EXPECT_EQ(report().files[1].hash, sha256(noise(2 * kPage)));
  EXPECT_FALSE(report().not_checked.empty());
}

TEST_F(Verify, FindsShortAndLongFiles) {
  fs::resize_file(path_ / "wasm_memory.bin", kPage);
  EXPECT_TRUE(has("wrong-size"));
  fs::resize_file(path_ / "wasm_memory.bin", 3 * kPage);
  EXPECT_TRUE(has("wrong-size"));
  fs::remove(path_ / "stable_memory.bin");
  EXPECT_TRUE(has("wrong-size"));
}

TEST_F(Verify, FindsAnUnfinishedDownload) {
  canrec::test::write_text(path_ / ".download_progress.json",
                           R"({"wasm_module":{"frontier":0,"ahead":[]},
      "wasm_memory":{"frontier":0,"ahead":[]},"stable_memory":{"frontier":2000000,"ahead":[]}})");
  const VerifyReport found = report();
  EXPECT_EQ(found.findings.front().severity, Severity::kError);
  EXPECT_TRUE(has("unfinished"));
  EXPECT_GE(found.missing.size(), 2U);
}

TEST_F(Verify, FindsSlicesThatNeverArrived) {
  Bytes stable = noise(80 * kPage, 2);
  std::fill(stable.begin() + 2'000'000, stable.begin() + 4'000'000, uint8_t{0});
  canrec::test::write_bytes(path_ / "stable_memory.bin", stable);
  EXPECT_EQ(codes(), std::vector<std::string>{"never-fetched"});
  // Zeros that begin and end elsewhere are the program's own.
  stable = noise(80 * kPage, 2);
  std::fill(stable.begin() + 1'990'000, stable.begin() + 4'010'000, uint8_t{0});
  canrec::test::write_bytes(path_ / "stable_memory.bin", stable);
  EXPECT_TRUE(codes().empty());
}

TEST_F(Verify, FindsAModuleThatIsNoneOrAnother) {
  Bytes module = bare_module(false);
  module[0] = 1;
  canrec::test::write_bytes(path_ / "wasm_module.bin", module);
  EXPECT_TRUE(has("module"));
  // One mutable global that the metadata does not list.
  const Bytes global = {1, 0x7f, 1, 0x41, 0, 0x0b};
  module = wasm::concat({bare_module(false), wasm::section(wasm::SectionId::kGlobal, global)});
  canrec::test::write_bytes(path_ / "wasm_module.bin", module);
  edit_metadata("\"wasm_module_size\": 13", "\"wasm_module_size\": 21");
  EXPECT_TRUE(has("globals-count"));
  edit_metadata("\"globals\": []", "\"globals\": [{\"i64\": 0}]");
  EXPECT_TRUE(has("globals-type"));
  edit_metadata("\"i64\": 0", "\"i32\": 5");
  EXPECT_EQ(codes(), std::vector<std::string>{"stack-pointer"});
  edit_metadata("\"i32\": 5", "\"i32\": 0");
  EXPECT_TRUE(codes().empty());
}

TEST_F(Verify, FindsIntegersThatPassedThroughADouble) {
  edit_metadata("\"taken_at_timestamp\": 0", "\"taken_at_timestamp\": 1764000000123456800");
  EXPECT_EQ(codes(), std::vector<std::string>{"rounded-integer"});
  edit_metadata("1764000000123456800", "1764000000123456789");
  EXPECT_TRUE(codes().empty());
  edit_metadata("1764000000123456789", "1764000000000000000");
  EXPECT_TRUE(codes().empty());
}

TEST_F(Verify, JudgesTheHookStatusByTheSettings) {
  edit_metadata("\"on_low_wasm_memory_hook_status\": null",
                "\"on_low_wasm_memory_hook_status\": \"ready\"");
  EXPECT_TRUE(codes().empty());
  VerifyOptions settings;
  settings.wasm_memory_limit = 10 * kPage;
  settings.wasm_memory_threshold = kPage;
  EXPECT_EQ(codes(settings), std::vector<std::string>{"hook-status"});
  settings.wasm_memory_limit = 2 * kPage;
  EXPECT_TRUE(codes(settings).empty());
}

TEST_F(Verify, RejectsADirectoryThatIsNone) {
  EXPECT_EQ(verify(directory_.path() / "nothing", {}).error().code(), Errc::kNotFound);
  fs::remove(path_ / "metadata.json");
  EXPECT_EQ(report().findings.front().severity, Severity::kError);
}

TEST_F(Verify, StopsWhenInterrupted) {
  Interrupt interrupt;
  interrupt.request();
  VerifyOptions options;
  options.interrupt = &interrupt;
  EXPECT_EQ(verify(path_, options).error().code(), Errc::kInterrupted);
}

TEST_F(Verify, ConvertsTheOldestForm) {
  std::string text = canrec::test::read_text(path_ / "metadata.json");
  text.replace(text.find("\"globals\""), 9, "\"exported_globals\"");
  canrec::test::write_text(path_ / "metadata.json", text);
  EXPECT_TRUE(has("old-form"));
  const Interrupt never;
  const fs::path out = directory_.path() / "converted";
  ASSERT_TRUE(convert(posix_file_system(), path_, out, Overwrite::kNo, never).has_value());
  path_ = out;
  EXPECT_TRUE(codes().empty());
  EXPECT_EQ(report().files[1].hash, sha256(noise(2 * kPage)));
}

}  // namespace
}  // namespace canrec::recover::test
