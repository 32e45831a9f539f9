// SPDX-License-Identifier: Apache-2.0
// Write, sync, rename.
#include "base/output_file.h"

#include <fmt/core.h>
#include <unistd.h>

#include <utility>

namespace canrec {

namespace fs = std::filesystem;

Result<OutputFile> OutputFile::create(FileSystem& system, fs::path path, Overwrite overwrite) {
  std::error_code ignored;
  if (overwrite == Overwrite::kNo && fs::exists(fs::symlink_status(path, ignored))) {
    return fail(Errc::kExists, fmt::format("{} exists; give --force to replace it", path.string()));
  }
  // A new file takes the place of the old one: a device or a pipe would be gone.
  const fs::file_status target = fs::status(path, ignored);
  if (fs::exists(target) && !fs::is_regular_file(target)) {
    return fail(Errc::kExists,
                fmt::format("{} is no regular file and is not replaced", path.string()));
  }
  OutputFile out;
  const fs::path temporary = fmt::format("{}.canrec-tmp-{}", path.string(), ::getpid());
  // A file of this name can only be the leftover of a dead process with our number.
  if (fs::exists(fs::symlink_status(temporary, ignored))) CANREC_CHECK(system.remove(temporary));
  CANREC_TRY(out.file_, system.create(temporary));
  out.fs_ = &system;
  out.path_ = std::move(path);
  out.temporary_ = temporary;
  out.overwrite_ = overwrite;
  return out;
}

OutputFile::~OutputFile() {
  if (file_ == nullptr) return;
  file_.reset();
  // Nothing more can be done about a temporary file that will not go away.
  (void)fs_->remove(temporary_);
}

Status OutputFile::append(ByteView bytes) {
  CANREC_CHECK(file_->write_at(bytes, size_));
  size_ += bytes.size();
  return Ok{};
}

Status OutputFile::commit() {
  CANREC_CHECK(file_->sync());
  if (overwrite_ == Overwrite::kYes) {
    CANREC_CHECK(fs_->rename(temporary_, path_));
    file_.reset();
  } else {
    CANREC_CHECK(give_new_name());
    file_.reset();
  }
  return fs_->sync_directory(path_.parent_path());
}

Status OutputFile::give_new_name() {
  // link() refuses an existing name, rename() would replace it.
  Status linked = fs_->hard_link(temporary_, path_);
  if (linked) return fs_->remove(temporary_);
  std::error_code ignored;
  if (linked.error().code() == Errc::kExists || fs::exists(fs::symlink_status(path_, ignored))) {
    return linked;
  }
  // Some file systems (exFAT, some network ones) have no hard links.
  return fs_->rename(temporary_, path_);
}

Status OutputFile::commit_as(fs::path path) {
  path_ = std::move(path);
  return commit();
}

Status write_file(FileSystem& system, const fs::path& path, ByteView bytes, Overwrite overwrite) {
  CANREC_TRY(OutputFile out, OutputFile::create(system, path, overwrite));
  CANREC_CHECK(out.append(bytes));
  return out.commit();
}

}  // namespace canrec
