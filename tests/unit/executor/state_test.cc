// SPDX-License-Identifier: Apache-2.0
// States: checkpoints, snapshot directories in and out.
#include <gtest/gtest.h>

#include "executor/executor.h"
#include "snapshot/writer.h"
#include "support/faulty_file_system.h"
#include "support/temporary_directory.h"
#include "test_module.h"

namespace canrec::executor {
namespace {

using canrec::test::read_tree;
using canrec::test::TemporaryDirectory;
using test::call;
using test::operator+;
using test::drop;
using test::global_set;
using test::i32;
using test::i64;
using test::increment;
using test::Replies;
using test::TestModule;

Bytes counter_module() {
  TestModule module;
  const Replies replies(module);
  const uint32_t grow = module.import("stable64_grow");
  const uint32_t write = module.import("stable64_write");
  const uint32_t certify = module.import("certified_data_set");
  const uint32_t timer = module.import("global_timer_set");
  const uint32_t global = module.global(1);
  module.exported("canister_init", i32(42) + global_set(global) + i64(2) + call(grow) + drop() +
                                       i32(0) + i32(32) + call(certify) + i64(123) + call(timer) +
                                       drop());
  module.exported("canister_update add", increment(0) + increment(60'000, 3) + i64(70'000) +
                                             i64(0) + i64(4) + call(write) + replies.empty());
  module.exported("canister_query get", replies.with(0, 4));
  return module.build();
}

class State : public ::testing::Test {
 protected:
  State() : network(Options{}), id(network.create_canister()) {
    InstallRequest request;
    request.canister = id;
    request.module = counter_module();
    EXPECT_TRUE(network.install(request)->ok());
  }
  static void add(Executor& network, const ic::Principal& id) {
    const auto outcome = network.update({id, "add", {}});
    ASSERT_TRUE(outcome && outcome->replied());
  }
  static uint32_t get(Executor& network, const ic::Principal& id) {
    const auto outcome = network.query({id, "get", {}});
    EXPECT_TRUE(outcome && outcome->replied());
    return load_le<uint32_t>(outcome->reply().data());
  }

