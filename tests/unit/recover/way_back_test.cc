// SPDX-License-Identifier: Apache-2.0
// What a way back is called: whole only when nothing speaks against it.
#include "recover/way_back.h"

#include <filesystem>

#include "support.h"

namespace canrec::recover::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPage = 65536;

class WayBackTest : public testing::Test {
 protected:
  void SetUp() override {
    write_state(backup_, false, noise(kPage), noise(kPage, 2));
    write_state(state_, false, noise(kPage), noise(kPage, 2));
  }
  WayBack judged(const std::optional<fs::path>& state) const {
    auto way =
        judge_way_back(backup_.string(), {sha256(bare_module(false)), state, canister_}, never_);
    EXPECT_TRUE(way.has_value());
    if (!way) return {};
    EXPECT_EQ(way->next.empty(), way->severity == Severity::kNote) << way->words;
    return std::move(*way);
  }
  // A time that a double cannot hold exactly and that ends in zeros: verify warns of it.
  static void make_doubtful(const fs::path& state) { set_time(state, "1764000000123456800"); }
  static void set_time(const fs::path& state, const std::string& time) {
    const std::string from = "\"taken_at_timestamp\": 0";
    std::string text = canrec::test::read_text(state / "metadata.json");
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, from.size(), "\"taken_at_timestamp\": " + time);
    canrec::test::write_text(state / "metadata.json", text);
  }

  const Interrupt never_;
  std::optional<ic::Principal> canister_;
  canrec::test::TemporaryDirectory directory_;
  const fs::path backup_ = directory_.path() / "backup";
  const fs::path state_ = directory_.path() / "state";
};

TEST_F(WayBackTest, IsWholeAndTheStateByteForByte) {
  const WayBack alone = judged(std::nullopt);
  EXPECT_EQ(alone.severity, Severity::kNote);
  EXPECT_NE(alone.words.find("is whole"), std::string::npos) << alone.words;
  EXPECT_NE(alone.words.find("was not asked"), std::string::npos) << alone.words;
  const WayBack compared = judged(state_);
  EXPECT_EQ(compared.severity, Severity::kNote);
  EXPECT_NE(compared.words.find("byte for byte"), std::string::npos) << compared.words;
}

TEST_F(WayBackTest, IsNotCalledWholeWithAWarning) {
  make_doubtful(backup_);
  make_doubtful(state_);
  for (const std::optional<fs::path>& state : {std::optional<fs::path>(), std::optional(state_)}) {
    const WayBack way = judged(state);
    EXPECT_EQ(way.severity, Severity::kWarning);
    EXPECT_EQ(way.words.find("whole"), std::string::npos) << way.words;
    EXPECT_NE(way.words.find("nothing is certainly wrong, but"), std::string::npos) << way.words;
    EXPECT_NE(way.next.find("canrec verify"), std::string::npos) << way.next;
  }
}

TEST_F(WayBackTest, SaysWhenOnlyTheMetadataIsAnother) {
  set_time(state_, "1764000000123456789");
  const WayBack way = judged(state_);
  EXPECT_EQ(way.severity, Severity::kWarning);
  EXPECT_NE(way.words.find("its metadata.json is another"), std::string::npos) << way.words;
  EXPECT_EQ(way.words.find("byte for byte"), std::string::npos) << way.words;
}

TEST_F(WayBackTest, IsNoneWhenABlobIsAnother) {
  canrec::test::write_bytes(state_ / "stable_memory.bin", noise(kPage, 3));
  const WayBack way = judged(state_);
  EXPECT_EQ(way.severity, Severity::kError);
  EXPECT_NE(way.words.find("stable_memory.bin is another"), std::string::npos) << way.words;
}

TEST_F(WayBackTest, IsNoneWhenEitherIsDamaged) {
  fs::resize_file(state_ / "wasm_memory.bin", 1);
  EXPECT_EQ(judged(state_).severity, Severity::kError);
  EXPECT_EQ(judged(std::nullopt).severity, Severity::kNote);
  fs::resize_file(backup_ / "wasm_memory.bin", 1);
  EXPECT_EQ(judged(std::nullopt).severity, Severity::kError);
}

TEST_F(WayBackTest, SaysHowMuchOlderItIsThanTheState) {
  set_time(backup_, "1764000000000000001");
  set_time(state_, "1764266461000000003");
  canrec::test::write_bytes(state_ / "stable_memory.bin", noise(kPage, 3));
  const WayBack way = judged(state_);
  EXPECT_EQ(way.severity, Severity::kError);
  EXPECT_NE(way.words.find("taken 2025-11-24 16:00:00 UTC"), std::string::npos) << way.words;
  EXPECT_NE(way.words.find("it was taken 3 days 2 hours before the state"), std::string::npos)
      << way.words;
}

// Only progress files and the notes of a backup name the canister.
TEST_F(WayBackTest, IsNoneOfAnotherCanister) {
  const std::string id = "0000000000000000800000000010000a0101";
  canrec::test::write_text(
      backup_ / (id + ".json"),
      R"({"snapshot_id":")" + id +
          R"(","metadata_uploaded":true,"wasm_module_progress":0,"wasm_memory_progress":0,)"
          R"("stable_memory_progress":0,"wasm_chunks_uploaded":{}})");
  canister_ = *ic::Principal::parse("rrkah-fqaaa-aaaaa-aaaaq-cai");
  const WayBack way = judged(std::nullopt);
  EXPECT_EQ(way.severity, Severity::kError);
  EXPECT_NE(way.words.find("not of rrkah-fqaaa-aaaaa-aaaaq-cai"), std::string::npos) << way.words;
}

}  // namespace
}  // namespace canrec::recover::test
