// SPDX-License-Identifier: Apache-2.0
// The chunk store as a whole: what comes back, what is shared, what survives crashes and damage.
#include "snapshot/store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snapshot/store_frame.h"
#include "support/faulty_file_system.h"
#include "unit/snapshot/store_support.h"

namespace canrec::snapshot {
namespace {

namespace fs = std::filesystem;
using test::Fault;
using test::FaultyFileSystem;
using test::quick_file_system;
using test::read_text;
using test::read_tree;
using test::TemporaryDirectory;
using test::write_bytes;
using test::write_text;

class Stores : public ::testing::Test {
 protected:
  fs::path pack(unsigned number) const { return store.path / "packs" / (hex16(number) + ".pack"); }
  // Changes one byte of a file of the store.
  static void flip(const fs::path& path, size_t at) {
    std::string text = read_text(path);
    text[at] = static_cast<char>(text[at] ^ 0x40);
    write_text(path, text);
  }

  TemporaryDirectory temporary;
  TestStore store{temporary / "store"};
};

TEST_F(Stores, GiveBackWhatTheyTook) {
  const Files files = sample_files(1);
  const auto report = store.create(files);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(store.holds(report->id, files));
  EXPECT_EQ(report->chunks, 200u + 2 + 1 + 3);
  // The repeated and the zero chunks are not stored.
  EXPECT_EQ(report->new_chunks, 200u - 40 - 10 + 2 + 1);
  EXPECT_EQ(report->zero_bytes, 43u * kTestChunk);
  const VerifyReport verified = store.verify();
  EXPECT_TRUE(verified.errors.empty());
  EXPECT_EQ(verified.whole, std::vector<std::string>{report->id});
  EXPECT_TRUE(verified.foreign.empty());
}

TEST_F(Stores, WriteOnlyWhatIsNew) {
  Files files = sample_files(1);
  const auto first = store.create(files, 1);
  files["wasm_memory.bin"][120 * kTestChunk + 7] ^= 1;
  const auto second = store.create(files, 2);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->new_chunks, 1u);
  EXPECT_EQ(second->new_bytes, kTestChunk);
  EXPECT_EQ(second->bytes_read, first->bytes_read);
  EXPECT_LT(second->bytes_written, 3 * kTestChunk);
  EXPECT_TRUE(store.holds(first->id, sample_files(1)));
  EXPECT_TRUE(store.holds(second->id, files));
}

TEST_F(Stores, CountWithoutWritingInADryRun) {
  ASSERT_TRUE(store.create(sample_files(1), 1));
  Files files = sample_files(1);
  files["wasm_memory.bin"][3] ^= 1;
  const auto before = read_tree(store.path);
  CreateOptions options;
  options.dry_run = true;
  const auto report =
      create_backup(store.open(), quick_file_system(), sources_of(files), options, store.control);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->new_chunks, 1u);
  EXPECT_EQ(report->id, "");
  ASSERT_EQ(report->hashes.size(), files.size());
  EXPECT_EQ(report->hashes[0].second, sha256(files.begin()->second));
  EXPECT_EQ(read_tree(store.path), before);
}

TEST_F(Stores, AreTheSameWithAnyNumberOfThreads) {
  const Files files = sample_files(3);
  store.control.threads = 1;
  ASSERT_TRUE(store.create(files));
  TestStore other(temporary / "other");
  other.control.threads = 5;
  ASSERT_TRUE(other.create(files));
  EXPECT_EQ(read_tree(store.path), read_tree(other.path));
}

TEST_F(Stores, HoldEmptyAndOddSizes) {
  Files files;
  files["a"] = {};
  files["b"] = noise(1, 1);
  files["c"] = Bytes(1);
  files["d"] = noise(kTestChunk - 1, 2);
  files["e"] = noise(kTestChunk, 3);
  files["f"] = noise(kTestChunk + 1, 4);
  files["g"] = Bytes(10 * kTestChunk + 5);
  const auto report = store.create(files);
  ASSERT_TRUE(report);
  EXPECT_TRUE(store.holds(report->id, files));
}

