// SPDX-License-Identifier: Apache-2.0
// What a transfer keeps until it is done.
#include "recover/work_directory.h"

#include <fmt/core.h>

#include <set>
#include <vector>

#include "base/input_file.h"
#include "snapshot/staged_directory.h"

namespace canrec::recover {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kStateName = "state.json";

// A directory without a state: what a transfer left of one is removed. Anything else in it is
// somebody's, and must not be removed when this transfer is done.
Status clear(FileSystem& system, const fs::path& directory) {
  static const std::set<std::string> kNames = {"heap.bin", "stable.bin", "snapshot",
                                               "canister", "source",     "result"};
  std::vector<fs::path> leftovers;
  std::error_code error;
  for (fs::directory_iterator it(directory, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (kNames.contains(name) || name.find(".canrec-tmp-") != std::string::npos) {
      leftovers.push_back(it->path());
      continue;
    }
    return fail(Errc::kExists,
                fmt::format("{} holds {}, which no transfer has put there; move it away",
                            directory.string(), name));
  }
  if (error) return fail(errno_error(error.value(), "list", directory));
  for (const fs::path& leftover : leftovers) CANREC_CHECK(system.remove_all(leftover));
  return Ok{};
}

}  // namespace

Result<WorkDirectory> WorkDirectory::open(FileSystem& system, const fs::path& path,
                                          const std::string& state) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) CANREC_CHECK(system.make_directory(path));
  CANREC_TRY(snapshot::FileLock lock,
             snapshot::FileLock::take(path, snapshot::LockMode::kExclusive));
  WorkDirectory out(system, path, std::move(lock));
  const fs::path state_path = path / kStateName;
  out.resumed_ = fs::exists(state_path, ignored);
  if (!out.resumed_) {
    CANREC_CHECK(clear(system, path));
    CANREC_CHECK(write_file(system, state_path, as_bytes(state), Overwrite::kNo));
    return out;
  }
  CANREC_TRY(const InputFile found, InputFile::open(state_path));
  if (as_text(found.bytes()) == state) return out;
  return fail(Errc::kSnapshotMixed,
              fmt::format("{} was begun for another state; remove it to start anew, or give "
                          "another output",
                          path.string()));
}

Status WorkDirectory::publish(const fs::path& made, const fs::path& output, Overwrite overwrite) {
  CANREC_TRY(snapshot::StagedDirectory staged,
             snapshot::StagedDirectory::adopt(*system_, made, output, overwrite));
  return staged.commit();
}

Status WorkDirectory::remove() { return system_->remove_all(path_); }

}  // namespace canrec::recover
