// SPDX-License-Identifier: Apache-2.0
// Pull end to end: resumed, into an older copy, from another state, interrupted.
#include "recover/transfer_flow.h"

#include "support.h"
#include "support/faulty_file_system.h"
#include "uploader/uploader.h"

namespace canrec::recover::test {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPage = 65536;

class Pull : public testing::Test {
 protected:
  void SetUp() override {
    heap_ = noise(6 * kPage);
    stable_ = noise(4 * kPage, 2);
    source_ = directory_.path() / "state";
    write_state(source_, false, heap_, stable_);
  }
  PullRequest request() const {
    PullRequest out;
    out.source = source_;
    out.output = directory_.path() / "pulled";
    out.transfer.chunk_bytes = kPage;
    return out;
  }
  void expect_same(const fs::path& pulled) const {
    EXPECT_EQ(canrec::test::read_tree(pulled), canrec::test::read_tree(source_));
  }

  canrec::test::TemporaryDirectory directory_;
  fs::path source_;
  Bytes heap_;
  Bytes stable_;
};

TEST_F(Pull, GivesTheSameDirectoryFileByFile) {
  const auto report = pull_directory(posix_file_system(), request());
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->counts.chunks, 10U);
  EXPECT_EQ(report->counts.chunks_sent, 10U);
  expect_same(request().output);
  EXPECT_FALSE(fs::exists(request().output.string() + ".canrec-pull"));
}

TEST_F(Pull, KeepsToWhatTheProfileLetsAMessageCarry) {
  PullRequest wanted = request();
  wanted.transfer.chunk_bytes = 0;
  wanted.executor.profile.set(executor::Limit::kQueryReplyBytes, 3 * kPage);
  const auto report = pull_directory(posix_file_system(), wanted);
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->counts.chunks, 5U) << "two pages a message: 4 and 6 pages";
  expect_same(wanted.output);
  wanted.output = directory_.path() / "never";
  wanted.executor.profile.set(executor::Limit::kQueryReplyBytes, kPage);
  const auto less = pull_directory(posix_file_system(), wanted);
  ASSERT_FALSE(less.has_value());
  EXPECT_EQ(less.error().code(), Errc::kBadArgument);
}

TEST_F(Pull, RoundsAChunkDownToWholePages) {
  PullRequest wanted = request();
  wanted.transfer.chunk_bytes = 2 * kPage + 17;
  const auto report = pull_directory(posix_file_system(), wanted);
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->counts.chunks, 5U);
}

TEST_F(Pull, FetchesOnlyWhatDiffersFromAnOlderCopy) {
  Bytes older = heap_;
  older[3 * kPage + 5] ^= 1;
  write_state(directory_.path() / "older", false, older, stable_);
  PullRequest wanted = request();
  wanted.older = directory_.path() / "older";
  const auto report = pull_directory(posix_file_system(), wanted);
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->counts.chunks_sent, 1U);
  expect_same(wanted.output);
}

TEST_F(Pull, GoesOnAfterAnInterruption) {
  Interrupt interrupt;
  PullRequest wanted = request();
  wanted.transfer.interrupt = &interrupt;
  wanted.transfer.progress = [&](Region region, uint64_t done, uint64_t) {
    if (region == Region::kHeap && done == 2 * kPage) interrupt.request();
  };
  const auto stopped = pull_directory(posix_file_system(), wanted);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code(), Errc::kInterrupted);
  EXPECT_FALSE(fs::exists(wanted.output));
  const auto rest = pull_directory(posix_file_system(), request());
  ASSERT_TRUE(rest.has_value()) << rest.error().message();
  EXPECT_TRUE(rest->resumed);
  EXPECT_EQ(rest->counts.chunks_sent, 4U);
  expect_same(request().output);
}

TEST_F(Pull, RejectsToGoOnFromAnotherState) {
  Interrupt interrupt;
  PullRequest wanted = request();
  wanted.transfer.interrupt = &interrupt;
  wanted.transfer.progress = [&](Region, uint64_t, uint64_t) { interrupt.request(); };
  ASSERT_FALSE(pull_directory(posix_file_system(), wanted).has_value());
  write_state(directory_.path() / "other", false, noise(6 * kPage, 9), noise(5 * kPage, 9));
  PullRequest other = request();
  other.source = directory_.path() / "other";
  const auto mixed = pull_directory(posix_file_system(), other);
  ASSERT_FALSE(mixed.has_value());
  EXPECT_EQ(mixed.error().code(), Errc::kSnapshotMixed);
}