TEST_F(Stores, HoldFilesOfManyWindowsAndZeros) {
  Files files;
  Bytes bytes(40 << 20);
  const Bytes part = noise(100'000, 5);
  std::copy(part.begin(), part.end(), bytes.begin() + (17 << 20) + 12345);
  std::copy(part.begin(), part.end(), bytes.end() - 100'000);
  files["wasm_memory.bin"] = bytes;
  const auto report = store.create(files);
  ASSERT_TRUE(report);
  EXPECT_LT(report->bytes_written, 300'000u);
  EXPECT_TRUE(store.holds(report->id, files));
  ASSERT_TRUE(store.restore(report->id, temporary / "out"));
  struct stat status {};
  ASSERT_EQ(::stat((temporary / "out/wasm_memory.bin").c_str(), &status), 0);
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
}

TEST_F(Stores, GiveBackFramesThatLieAcrossWindows) {
  // Frames of a megabyte with zeros between their chunks, so that no window ends where a frame
  // does; then chunks of later backups strewn over all windows.
  Files files;
  Bytes& heap = files["wasm_memory.bin"];
  heap = noise((18 << 20) + 77, 11);
  for (size_t at = 0; at + kTestChunk <= heap.size(); at += 7 * kTestChunk) {
    std::fill_n(heap.begin() + static_cast<std::ptrdiff_t>(at), kTestChunk, 0);
  }
  const auto first = store.create(files, 1);
  ASSERT_TRUE(first);
  const Files before = files;
  for (size_t at = 5000; at < heap.size(); at += 300'000) heap[at] ^= 1;
  // A chunk that stands in many places, among them the first of the first window.
  for (size_t at = 0; at < heap.size() - kTestChunk; at += 900 * kTestChunk) {
    std::fill_n(heap.begin() + static_cast<std::ptrdiff_t>(at), kTestChunk, 9);
  }
  const auto second = store.create(files, 2);
  ASSERT_TRUE(second);
  EXPECT_TRUE(store.holds(first->id, before));
  EXPECT_TRUE(store.holds(second->id, files));
}

TEST_F(Stores, BackUpDirectoriesFileByFile) {
  const fs::path dir = temporary / "dir";
  fs::create_directories(dir / "wasm_chunk_store");
  write_text(dir / "metadata.json", "{}");
  write_text(dir / ".lock", "");
  write_bytes(dir / "wasm_memory.bin", noise(100'000, 1));
  write_bytes(dir / "wasm_module.bin", noise(100, 2));
  write_text(dir / "wasm_chunk_store/ab.bin", "chunk");
  const auto sources = directory_sources(dir);
  ASSERT_TRUE(sources) << sources.error().message();
  CreateOptions options;
  const auto report =
      create_backup(store.open(), quick_file_system(), *sources, options, store.control);
  ASSERT_TRUE(report);
  ASSERT_TRUE(store.restore(report->id, temporary / "out"));
  EXPECT_EQ(read_tree(temporary / "out"), read_tree(dir));
}

TEST_F(Stores, RejectDirectoriesTheyCouldNotGiveBack) {
  const fs::path dir = temporary / "dir";
  fs::create_directories(dir / "sub");
  EXPECT_EQ(directory_sources(dir).error().code(), Errc::kBadArgument);
  fs::remove(dir / "sub");
  fs::create_symlink("/etc/passwd", dir / "link");
  EXPECT_EQ(directory_sources(dir).error().code(), Errc::kBadArgument);
  fs::remove(dir / "link");
  write_text(dir / "with space", "x");
  EXPECT_EQ(directory_sources(dir).error().code(), Errc::kBadArgument);
}

TEST_F(Stores, RejectNamesThatLeaveTheDirectory) {
  for (const char* name : {"", ".", "..", "../a", "/a", "a/b", "wasm_chunk_store/",
                           "wasm_chunk_store/..", "wasm_chunk_store/a/b", "a\\b", "a\nb", "\xff"}) {
    EXPECT_FALSE(is_safe_name(name)) << name;
    Files files;
    files[name] = noise(10, 1);
    EXPECT_EQ(store.create(files).error().code(), Errc::kBadArgument) << name;
  }
  EXPECT_TRUE(is_safe_name("wasm_chunk_store/a.bin"));
  EXPECT_TRUE(is_safe_name("..."));
  EXPECT_FALSE(is_safe_name(std::string(256, 'a')));
  EXPECT_TRUE(store.verify().whole.empty());
}

TEST_F(Stores, WorkWithoutTheIndex) {
  const Files files = sample_files(1);
  const auto first = store.create(files, 1);
  fs::remove(store.path / "index");
  EXPECT_TRUE(store.holds(first->id, files));
  const auto second = store.create(files, 2);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->new_chunks, 0u);
  EXPECT_TRUE(fs::exists(store.path / "index"));
}

TEST_F(Stores, WorkWithADamagedIndex) {
  const Files files = sample_files(1);
  const auto first = store.create(files, 1);
  const size_t size = fs::file_size(store.path / "index");
  const std::string good = read_text(store.path / "index");
  for (size_t at = 0; at < size; at += 97) {
    flip(store.path / "index", at);
    ASSERT_TRUE(store.holds(first->id, files)) << at;
    EXPECT_EQ(store.verify(false).errors.size(), 1u) << at;
    write_text(store.path / "index", good);
  }
  write_text(store.path / "index", good.substr(0, size / 2));
  EXPECT_TRUE(store.holds(first->id, files));
}

TEST_F(Stores, SeeThatIndexAndPackDisagree) {
  const Files files = sample_files(1);
  const auto first = store.create(files, 1);
  // An index that is whole in itself, but of another pack of the same size.
  Files shuffled = files;
  shuffled["wasm_memory.bin"] = noise(200 * kTestChunk, 77);
  TestStore other(temporary / "other");
  ASSERT_TRUE(other.create(shuffled, 1));
  Index index;
  index.add({1, 2}, {1, 32, 50000});
  const PackFile row{1, fs::file_size(pack(1))};
  for (const auto& [name, bytes] : files) {
    for (size_t at = 0; at < bytes.size(); at += kTestChunk) {
      const size_t length = std::min<size_t>(kTestChunk, bytes.size() - at);
      index.add(xxh3_128(ByteView(bytes).subspan(at, length)), {1, 33, 5000});
    }
  }
  ASSERT_TRUE(index.write(quick_file_system(), store.path / "index", {&row, 1}));
  const auto restored = store.restore(first->id, temporary / "out");
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code(), Errc::kStoreDamaged);
  EXPECT_EQ(restored.error().offset(), 33u);
  EXPECT_NE(restored.error().message().find("packs/0000000000000001.pack"), std::string::npos);
  const VerifyReport report = store.verify(false);
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_NE(report.errors[0].message().find("index:"), std::string::npos);
  // The packs are right, so nothing is lost.
  EXPECT_EQ(report.whole.size(), 1u);
}

TEST_F(Stores, SayWhatDamageCosts) {
  Files files = sample_files(1);
  files["wasm_memory.bin"] = noise(3 << 20, 9);
  const auto first = store.create(files, 1);
  const Bytes before = files["wasm_memory.bin"];
  files["wasm_memory.bin"][(3 << 20) - 1] ^= 1;
  const auto second = store.create(files, 2);
  // A byte in the second frame of the first pack: a megabyte in the middle of the heap.
  flip(pack(1), (1 << 20) + 500'000);
  for (const bool deep : {false, true}) {
    const VerifyReport report = store.verify(deep);
    ASSERT_EQ(report.errors.size(), 2u);  // the frame, and the index that still points to it
    EXPECT_EQ(report.errors[0].code(), Errc::kStoreDamaged);
    EXPECT_NE(report.errors[0].message().find("packs/0000000000000001.pack"), std::string::npos);
    ASSERT_EQ(report.damaged.size(), 2u);
    for (const BackupDamage& damage : report.damaged) {
      ASSERT_EQ(damage.lost.size(), 1u);
      EXPECT_EQ(damage.lost[0].file, "wasm_memory.bin");
      EXPECT_EQ(damage.lost_bytes, damage.lost[0].end - damage.lost[0].begin);
      EXPECT_LE(damage.lost_bytes, store::kFrameTarget);
    }
  }
  const auto refused = store.restore(first->id, temporary / "refused");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::kStoreDamaged);
  EXPECT_FALSE(fs::exists(temporary / "refused"));
  const auto salvaged = store.restore(first->id, temporary / "out", Salvage::kYes);
  ASSERT_TRUE(salvaged) << salvaged.error().message();
  ASSERT_EQ(salvaged->lost, store.verify(false).damaged[0].lost);
  Bytes wanted = before;
  std::fill(wanted.begin() + static_cast<std::ptrdiff_t>(salvaged->lost[0].begin),
            wanted.begin() + static_cast<std::ptrdiff_t>(salvaged->lost[0].end), 0);
  EXPECT_EQ(read_text(temporary / "out/wasm_memory.bin"), as_text(wanted));
  EXPECT_EQ(read_text(temporary / "out/wasm_module.bin"), as_text(files["wasm_module.bin"]));
}

TEST_F(Stores, FindFramesBehindADamagedHeader) {
  Files files;
  files["wasm_memory.bin"] = noise(3 << 20, 9);
  const auto first = store.create(files, 1);
  fs::remove(store.path / "index");
  flip(pack(1), 40);  // the first frame's header
  const VerifyReport report = store.verify();
  ASSERT_EQ(report.damaged.size(), 1u);
  ASSERT_EQ(report.damaged[0].lost.size(), 1u);
  EXPECT_EQ(report.damaged[0].lost[0], (FileRange{"wasm_memory.bin", 0, 1 << 20}));
  EXPECT_EQ(report.errors[0].offset(), 32u + 32u);
  // The next backup stores what is missing again, and both are whole.
  const auto second = store.create(files, 2);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->new_bytes, 1u << 20);
  EXPECT_TRUE(store.holds(first->id, files));
}

TEST_F(Stores, StoreDamagedChunksAgainAfterReindexing) {
  Files files;
  files["wasm_memory.bin"] = noise(3 << 20, 9);
  const auto first = store.create(files, 1);
  flip(pack(1), 1'500'000);  // content of the second frame
  // The index still says that everything is there.
  EXPECT_EQ(store.create(files, 2)->new_chunks, 0u);
  EXPECT_EQ(store.verify().damaged.size(), 2u);
  const auto report = reindex_store(store.open(), quick_file_system(), store.control);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->damaged.size(), 2u);
  const auto third = store.create(files, 3);
  ASSERT_TRUE(third);
  EXPECT_EQ(third->new_bytes, 1u << 20);
  for (const auto& backup : store.verify().whole) EXPECT_TRUE(store.holds(backup, files));
  EXPECT_TRUE(store.verify().damaged.empty());
  EXPECT_TRUE(store.holds(first->id, files));
}

TEST_F(Stores, PreferWhatWasStoredAgain) {
  Files files;
  files["wasm_memory.bin"] = noise(3 << 20, 9);
  ASSERT_TRUE(store.create(files, 1));
  flip(pack(1), 1'500'000);  // content of the second frame; its header still names the chunks
  ASSERT_TRUE(reindex_store(store.open(), quick_file_system(), store.control));
  const auto again = store.create(files, 2);
  ASSERT_TRUE(again);
  // Both packs list the chunks; only the second has them. Without the index file too.
  fs::remove(store.path / "index");
  EXPECT_TRUE(store.holds(again->id, files));
  EXPECT_EQ(store.create(files, 3)->new_chunks, 0u);
  const auto pruned =
      prune_store(store.open(), quick_file_system(), {.keep_last = 1}, false, store.control);
  ASSERT_TRUE(pruned) << pruned.error().message();
  EXPECT_TRUE(store.verify().damaged.empty());
  EXPECT_EQ(store.verify().whole.size(), 1u);
  EXPECT_TRUE(store.holds(store.verify().whole[0], files));
}

TEST_F(Stores, KeepWhatACutOffPackStillHas) {
  Files files;
  files["wasm_memory.bin"] = noise(3 << 20, 9);
  const auto first = store.create(files, 1);
  fs::resize_file(pack(1), 2'500'000);
  const VerifyReport report = store.verify();
  ASSERT_EQ(report.damaged.size(), 1u);
  EXPECT_EQ(report.damaged[0].lost[0], (FileRange{"wasm_memory.bin", 2 << 20, 3 << 20}));
  const auto salvaged = store.restore(first->id, temporary / "out", Salvage::kYes);
  ASSERT_TRUE(salvaged) << salvaged.error().message();
  EXPECT_EQ(salvaged->lost, report.damaged[0].lost);
  const auto refused = store.restore(first->id, temporary / "refused");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::kStoreDamaged);
  fs::remove(pack(1));
  const auto nothing = store.restore(first->id, temporary / "none", Salvage::kYes);
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->lost[0], (FileRange{"wasm_memory.bin", 0, 3 << 20}));
}

