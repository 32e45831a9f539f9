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
  static std::string module_size(const Bytes& module) {
    return "\"wasm_module_size\": " + std::to_string(module.size());
  }
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
  EXPECT_TRUE(has("missing-file"));
}

// Each is another thing to an upload.
TEST_F(Verify, TellsAShortFileFromALongAndAMissingOne) {
  const auto why = [&] { return report().findings.front().why; };
  fs::resize_file(path_ / "wasm_memory.bin", kPage);
  EXPECT_NE(why().find("the rest of the memory is zeros"), std::string::npos) << why();
  fs::resize_file(path_ / "wasm_memory.bin", 3 * kPage);
  EXPECT_NE(why().find("nothing beyond the size"), std::string::npos) << why();
  fs::remove(path_ / "wasm_memory.bin");
  EXPECT_NE(why().find("stops when it comes to it"), std::string::npos) << why();
}

TEST_F(Verify, CallsAWholeDirectoryOfJunoWholeWithANote) {
  const Interrupt never;
  const auto written = [&](const std::vector<Bytes>& chunks, const char* name) {
    const auto source = snapshot::Directory::open(directory_.path() / "state");
    EXPECT_TRUE(source.has_value());
    snapshot::NewSnapshot state = snapshot::NewSnapshot::of(*source);
    state.metadata.source = snapshot::Source::kTakenFromCanister;
    state.chunks.assign(chunks.begin(), chunks.end());
    const fs::path rich = directory_.path() / (std::string(name) + "-rich");
    const Status rich_written =
        snapshot::write_directory(posix_file_system(), rich, state, Overwrite::kNo, never);
    EXPECT_TRUE(rich_written.has_value()) << rich_written.error().message();
    const fs::path juno = directory_.path() / name;
    ConvertRequest request{rich, juno, DirectoryForm::kJuno};
    request.id = *snapshot::parse_snapshot_id("000000000000000500000000000000010101");
    const auto made = convert(posix_file_system(), request, never);
    EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().message());
    return juno;
  };
  const fs::path plain = written({}, "plain");
  const fs::path fitting = written({Bytes(1'000'000, 1), Bytes(5, 2)}, "fitting");
  const fs::path other = written({Bytes(1 << 20, 1), Bytes(5, 2)}, "other");
  path_ = plain;
  EXPECT_EQ(codes(), std::vector<std::string>{"juno-form"});
  EXPECT_EQ(worst(report().findings), Severity::kNote);
  path_ = fitting;
  // The order of chunks is that of their hashes, so that these may stand either way.
  EXPECT_EQ(has("juno-chunks"), sha256(Bytes(5, 2)) < sha256(Bytes(1'000'000, 1)));
  path_ = other;
  EXPECT_TRUE(has("juno-chunks"));
  Bytes heap = noise(2 * kPage);
  heap[7] ^= 1;
  path_ = plain;
  canrec::test::write_bytes(path_ / "heap.bin", heap);
  EXPECT_TRUE(has("wrong-hash"));
  EXPECT_NE(report().findings.front().why.find("Juno's upload compares"), std::string::npos);
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

// A heap that is used thinly: one byte in each 4,096.
TEST_F(Verify, FindsSlicesThatNeverArrivedAmongThinData) {
  Bytes stable(80 * kPage, 0);
  for (size_t at = 0; at < stable.size(); at += 4096) stable[at] = 1;
  canrec::test::write_bytes(path_ / "stable_memory.bin", stable);
  EXPECT_TRUE(codes().empty());
  std::fill(stable.begin() + 2'000'000, stable.begin() + 4'000'000, uint8_t{0});
  canrec::test::write_bytes(path_ / "stable_memory.bin", stable);
  EXPECT_EQ(codes(), std::vector<std::string>{"never-fetched"});
}

// A tail of zeros in an ordinary file: fresh pages, or the slices that never arrived.
TEST_F(Verify, FindsATailThatNeverArrivedWhereDataEndAtItsVeryBorder) {
  Bytes stable = noise(80 * kPage, 2);
  std::fill(stable.begin() + 4'000'000, stable.end(), uint8_t{0});
  canrec::test::write_bytes(path_ / "stable_memory.bin", stable);
  EXPECT_EQ(codes(), std::vector<std::string>{"never-fetched"});
  std::fill(stable.begin() + 3'999'900, stable.end(), uint8_t{0});
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
  edit_metadata(module_size(bare_module(false)), module_size(module));
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
  settings.wasm_memory_limit = 0;  // none, so it is never due
  EXPECT_EQ(codes(settings), std::vector<std::string>{"hook-status"});
}

TEST_F(Verify, ComparesTheModuleWithTheHashOfTheNetwork) {
  VerifyOptions options;
  options.module_hash = sha256(bare_module(false));
  EXPECT_TRUE(codes(options).empty());
  (*options.module_hash)[0] ^= 1;
  EXPECT_EQ(codes(options), std::vector<std::string>{"module-hash"});
}

