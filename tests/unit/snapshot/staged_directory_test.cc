// SPDX-License-Identifier: Apache-2.0
// What dead processes left goes, what living ones write stays.
#include "snapshot/staged_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "support/temporary_directory.h"

namespace canrec::snapshot {
namespace {

namespace fs = std::filesystem;
using test::write_text;

Result<StagedDirectory> stage(const fs::path& target) {
  return StagedDirectory::create(posix_file_system(), target, Overwrite::kNo);
}

TEST(StagedDirectories, RemoveWhatDeadProcessesLeft) {
  const test::TemporaryDirectory dir;
  const std::string own = std::to_string(::getpid());
  for (const std::string& name :
       {std::string("a.canrec-tmp-1"), std::string("a.canrec-tmp-1-2"), "a.canrec-tmp-" + own}) {
    fs::create_directory(dir / name);
    write_text(dir / name / "x", "leftover");
  }
  // Of another target, not our names, a file, and a link.
  for (const char* name :
       {"b.canrec-tmp-1", "a.canrec-tmp-", "a.canrec-tmp-1x", "xa.canrec-tmp-1"}) {
    fs::create_directory(dir / name);
  }
  write_text(dir / "a.canrec-tmp-4", "a file");
  fs::create_directory_symlink("b.canrec-tmp-1", dir / "a.canrec-tmp-3");
  auto staged = stage(dir / "a/");
  ASSERT_TRUE(staged);
  EXPECT_EQ(staged->path(), dir / ("a.canrec-tmp-" + own));
  EXPECT_TRUE(fs::is_empty(staged->path()));
  ASSERT_TRUE(staged->commit());
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir.path()))
    names.insert(entry.path().filename());
  EXPECT_EQ(names, (std::set<std::string>{"a", "a.canrec-tmp-", "a.canrec-tmp-1x", "a.canrec-tmp-3",
                                          "a.canrec-tmp-4", "b.canrec-tmp-1", "xa.canrec-tmp-1"}));
}

TEST(StagedDirectories, KeepWhatALivingProcessWrites) {
  const test::TemporaryDirectory dir;
  auto first = stage(dir / "a");
  ASSERT_TRUE(first);
  write_text(first->path() / "x", "first");
  {
    auto second = stage(dir / "a");
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->path().string().ends_with("-1")) << second->path();
  }
  EXPECT_EQ(test::read_text(first->path() / "x"), "first");
  ASSERT_TRUE(first->commit());
  EXPECT_EQ(test::read_tree(dir.path()),
            (std::map<std::string, std::string>{{"a", "<dir>"}, {"a/x", "first"}}));
}

// A file system where somebody who cleans up is quick: what was made first is locked already.
class Hasty final : public FileSystem {
 public:
  Status make_directory(const fs::path& path) override {
    CANREC_CHECK(real_.make_directory(path));
    if (lock_) return Ok{};
    CANREC_TRY(FileLock lock, FileLock::take(path, LockMode::kExclusive));
    lock_.emplace(std::move(lock));
    return Ok{};
  }
  Result<std::unique_ptr<WritableFile>> create(const fs::path& path) override {
    return real_.create(path);
  }
  Result<std::unique_ptr<WritableFile>> open(const fs::path& path) override {
    return real_.open(path);
  }
  Status rename(const fs::path& from, const fs::path& to) override {
    return real_.rename(from, to);
  }
  Status exchange(const fs::path& a, const fs::path& b) override { return real_.exchange(a, b); }
  Status hard_link(const fs::path& from, const fs::path& to) override {
    return real_.hard_link(from, to);
  }
  Status remove(const fs::path& path) override { return real_.remove(path); }
  Status remove_all(const fs::path& path) override { return real_.remove_all(path); }
  Status sync_directory(const fs::path& path) override { return real_.sync_directory(path); }

 private:
  FileSystem& real_ = posix_file_system();
  std::optional<FileLock> lock_;
};

TEST(StagedDirectories, AreNeverTakenForLeftovers) {
  const test::TemporaryDirectory dir;
  Hasty system;
  auto staged = StagedDirectory::create(system, dir / "a", Overwrite::kNo);
  ASSERT_TRUE(staged);
  EXPECT_TRUE(staged->path().string().ends_with("-1")) << staged->path();
}

}  // namespace
}  // namespace canrec::snapshot
