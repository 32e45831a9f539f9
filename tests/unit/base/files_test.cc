// SPDX-License-Identifier: Apache-2.0
// Files in and out: mapping, refusals, and output that is whole or not there.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/input_file.h"
#include "base/output_file.h"
#include "support/faulty_file_system.h"
#include "support/temporary_directory.h"

namespace canrec {
namespace {

using test::Fault;
using test::FaultyFileSystem;
using test::read_text;
using test::read_tree;
using test::TemporaryDirectory;
using test::write_text;

TEST(InputFiles, MapWhatIsThere) {
  const TemporaryDirectory dir;
  write_text(dir / "a", "hello");
  auto file = InputFile::open(dir / "a");
  ASSERT_TRUE(file);
  EXPECT_EQ(as_text(file->bytes()), "hello");
  InputFile moved = std::move(*file);
  EXPECT_EQ(as_text(moved.bytes()), "hello");
  EXPECT_EQ(file->size(), 0u);
  EXPECT_GE(moved.descriptor(), 0);
}

TEST(InputFiles, AnEmptyFileHasNoBytes) {
  const TemporaryDirectory dir;
  write_text(dir / "a", "");
  const auto file = InputFile::open(dir / "a");
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->bytes().empty());
}

TEST(InputFiles, RejectWhatIsNoRegularFile) {
  const TemporaryDirectory dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(InputFile::open(dir / "pipe").error().code(), Errc::kIo);
  EXPECT_EQ(InputFile::open(dir.path()).error().code(), Errc::kIo);
  EXPECT_EQ(InputFile::open("/dev/zero").error().code(), Errc::kIo);
  EXPECT_EQ(InputFile::open(dir / "missing").error().code(), Errc::kNotFound);
  write_text(dir / "a", "x");
  EXPECT_EQ(InputFile::open(dir / "a/b").error().code(), Errc::kNotFound);
}

TEST(InputFiles, RejectWhatMayNotBeRead) {
  const TemporaryDirectory dir;
  write_text(dir / "a", "x");
  ASSERT_EQ(::chmod((dir / "a").c_str(), 0), 0);
  // The superuser may read everything, so the test steps down for a moment.
  const uid_t user = ::geteuid();
  if (user == 0) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const auto file = InputFile::open(dir / "a");
  if (user == 0) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), Errc::kPermission);
}

TEST(OutputFiles, AppearWhole) {
  const TemporaryDirectory dir;
  auto out = OutputFile::create(posix_file_system(), dir / "a", Overwrite::kNo);
  ASSERT_TRUE(out);
  ASSERT_TRUE(out->append(as_bytes("one ")));
  ASSERT_TRUE(out->append(as_bytes("two")));
  EXPECT_EQ(out->size(), 7u);
  EXPECT_FALSE(std::filesystem::exists(dir / "a"));
  ASSERT_TRUE(out->commit());
  EXPECT_EQ(read_tree(dir.path()), (std::map<std::string, std::string>{{"a", "one two"}}));
}

TEST(OutputFiles, LeaveNothingWithoutCommit) {
  const TemporaryDirectory dir;
  {
    auto out = OutputFile::create(posix_file_system(), dir / "a", Overwrite::kNo);
    ASSERT_TRUE(out);
    ASSERT_TRUE(out->append(as_bytes("one")));
  }
  EXPECT_TRUE(read_tree(dir.path()).empty());
}

TEST(OutputFiles, RejectAnExistingTarget) {
  const TemporaryDirectory dir;
  write_text(dir / "a", "old");
  EXPECT_EQ(
      write_file(posix_file_system(), dir / "a", as_bytes("new"), Overwrite::kNo).error().code(),
      Errc::kExists);
  EXPECT_EQ(read_text(dir / "a"), "old");
  EXPECT_TRUE(write_file(posix_file_system(), dir / "a", as_bytes("new"), Overwrite::kYes));
  EXPECT_EQ(read_text(dir / "a"), "new");
  std::filesystem::create_symlink(dir / "nowhere", dir / "link");
  EXPECT_FALSE(write_file(posix_file_system(), dir / "link", as_bytes("x"), Overwrite::kNo));
}

TEST(OutputFiles, RejectATargetThatIsNoRegularFile) {
  const TemporaryDirectory dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink(dir / "pipe", dir / "link");
  for (const char* name : {"pipe", "link"}) {
    const auto out = OutputFile::create(posix_file_system(), dir / name, Overwrite::kYes);
    ASSERT_FALSE(out) << name;
    EXPECT_EQ(out.error().code(), Errc::kExists);
  }
  EXPECT_TRUE(std::filesystem::is_fifo(dir / "pipe"));
}

TEST(OutputFiles, KeepATargetThatAppearedMeanwhile) {
  const TemporaryDirectory dir;
  auto out = OutputFile::create(posix_file_system(), dir / "a", Overwrite::kNo);
  ASSERT_TRUE(out);
  write_text(dir / "a", "other");
  EXPECT_EQ(out->commit().error().code(), Errc::kExists);
  EXPECT_EQ(read_text(dir / "a"), "other");
}

