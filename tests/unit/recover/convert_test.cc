// SPDX-License-Identifier: Apache-2.0
// There and back between the forms of a snapshot directory, and what cannot go.
#include "recover/convert.h"

#include "snapshot/directory.h"
#include "support.h"
#include "support/faulty_file_system.h"

namespace canrec::recover::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPage = 65536;

class Convert : public testing::Test {
 protected:
  Convert() {
    module_ = bare_module(false);
    state_.metadata.source = snapshot::Source::kTakenFromCanister;
    state_.metadata.taken_at_timestamp_ns = 1764000000123456789;
    state_.metadata.globals = {{snapshot::GlobalType::kI32, 0xffffffff, 0},
                               {snapshot::GlobalType::kI64, 0x8000000000000001, 0},
                               {snapshot::GlobalType::kF32, 0x3dcccccd, 0},
                               {snapshot::GlobalType::kF64, 0x7e37e43c8800759c, 0},
                               {snapshot::GlobalType::kF64, 0x8000000000000000, 0},
                               {snapshot::GlobalType::kV128, 1, 0x0123456789abcdef},
                               {snapshot::GlobalType::kV128, 0, 0}};
    state_.metadata.canister_version = 12;
    state_.metadata.certified_data = {1, 2, 255};
    state_.metadata.global_timer = snapshot::GlobalTimer{1764000060000000001};
    state_.metadata.on_low_wasm_memory_hook_status = snapshot::HookStatus::kReady;
    state_.module = snapshot::Image::of(module_);
    state_.heap = snapshot::Image::of(heap_);
    state_.stable = snapshot::Image::of(stable_);
    for (const Bytes& chunk : chunks_) state_.chunks.push_back(chunk);
    id_ = *snapshot::parse_snapshot_id("0x0000000000000000800000000010000a0101");
  }

  fs::path write(const std::string& name) {
    const fs::path path = directory_ / name;
    const Status done =
        snapshot::write_directory(posix_file_system(), path, state_, Overwrite::kNo, never_);
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message());
    return path;
  }
  // Converts to a new directory; empty when it is refused, and then nothing is there.
  fs::path to(const fs::path& from, DirectoryForm form) {
    const fs::path path = directory_ / ("out-" + std::to_string(++outputs_));
    auto notes = convert(posix_file_system(), {from, path, form, id_}, never_);
    if (notes) {
      notes_ = std::move(*notes);
      return path;
    }
    error_ = notes.error().message();
    EXPECT_FALSE(fs::exists(path));
    return {};
  }
  using Tree = std::map<std::string, std::string>;
  static auto tree(const fs::path& path) { return canrec::test::read_tree(path); }

  canrec::test::TemporaryDirectory directory_;
  const Interrupt never_;
  Bytes module_;
  Bytes heap_ = noise(2 * kPage);
  Bytes stable_ = noise(3 * kPage, 2);
  std::vector<Bytes> chunks_ = {noise(3, 3), noise(1'000'000, 4), noise(7, 5), noise(1 << 20, 6)};
  snapshot::NewSnapshot state_;
  std::optional<snapshot::SnapshotId> id_;
  std::vector<std::string> notes_;
  std::string error_;
  int outputs_ = 0;
};

TEST_F(Convert, GoesThereAndBackThroughEveryForm) {
  const fs::path start = write("start");
  for (const std::string& name : directory_form_names()) {
    const DirectoryForm form = *directory_form(name);
    const fs::path there = to(start, form);
    ASSERT_FALSE(there.empty()) << name << ": " << error_;
    const auto opened = snapshot::Directory::open(there);
    ASSERT_TRUE(opened.has_value()) << name << ": " << opened.error().message();
    EXPECT_EQ(opened->metadata(), snapshot::Directory::open(start)->metadata()) << name;
    EXPECT_EQ(opened->chunks().size(), chunks_.size()) << name;
    const fs::path back = to(there, DirectoryForm::kBoth);
    ASSERT_FALSE(back.empty()) << name << ": " << error_;
    EXPECT_EQ(tree(back), tree(start)) << name;
  }
}

TEST_F(Convert, KnowsFormsByNameOnly) {
  EXPECT_EQ(directory_form_names().size(), 6U);
  EXPECT_EQ(directory_form("juno"), DirectoryForm::kJuno);
  EXPECT_EQ(directory_form("Juno"), std::nullopt);
}

TEST_F(Convert, LeavesOutTheFilesThatTheToolsLeaveOut) {
  state_.heap = {};
  state_.stable = {};
  state_.chunks = {};
  const fs::path start = write("start");
  const auto files = [&](DirectoryForm form) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(to(start, form))) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(files(DirectoryForm::kBoth),
            (Names{"metadata.json", "stable_memory.bin", "wasm_chunk_store", "wasm_memory.bin",
                   "wasm_module.bin"}));
  EXPECT_EQ(files(DirectoryForm::kIcp),
            (Names{"metadata.json", "stable_memory.bin", "wasm_chunk_store", "wasm_module.bin"}));
  EXPECT_EQ(files(DirectoryForm::kDfx),
            (Names{"metadata.json", "wasm_memory.bin", "wasm_module.bin"}));
  EXPECT_EQ(files(DirectoryForm::kJuno), (Names{"metadata.json", "wasm-code.bin"}));
}

