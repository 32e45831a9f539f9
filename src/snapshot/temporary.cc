// SPDX-License-Identifier: Apache-2.0
// Temporary directories and their locks.
#include "snapshot/temporary.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace canrec::snapshot {

namespace fs = std::filesystem;

namespace {

constexpr unsigned kNames = 100;

// Which directory a path leads to, if any. The number of a directory that somebody holds open is
// not used again.
std::optional<std::pair<dev_t, ino_t>> identity_of(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
  return std::pair(status.st_dev, status.st_ino);
}

// Locks a directory; nothing when another took its place meanwhile.
Result<std::optional<FileLock>> lock_in_place(const fs::path& path) {
  const auto before = identity_of(path);
  auto lock = FileLock::take(path, LockMode::kExclusive);
  if (!lock) return fail(std::move(lock).error());
  if (!before || identity_of(path) != before) return std::optional<FileLock>();
  return std::optional<FileLock>(std::move(*lock));
}

bool is_leftover_name(const std::string& name, const std::string& prefix) {
  return name.starts_with(prefix) && name.size() > prefix.size() &&
         name.find_first_not_of("0123456789-", prefix.size()) == std::string::npos;
}

// What cannot be removed stays; it is in nobody's way.
void remove_leftovers(FileSystem& system, const fs::path& target, const std::string& prefix) {
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(parent, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    if (is_leftover_name(it->path().filename().string(), prefix)) found.push_back(it->path());
  }
  std::ranges::sort(found);
  for (const fs::path& path : found) {
    if (!identity_of(path)) continue;
    const auto lock = lock_in_place(path);
    // Locked: its process lives. Cannot be locked: nobody can tell.
    if (lock && *lock) (void)system.remove_all(path);
  }
}

}  // namespace

Result<Temporary> make_temporary(FileSystem& system, const fs::path& target) {
  const std::string mark = ".canrec-tmp-";
  remove_leftovers(system, target, target.filename().string() + mark);
  for (unsigned i = 0; i < kNames; ++i) {
    Temporary out;
    out.path = fmt::format("{}{}{}{}", target.string(), mark, ::getpid(),
                           i == 0 ? "" : fmt::format("-{}", i));
    Status made = system.make_directory(out.path);
    if (!made && made.error().code() == Errc::kExists) continue;
    CANREC_CHECK(std::move(made));
    auto lock = lock_in_place(out.path);
    if (lock && *lock) out.lock = std::move(**lock);
    // Between the making and the lock it looked like a leftover, and somebody is removing it.
    const bool taken =
        lock ? !*lock
             : lock.error().code() == Errc::kLocked || lock.error().code() == Errc::kNotFound;
    if (!taken) return out;
  }
  return fail(Errc::kExists,
              fmt::format("{}{}* exist a hundred times; remove them when no canrec is at work",
                          target.string(), mark));
}

}  // namespace canrec::snapshot
