// SPDX-License-Identifier: Apache-2.0
// Opening a store, its files and locks.
#include "snapshot/store.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <ranges>
#include <set>

#include "base/input_file.h"
#include "snapshot/store_file.h"

namespace canrec::snapshot {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kHeaderName = "canrec-store";
constexpr std::string_view kPackFolder = "packs";
constexpr std::string_view kBackupFolder = "backups";
constexpr std::string_view kIndexName = "index";
constexpr std::string_view kWriterLock = "writer.lock";
constexpr std::string_view kReaderLock = "reader.lock";
constexpr std::string_view kPackEnding = ".pack";
constexpr std::string_view kManifestEnding = ".manifest";
constexpr std::string_view kTemporaryMark = ".canrec-tmp-";

Result<std::vector<std::string>> list(const fs::path& directory) {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator it(directory, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    out.push_back(it->path().filename().string());
  }
  if (error) return fail(errno_error(error.value(), "list", directory));
  std::sort(out.begin(), out.end());
  return out;
}

bool is_temporary(std::string_view name) { return name.find(kTemporaryMark) != name.npos; }

// Whether a folder has a file (or a link to one) with the name "NUMBER.ending"; its number.
bool is_numbered_file(const fs::path& folder, std::string_view name, std::string_view ending,
                      uint64_t& number) {
  std::error_code error;
  return name.ends_with(ending) &&
         parse_hex16(name.substr(0, name.size() - ending.size()), number) &&
         fs::is_regular_file(folder / name, error);
}

Status create_empty(FileSystem& system, const fs::path& path, ByteView content) {
  CANREC_TRY(auto file, system.create(path));
  CANREC_CHECK(file->write_at(content, 0));
  return file->sync();
}

// Whether the directory is empty or what init() left when it was killed: its parts, empty, and no
// header.
bool is_begun(const fs::path& path) {
  std::error_code error;
  for (fs::directory_iterator it(path, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(std::string(kHeaderName) + std::string(kTemporaryMark))) continue;
    const bool part =
        name == kPackFolder || name == kBackupFolder || name == kWriterLock || name == kReaderLock;
    if (!part || !fs::is_empty(it->path(), error)) return false;
  }
  return !error;
}

// Copies of a store may have lost their empty files.
Result<FileLock> take_exclusively(FileSystem& system, const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) CANREC_CHECK(create_empty(system, path, {}));
  return FileLock::take(path, LockMode::kExclusive);
}

}  // namespace

Status Store::init(FileSystem& system, const fs::path& path, uint32_t chunk_size) {
  if (chunk_size < store::kMinChunkSize || chunk_size > store::kMaxChunkSize ||
      !std::has_single_bit(chunk_size)) {
    return fail(Errc::kBadArgument,
                fmt::format("chunk size {}; a power of two from {} to {} wanted", chunk_size,
                            store::kMinChunkSize, store::kMaxChunkSize));
  }
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) {
    CANREC_CHECK(system.make_directory(path));
  } else if (!is_begun(path)) {
    return fail(
        Errc::kExists,
        fmt::format(
            "{} is no chunk store and is not empty; a new store needs a directory of its own",
            path.string()));
  }
  for (const std::string_view name : {kPackFolder, kBackupFolder}) {
    if (!fs::exists(path / name, error)) CANREC_CHECK(system.make_directory(path / name));
  }
  for (const std::string_view name : {kWriterLock, kReaderLock}) {
    if (!fs::exists(path / name, error)) CANREC_CHECK(create_empty(system, path / name, {}));
  }
  // The header last: what has one is a whole store.
  CANREC_CHECK(write_file(system, path / kHeaderName,
                          encode_header(store::kStoreMagic, {chunk_size, 0}), Overwrite::kNo));
  return system.sync_directory(path.parent_path());
}

bool Store::is_store(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path / kHeaderName, ignored);
}

