// SPDX-License-Identifier: Apache-2.0
// Making a store, also over what a killed attempt left, and over nothing else.
#include <gtest/gtest.h>

#include "snapshot/store.h"
#include "support/faulty_file_system.h"
#include "support/temporary_directory.h"

namespace canrec::snapshot {
namespace {

namespace fs = std::filesystem;
using canrec::test::FaultyFileSystem;

constexpr uint32_t kChunk = 65536;

TEST(StoreInit, GoesOnFromWhereverItWasKilled) {
  const canrec::test::TemporaryDirectory directory;
  size_t deaths = 0;
  for (size_t k = 0;; ++k) {
    const fs::path path = directory / ("store-" + std::to_string(k));
    FaultyFileSystem faulty(posix_file_system(), k, canrec::test::Fault::kDeath);
    (void)Store::init(faulty, path, kChunk);
    if (!faulty.failed()) break;
    ++deaths;
    const auto store = Store::open_or_init(posix_file_system(), path, kChunk);
    ASSERT_TRUE(store.has_value()) << k << ": " << store.error().message();
    EXPECT_EQ(store->chunk_size(), kChunk);
    ASSERT_TRUE(store->lock_for_writing(posix_file_system()).has_value());
    EXPECT_TRUE(store->foreign_files()->empty()) << k;
  }
  EXPECT_GT(deaths, 8U);
}

TEST(StoreInit, RejectsADirectoryWithAnythingElse) {
  const canrec::test::TemporaryDirectory directory;
  for (const std::string name : {"letter.txt", "packs", "index"}) {
    const fs::path path = directory / ("with-" + name);
    fs::create_directory(path);
    if (name == "packs") {
      fs::create_directory(path / name);
      canrec::test::write_text(path / name / "0000000000000001.pack", "a pack");
    } else {
      canrec::test::write_text(path / name, "something");
    }
    const auto store = Store::open_or_init(posix_file_system(), path, kChunk);
    ASSERT_FALSE(store.has_value()) << name;
    EXPECT_EQ(store.error().code(), Errc::kExists) << name;
    EXPECT_FALSE(Store::is_store(path));
  }
}

TEST(StoreInit, AnEmptyStoreHasNoNewestBackup) {
  const canrec::test::TemporaryDirectory directory;
  const auto store = Store::open_or_init(posix_file_system(), directory / "store", kChunk);
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ(store->newest().error().code(), Errc::kNotFound);
}

}  // namespace
}  // namespace canrec::snapshot
