// SPDX-License-Identifier: Apache-2.0
// Looking at a snapshot directory file by file.
#include "snapshot/directory.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/gzip.h"
#include "ic/limits.h"
#include "snapshot/juno.h"
#include "snapshot/limits.h"
#include "snapshot/progress.h"

namespace canrec::snapshot {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMetadataName = "metadata.json";
constexpr std::string_view kModuleName = "wasm_module.bin";
constexpr std::string_view kHeapName = "wasm_memory.bin";
constexpr std::string_view kStableName = "stable_memory.bin";
constexpr std::string_view kChunkFolder = "wasm_chunk_store";
constexpr std::string_view kLockName = ".lock";
constexpr std::string_view kDownloadProgress = ".download_progress.json";
constexpr std::string_view kDownloadProgressTemp = ".download_progress.json.tmp";
constexpr std::string_view kWriteTest = ".snapshot_write_test";
constexpr std::string_view kUploadProgress = ".upload_progress.json";
constexpr size_t kMaxWarningsOfAKind = 20;

// dfx keeps the progress of an upload in ID.json.
bool is_upload_note(std::string_view name) {
  constexpr std::string_view kEnding = ".json";
  return name.ends_with(kEnding) &&
         parse_snapshot_id(name.substr(0, name.size() - kEnding.size())).has_value();
}

std::string hex_range(uint64_t begin, uint64_t end) {
  return fmt::format("0x{:x}..0x{:x}", begin, end);
}

}  // namespace

// Fills a Survey; one function for each part of the format.
class Surveyor {
 public:
  explicit Surveyor(fs::path path) { directory_.path_ = std::move(path); }

  Result<Survey> run() {
    CANREC_CHECK(list_files());
    take_lock();
    if (read_metadata_file()) {
      look_for_mixtures();
      if (directory_.form_ == MetadataForm::kJuno) {
        check_juno();
      } else {
        check_progress();
        check_blobs();
        check_chunks();
      }
      check_metadata_values();
      check_module_start();
      survey_.directory = std::move(directory_);
    }
    return std::move(survey_);
  }

 private:
  fs::path file(std::string_view name) const { return directory_.path_ / name; }
  bool has(std::string_view name) const { return names_.contains(std::string(name)); }

  void add(Severity severity, std::string_view name, Error error) {
    error.add_context(name);
    survey_.findings.push_back({severity, std::move(error)});
  }
  void refuse(std::string_view name, Errc code, std::string message) {
    add(Severity::kRefused, name, Error(code, std::nullopt, std::move(message)));
  }
  void warn(std::string_view name, Errc code, std::string message) {
    add(Severity::kWarning, name, Error(code, std::nullopt, std::move(message)));
  }

  Status list_files() {
    std::error_code error;
    if (!fs::is_directory(directory_.path_, error)) {
      if (error) return fail(errno_error(error.value(), "open", directory_.path_));
      return fail(Errc::kIo, fmt::format("{} is not a directory", directory_.path_.string()));
    }
    fs::directory_iterator it(directory_.path_, error);
    for (; !error && it != fs::directory_iterator(); it.increment(error)) {
      names_.insert(it->path().filename().string());
    }
    if (error) return fail(errno_error(error.value(), "list", directory_.path_));
    return Ok{};
  }

  // icp holds `.lock` while it downloads or uploads.
  void take_lock() {
    if (!has(kLockName)) return;
    auto lock = FileLock::take(file(kLockName), LockMode::kShared);
    if (lock) {
      directory_.lock_ = std::move(*lock);
    } else if (lock.error().code() == Errc::kLocked) {
      add(Severity::kRefused, kLockName, std::move(lock).error());
    }
  }

  Result<std::string> read_small(std::string_view name) {
    CANREC_TRY(const InputFile in, InputFile::open(file(name)));
    if (in.size() > limits::kMetadataBytes) {
      return fail(Errc::kLimit,
                  fmt::format("{} bytes; at most {} are read", in.size(), limits::kMetadataBytes));
    }
    return std::string(as_text(in.bytes()));
  }

  bool read_metadata_file() {
    if (!has(kMetadataName)) {
      refuse(kMetadataName, Errc::kNotFound,
             has(kDownloadProgress) || has(kHeapName) || has(kModuleName)
                 ? "missing, the download was interrupted before it began"
                 : "missing, this is no snapshot directory");
      return false;
    }
    auto text = read_small(kMetadataName);
    if (!text) {
      add(Severity::kRefused, kMetadataName, std::move(text).error());
      return false;
    }
    auto read = read_metadata(*text);
    if (!read) {
      add(Severity::kRefused, kMetadataName, std::move(read).error());
      return false;
    }
    directory_.metadata_ = read->metadata;
    directory_.form_ = read->form;
    read_ = std::move(*read);
    return true;
  }