TEST_F(Stores, SeeEveryDamagedByteOfAManifest) {
  const auto first = store.create(sample_files(1), 1);
  const fs::path path = store.path / "backups" / (first->id + ".manifest");
  const std::string good = read_text(path);
  for (size_t at = 0; at < good.size(); at += 13) {
    flip(path, at);
    const auto manifest = store.open().backup(first->id);
    ASSERT_FALSE(manifest) << at;
    write_text(path, good);
  }
  for (size_t n = 0; n < good.size(); n += 17) {
    write_text(path, good.substr(0, n));
    ASSERT_FALSE(store.open().backup(first->id)) << n;
  }
  const VerifyReport report = store.verify();
  EXPECT_EQ(report.damaged.size(), 1u);
  EXPECT_FALSE(report.errors.empty());
}

TEST_F(Stores, RejectAManifestUnderAnotherName) {
  const auto first = store.create(sample_files(1), 1);
  fs::copy(store.path / "backups" / (first->id + ".manifest"),
           store.path / "backups/00000000000000aa.manifest");
  EXPECT_EQ(store.open().backup("00000000000000aa").error().code(), Errc::kStoreMalformed);
}

TEST_F(Stores, FindBackupsByTheBeginningOfTheirId) {
  const auto first = store.create(sample_files(1), 1);
  EXPECT_TRUE(store.open().backup(first->id.substr(0, 4)));
  EXPECT_EQ(store.open().backup("zz").error().code(), Errc::kNotFound);
  EXPECT_EQ(store.open().backup("").error().code(), Errc::kNotFound);
  for (uint64_t time = 2; time < 40; ++time) ASSERT_TRUE(store.create({}, time));
  // With forty ids, two share their first digit.
  bool ambiguous = false;
  for (const char* digit : {"0", "1", "2", "3", "4", "5", "6", "7"}) {
    const auto found = store.open().backup(digit);
    ambiguous |= !found && found.error().code() == Errc::kBadArgument;
  }
  EXPECT_TRUE(ambiguous);
}