Result<Manifest> Store::newest() const {
  CANREC_TRY(const std::vector<std::string> ids, backups());
  std::optional<Manifest> newest;
  for (const std::string& id : ids) {
    CANREC_TRY(Manifest manifest, backup(id));
    if (newest && newest->created_ns() > manifest.created_ns()) continue;
    newest.emplace(std::move(manifest));
  }
  if (!newest) return fail(Errc::kNotFound, "the store holds no backup");
  return std::move(*newest);
}

Result<Store> Store::open_or_init(FileSystem& system, const fs::path& path, uint32_t chunk_size) {
  if (!is_store(path)) CANREC_CHECK(init(system, path, chunk_size));
  return open(path);
}

Result<Store> Store::open(const fs::path& path) {
  auto file = StoreFile::open(path / kHeaderName);
  if (!file) return fail(std::move(file).error().in("no chunk store"));
  auto header = file->content(store::kHeaderBytes);
  if (!header) return fail(std::move(header).error().in(kHeaderName));
  auto chunk_size = decode_chunk_size(*header, store::kStoreMagic);
  if (!chunk_size) return fail(std::move(chunk_size).error().in(kHeaderName));
  return Store(path, *chunk_size);
}

Result<FileLock> Store::lock_for_reading() const {
  auto lock = FileLock::take(path_ / kReaderLock, LockMode::kShared);
  if (lock || lock.error().code() == Errc::kLocked) return lock;
  // A medium that cannot lock, or a copy that lost its empty files, must still give back its
  // backups. Nothing false can come of it: every chunk is checked, and a prune would only make us
  // fail.
  return FileLock::none();
}

Result<FileLock> Store::lock_for_deleting(FileSystem& system) const {
  return take_exclusively(system, path_ / kReaderLock);
}

Result<FileLock> Store::lock_for_writing(FileSystem& system) const {
  CANREC_TRY(FileLock lock, take_exclusively(system, path_ / kWriterLock));
  // Only a writer makes temporary files, and we are the only one now.
  for (const fs::path& directory : {path_, path_ / kPackFolder, path_ / kBackupFolder}) {
    CANREC_TRY(const std::vector<std::string> names, list(directory));
    for (const std::string& name : names) {
      if (is_temporary(name)) CANREC_CHECK(system.remove(directory / name));
    }
  }
  return lock;
}

Result<std::vector<PackFile>> Store::packs() const {
  CANREC_TRY(const std::vector<std::string> names, list(path_ / kPackFolder));
  std::vector<PackFile> out;
  for (const std::string& name : names) {
    PackFile pack;
    if (!is_numbered_file(path_ / kPackFolder, name, kPackEnding, pack.number)) continue;
    std::error_code error;
    pack.size = fs::file_size(path_ / kPackFolder / name, error);
    if (error) return fail(errno_error(error.value(), "look at", path_ / kPackFolder / name));
    out.push_back(pack);
  }
  return out;
}

Result<std::vector<std::string>> Store::backups() const {
  CANREC_TRY(const std::vector<std::string> names, list(path_ / kBackupFolder));
  std::vector<std::string> out;
  for (const std::string& name : names) {
    uint64_t number = 0;
    if (is_numbered_file(path_ / kBackupFolder, name, kManifestEnding, number)) {
      out.push_back(name.substr(0, 16));
    }
  }
  return out;
}

Result<Manifest> Store::backup(std::string_view id_prefix) const {
  CANREC_TRY(const std::vector<std::string> ids, backups());
  std::vector<std::string> found;
  for (const std::string& id : ids) {
    if (id.starts_with(id_prefix)) found.push_back(id);
  }
  if (found.empty() || id_prefix.empty()) {
    return fail(Errc::kNotFound, fmt::format("no backup {} in the store", id_prefix));
  }
  if (found.size() > 1) {
    return fail(Errc::kBadArgument,
                fmt::format("{} is the beginning of {} backups' ids", id_prefix, found.size()));
  }
  auto manifest = Manifest::open(backup_path(found[0]));
  if (!manifest) return fail(std::move(manifest).error().in("backups/" + found[0] + ".manifest"));
  if (manifest->id() != found[0] || manifest->chunk_size() != chunk_size_) {
    return fail(Errc::kStoreMalformed, 0,
                fmt::format("backups/{}.manifest: the content is backup {} with chunks of {} bytes",
                            found[0], manifest->id(), manifest->chunk_size()));
  }
  return manifest;
}