TEST_F(Convert, WritesTheOldNames) {
  const std::string text =
      canrec::test::read_text(to(write("start"), DirectoryForm::kDfx029) / "metadata.json");
  EXPECT_NE(text.find("\"exported_globals\": ["), std::string::npos);
  EXPECT_NE(text.find("\"source\": \"taken_from_canister\""), std::string::npos);
  EXPECT_EQ(text.find("\"globals\""), std::string::npos);
}

TEST_F(Convert, SaysWhatAFormHasNoPlaceFor) {
  const fs::path start = write("start");
  const fs::path juno = to(start, DirectoryForm::kJuno);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_NE(notes_[0].find("every 1,000,000 bytes"), std::string::npos);
  to(juno, DirectoryForm::kBoth);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_NE(notes_[0].find("0000000000000000800000000010000a0101 has no place"), std::string::npos);
  to(start, DirectoryForm::kIcp);
  EXPECT_TRUE(notes_.empty());
  chunks_ = {noise(1'000'000), noise(1'000'000, 2), noise(9)};
  state_.chunks.assign(chunks_.begin(), chunks_.end());
  to(write("even"), DirectoryForm::kJuno);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(Convert, RejectsWhatAFormCannotHold) {
  state_.metadata.source = std::nullopt;
  const fs::path unknown_source = write("unknown-source");
  for (const DirectoryForm form :
       {DirectoryForm::kDfx030, DirectoryForm::kDfx029, DirectoryForm::kJuno}) {
    EXPECT_TRUE(to(unknown_source, form).empty());
    EXPECT_NE(error_.find("source is unknown"), std::string::npos);
  }
  EXPECT_FALSE(to(unknown_source, DirectoryForm::kIcp).empty());
  state_.metadata.source = snapshot::Source::kMetadataUpload;
  state_.metadata.unknown = {{"more", "1"}};
  const fs::path unknown_key = write("unknown-key");
  EXPECT_TRUE(to(unknown_key, DirectoryForm::kJuno).empty());
  EXPECT_NE(error_.find("no place for the key more"), std::string::npos);
  EXPECT_EQ(tree(to(unknown_key, DirectoryForm::kDfx)).size(), tree(unknown_key).size());
  state_.metadata.unknown = {};
  id_ = std::nullopt;
  EXPECT_TRUE(to(write("no-id"), DirectoryForm::kJuno).empty());
  EXPECT_NE(error_.find("--snapshot-id"), std::string::npos);
}

TEST_F(Convert, TakesTheIdThatAProgressFileNames) {
  id_ = std::nullopt;
  const fs::path start = write("start");
  canrec::test::write_text(start / "0000000000000000800000000010000a0101.json",
                           R"({"snapshot_id":"0000000000000000800000000010000a0101",
      "metadata_uploaded":true,"wasm_module_progress":0,"wasm_memory_progress":0,
      "stable_memory_progress":0,"wasm_chunks_uploaded":{}})");
  const fs::path juno = to(start, DirectoryForm::kJuno);
  ASSERT_FALSE(juno.empty()) << error_;
  EXPECT_EQ(to_string(snapshot::Directory::open(juno)->ids()[0]),
            "0000000000000000800000000010000a0101");
}

TEST_F(Convert, RejectsADirectoryThatIsNotWhole) {
  const fs::path start = write("start");
  fs::resize_file(start / "wasm_memory.bin", kPage);
  for (const std::string& name : directory_form_names()) {
    EXPECT_TRUE(to(start, *directory_form(name)).empty()) << name;
  }
}

// Whatever operation fails, the input is as it was and the output whole or absent.
TEST_F(Convert, SurvivesAFullDiskAtEveryStep) {
  const fs::path start = write("start");
  const auto before = tree(start);
  for (const DirectoryForm form : {DirectoryForm::kBoth, DirectoryForm::kJuno}) {
    for (const canrec::test::Fault fault :
         {canrec::test::Fault::kOnce, canrec::test::Fault::kDeath}) {
      for (size_t k = 0;; ++k) {
        canrec::test::FaultyFileSystem faulty(posix_file_system(), k, fault);
        const fs::path path = directory_ / ("fault-" + std::to_string(++outputs_));
        const auto done = convert(faulty, {start, path, form, id_}, never_);
        EXPECT_EQ(tree(start), before);
        if (!faulty.failed()) break;
        EXPECT_FALSE(done.has_value()) << k;
        if (fs::exists(path)) {
          EXPECT_TRUE(snapshot::Directory::open(path).has_value()) << k;
        }
        fs::remove_all(path);
      }
    }
  }
}

}  // namespace
}  // namespace canrec::recover::test