TEST(OutputFiles, RejectAMissingDirectory) {
  const TemporaryDirectory dir;
  EXPECT_EQ(
      write_file(posix_file_system(), dir / "no/a", as_bytes("x"), Overwrite::kNo).error().code(),
      Errc::kNotFound);
}

TEST(OutputFiles, ReplaceALeftoverTemporaryFile) {
  const TemporaryDirectory dir;
  write_text(dir / ("a.canrec-tmp-" + std::to_string(::getpid())), "leftover");
  ASSERT_TRUE(write_file(posix_file_system(), dir / "a", as_bytes("new"), Overwrite::kNo));
  EXPECT_EQ(read_tree(dir.path()), (std::map<std::string, std::string>{{"a", "new"}}));
}

// Whatever operation fails, the name holds the old bytes or the new ones, never a mixture.
void fail_every_operation(Overwrite overwrite, Fault fault) {
  size_t k = 0;
  for (;; ++k) {
    const TemporaryDirectory dir;
    if (overwrite == Overwrite::kYes) write_text(dir / "a", "old bytes");
    FaultyFileSystem faulty(posix_file_system(), k, fault);
    const Status status = write_file(faulty, dir / "a", as_bytes("new bytes"), overwrite);
    if (!faulty.failed()) {
      EXPECT_TRUE(status);
      break;
    }
    const bool there = std::filesystem::exists(dir / "a");
    const std::string content = read_text(dir / "a");
    EXPECT_TRUE(!status || content == "new bytes") << k;
    EXPECT_TRUE(content == "new bytes" ||
                (overwrite == Overwrite::kYes ? content == "old bytes" : !there))
        << k << ": " << content;
    if (fault == Fault::kOnce && content != "new bytes") {
      EXPECT_EQ(read_tree(dir.path()).size(), overwrite == Overwrite::kYes ? 1u : 0u) << k;
    }
  }
  EXPECT_GE(k, 5u);
}

TEST(OutputFiles, AFailedOperationKeepsTheOldOutput) {
  fail_every_operation(Overwrite::kYes, Fault::kOnce);
  fail_every_operation(Overwrite::kYes, Fault::kDeath);
}
TEST(OutputFiles, AFailedOperationLeavesNoPartOfANewOutput) {
  fail_every_operation(Overwrite::kNo, Fault::kOnce);
  fail_every_operation(Overwrite::kNo, Fault::kDeath);
}

TEST(FileSystems, DirectoriesLinksAndRemoval) {
  const TemporaryDirectory dir;
  FileSystem& real = posix_file_system();
  ASSERT_TRUE(real.make_directory(dir / "d"));
  EXPECT_EQ(real.make_directory(dir / "d").error().code(), Errc::kExists);
  write_text(dir / "d/x", "1");
  ASSERT_TRUE(real.hard_link(dir / "d/x", dir / "y"));
  EXPECT_EQ(real.hard_link(dir / "d/x", dir / "y").error().code(), Errc::kExists);
  EXPECT_EQ(read_text(dir / "y"), "1");
  ASSERT_TRUE(real.sync_directory(dir.path()));
  ASSERT_TRUE(real.remove(dir / "y"));
  EXPECT_EQ(real.remove(dir / "y").error().code(), Errc::kNotFound);
  ASSERT_TRUE(real.remove_all(dir / "d"));
  EXPECT_TRUE(read_tree(dir.path()).empty());
  auto file = real.create(dir / "sparse");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->resize(1 << 20));
  ASSERT_TRUE((*file)->write_at(as_bytes("end"), (1 << 20) - 3));
  ASSERT_TRUE((*file)->sync());
  EXPECT_EQ(std::filesystem::file_size(dir / "sparse"), 1u << 20);
  EXPECT_EQ(real.create(dir / "sparse").error().code(), Errc::kExists);
  EXPECT_TRUE(real.open(dir / "sparse"));
  EXPECT_EQ(real.open(dir / "none").error().code(), Errc::kNotFound);
}

TEST(FileSystems, CopyRangesAndExchangeNames) {
  const TemporaryDirectory dir;
  FileSystem& real = posix_file_system();
  write_text(dir / "a", "0123456789");
  write_text(dir / "b", "other");
  const auto source = InputFile::open(dir / "a");
  ASSERT_TRUE(source);
  auto file = real.create(dir / "c");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->copy_from(source->descriptor(), 2, 5, 1));
  EXPECT_EQ(read_text(dir / "c"), std::string("\0", 1) + "23456");
  EXPECT_EQ((*file)->copy_from(source->descriptor(), 8, 5, 0).error().code(), Errc::kIo);
  // A source on another file system is read instead.
  const auto proc = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(proc, 0);
  EXPECT_TRUE((*file)->copy_from(proc, 0, 20, 0));
  ::close(proc);
  ASSERT_TRUE(real.exchange(dir / "a", dir / "b"));
  EXPECT_EQ(read_text(dir / "a"), "other");
  EXPECT_EQ(read_text(dir / "b"), "0123456789");
  EXPECT_EQ(real.exchange(dir / "a", dir / "none").error().code(), Errc::kNotFound);
}

}  // namespace
}  // namespace canrec