  TemporaryDirectory directory;
  Executor network;
  ic::Principal id;
};

TEST_F(State, GoesBackToCheckpointsAsOftenAsWanted) {
  add(network, id);
  const auto one = network.checkpoint();
  ASSERT_TRUE(one);
  add(network, id);
  const auto two = network.checkpoint();
  ASSERT_TRUE(two);
  add(network, id);
  EXPECT_EQ(get(network, id), 3u);
  ASSERT_TRUE(network.revert(*one));
  EXPECT_EQ(get(network, id), 1u);
  ASSERT_TRUE(network.revert(*two));
  EXPECT_EQ(get(network, id), 2u);
  ASSERT_TRUE(network.revert(*one));
  add(network, id);
  EXPECT_EQ(get(network, id), 2u);
  network.discard(*one);
  EXPECT_EQ(network.revert(*one).error().code(), Errc::kNotFound);
}

TEST_F(State, SavesAndLoadsEverythingASnapshotHolds) {
  add(network, id);
  ASSERT_TRUE(network.save(id, posix_file_system(), directory / "one", Overwrite::kNo));
  auto opened = snapshot::Directory::open(directory / "one");
  ASSERT_TRUE(opened) << opened.error().message();
  Executor other((Options()));
  const auto loaded = other.load(std::move(*opened));
  ASSERT_TRUE(loaded) << loaded.error().message();
  const Canister& before = *network.find(id);
  const Canister& after = *other.find(*loaded);
  EXPECT_EQ(after.version, before.version);
  EXPECT_EQ(after.global_timer_ns, 123u);
  EXPECT_EQ(after.certified_data, before.certified_data);
  EXPECT_EQ(after.wasm->globals, before.wasm->globals);
  EXPECT_EQ(after.wasm->stable.pages(), 2u);
  EXPECT_EQ(get(other, *loaded), 1u);

  // Changed in part and saved again, twice over the same image.
  add(other, *loaded);
  ASSERT_TRUE(other.save(*loaded, posix_file_system(), directory / "two", Overwrite::kNo));
  add(network, id);
  ASSERT_TRUE(network.save(id, posix_file_system(), directory / "three", Overwrite::kNo));
  EXPECT_EQ(read_tree(directory / "two"), read_tree(directory / "three"));
}

TEST_F(State, LeavesTheLoadedDirectoryAsItIs) {
  ASSERT_TRUE(network.save(id, posix_file_system(), directory / "one", Overwrite::kNo));
  const auto before = read_tree(directory / "one");
  Executor other((Options()));
  const auto loaded = other.load(std::move(*snapshot::Directory::open(directory / "one")));
  ASSERT_TRUE(loaded);
  add(other, *loaded);
  EXPECT_EQ(read_tree(directory / "one"), before);
}

TEST_F(State, ForksALoadedStateForEveryCheckpoint) {
  add(network, id);
  ASSERT_TRUE(network.save(id, posix_file_system(), directory / "one", Overwrite::kNo));
  Executor other((Options()));
  const auto loaded = other.load(std::move(*snapshot::Directory::open(directory / "one")));
  const auto checkpoint = other.checkpoint();
  ASSERT_TRUE(checkpoint);
  add(other, *loaded);
  EXPECT_EQ(get(other, *loaded), 2u);
  ASSERT_TRUE(other.revert(*checkpoint));
  EXPECT_EQ(get(other, *loaded), 1u);
  ASSERT_TRUE(other.save(*loaded, posix_file_system(), directory / "two", Overwrite::kNo));
  EXPECT_EQ(read_tree(directory / "one"), read_tree(directory / "two"));
}

TEST_F(State, RefusesToSaveOverADirectory) {
  ASSERT_TRUE(network.save(id, posix_file_system(), directory / "one", Overwrite::kNo));
  EXPECT_EQ(network.save(id, posix_file_system(), directory / "one", Overwrite::kNo).error().code(),
            Errc::kExists);
  EXPECT_TRUE(network.save(id, posix_file_system(), directory / "one", Overwrite::kYes));
}

TEST_F(State, LeavesNothingHalfWrittenWhenTheDiskFails) {
  using canrec::test::Fault;
  using canrec::test::FaultyFileSystem;
  size_t failures = 0;
  for (size_t k = 0;; ++k) {
    FaultyFileSystem faulty(posix_file_system(), k, Fault::kOnce);
    const auto saved = network.save(id, faulty, directory / "one", Overwrite::kNo);
    if (!faulty.failed()) break;
    ++failures;
    if (!saved && std::filesystem::exists(directory / "one")) {
      EXPECT_TRUE(snapshot::Directory::open(directory / "one")) << k;
    }
    std::filesystem::remove_all(directory / "one");
  }
  EXPECT_GT(failures, 5u);
}

TEST_F(State, RejectsADirectoryWhoseGlobalsDoNotFitTheModule) {
  snapshot::NewSnapshot written;
  written.metadata = *network.metadata(id);
  written.metadata.globals[0].type = snapshot::GlobalType::kI64;
  const Bytes module = counter_module();
  const Bytes heap(65536);
  written.module = snapshot::Image::of(module);
  written.heap = snapshot::Image::of(heap);
  const Interrupt never;
  ASSERT_TRUE(snapshot::write_directory(posix_file_system(), directory / "wrong", written,
                                        Overwrite::kNo, never));
  const auto loaded = network.load(std::move(*snapshot::Directory::open(directory / "wrong")));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), Errc::kSnapshotMetadata);
  EXPECT_EQ(loaded.error().message(), "global 0 of the snapshot is i64, the module wants i32");
}

TEST_F(State, RejectsAHeapSmallerThanTheModuleWants) {
  snapshot::NewSnapshot written;
  written.metadata = *network.metadata(id);
  const Bytes module = counter_module();
  written.module = snapshot::Image::of(module);
  const Interrupt never;
  ASSERT_TRUE(snapshot::write_directory(posix_file_system(), directory / "wrong", written,
                                        Overwrite::kNo, never));
  const auto loaded = network.load(std::move(*snapshot::Directory::open(directory / "wrong")));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), Errc::kSnapshotMetadata);
}

TEST_F(State, SavesNothingOfAnEmptyCanister) {
  const ic::Principal empty = network.create_canister();
  EXPECT_EQ(
      network.save(empty, posix_file_system(), directory / "one", Overwrite::kNo).error().code(),
      Errc::kInstallRefused);
  EXPECT_EQ(
      network
          .save(ic::Principal::canister(55), posix_file_system(), directory / "one", Overwrite::kNo)
          .error()
          .code(),
      Errc::kNotFound);
}

TEST(ProfileLimits, AreOverriddenByName) {
  Profile profile = Profile::mainnet();
  EXPECT_EQ(profile[Limit::kUpdateInstructions], 40'000'000'000u);
  ASSERT_TRUE(profile.set("update-instructions", 5));
  EXPECT_EQ(profile[Limit::kUpdateInstructions], 5u);
  EXPECT_EQ(profile.set("update-instruction", 5).error().code(), Errc::kBadArgument);
  EXPECT_EQ(profile.set_page_charges("2024").error().code(), Errc::kBadArgument);
  EXPECT_EQ(Profile::no_limits()[Limit::kInstallInstructions], kUnlimited);
  EXPECT_EQ(Profile::no_limits()[Limit::kReplyBytes], 2'097'152u);
}

}  // namespace
}  // namespace canrec::executor
