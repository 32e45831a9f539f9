// SPDX-License-Identifier: Apache-2.0
// Temporary directories and what may be replaced.
#include "snapshot/staged_directory.h"

#include <fmt/core.h>

#include <utility>

#include "snapshot/directory.h"

namespace canrec::snapshot {

namespace fs = std::filesystem;

namespace {

// Only a snapshot directory may be replaced, and only one that holds nothing else: what --force
// removes must never be somebody's other files.
Status check_replaceable(const fs::path& target) {
  std::error_code error;
  if (!fs::is_directory(target, error)) {
    return fail(Errc::kExists, fmt::format("{} is not a directory", target.string()));
  }
  for (fs::directory_iterator it(target, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (is_snapshot_file(name)) continue;
    return fail(Errc::kExists, fmt::format("{} holds {}, which is no part of a snapshot; it is not "
                                           "replaced",
                                           target.string(), name));
  }
  if (error) return fail(errno_error(error.value(), "list", target));
  return Ok{};
}

}  // namespace

fs::path without_slash(const fs::path& directory) {
  return directory.has_filename() ? directory : directory.parent_path();
}

Status StagedDirectory::aim_at(const fs::path& target, Overwrite overwrite) {
  target_ = without_slash(target);
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(target_, ignored))) return Ok{};
  if (overwrite == Overwrite::kNo) {
    return fail(Errc::kExists,
                fmt::format("{} exists; give --force to replace it", target_.string()));
  }
  CANREC_CHECK(check_replaceable(target_));
  CANREC_TRY(lock_, FileLock::take(target_, LockMode::kExclusive));
  return Ok{};
}

Status StagedDirectory::check(FileSystem& system, const fs::path& target, Overwrite overwrite) {
  StagedDirectory out(system);
  return out.aim_at(target, overwrite);
}

Result<StagedDirectory> StagedDirectory::adopt(FileSystem& system, const fs::path& made,
                                               const fs::path& target, Overwrite overwrite) {
  StagedDirectory out(system);
  CANREC_CHECK(out.aim_at(target, overwrite));
  out.temporary_.path = made;
  return out;
}

Result<StagedDirectory> StagedDirectory::create(FileSystem& system, const fs::path& target,
                                                Overwrite overwrite) {
  StagedDirectory out(system);
  CANREC_CHECK(out.aim_at(target, overwrite));
  CANREC_TRY(out.temporary_, make_temporary(system, out.target_));
  return out;
}

StagedDirectory::StagedDirectory(StagedDirectory&& other) noexcept
    : system_(other.system_),
      target_(std::move(other.target_)),
      temporary_{std::exchange(other.temporary_.path, {}), std::move(other.temporary_.lock)},
      lock_(std::move(other.lock_)) {}

StagedDirectory::~StagedDirectory() {
  // Nothing more can be done about a directory that will not go away.
  if (!temporary_.path.empty()) (void)system_->remove_all(temporary_.path);
}

Status StagedDirectory::commit() {
  if (lock_) {
    // What the destructor removes is then the old directory under the temporary name.
    CANREC_CHECK(system_->exchange(temporary_.path, target_));
  } else {
    // Fails when a directory with content appeared meanwhile.
    CANREC_CHECK(system_->rename(temporary_.path, target_));
    temporary_.path.clear();
  }
  return system_->sync_directory(target_.parent_path());
}

}  // namespace canrec::snapshot
