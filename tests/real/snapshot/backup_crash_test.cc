// SPDX-License-Identifier: Apache-2.0
// The program killed at moments spread over its life, two writers on one store, readers during a
// prune: what was complete stays complete, and nothing half-done has a final name.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "real/snapshot/backup_support.h"
#include "snapshot/store_jobs.h"
#include "support/noise.h"

namespace canrec::snapshot {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kKills = 12;

class Crashes : public ::testing::Test {
 protected:
  // Two backups; of the second half is new.
  void SetUp() override {
    Bytes heap = test::noise(6 << 20, 1);
    write_snapshot(temporary / "old", heap);
    const Bytes fresh = test::noise(3 << 20, 2);
    std::ranges::copy(fresh, heap.begin());
    write_snapshot(temporary / "new", heap);
    ASSERT_EQ(run({"create", (temporary / "old").string(), "--time", "1"}), 0);
    ASSERT_EQ(run({"create", (temporary / "new").string(), "--time", "2"}), 0);
    const auto ids = Store::open(store)->backups();
    ASSERT_TRUE(ids);
    for (const std::string& id : *ids) {
      (Store::open(store)->backup(id)->created_ns() == 1 ? old_id : new_id) = id;
    }
  }
  std::vector<std::string> words(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--store", store.string()});
    return arguments;
  }
  int run(const std::vector<std::string>& arguments) const {
    Running running(words(arguments), temporary / "said");
    const int status = running.wait();
    last_said = running.said();
    return status;
  }
  // Runs it once to the end, then again and again, killed at a later moment each time.
  void kill_often(const std::vector<std::string>& arguments, const std::function<void()>& prepare,
                  const std::function<void(bool finished)>& look) {
    prepare();
    const auto start = Clock::now();
    ASSERT_EQ(run(arguments), 0) << last_said;
    const auto whole = Clock::now() - start;
    ASSERT_NO_FATAL_FAILURE(look(true));
    int killed = 0;
    for (int i = 0; i < kKills; ++i) {
      SCOPED_TRACE(i);
      prepare();
      Running running(words(arguments), temporary / "said");
      std::this_thread::sleep_for(whole * i / kKills);
      const int status = running.kill();
      if (status == -1) ++killed;
      ASSERT_NO_FATAL_FAILURE(look(status == 0));
    }
    EXPECT_GE(killed, kKills / 3);
  }
  void renew(const fs::path& from, const fs::path& to) const {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
  }
  // Nothing is damaged, and this backup gives back that directory.
  void expect_whole(const std::string& id, const std::string& directory) const {
    const Interrupt interrupt;
    const JobControl control{interrupt};
    const auto opened = Store::open(store);
    ASSERT_TRUE(opened);
    const auto report = verify_store(*opened, true, control);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_TRUE(report->errors.empty()) << report->errors[0].message();
    EXPECT_TRUE(report->damaged.empty());
    const auto manifest = opened->backup(id);
    ASSERT_TRUE(manifest) << manifest.error().message();
    const test::TemporaryDirectory out;
    const auto restored =
        restore_backup(*opened, test::quick_file_system(), *manifest, out / "d", {}, control);
    ASSERT_TRUE(restored) << restored.error().message();
    EXPECT_EQ(test::read_tree(out / "d"), test::read_tree(temporary / directory));
  }