Result<std::vector<std::string>> Store::foreign_files() const {
  const std::set<std::string_view> known = {kHeaderName, kPackFolder, kBackupFolder,
                                            kIndexName,  kWriterLock, kReaderLock};
  std::vector<std::string> out;
  CANREC_TRY(const std::vector<std::string> top, list(path_));
  for (const std::string& name : top) {
    if (!known.contains(name) && !is_temporary(name)) out.push_back(name);
  }
  const std::pair<std::string_view, std::string_view> folders[] = {{kBackupFolder, kManifestEnding},
                                                                   {kPackFolder, kPackEnding}};
  for (const auto& [folder, ending] : folders) {
    CANREC_TRY(const std::vector<std::string> names, list(path_ / folder));
    for (const std::string& name : names) {
      uint64_t number = 0;
      if (is_numbered_file(path_ / folder, name, ending, number) || is_temporary(name)) continue;
      out.push_back(fmt::format("{}/{}", folder, name));
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<PackReader> Store::open_pack(uint64_t number, bool salvage) const {
  auto pack = PackReader::open(pack_path(number), chunk_size_, salvage);
  if (!pack) {
    return fail(std::move(pack).error().in(fmt::format("packs/{}.pack", hex16(number))));
  }
  return pack;
}

Status Store::index_pack(uint64_t number, Index& index, std::vector<Error>& damage) const {
  const std::string name = fmt::format("packs/{}.pack", hex16(number));
  auto whole = open_pack(number);
  if (!whole) {
    if (whole.error().code() == Errc::kIo) return fail(std::move(whole).error());
    damage.push_back(std::move(whole).error());
  }
  CANREC_TRY(const PackReader pack, open_pack(number, true));
  std::vector<Error> frames;
  const auto add = [&](const FrameInfo& frame) -> Status {
    const Location location{number, frame.offset,
                            static_cast<uint32_t>(frame.header.frame_bytes())};
    for (const FrameChunk& chunk : frame.header.chunks) index.add(chunk.address, location);
    return Ok{};
  };
  CANREC_CHECK(pack.walk(add, frames));
  for (Error& error : frames) damage.push_back(std::move(error).in(name));
  return Ok{};
}

Result<Index> Store::index(std::vector<Error>& damage) const {
  CANREC_TRY(const std::vector<PackFile> files, packs());
  Index out;
  if (auto file = Index::open(index_path())) {
    // A pack that is gone or has another size makes every entry doubtful.
    const bool fits = std::ranges::includes(files, file->packs());
    if (fits) out = std::move(*file);
  } else if (file.error().code() != Errc::kNotFound) {
    damage.push_back(std::move(file).error().in("index"));
  }
  std::set<uint64_t> covered;
  for (const PackFile& pack : out.packs()) covered.insert(pack.number);
  // A chunk that is in two packs was stored again because the first lost it: the later one counts.
  for (const PackFile& pack : std::views::reverse(files)) {
    if (!covered.contains(pack.number)) CANREC_CHECK(index_pack(pack.number, out, damage));
  }
  return out;
}

Status Store::refresh_index(FileSystem& system, const Index& index) const {
  if (index.added_entries() * 8 <= index.file_entries()) return Ok{};
  CANREC_TRY(const std::vector<PackFile> files, packs());
  return index.write(system, index_path(), files);
}

fs::path Store::pack_path(uint64_t number) const {
  return path_ / kPackFolder / (hex16(number) + std::string(kPackEnding));
}
fs::path Store::backup_path(std::string_view id) const {
  return path_ / kBackupFolder / (std::string(id) + std::string(kManifestEnding));
}

}  // namespace canrec::snapshot