TEST_F(Stores, RejectTheSameBackupTwice) {
  ASSERT_TRUE(store.create(sample_files(1), 1));
  EXPECT_EQ(store.create(sample_files(1), 1).error().code(), Errc::kExists);
}

TEST_F(Stores, ReportForeignFiles) {
  write_text(store.path / "notes.txt", "x");
  write_text(store.path / "packs/1.pack", "x");
  write_text(store.path / "backups/ABCDEF0123456789.manifest", "x");
  EXPECT_EQ(store.verify().foreign, (std::vector<std::string>{"backups/ABCDEF0123456789.manifest",
                                                              "notes.txt", "packs/1.pack"}));
}

TEST_F(Stores, RejectOtherVersionsAndOtherDirectories) {
  EXPECT_EQ(Store::open(temporary / "none").error().code(), Errc::kNotFound);
  const std::string good = read_text(store.path / "canrec-store");
  for (size_t n = 0; n < good.size(); ++n) {
    write_text(store.path / "canrec-store", good.substr(0, n));
    EXPECT_EQ(Store::open(store.path).error().code(), Errc::kStoreMalformed) << n;
    write_text(store.path / "canrec-store", good);
    flip(store.path / "canrec-store", n);
    const auto opened = Store::open(store.path);
    ASSERT_FALSE(opened) << n;
    EXPECT_EQ(opened.error().code(), Errc::kStoreMalformed);
    write_text(store.path / "canrec-store", good);
  }
  EXPECT_EQ(Store::init(quick_file_system(), store.path, 4096).error().code(), Errc::kExists);
  for (const uint32_t size : {0u, 2048u, 4097u, 2u << 20}) {
    EXPECT_EQ(Store::init(quick_file_system(), temporary / "x", size).error().code(),
              Errc::kBadArgument);
  }
}