// The k-th operation fails, once or for good; what is left is no half directory, and the next pull
// goes on from it.
TEST_F(Pull, SurvivesEveryFailingWrite) {
  for (const canrec::test::Fault fault :
       {canrec::test::Fault::kOnce, canrec::test::Fault::kDeath}) {
    size_t failures = 0;
    for (size_t k = 1; k < 300; ++k) {
      canrec::test::FaultyFileSystem faulty(posix_file_system(), k, fault);
      PullRequest wanted = request();
      wanted.transfer.chunk_bytes = 3 * kPage;
      wanted.output = directory_.path() / ("pulled-" + std::to_string(k));
      const auto report = pull_directory(faulty, wanted);
      if (fs::exists(wanted.output)) expect_same(wanted.output);
      if (!faulty.failed()) break;
      ++failures;
      if (!fs::exists(wanted.output)) {
        const auto again = pull_directory(posix_file_system(), wanted);
        ASSERT_TRUE(again.has_value()) << k << ": " << again.error().message();
        expect_same(wanted.output);
      }
      fs::remove_all(wanted.output);
      fs::remove_all(wanted.output.string() + ".canrec-pull");
    }
    EXPECT_GT(failures, 10U);
  }
}

class Push : public Pull {
 protected:
  PushRequest push_request(const std::string& output) const {
    PushRequest out;
    out.source = source_;
    out.output = directory_.path() / output;
    out.transfer.chunk_bytes = 2 * kPage;
    return out;
  }
  void expect_pushed(const fs::path& output) const {
    const auto found = canrec::test::read_tree(output);
    const auto wanted = canrec::test::read_tree(source_);
    for (const char* name : {"wasm_memory.bin", "stable_memory.bin", "wasm_module.bin"}) {
      EXPECT_EQ(found.at(name), wanted.at(name)) << name;
    }
  }
};

TEST_F(Push, GoesOnWhereItWas) {
  PushRequest wanted = push_request("pushed");
  Interrupt interrupt;
  wanted.transfer.interrupt = &interrupt;
  wanted.transfer.progress = [&](Region region, uint64_t done, uint64_t) {
    if (region == Region::kHeap && done == 2 * kPage) interrupt.request();
  };
  const auto stopped = push_directory(posix_file_system(), wanted);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code(), Errc::kInterrupted);
  const auto rest = push_directory(posix_file_system(), push_request("pushed"));
  ASSERT_TRUE(rest.has_value()) << rest.error().message();
  EXPECT_TRUE(rest->transfer.resumed);
  EXPECT_EQ(rest->transfer.counts.chunks, 5U);
  EXPECT_EQ(rest->transfer.counts.chunks_sent, 2U);
  expect_pushed(wanted.output);
}

TEST_F(Push, RejectsAWorkingDirectoryOfAnotherUploader) {
  PushRequest wanted = push_request("pushed");
  Interrupt interrupt;
  wanted.transfer.interrupt = &interrupt;
  wanted.transfer.progress = [&](Region, uint64_t, uint64_t) { interrupt.request(); };
  ASSERT_FALSE(push_directory(posix_file_system(), wanted).has_value());
  PushRequest other = push_request("pushed");
  downloader::Access access;
  access.kind = downloader::Access::Kind::kAnyone;
  other.carrier = uploader::make_uploader(downloader::Width::k32, access)->module;
  const auto mixed = push_directory(posix_file_system(), other);
  ASSERT_FALSE(mixed.has_value());
  EXPECT_EQ(mixed.error().code(), Errc::kSnapshotMixed);
}

TEST_F(Push, SurvivesEveryFailingWrite) {
  for (const canrec::test::Fault fault :
       {canrec::test::Fault::kOnce, canrec::test::Fault::kDeath}) {
    size_t failures = 0;
    for (size_t k = 1; k < 300; ++k) {
      canrec::test::FaultyFileSystem faulty(posix_file_system(), k, fault);
      const PushRequest wanted = push_request("pushed-" + std::to_string(k));
      const auto report = push_directory(faulty, wanted);
      if (fs::exists(wanted.output)) expect_pushed(wanted.output);
      if (!faulty.failed()) break;
      ++failures;
      if (!fs::exists(wanted.output)) {
        const auto again = push_directory(canrec::test::quick_file_system(), wanted);
        ASSERT_TRUE(again.has_value()) << k << ": " << again.error().message();
        expect_pushed(wanted.output);
      }
      fs::remove_all(wanted.output);
      fs::remove_all(wanted.output.string() + ".canrec-push");
    }
    EXPECT_GT(failures, 20U);
  }
}

}  // namespace
}  // namespace canrec::recover::test