  void look_for_mixtures() {
    const bool juno = directory_.form_ == MetadataForm::kJuno;
    for (const std::string_view name : {kModuleName, kHeapName, kStableName, kChunkFolder}) {
      if (juno && has(name)) {
        refuse(name, Errc::kSnapshotMixed, "file of icp or dfx beside Juno's metadata");
      }
    }
    for (const std::string_view name : kJunoNames) {
      if (!juno && has(name)) {
        refuse(name, Errc::kSnapshotMixed, "file of Juno beside the metadata of icp or dfx");
      }
    }
  }

  uint64_t size_of(std::string_view name) const {
    const Metadata& metadata = directory_.metadata_;
    if (name == kModuleName) return metadata.wasm_module_size;
    return name == kHeapName ? metadata.wasm_memory_size : metadata.stable_memory_size;
  }

  void check_progress() {
    if (has(kDownloadProgress)) check_download();
    if (!has(kDownloadProgress) && has(kDownloadProgressTemp)) {
      warn(kDownloadProgressTemp, Errc::kSnapshotUnfinished, "left behind by a download of icp");
    }
    if (has(kWriteTest)) {
      warn(kWriteTest, Errc::kSnapshotUnfinished, "left behind by a download of dfx");
    }
    if (has(kUploadProgress)) {
      warn(kUploadProgress, Errc::kSnapshotUnfinished, "an upload of this directory is unfinished");
      note_id(kUploadProgress);
    }
    for (const std::string& name : names_) {
      if (is_upload_note(name)) note_id(name);
    }
    for (size_t i = 1; i < directory_.ids_.size(); ++i) {
      if (directory_.ids_[i].canister == directory_.ids_[0].canister) continue;
      warn("progress files", Errc::kSnapshotMixed, "this directory was uploaded to two canisters");
      break;
    }
  }

  void check_download() {
    auto text = read_small(kDownloadProgress);
    if (!text) return add(Severity::kRefused, kDownloadProgress, std::move(text).error());
    auto progress = read_download_progress(*text);
    if (!progress) return add(Severity::kRefused, kDownloadProgress, std::move(progress).error());
    std::string ranges;
    const std::pair<std::string_view, const BlobProgress*> blobs[] = {
        {kModuleName, &progress->wasm_module},
        {kHeapName, &progress->wasm_memory},
        {kStableName, &progress->stable_memory}};
    for (const auto& [name, blob] : blobs) {
      for (const auto& [begin, end] : missing_ranges(*blob, size_of(name))) {
        survey_.missing.push_back({std::string(name), begin, end});
      }
    }
    for (size_t i = 0; i < std::min<size_t>(survey_.missing.size(), 5); ++i) {
      const MissingRange& range = survey_.missing[i];
      ranges +=
          fmt::format("{}{} {}", i == 0 ? "" : ", ", range.file, hex_range(range.begin, range.end));
    }
    if (survey_.missing.size() > 5) ranges += fmt::format(", {} more", survey_.missing.size() - 5);
    refuse(kDownloadProgress, Errc::kSnapshotUnfinished,
           survey_.missing.empty()
               ? std::string("the download was interrupted; the chunk store may be incomplete")
               : "the download was interrupted; missing: " + ranges);
  }

  void note_id(std::string_view name) {
    auto text = read_small(name);
    if (!text) return add(Severity::kWarning, name, std::move(text).error());
    auto id = read_upload_id(*text);
    if (!id) return add(Severity::kWarning, name, std::move(id).error());
    directory_.ids_.push_back(std::move(*id));
  }

  void check_blobs() {
    directory_.module_ = open_blob(kModuleName);
    directory_.heap_ = open_blob(kHeapName);
    directory_.stable_ = open_blob(kStableName);
  }

  std::optional<InputFile> open_blob(std::string_view name) {
    const uint64_t size = size_of(name);
    if (!has(name)) {
      if (size != 0) {
        refuse(name, Errc::kSnapshotSize,
               fmt::format("missing, the metadata says {} bytes", grouped(size)));
      }
      return std::nullopt;
    }
    auto in = InputFile::open(file(name));
    if (!in) {
      add(Severity::kRefused, name, std::move(in).error());
      return std::nullopt;
    }
    if (in->size() != size) {
      add(Severity::kRefused, name,
          Error(Errc::kSnapshotSize, std::min(in->size(), size),
                fmt::format("{} bytes, the metadata says {}", grouped(in->size()), grouped(size))));
    }
    return std::move(*in);
  }

  void check_chunks() {
    std::set<std::string> listed;
    for (const Sha256& hash : directory_.metadata_.wasm_chunk_store) {
      const std::string base = to_hex(hash) + ".bin";
      const std::string name = fmt::format("{}/{}", kChunkFolder, base);
      if (!listed.insert(base).second) {
        warn(kMetadataName, Errc::kSnapshotMetadata, fmt::format("chunk {} listed twice", base));
        continue;
      }
      auto in = InputFile::open(file(name));
      if (!in) {
        refuse(name, Errc::kSnapshotSize, "missing, the metadata lists it");
        continue;
      }
      if (sha256(in->bytes()) != hash) {
        refuse(name, Errc::kHashMismatch, "the content does not have the hash that names it");
      }
      if (in->size() > ic::limits::kChunkBytes) {
        warn(name, Errc::kLimit, "larger than the 1 MiB that the network takes");
      }
      directory_.chunks_.push_back({hash, in->bytes()});
      directory_.chunk_files_.push_back(std::move(*in));
    }
    if (has(kChunkFolder)) check_stray_chunks(listed);
  }