TEST_F(Stores, TakeOneWriterAtATime) {
  const Store open = store.open();
  const auto lock = open.lock_for_writing(quick_file_system());
  ASSERT_TRUE(lock);
  EXPECT_EQ(store.create(sample_files(1)).error().code(), Errc::kLocked);
  const PrunePolicy policy{.keep_last = 1};
  EXPECT_EQ(prune_store(open, quick_file_system(), policy, false, store.control).error().code(),
            Errc::kLocked);
  // Readers are not in the way.
  EXPECT_TRUE(store.verify().errors.empty());
}

TEST_F(Stores, KeepReadersAndDeletingApart) {
  const auto first = store.create(sample_files(1), 1);
  ASSERT_TRUE(store.create(sample_files(2), 2));
  const Store open = store.open();
  const PrunePolicy policy{.keep_last = 1};
  {
    const auto reader = open.lock_for_reading();
    ASSERT_TRUE(reader);
    EXPECT_EQ(prune_store(open, quick_file_system(), policy, false, store.control).error().code(),
              Errc::kLocked);
    EXPECT_TRUE(store.holds(first->id, sample_files(1)));
  }
  {
    const auto deleting = open.lock_for_deleting(quick_file_system());
    ASSERT_TRUE(deleting);
    EXPECT_EQ(store.restore(first->id, temporary / "out").error().code(), Errc::kLocked);
  }
  EXPECT_TRUE(prune_store(open, quick_file_system(), policy, false, store.control));
}

TEST_F(Stores, StopWhenInterrupted) {
  const auto first = store.create(sample_files(1), 1);
  store.interrupt.request();
  EXPECT_EQ(store.create(sample_files(2), 2).error().code(), Errc::kInterrupted);
  EXPECT_EQ(store.restore(first->id, temporary / "out").error().code(), Errc::kInterrupted);
  EXPECT_FALSE(fs::exists(temporary / "out"));
  EXPECT_EQ(verify_store(store.open(), true, store.control).error().code(), Errc::kInterrupted);
}

// Whatever operation of a second backup fails, the first is whole; and when the second appears, it
// is whole too; and a third attempt succeeds.
void fail_every_operation_of_create(Fault fault) {
  const Files old_files = sample_files(1);
  const Files new_files = sample_files(2);
  size_t k = 0;
  for (;; ++k) {
    const TemporaryDirectory temporary;
    const TestStore store(temporary / "store");
    const auto first = store.create(old_files, 1);
    ASSERT_TRUE(first);
    FaultyFileSystem faulty(posix_file_system(), k, fault);
    const auto second = store.create(new_files, 2, faulty);
    const VerifyReport report = store.verify();
    EXPECT_TRUE(report.errors.empty()) << k << ": " << report.errors[0].message();
    EXPECT_TRUE(report.damaged.empty()) << k;
    ASSERT_TRUE(store.holds(first->id, old_files)) << k;
    if (!faulty.failed()) {
      EXPECT_TRUE(second);
      break;
    }
    const auto third = store.create(new_files, 3);
    ASSERT_TRUE(third) << k << ": " << third.error().message();
    EXPECT_TRUE(store.holds(third->id, new_files)) << k;
    // Nothing temporary is left behind.
    for (const auto& [name, content] : read_tree(store.path)) {
      EXPECT_EQ(name.find("canrec-tmp"), std::string::npos) << name;
    }
  }
  EXPECT_GE(k, 15u);
}
TEST(StoreCrashes, CreateOnAFullDisk) { fail_every_operation_of_create(Fault::kOnce); }
TEST(StoreCrashes, CreateThatIsKilled) { fail_every_operation_of_create(Fault::kDeath); }

TEST(StoreCrashes, InitThatIsKilled) {
  for (size_t k = 0;; ++k) {
    const TemporaryDirectory temporary;
    FaultyFileSystem faulty(posix_file_system(), k, Fault::kDeath);
    const Status status = Store::init(faulty, temporary / "store", kTestChunk);
    if (!faulty.failed()) {
      EXPECT_TRUE(status);
      break;
    }
    // Either there is no store, or it can be used.
    if (Store::open(temporary / "store")) {
      TestStore store(temporary / "other");
      store.path = temporary / "store";
      EXPECT_TRUE(store.create(sample_files(1), 1)) << k;
    } else {
      EXPECT_FALSE(status);
    }
  }
}

