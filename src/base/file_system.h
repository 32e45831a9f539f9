// SPDX-License-Identifier: Apache-2.0
#pragma once

// The write side of the file system as an interface, so that tests can make the k-th operation
// fail and look at what is left.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/bytes.h"
#include "base/error.h"

namespace canrec {

/// A file being written. Destruction closes it without syncing.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  /// Writes all bytes at a file offset; short writes are continued.
  virtual Status write_at(ByteView bytes, uint64_t offset) = 0;
  /// Copies a range of an open file, in the kernel where it can (some file systems then share the
  /// blocks). The range must be there; holes in it are copied as zeros.
  virtual Status copy_from(int descriptor, uint64_t from, uint64_t length, uint64_t to) = 0;
  /// Sets the length; new bytes are zero and may be a hole.
  virtual Status resize(uint64_t size) = 0;
  virtual Status sync() = 0;
};

/// What canrec does to a disk. Errors: kExists, kPermission, kNoSpace, kNotFound, kIo.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// Makes a file that must not exist yet.
  virtual Result<std::unique_ptr<WritableFile>> create(const std::filesystem::path& path) = 0;
  /// Opens an existing file for writing, keeping its content.
  virtual Result<std::unique_ptr<WritableFile>> open(const std::filesystem::path& path) = 0;
  virtual Status make_directory(const std::filesystem::path& path) = 0;
  /// Atomically replaces `to`, which may exist (as an empty directory when `from` is a directory).
  virtual Status rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  /// Atomically exchanges two names. Errors: kIo too where the file system cannot.
  virtual Status exchange(const std::filesystem::path& a, const std::filesystem::path& b) = 0;
  /// Makes `to` a second name of `from`; fails when `to` exists. Both on one file system.
  virtual Status hard_link(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  virtual Status remove(const std::filesystem::path& path) = 0;
  /// Removes a directory tree; used on our own temporary directories only.
  virtual Status remove_all(const std::filesystem::path& path) = 0;
  /// Makes renames and creations in the directory durable.
  virtual Status sync_directory(const std::filesystem::path& path) = 0;
};

/// The real one.
FileSystem& posix_file_system();

}  // namespace canrec