TEST_F(Verify, FindsWhatCrashedToolsLeave) {
  canrec::test::write_text(path_ / ".download_progress.json.tmp", "{");
  EXPECT_EQ(codes(), std::vector<std::string>{"leftover"});
  fs::remove(path_ / ".download_progress.json.tmp");
  canrec::test::write_text(path_ / ".snapshot_write_test", "");
  EXPECT_EQ(codes(), std::vector<std::string>{"leftover"});
  fs::remove(path_ / ".snapshot_write_test");
  canrec::test::write_text(path_ / ".upload_progress.json",
                           R"({"snapshot_id":"0000000000000000800000000010000a0101",
      "metadata_uploaded":true,"wasm_module_offset":0,"wasm_memory_offset":0,
      "stable_memory_offset":0,"wasm_chunks_uploaded":[]})");
  EXPECT_EQ(codes(), std::vector<std::string>{"unfinished-upload"});
}

TEST_F(Verify, FindsWhatTheNetworkRefusesAtTheUpload) {
  const auto error_of = [&](const std::string& code) {
    for (const Finding& finding : report().findings) {
      if (finding.code == code) return finding.severity == Severity::kError;
    }
    return false;
  };
  edit_metadata(module_size(bare_module(false)), module_size({}));
  fs::resize_file(path_ / "wasm_module.bin", 0);
  EXPECT_TRUE(error_of("wrong-size"));
  canrec::test::write_bytes(path_ / "wasm_module.bin", bare_module(false));
  edit_metadata(module_size({}), module_size(bare_module(false)));
  EXPECT_TRUE(codes().empty());
  const std::string one = "{\"i32\": 0}";
  std::string many = one;
  for (int i = 0; i < 1000; ++i) many += "," + one;
  edit_metadata("\"globals\": []", "\"globals\": [" + many + "]");
  EXPECT_TRUE(error_of("limit"));
  edit_metadata("\"globals\": [" + many + "]", "\"globals\": []");
  std::string certified = "1";
  for (int i = 0; i < 32; ++i) certified += ",1";
  edit_metadata("\"certified_data\": []", "\"certified_data\": [" + certified + "]");
  EXPECT_TRUE(error_of("limit"));
}

TEST_F(Verify, FindsGlobalsThatNoClientCouldWrite) {
  edit_metadata("\"globals\": []", "\"globals\": [{\"f64\": null}]");
  EXPECT_EQ(codes(), std::vector<std::string>{"metadata"});
  EXPECT_NE(report().findings[0].what.find("NaN or an infinity"), std::string::npos);
  edit_metadata("{\"f64\": null}", "null");
  EXPECT_EQ(codes(), std::vector<std::string>{"metadata"});
}

TEST_F(Verify, FindsSizesThatAreNoPages) {
  edit_metadata("\"wasm_memory_size\": 131072", "\"wasm_memory_size\": 131071");
  fs::resize_file(path_ / "wasm_memory.bin", 131071);
  EXPECT_EQ(codes(), std::vector<std::string>{"metadata"});
}

TEST_F(Verify, FindsChunksThatAreWrongMissingOrUnknown) {
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const fs::path file = path_ / "wasm_chunk_store" / (abc + ".bin");
  canrec::test::write_text(file, "abc");
  EXPECT_EQ(codes(), std::vector<std::string>{"mixed"});
  std::string bytes;
  for (size_t i = 0; i < abc.size(); i += 2) {
    bytes += (i == 0 ? "" : ",") + std::to_string(std::stoi(abc.substr(i, 2), nullptr, 16));
  }
  edit_metadata("\"wasm_chunk_store\": []", "\"wasm_chunk_store\": [{\"hash\": [" + bytes + "]}]");
  EXPECT_TRUE(codes().empty());
  canrec::test::write_text(file, "abd");
  EXPECT_EQ(codes(), std::vector<std::string>{"wrong-hash"});
  fs::remove(file);
  EXPECT_EQ(codes(), std::vector<std::string>{"missing-file"});
}

TEST_F(Verify, FindsFilesOfTwoTools) {
  canrec::test::write_text(path_ / "heap.bin", "x");
  EXPECT_EQ(codes(), std::vector<std::string>{"mixed"});
}

// icp leaves out the file of an empty heap, dfx wants it.
TEST_F(Verify, FindsAHeapThatDfxWouldMiss) {
  path_ = directory_.path() / "empty";
  write_state(path_, false, Bytes{}, Bytes{});
  EXPECT_TRUE(codes().empty());
  fs::remove(path_ / "wasm_memory.bin");
  EXPECT_EQ(codes(), std::vector<std::string>{"dfx-needs-file"});
  const Interrupt never;
  const fs::path out = directory_.path() / "converted";
  ASSERT_TRUE(convert(posix_file_system(), {path_, out}, never).has_value());
  EXPECT_TRUE(fs::exists(out / "wasm_memory.bin"));
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
  ASSERT_TRUE(convert(posix_file_system(), {path_, out}, never).has_value());
  path_ = out;
  EXPECT_TRUE(codes().empty());
  EXPECT_EQ(report().files[1].hash, sha256(noise(2 * kPage)));
}

}  // namespace
}  // namespace canrec::recover::test