TEST(StoreCrashes, RestoreThatFailsAnywhereLeavesNothingHalfDone) {
  const TemporaryDirectory temporary;
  const TestStore store(temporary / "store");
  const Files files = sample_files(1);
  const auto first = store.create(files, 1);
  for (const Fault fault : {Fault::kOnce, Fault::kDeath}) {
    for (size_t k = 0;; ++k) {
      const TemporaryDirectory out;
      FaultyFileSystem faulty(posix_file_system(), k, fault);
      const auto restored = store.restore(first->id, out / "d", Salvage::kNo, faulty);
      if (!faulty.failed()) {
        EXPECT_TRUE(restored);
        break;
      }
      if (fs::exists(out / "d")) {
        EXPECT_EQ(fs::file_size(out / "d/wasm_memory.bin"), 200 * kTestChunk) << k;
      } else {
        EXPECT_FALSE(restored) << k;
      }
    }
  }
}

TEST(StoreCrashes, PruneThatFailsAnywhereLosesNoKeptBackup) {
  for (const Fault fault : {Fault::kOnce, Fault::kDeath}) {
    for (size_t k = 0;; ++k) {
      const TemporaryDirectory temporary;
      const TestStore store(temporary / "store");
      // The first pack ends up mostly unused, the second not at all.
      Files files = sample_files(1);
      ASSERT_TRUE(store.create(files, 1));
      ASSERT_TRUE(store.create(sample_files(9), 2));
      Bytes& heap = files["wasm_memory.bin"];
      const Bytes fresh = noise(heap.size() / 10 * 7, 50);
      std::copy(fresh.begin(), fresh.end(), heap.begin());
      const auto last = store.create(files, 3);
      ASSERT_TRUE(last);
      FaultyFileSystem faulty(posix_file_system(), k, fault);
      const auto pruned = prune_store(store.open(), faulty, {.keep_last = 1}, false, store.control);
      ASSERT_TRUE(store.holds(last->id, files)) << k;
      const VerifyReport report = store.verify();
      EXPECT_TRUE(report.damaged.empty()) << k;
      if (!faulty.failed()) {
        ASSERT_TRUE(pruned);
        EXPECT_EQ(pruned->packs_removed, 1u);
        EXPECT_EQ(pruned->packs_rewritten, 1u);
        EXPECT_EQ(report.packs, 2u);
        break;
      }
      const auto again =
          prune_store(store.open(), quick_file_system(), {.keep_last = 1}, false, store.control);
      ASSERT_TRUE(again) << k << again.error().message();
      ASSERT_TRUE(store.holds(last->id, files)) << k;
      EXPECT_EQ(store.verify().whole.size(), 1u) << k;
    }
  }
}

// The same with a real process and a real kill, at moments spread over its life.
TEST(StoreCrashes, CreateThatIsKilledByASignal) {
  const TemporaryDirectory temporary;
  const TestStore store(temporary / "store");
  const Files old_files = sample_files(1);
  const auto first = store.create(old_files, 1);
  ASSERT_TRUE(first);
  Files new_files;
  new_files["wasm_memory.bin"] = noise(6 << 20, 3);
  for (uint64_t run = 0; run < 12; ++run) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      (void)store.create(new_files, 100 + run);
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(run * 4000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    const VerifyReport report = store.verify();
    ASSERT_TRUE(report.errors.empty()) << run << ": " << report.errors[0].message();
    ASSERT_TRUE(report.damaged.empty()) << run;
    ASSERT_TRUE(store.holds(first->id, old_files)) << run;
  }
  const auto last = store.create(new_files, 2);
  ASSERT_TRUE(last) << last.error().message();
  EXPECT_TRUE(store.holds(last->id, new_files));
}

// Runs as a user who may read the store and nothing else.
TEST_F(Stores, CanBeReadWhereNothingMayBeWritten) {
  const Files files = sample_files(1);
  const auto first = store.create(files, 1);
  const bool root = ::geteuid() == 0;
  fs::permissions(temporary.path(), fs::perms::others_read | fs::perms::others_exec,
                  fs::perm_options::add);
  if (!root) {
    for (const char* name : {"", "packs", "backups"}) {
      fs::permissions(store.path / name, fs::perms::owner_read | fs::perms::owner_exec);
    }
  } else {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const auto verified = verify_store(store.open(), true, store.control);
  const auto created = store.create(sample_files(2), 2);
  const auto out = fs::path(testing::TempDir()) / ("canrec-read-" + std::to_string(::getpid()));
  const auto restored = store.restore(first->id, out);
  const std::string heap = read_text(out / "wasm_memory.bin");
  fs::remove_all(out);
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  } else {
    for (const char* name : {"", "packs", "backups"}) {
      fs::permissions(store.path / name, fs::perms::owner_all);
    }
  }
  ASSERT_TRUE(verified) << verified.error().message();
  EXPECT_EQ(verified->whole.size(), 1u);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code(), Errc::kPermission);
  ASSERT_TRUE(restored) << restored.error().message();
  EXPECT_EQ(heap, as_text(files.at("wasm_memory.bin")));
}