  void check_stray_chunks(const std::set<std::string>& listed) {
    std::set<std::string> stray;
    std::error_code error;
    fs::directory_iterator it(file(kChunkFolder), error);
    for (; !error && it != fs::directory_iterator(); it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (!listed.contains(name)) stray.insert(name);
    }
    if (error) refuse(kChunkFolder, Errc::kIo, "cannot be listed");
    size_t shown = 0;
    for (const std::string& name : stray) {
      if (shown++ == kMaxWarningsOfAKind) break;
      warn(fmt::format("{}/{}", kChunkFolder, name), Errc::kSnapshotMixed,
           "the metadata does not list this file");
    }
    if (stray.size() > kMaxWarningsOfAKind) {
      warn(kChunkFolder, Errc::kSnapshotMixed,
           fmt::format("{} more such files", stray.size() - kMaxWarningsOfAKind));
    }
  }

  void check_juno() {
    auto files = open_juno(directory_.path_, read_);
    for (Error& error : files.errors) {
      survey_.findings.push_back({Severity::kRefused, std::move(error)});
    }
    directory_.module_ = std::move(files.module);
    directory_.heap_ = std::move(files.heap);
    directory_.stable_ = std::move(files.stable);
    directory_.chunks_ = std::move(files.chunks);
    if (files.chunk_file) directory_.chunk_files_.push_back(std::move(*files.chunk_file));
    if (auto id = parse_snapshot_id(read_.juno_snapshot_id)) {
      directory_.ids_.push_back(std::move(*id));
    } else {
      add(Severity::kWarning, kMetadataName, std::move(id).error());
    }
  }

  // What the network would refuse at the upload.
  void check_metadata_values() {
    const Metadata& m = directory_.metadata_;
    const auto aligned = [&](std::string_view key, uint64_t size) {
      if (size % ic::limits::kWasmPageBytes == 0) return;
      refuse(kMetadataName, Errc::kSnapshotMetadata,
             fmt::format("{} {} is no multiple of 65,536", key, grouped(size)));
    };
    aligned("wasm_memory_size", m.wasm_memory_size);
    aligned("stable_memory_size", m.stable_memory_size);
    const auto limited = [&](std::string_view what, uint64_t value, uint64_t limit) {
      if (value <= limit) return;
      warn(kMetadataName, Errc::kLimit,
           fmt::format("{} {}, the network takes {}", what, grouped(value), grouped(limit)));
    };
    limited("wasm_module_size", m.wasm_module_size, ic::limits::kModuleBytes);
    limited("wasm_memory_size", m.wasm_memory_size, ic::limits::kHeapBytes64);
    limited("stable_memory_size", m.stable_memory_size, ic::limits::kStableBytes);
    limited("number of globals", m.globals.size(), ic::limits::kSnapshotGlobals);
    limited("length of certified_data", m.certified_data.size(), ic::limits::kCertifiedDataBytes);
    if (m.wasm_module_size == 0) {
      warn(kMetadataName, Errc::kSnapshotSize, "wasm_module_size is 0, the network wants a module");
    }
  }

  // A module that was never fetched is zeros of the right length.
  void check_module_start() {
    const ByteView module = directory_.module();
    static constexpr uint8_t kMagic[] = {0x00, 0x61, 0x73, 0x6d};
    if (module.empty() || is_gzip(module)) return;
    if (module.size() >= 4 && std::equal(std::begin(kMagic), std::end(kMagic), module.begin())) {
      return;
    }
    add(Severity::kRefused, kModuleName,
        Error(Errc::kWasmMagic, 0, "neither a Wasm module nor a gzip stream"));
  }

  Directory directory_;
  ReadMetadata read_;
  Survey survey_;
  std::set<std::string> names_;
};

bool is_snapshot_file(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      kMetadataName,     kModuleName,     kHeapName, kStableName,           kChunkFolder,
      kDownloadProgress, kUploadProgress, kLockName, kDownloadProgressTemp, kWriteTest};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         std::find(kJunoNames.begin(), kJunoNames.end(), name) != kJunoNames.end() ||
         is_upload_note(name);
}

bool Survey::whole() const {
  return directory && std::none_of(findings.begin(), findings.end(), [](const Finding& finding) {
           return finding.severity == Severity::kRefused;
         });
}

Result<Survey> survey(const fs::path& path) { return Surveyor(path).run(); }

Result<Directory> Directory::open(const fs::path& path) {
  CANREC_TRY(Survey found, survey(path));
  for (Finding& finding : found.findings) {
    if (finding.severity == Severity::kRefused) return fail(std::move(finding.error));
  }
  CANREC_ASSERT(found.directory.has_value());
  return std::move(*found.directory);
}

}  // namespace canrec::snapshot