  test::TemporaryDirectory temporary;
  fs::path store = temporary / "store";
  std::string old_id, new_id;
  mutable std::string last_said;
};

TEST_F(Crashes, CreateKilledAtAnyMoment) {
  write_snapshot(temporary / "newest", test::noise(12 << 20, 3));
  renew(store, temporary / "before");
  kill_often(
      {"create", (temporary / "newest").string()}, [&] { renew(temporary / "before", store); },
      [&](bool finished) {
        EXPECT_GE(Store::open(store)->backups()->size(), finished ? 3u : 2u);
        expect_whole(old_id, "old");
        expect_whole(new_id, "new");
      });
  EXPECT_EQ(run({"create", (temporary / "newest").string()}), 0) << last_said;
}

TEST_F(Crashes, PruneKilledAtAnyMoment) {
  renew(store, temporary / "before");
  kill_often(
      {"prune", "--keep-last", "1"}, [&] { renew(temporary / "before", store); },
      [&](bool finished) {
        expect_whole(new_id, "new");
        EXPECT_TRUE(!finished || Store::open(store)->backups()->size() == 1);
        // The next one does what is left.
        EXPECT_EQ(run({"prune", "--keep-last", "1"}), 0) << last_said;
        EXPECT_EQ(Store::open(store)->backups()->size(), 1u);
        expect_whole(new_id, "new");
      });
}

TEST_F(Crashes, ImportKilledAtAnyMoment) {
  const fs::path file = temporary / "one.canrec";
  ASSERT_EQ(run({"export", new_id, "-o", file.string()}), 0);
  ASSERT_EQ(run({"prune", "--keep-last", "1"}), 0);
  const fs::path source = store;
  store = temporary / "other";
  ASSERT_EQ(run({"create", (temporary / "old").string(), "--time", "1"}), 0);
  renew(store, temporary / "before");
  kill_often(
      {"import", file.string()}, [&] { renew(temporary / "before", store); },
      [&](bool finished) {
        expect_whole(old_id, "old");
        if (finished) expect_whole(new_id, "new");
      });
}

TEST_F(Crashes, RestoreKilledAtAnyMoment) {
  const fs::path out = temporary / "out";
  kill_often(
      {"restore", new_id, "-o", out.string()}, [&] { fs::remove_all(out); },
      [&](bool finished) {
        EXPECT_TRUE(!finished || fs::exists(out));
        if (fs::exists(out)) {
          EXPECT_EQ(test::read_tree(out), test::read_tree(temporary / "new"));
        }
      });
  // What the killed ones left is removed by the next.
  fs::remove_all(out);
  ASSERT_EQ(run({"restore", new_id, "-o", out.string()}), 0) << last_said;
  for (const fs::directory_entry& entry : fs::directory_iterator(temporary.path())) {
    EXPECT_EQ(entry.path().string().find("canrec-tmp"), std::string::npos) << entry;
  }
}

TEST_F(Crashes, TwoWritersAtOnce) {
  for (int i = 0; i < 4; ++i) {
    Running one(words({"create", (temporary / "old").string()}), temporary / "one");
    Running two(words({"create", (temporary / "new").string()}), temporary / "two");
    const int first = one.wait();
    const int second = two.wait();
    // Whoever came second was told so, or came after the first had finished.
    for (const auto& [status, said] : {std::pair(first, one.said()), {second, two.said()}}) {
      EXPECT_TRUE(status == 0 || (status == 4 && said.find("another process") != said.npos))
          << said;
    }
    EXPECT_TRUE(first == 0 || second == 0);
    expect_whole(old_id, "old");
    expect_whole(new_id, "new");
  }
}

TEST_F(Crashes, ReadersDuringAPrune) {
  renew(store, temporary / "before");
  for (int i = 0; i < 6; ++i) {
    renew(temporary / "before", store);
    const fs::path out = temporary / "out";
    fs::remove_all(out);
    Running reader(words({"restore", old_id, "-o", out.string()}), temporary / "one");
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * i));
    const int pruned = run({"prune", "--keep-last", "1"});
    EXPECT_TRUE(pruned == 0 || pruned == 4) << last_said;
    const int restored = reader.wait();
    if (restored == 0) {
      EXPECT_EQ(test::read_tree(out), test::read_tree(temporary / "old"));
    } else {
      // The prune was there first, or is deleting.
      EXPECT_EQ(restored, 4) << reader.said();
      EXPECT_FALSE(fs::exists(out));
    }
    expect_whole(new_id, "new");
  }
}

}  // namespace
}  // namespace canrec::snapshot
