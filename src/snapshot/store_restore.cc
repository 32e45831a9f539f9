// SPDX-License-Identifier: Apache-2.0
// Restoring: the workers that unpack also write; one thread computes the SHA-256 behind them.
#include <fmt/core.h>

#include <algorithm>

#include "snapshot/staged_directory.h"
#include "snapshot/store_hash.h"
#include "snapshot/store_reader.h"

namespace canrec::snapshot {

namespace fs = std::filesystem;

namespace {

class Restorer {
 public:
  Restorer(FileSystem& system, FileReader& reader, const RestoreOptions& options,
           const JobControl& control)
      : system_(system), reader_(reader), options_(options), control_(control) {}

  Status file(const Manifest& manifest, const ManifestFile& file, const fs::path& path) {
    CANREC_TRY(const auto out, system_.create(path));
    CANREC_CHECK(out->resize(file.size));
    FileHash hash(file);
    const size_t lost_before = report.lost.size();
    const auto visit = [&](Window window) -> Status {
      wait();
      report.lost.insert(report.lost.end(), window.lost.begin(), window.lost.end());
      control_.advance(window.size);
      if (!options_.check_sha256) return Ok{};
      current_ = std::move(window);
      hashed_ = hasher_.submit([&hash, this] { hash.add(current_.bytes, current_.size); });
      return Ok{};
    };
    Status status = reader_.read(manifest, file, options_.salvage, out.get(), visit);
    wait();
    if (!status) return status;
    report.bytes += file.size;
    const bool whole = report.lost.size() == lost_before;
    if (options_.check_sha256 && whole) CANREC_CHECK(hash.finish());
    return out->sync();
  }

  RestoreReport report;

 private:
  void wait() {
    if (hashed_.valid()) hashed_.get();
  }

  FileSystem& system_;
  FileReader& reader_;
  const RestoreOptions& options_;
  const JobControl& control_;
  Window current_;
  std::future<void> hashed_;
  TaskQueue hasher_{1};
};

}  // namespace

Result<RestoreReport> restore_backup(
    const Store& store, FileSystem& system, const Manifest& manifest, const fs::path& target,
    const RestoreOptions& options, const JobControl& control,
    const std::function<Status(const RestoreReport&)>& before_appearing) {
  CANREC_TRY(const FileLock lock, store.lock_for_reading());
  std::vector<Error> damage;
  CANREC_TRY(const Index index, store.index(damage));
  CANREC_TRY(StagedDirectory staged, StagedDirectory::create(system, target, Overwrite::kNo));
  FileReader reader(store, index, control);
  Restorer restorer(system, reader, options, control);
  const fs::path folder = staged.path() / "wasm_chunk_store";
  // A manifest lists files only; icp's directories have the folder even when it is empty.
  const bool has_folder = manifest.file("wasm_module.bin") != nullptr ||
                          std::ranges::any_of(manifest.files(), [](const ManifestFile& file) {
                            return file.name.find('/') != std::string::npos;
                          });
  if (has_folder) CANREC_CHECK(system.make_directory(folder));
  for (const ManifestFile& file : manifest.files()) {
    CANREC_CHECK(restorer.file(manifest, file, staged.path() / file.name));
  }
  if (has_folder) CANREC_CHECK(system.sync_directory(folder));
  CANREC_CHECK(system.sync_directory(staged.path()));
  if (before_appearing) CANREC_CHECK(before_appearing(restorer.report));
  CANREC_CHECK(staged.commit());
  return std::move(restorer.report);
}

}  // namespace canrec::snapshot