TEST_F(Stores, PruneRemovesWhatNobodyNeeds) {
  ASSERT_TRUE(store.create(sample_files(1), 1));
  const auto second = store.create(sample_files(2), 2);
  const auto before = read_tree(store.path);
  const Store open = store.open();
  const auto planned =
      prune_store(open, quick_file_system(), {.keep_last = 1}, true, store.control);
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->removed.size(), 1u);
  // Of the first pack only metadata.json is needed further.
  EXPECT_EQ(planned->packs_rewritten, 1u);
  EXPECT_EQ(read_tree(store.path), before);
  const auto done = prune_store(open, quick_file_system(), {.keep_last = 1}, false, store.control);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->kept, std::vector<std::string>{second->id});
  EXPECT_FALSE(fs::exists(pack(1)));
  EXPECT_LT(done->bytes_after, done->bytes_before * 6 / 10);
  EXPECT_TRUE(store.holds(second->id, sample_files(2)));
  EXPECT_TRUE(store.verify().errors.empty());
  EXPECT_EQ(prune_store(open, quick_file_system(), {}, false, store.control).error().code(),
            Errc::kBadArgument);
}

TEST_F(Stores, PruneRefusesADamagedStore) {
  ASSERT_TRUE(store.create(sample_files(1), 1));
  ASSERT_TRUE(store.create(sample_files(2), 2));
  flip(pack(2), 40);
  const auto before = read_tree(store.path);
  const auto pruned =
      prune_store(store.open(), quick_file_system(), {.keep_last = 1}, false, store.control);
  ASSERT_FALSE(pruned);
  EXPECT_EQ(read_tree(store.path), before);
  fs::remove(pack(2));
  const auto missing =
      prune_store(store.open(), quick_file_system(), {.keep_last = 1}, false, store.control);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::kStoreDamaged);
  EXPECT_EQ(store.open().backups()->size(), 2u);
}

TEST(PrunePolicies, KeepTheNewestOfEachPeriod) {
  constexpr uint64_t kDay = 86'400'000'000'000;
  // Two backups a day for four weeks, oldest first; day 4 is Monday 1970-01-05.
  std::vector<uint64_t> created;
  for (uint64_t day = 4; day < 32; ++day) {
    created.push_back(day * kDay);
    created.push_back(day * kDay + kDay - 1);
  }
  const auto count = [&](const PrunePolicy& policy) {
    const std::vector<bool> kept = kept_by(created, policy);
    return std::count(kept.begin(), kept.end(), true);
  };
  EXPECT_EQ(count({.keep_last = 3}), 3);
  EXPECT_EQ(count({.keep_last = 1000}), 56);
  EXPECT_EQ(count({.keep_daily = 5}), 5);
  EXPECT_EQ(count({.keep_daily = 1000}), 28);
  EXPECT_EQ(count({.keep_weekly = 3}), 3);
  EXPECT_EQ(count({.keep_weekly = 1000}), 4);
  EXPECT_EQ(count({.keep_last = 1, .keep_daily = 7, .keep_weekly = 4}), 10);
  const std::vector<bool> weekly = kept_by(created, {.keep_weekly = 2});
  EXPECT_TRUE(weekly[55]);  // the newest of all
  EXPECT_TRUE(weekly[41]);  // Sunday of the week before
}

TEST_F(Stores, DiffNamesTheChangedChunks) {
  Files files = sample_files(1);
  const auto a = store.create(files, 1);
  Bytes& heap = files["wasm_memory.bin"];
  heap[5 * kTestChunk] ^= 1;
  heap[6 * kTestChunk + 9] ^= 1;
  heap[60 * kTestChunk] = 1;  // inside the zeros
  heap.resize(heap.size() + 100, 3);
  files.erase("stable_memory.bin");
  files["new.bin"] = {1};
  const auto b = store.create(files, 2);
  const Store open = store.open();
  const BackupDiff diff = diff_backups(*open.backup(a->id), *open.backup(b->id));
  EXPECT_EQ(diff.only_a, std::vector<std::string>{"stable_memory.bin"});
  EXPECT_EQ(diff.only_b, std::vector<std::string>{"new.bin"});
  EXPECT_EQ(diff.changed, (std::vector<FileRange>{
                              {"wasm_memory.bin", 5 * kTestChunk, 7 * kTestChunk},
                              {"wasm_memory.bin", 60 * kTestChunk, 61 * kTestChunk},
                              {"wasm_memory.bin", 200 * kTestChunk, 200 * kTestChunk + 100}}));
  EXPECT_EQ(diff.changed_bytes, 3 * kTestChunk + 100u);
  EXPECT_TRUE(diff_backups(*open.backup(a->id), *open.backup(a->id)).changed.empty());
}

