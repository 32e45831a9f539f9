// SPDX-License-Identifier: Apache-2.0
#pragma once

// Advisory locks (flock) that the kernel drops when the process dies, as icp uses on `.lock`.

#include <filesystem>

#include "base/error.h"

namespace canrec::snapshot {

enum class LockMode : uint8_t { kShared, kExclusive };

/// Holds a lock until destroyed.
class FileLock {
 public:
  /// Locks an existing file or directory without waiting.
  /// Errors: kLocked when another process holds it in a way that excludes `mode`; kNotFound, kIo.
  static Result<FileLock> take(const std::filesystem::path& path, LockMode mode);

  /// Holds nothing, for readers where nothing can be locked.
  static FileLock none() { return FileLock(-1); }

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace canrec::snapshot
