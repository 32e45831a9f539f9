// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names for directories that are not finished: NAME.canrec-tmp-PID beside NAME. Whoever makes one
// keeps it locked (flock) while working on it, and the kernel drops the lock when the process dies.
// So whoever comes next can tell what a dead process left, which is removed, from what a living one
// writes, which is not touched. The number of a process would not tell: numbers are used again, and
// differ between containers. Where the file system cannot lock, nothing is removed.

#include <filesystem>

#include "base/file_system.h"
#include "snapshot/file_lock.h"

namespace canrec::snapshot {

/// A directory that is this process's alone.
struct Temporary {
  std::filesystem::path path;
  FileLock lock = FileLock::none();
};

/// Removes what dead processes left beside `target`, and makes a directory there.
/// Errors: kExists after a hundred names, those of the file system.
Result<Temporary> make_temporary(FileSystem& system, const std::filesystem::path& target);

}  // namespace canrec::snapshot