TEST_F(Stores, ExportAndImportOneBackup) {
  Files files = sample_files(1);
  ASSERT_TRUE(store.create(sample_files(5), 1));
  ASSERT_TRUE(store.create(files, 2));
  files["wasm_memory.bin"][3] ^= 1;
  const auto report = store.create(files, 3);
  const Store open = store.open();
  const auto manifest = open.backup(report->id);
  const fs::path file = temporary / "one.canrec";
  ASSERT_TRUE(
      export_backup(open, quick_file_system(), *manifest, file, Overwrite::kNo, store.control));
  const TestStore other(temporary / "other");
  const auto imported = import_backup(other.open(), quick_file_system(), file, other.control);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_EQ(imported->id, report->id);
  EXPECT_TRUE(other.holds(report->id, files));
  EXPECT_TRUE(other.verify().errors.empty());
  EXPECT_EQ(import_backup(other.open(), quick_file_system(), file, other.control).error().code(),
            Errc::kExists);
}

TEST_F(Stores, ImportRejectsEveryDamage) {
  Files files;
  files["a"] = noise(2 * kTestChunk, 1);
  const auto report = store.create(files, 1);
  const Store open = store.open();
  const fs::path file = temporary / "one.canrec";
  ASSERT_TRUE(export_backup(open, quick_file_system(), *open.backup(report->id), file,
                            Overwrite::kNo, store.control));
  const std::string good = read_text(file);
  const TestStore other(temporary / "other");
  const auto refused = [&](size_t at) {
    const auto imported = import_backup(other.open(), quick_file_system(), file, other.control);
    ASSERT_FALSE(imported) << at;
    EXPECT_TRUE(other.verify().whole.empty());
  };
  for (size_t at = 0; at < good.size(); at += 31) {
    flip(file, at);
    refused(at);
    write_text(file, good);
  }
  for (size_t n = 0; n < good.size(); n += 101) {
    write_text(file, good.substr(0, n));
    refused(n);
  }
}

TEST(StoreFrames, RejectChunksThatUnpackToMoreThanTheySay) {
  RawFrame raw;
  const Bytes zeros(kTestChunk);
  for (int i = 0; i < 100; ++i) raw.add(xxh3_128(zeros), zeros);
  FrameEncoder encoder(3);
  const Bytes frame = encoder.encode(raw);
  const auto header = decode_frame_header(frame, kTestChunk, 0);
  ASSERT_TRUE(header);
  EXPECT_TRUE(FrameDecoder().check(frame, *header, 0));
  // The same payload under a header that announces less, and one that announces more.
  for (const size_t chunks : {99u, 101u}) {
    FrameHeader lying = *header;
    lying.chunks.resize(chunks, lying.chunks[0]);
    lying.raw_size = static_cast<uint32_t>(chunks * kTestChunk);
    Bytes bomb = encode_frame_header(lying);
    append(bomb, ByteView(frame).subspan(header->header_bytes()));
    const auto read = decode_frame_header(bomb, kTestChunk, 0);
    ASSERT_TRUE(read);
    const Status status = FrameDecoder().check(bomb, *read, 700);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), Errc::kStoreDamaged);
    EXPECT_EQ(status.error().offset(), 700 + read->header_bytes());
  }
}

TEST(StoreFrames, RejectEveryTruncationAndDamage) {
  RawFrame raw;
  const Bytes chunk = noise(300, 1);
  raw.add(xxh3_128(chunk), chunk);
  const Bytes frame = FrameEncoder(1).encode(raw);
  const auto whole = [](ByteView bytes) {
    const auto header = decode_frame_header(bytes, kTestChunk, 0);
    return header && FrameDecoder().check(bytes, *header, 0);
  };
  EXPECT_TRUE(whole(frame));
  for (size_t n = 0; n < frame.size(); ++n) {
    EXPECT_FALSE(whole(ByteView(frame).first(n))) << n;
    Bytes flipped = frame;
    flipped[n] ^= 0x10;
    EXPECT_FALSE(whole(flipped)) << n;
  }
}

TEST(StoreIndex, FindsEveryEntryAndNoOther) {
  const TemporaryDirectory temporary;
  for (const size_t count : {0u, 1u, 2u, 1000u, 5000u}) {
    Index index;
    const PackFile pack{7, 1000};
    for (size_t i = 0; i < count; ++i) {
      index.add(xxh3_128(noise(8, i)), {7, i, static_cast<uint32_t>(i + 1)});
    }
    // Addresses that are not spread evenly.
    index.add({5, 5}, {7, 1, 1});
    index.add({5, 6}, {7, 2, 2});
    ASSERT_TRUE(index.write(quick_file_system(), temporary / "index", {&pack, 1}));
    const auto mapped = Index::open(temporary / "index");
    ASSERT_TRUE(mapped) << mapped.error().message();
    EXPECT_EQ(mapped->file_entries(), count + 2);
    for (size_t i = 0; i < count; ++i) {
      const auto found = mapped->find(xxh3_128(noise(8, i)));
      ASSERT_TRUE(found) << i;
      EXPECT_EQ(found->offset, i);
    }
    EXPECT_EQ(mapped->find({5, 6})->offset, 2u);
    EXPECT_FALSE(mapped->find({5, 7}));
    EXPECT_FALSE(mapped->find({0, 0}));
    EXPECT_FALSE(mapped->find({~uint64_t{0}, ~uint64_t{0}}));
  }
}

}  // namespace
}  // namespace canrec::snapshot
