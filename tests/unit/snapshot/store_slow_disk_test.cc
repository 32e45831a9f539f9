// SPDX-License-Identifier: Apache-2.0
// A store on a disk that is slow, odd or failing: reads and writes that come back short or
// interrupted, no mapping, no hard links, no renaming over a file, no locks; no space or an error
// at the k-th call of a kind.
//
// The system calls are replaced for the whole program by functions of the same name, which pass
// them on unless a test has set up such a disk; so what is tested is what the kernel would see.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "unit/snapshot/store_support.h"

namespace {

// What the disk cannot do. Reset by ~OddDisk.
struct Faults {
  std::atomic<size_t> piece = 0;         // bytes of one read or write; 0: as many as wanted
  std::atomic<bool> interrupts = false;  // every third read or write is interrupted first
  std::atomic<bool> no_mapping = false;
  std::atomic<bool> no_links = false;
  std::atomic<bool> no_replacing = false;  // rename() refuses an existing file, as SFTP's does
  std::atomic<bool> no_locks = false;
  // The k-th call of a kind fails, and all after it; kinds that are not chosen count nothing.
  std::atomic<char> kind = 0;  // 'w'rite, 's'ync, 'r'ename or link
  std::atomic<size_t> fail_at = 0;
  std::atomic<size_t> calls = 0;
  std::atomic<size_t> interrupted = 0;

  // Whether this call of the kind fails.
  bool fails(char now) { return kind == now && calls++ >= fail_at; }
  // Whether this call is interrupted before it did anything.
  bool interrupt() { return interrupts && interrupted++ % 3 == 0; }
  size_t bytes(size_t wanted) const {
    const size_t most = piece;
    return most == 0 ? wanted : std::min(wanted, most);
  }
};
Faults faults;

int failing(int number) {
  errno = number;
  return -1;
}

}  // namespace

extern "C" {

ssize_t pread(int file, void* out, size_t size, off_t offset) {
  if (faults.interrupt()) return failing(EINTR);
  return ::syscall(SYS_pread64, file, out, faults.bytes(size), offset);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  if (faults.interrupt()) return failing(EINTR);
  if (faults.fails('w')) {
    // A full disk takes what still fits, then nothing.
    if (size > 1 && faults.calls == faults.fail_at + 1) {
      return ::syscall(SYS_pwrite64, file, bytes, size / 2, offset);
    }
    return failing(ENOSPC);
  }
  return ::syscall(SYS_pwrite64, file, bytes, faults.bytes(size), offset);
}

int fsync(int file) {
  // What a test writes need not reach a disk.
  (void)file;
  return faults.fails('s') ? failing(EIO) : 0;
}

int link(const char* from, const char* to) noexcept {
  if (faults.no_links) return failing(EPERM);
  if (faults.fails('r')) return failing(EIO);
  return static_cast<int>(::syscall(SYS_link, from, to));
}

int rename(const char* from, const char* to) noexcept {
  if (faults.no_replacing && ::syscall(SYS_access, to, F_OK) == 0) return failing(EPERM);
  if (faults.fails('r')) return failing(EIO);
  return static_cast<int>(::syscall(SYS_rename, from, to));
}

int flock(int file, int operation) noexcept {
  if (faults.no_locks) return failing(ENOLCK);
  return static_cast<int>(::syscall(SYS_flock, file, operation));
}

void* mmap(void* at, size_t size, int protection, int flags, int file, off_t offset) noexcept {
  if (faults.no_mapping && file >= 0) {
    errno = ENODEV;
    return MAP_FAILED;
  }
  return reinterpret_cast<void*>(::syscall(SYS_mmap, at, size, protection, flags, file, offset));
}

}  // extern "C"

namespace canrec::snapshot {
namespace {

namespace fs = std::filesystem;
using test::read_tree;
using test::TemporaryDirectory;

// The disk is odd while this lives.
struct OddDisk {
  OddDisk() = default;
  OddDisk(const OddDisk&) = delete;
  OddDisk& operator=(const OddDisk&) = delete;
  ~OddDisk() {
    faults.piece = 0;
    faults.interrupts = faults.no_mapping = faults.no_links = false;
    faults.no_replacing = faults.no_locks = false;
    faults.kind = 0;
  }
};

// Everything one does with a store, on whatever disk is set up.
void live_through(const fs::path& where) {
  FileSystem& system = posix_file_system();
  const TestStore store(where / "store");
  Files files = sample_files(1);
  const auto first = store.create(files, 1, system);
  ASSERT_TRUE(first) << first.error().message();
  files["wasm_memory.bin"][7] ^= 1;
  const Bytes fresh = noise(100 * kTestChunk, 60);
  std::ranges::copy(fresh, files["wasm_memory.bin"].begin());
  const auto second = store.create(files, 2, system);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_TRUE(store.holds(first->id, sample_files(1)));
  const Store open = store.open();
  ASSERT_TRUE(export_backup(open, system, *open.backup(second->id), where / "one", Overwrite::kNo,
                            store.control));
  const auto pruned = prune_store(open, system, {.keep_last = 1}, false, store.control);
  ASSERT_TRUE(pruned) << pruned.error().message();
  ASSERT_TRUE(reindex_store(open, system, store.control));
  const VerifyReport report = store.verify();
  EXPECT_TRUE(report.errors.empty());
  EXPECT_EQ(report.whole, std::vector<std::string>{second->id});
  EXPECT_TRUE(store.holds(second->id, files));
  const TestStore other(where / "other");
  const auto imported = import_backup(other.open(), system, where / "one", other.control);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_TRUE(other.holds(second->id, files));
}

TEST(OddDisks, ThatReadAndWriteLittleAtATime) {
  const TemporaryDirectory ordinary, odd;
  ASSERT_NO_FATAL_FAILURE(live_through(ordinary.path()));
  const OddDisk disk;
  faults.piece = 3001;
  faults.interrupts = true;
  ASSERT_NO_FATAL_FAILURE(live_through(odd.path()));
  EXPECT_EQ(read_tree(odd.path()), read_tree(ordinary.path()));
  EXPECT_GT(faults.interrupted, 100u);
}

TEST(OddDisks, ThatCannotBeMapped) {
  const TemporaryDirectory temporary;
  const OddDisk disk;
  faults.no_mapping = true;
  EXPECT_FALSE(InputFile::open("/proc/self/exe"));
  live_through(temporary.path());
}

TEST(OddDisks, WithoutLinksAndReplacing) {
  const TemporaryDirectory temporary;
  const OddDisk disk;
  faults.no_links = faults.no_replacing = true;
  live_through(temporary.path());
}

TEST(OddDisks, WithoutLocksAreReadAndNotWritten) {
  const TemporaryDirectory temporary;
  const TestStore store(temporary / "store");
  const auto first = store.create(sample_files(1), 1);
  ASSERT_TRUE(first);
  const OddDisk disk;
  faults.no_locks = true;
  EXPECT_TRUE(store.holds(first->id, sample_files(1)));
  EXPECT_EQ(store.verify().whole.size(), 1u);
  const auto second = store.create(sample_files(2), 2);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::kIo);
}

TEST(OddDisks, CopiesThatLostTheirEmptyFiles) {
  const TemporaryDirectory temporary;
  const TestStore store(temporary / "store");
  const auto first = store.create(sample_files(1), 1);
  fs::remove(store.path / "reader.lock");
  fs::remove(store.path / "writer.lock");
  EXPECT_TRUE(store.holds(first->id, sample_files(1)));
  const auto second = store.create(sample_files(2), 2);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_TRUE(
      prune_store(store.open(), test::quick_file_system(), {.keep_last = 1}, false, store.control));
  EXPECT_TRUE(store.holds(second->id, sample_files(2)));
  EXPECT_TRUE(fs::exists(store.path / "reader.lock"));
}

// Lets the k-th call of every kind fail, for all k, and looks at what is left.
//   prepare: makes a store;  act: does one thing to it;  look: after the disk is well again, told
//   whether the thing was done
void fail_everywhere(const std::function<void(const TestStore&)>& prepare,
                     const std::function<Status(const TestStore&, const fs::path&)>& act,
                     const std::function<void(const TestStore&, const fs::path&, bool)>& look) {
  for (const char kind : {'w', 's', 'r'}) {
    size_t k = 0;
    for (;; ++k) {
      SCOPED_TRACE(std::string(1, kind) + std::to_string(k));
      const TemporaryDirectory temporary;
      const TestStore store(temporary / "store");
      prepare(store);
      bool done = false;
      bool failed = false;
      {
        const OddDisk disk;
        faults.calls = 0;
        faults.fail_at = k;
        faults.kind = kind;
        done = act(store, temporary.path()).has_value();
        failed = faults.calls > k;
      }
      // Whatever a call said, a job that met a failing disk must not say that all is well.
      EXPECT_NE(done, failed);
      ASSERT_NO_FATAL_FAILURE(look(store, temporary.path(), done));
      const VerifyReport report = store.verify();
      EXPECT_TRUE(report.errors.empty()) << report.errors[0].message();
      EXPECT_TRUE(report.damaged.empty());
      if (!failed) break;
    }
    EXPECT_GE(k, kind == 'w' ? 2u : 1u) << kind;
  }
}

std::string id_of(const TestStore& store, size_t n) { return (*store.open().backups())[n]; }

TEST(FailingDisks, CreateLosesNothing) {
  fail_everywhere([](const TestStore& store) { ASSERT_TRUE(store.create(sample_files(1), 1)); },
                  [](const TestStore& store, const fs::path&) -> Status {
                    CANREC_CHECK(store.create(sample_files(2), 2, posix_file_system()));
                    return Ok{};
                  },
                  [](const TestStore& store, const fs::path&, bool done) {
                    const auto ids = store.open().backups();
                    EXPECT_GE(ids->size(), done ? 2u : 1u);
                    for (const std::string& id : *ids) {
                      const uint64_t time = store.open().backup(id)->created_ns();
                      EXPECT_TRUE(store.holds(id, sample_files(time)));
                    }
                  });
}

TEST(FailingDisks, RestoreLeavesNothingHalfDone) {
  fail_everywhere([](const TestStore& store) { ASSERT_TRUE(store.create(sample_files(1), 1)); },
                  [](const TestStore& store, const fs::path& where) -> Status {
                    CANREC_CHECK(store.restore(id_of(store, 0), where / "out", Salvage::kYes,
                                               posix_file_system()));
                    return Ok{};
                  },
                  [](const TestStore&, const fs::path& where, bool done) {
                    EXPECT_TRUE(!done || fs::exists(where / "out"));
                    if (!fs::exists(where / "out")) return;
                    // It may be there although the directory above could not be synced; then whole.
                    for (const auto& [name, bytes] : sample_files(1)) {
                      EXPECT_EQ(test::read_text(where / "out" / name), as_text(bytes));
                    }
                  });
}

TEST(FailingDisks, PruneLosesNothingThatIsKept) {
  fail_everywhere(
      [](const TestStore& store) {
        ASSERT_TRUE(store.create(sample_files(1), 1));
        Files files = sample_files(1);
        const Bytes fresh = noise(140 * kTestChunk, 60);
        std::ranges::copy(fresh, files["wasm_memory.bin"].begin());
        ASSERT_TRUE(store.create(files, 2));
      },
      [](const TestStore& store, const fs::path&) -> Status {
        CANREC_CHECK(
            prune_store(store.open(), posix_file_system(), {.keep_last = 1}, false, store.control));
        return Ok{};
      },
      [](const TestStore& store, const fs::path&, bool done) {
        const auto ids = store.open().backups();
        if (done) {
          EXPECT_EQ(ids->size(), 1u);
        }
        ASSERT_TRUE(std::ranges::any_of(
            *ids, [&](const auto& id) { return store.open().backup(id)->created_ns() == 2; }));
      });
}

TEST(FailingDisks, ExportAndImportLeaveNothingHalfDone) {
  fail_everywhere(
      [](const TestStore& store) { ASSERT_TRUE(store.create(sample_files(1), 1)); },
      [](const TestStore& store, const fs::path& where) -> Status {
        const Store open = store.open();
        CANREC_TRY(const Manifest manifest, open.backup(id_of(store, 0)));
        CANREC_CHECK(export_backup(open, posix_file_system(), manifest, where / "one",
                                   Overwrite::kNo, store.control));
        CANREC_CHECK(Store::init(posix_file_system(), where / "other", kTestChunk));
        CANREC_TRY(const Store other, Store::open(where / "other"));
        CANREC_CHECK(import_backup(other, posix_file_system(), where / "one", store.control));
        return Ok{};
      },
      [](const TestStore& store, const fs::path& where, bool) {
        const TestStore third(where / "third");
        if (fs::exists(where / "one")) {
          EXPECT_TRUE(
              import_backup(third.open(), test::quick_file_system(), where / "one", store.control));
        }
        auto other = Store::open(where / "other");
        if (!other) return;
        const auto report = verify_store(*other, true, store.control);
        ASSERT_TRUE(report);
        EXPECT_TRUE(report->errors.empty());
        EXPECT_TRUE(report->damaged.empty());
      });
}

}  // namespace
}  // namespace canrec::snapshot
