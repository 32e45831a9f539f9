// SPDX-License-Identifier: Apache-2.0
// Reading and writing manifests.
#include "snapshot/store_manifest.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/checked.h"
#include "base/cursor.h"
#include "snapshot/store_file.h"

namespace canrec::snapshot {
namespace {

constexpr size_t kHead = 32;
constexpr size_t kTrailer = 48;
constexpr uint32_t kZeroRun = uint32_t{1} << 31;
constexpr size_t kAddressBytes = 16;
constexpr uint32_t kMaxNotes = 64;
constexpr uint32_t kMaxNoteBytes = 65536;
constexpr uint32_t kMaxFiles = 100'000;
// References that are gathered before they are written; a run never grows past it.
constexpr size_t kFlushBytes = size_t{1} << 20;

std::unexpected<Error> wrong(uint64_t at, std::string message) {
  return fail(Errc::kStoreMalformed, at, std::move(message));
}

Result<std::string_view> text(Cursor& in, uint64_t length) {
  const uint64_t at = in.pos();
  CANREC_TRY(const ByteView bytes, in.bytes(length));
  if (!is_utf8(bytes)) return fail(Errc::kUtf8, at, "text is not UTF-8");
  return as_text(bytes);
}

constexpr uint64_t kMinStride = uint64_t{1} << 20;
constexpr uint64_t kMaxStates = 65'536;

void append_le16(Bytes& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value));
  out.push_back(static_cast<uint8_t>(value >> 8));
}

}  // namespace

uint64_t state_stride(uint64_t size) {
  uint64_t stride = kMinStride;
  while (size / kMaxStates >= stride) stride *= 2;
  return stride;
}

uint64_t state_count(uint64_t size) { return size == 0 ? 0 : (size - 1) / state_stride(size); }

Result<Manifest> Manifest::open(const std::filesystem::path& path) {
  CANREC_TRY(const StoreFile file, StoreFile::open(path));
  CANREC_CHECK(file.check_magic(store::kManifestMagic));
  CANREC_TRY(Bytes content, file.content(store::kMaxManifestBytes));
  CANREC_TRY(Manifest out, parse(content));
  out.owner_ = std::move(content);  // the views stay good
  return out;
}

Result<Manifest> Manifest::parse(ByteView bytes, uint64_t base) {
  Manifest out;
  out.bytes_ = bytes;
  CANREC_CHECK(out.read(base));
  return out;
}

Status Manifest::read(uint64_t base) {
  if (bytes_.size() < kHead + kTrailer) {
    return fail(Errc::kUnexpectedEof, base + bytes_.size(), "manifest cut off");
  }
  const uint8_t* p = bytes_.data();
  if (as_text(bytes_.first(8)) != store::kManifestMagic) return wrong(base, "not a manifest");
  const uint32_t version = load_le<uint32_t>(p + 8);
  if (version == 0 || version > store::kManifestVersion) return wrong(base + 8, "unknown version");
  chunk_size_ = load_le<uint32_t>(p + 12);
  if (chunk_size_ < store::kMinChunkSize || chunk_size_ > store::kMaxChunkSize ||
      (chunk_size_ & (chunk_size_ - 1)) != 0) {
    return wrong(base + 12, fmt::format("chunk size {}", chunk_size_));
  }
  created_ns_ = load_le<uint64_t>(p + 16);
  if (load_le<uint64_t>(p + 24) != 0) return wrong(base + 24, "reserved field is not zero");
  const uint64_t trailer = bytes_.size() - kTrailer;
  if (as_text(bytes_.subspan(trailer, 8)) != store::kManifestEndMagic) {
    return wrong(base + trailer, "manifest cut off: no trailer");
  }
  const Sha256 hash = sha256(bytes_.first(bytes_.size() - 32));
  if (!std::equal(hash.begin(), hash.end(), bytes_.end() - 32)) {
    return fail(Errc::kStoreDamaged, base + bytes_.size() - 32, "manifest SHA-256 differs");
  }
  id_ = to_hex(ByteView(hash).first(8));
  const uint64_t table = load_le<uint64_t>(p + trailer + 8);
  if (table < kHead || table > trailer) return wrong(base + trailer + 8, "place of the table");
  CANREC_CHECK(read_table(table, base, version >= 2));
  uint64_t at = kHead;
  for (const ManifestFile& file : files_) {
    if (file.begin != at || file.end < at || file.end > table) {
      return wrong(base + table, fmt::format("reference list of {} lies wrong", file.name));
    }
    CANREC_CHECK(check_list(file, base));
    at = file.end;
  }
  if (at != table) return wrong(base + at, "bytes between the lists and the table");
  return Ok{};
}

Status Manifest::read_table(uint64_t table, uint64_t base, bool has_states) {
  Cursor in(bytes_.subspan(table, bytes_.size() - kTrailer - table), base + table);
  CANREC_TRY(const uint32_t notes, in.le<uint32_t>());
  if (notes > kMaxNotes) return fail(Errc::kLimit, in.pos() - 4, fmt::format("{} notes", notes));
  for (uint32_t i = 0; i < notes; ++i) {
    Note note;
    CANREC_TRY(const uint16_t key_length, in.le<uint16_t>());
    CANREC_TRY(note.key, text(in, key_length));
    CANREC_TRY(const uint32_t length, in.le<uint32_t>());
    if (length > kMaxNoteBytes) return fail(Errc::kLimit, in.pos() - 4, "note too long");
    CANREC_TRY(note.value, text(in, length));
    notes_.push_back(std::move(note));
  }
  CANREC_TRY(const uint32_t files, in.le<uint32_t>());
  if (files > kMaxFiles) return fail(Errc::kLimit, in.pos() - 4, fmt::format("{} files", files));
  for (uint32_t i = 0; i < files; ++i) {
    ManifestFile file;
    const uint64_t at = in.pos();
    CANREC_TRY(const uint16_t length, in.le<uint16_t>());
    CANREC_TRY(file.name, text(in, length));
    if (!is_safe_name(file.name)) {
      return wrong(at, fmt::format("file name {}", printable(as_bytes(file.name))));
    }
    if (i > 0 && file.name <= files_.back().name) return wrong(at, "file names do not rise");
    CANREC_TRY(file.size, in.le<uint64_t>());
    CANREC_TRY(const ByteView hash, in.bytes(32));
    std::copy(hash.begin(), hash.end(), file.sha256.begin());
    CANREC_TRY(file.begin, in.le<uint64_t>());
    CANREC_TRY(file.end, in.le<uint64_t>());
    const uint64_t count = has_states ? state_count(file.size) : 0;
    if (count > in.left() / sizeof(Sha256)) {
      return wrong(at, fmt::format("{} of {} bytes wants {} SHA-256 states, the table ends before",
                                   file.name, file.size, count));
    }
    CANREC_TRY(const ByteView states, in.bytes(count * sizeof(Sha256)));
    for (size_t j = 0; j < states.size(); j += sizeof(Sha256)) {
      file.states.push_back(to_state(load_le<Sha256>(&states[j])));
    }
    files_.push_back(std::move(file));
  }
  if (!in.at_end()) return wrong(in.pos(), "bytes behind the table");
  return Ok{};
}

// Whether the list's items fill it exactly and name as many chunks as the file has.
Status Manifest::check_list(const ManifestFile& file, uint64_t base) const {
  Cursor in(bytes_.subspan(file.begin, file.end - file.begin), base + file.begin);
  const uint64_t wanted = file.size / chunk_size_ + (file.size % chunk_size_ != 0 ? 1 : 0);
  uint64_t chunks = 0;
  while (!in.at_end()) {
    const uint64_t at = in.pos();
    CANREC_TRY(const uint32_t head, in.le<uint32_t>());
    const uint32_t count = head & ~kZeroRun;
    if (count == 0) return wrong(at, "empty item");
    if ((head & kZeroRun) == 0) CANREC_CHECK(in.skip(uint64_t{count} * kAddressBytes));
    chunks += count;
    if (chunks > wanted) {
      return wrong(at, fmt::format("{} has more chunks than its size gives", file.name));
    }
  }
  if (chunks != wanted) {
    return wrong(in.pos(),
                 fmt::format("{} has {} chunks, its size gives {}", file.name, chunks, wanted));
  }
  return Ok{};
}

const std::string* Manifest::note(std::string_view key) const {
  for (const Note& note : notes_) {
    if (note.key == key) return &note.value;
  }
  return nullptr;
}

const ManifestFile* Manifest::file(std::string_view name) const {
  for (const ManifestFile& file : files_) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

std::vector<Reference> Manifest::references(const ManifestFile& file) const {
  std::vector<Reference> out;
  uint64_t at = file.begin;
  while (at < file.end) {
    const uint32_t head = load_le<uint32_t>(bytes_.data() + at);
    at += 4;
    Reference reference;
    if ((head & kZeroRun) != 0) {
      reference.zeros = head & ~kZeroRun;
    } else {
      reference.addresses = bytes_.subspan(at, size_t{head} * kAddressBytes);
      at += reference.addresses.size();
    }
    out.push_back(reference);
  }
  return out;
}

uint64_t Manifest::total_size() const {
  uint64_t sum = 0;
  for (const ManifestFile& file : files_) sum += file.size;
  return sum;
}

Result<ManifestWriter> ManifestWriter::create(FileSystem& system, std::filesystem::path directory,
                                              uint32_t chunk_size, uint64_t created_ns) {
  ManifestWriter out(directory);
  CANREC_TRY(OutputFile file, OutputFile::create(system, directory / "new", Overwrite::kNo));
  out.out_.emplace(std::move(file));
  Bytes head;
  append(head, as_bytes(store::kManifestMagic));
  append_le32(head, store::kManifestVersion);
  append_le32(head, chunk_size);
  append_le64(head, created_ns);
  append_le64(head, 0);
  CANREC_CHECK(out.put(head));
  return out;
}

Status ManifestWriter::put(ByteView bytes) {
  CANREC_CHECK(out_->append(bytes));
  hash_.update(bytes);
  size_ += bytes.size();
  return Ok{};
}

void ManifestWriter::begin_file(std::string name) {
  files_.push_back({std::move(name), 0, {}, size_, size_, {}});
}

Status ManifestWriter::flush() {
  Bytes item;
  if (zeros_ != 0) append_le32(item, kZeroRun | zeros_);
  if (!addresses_.empty()) {
    append_le32(item, narrow<uint32_t>(addresses_.size() / kAddressBytes));
    append(item, addresses_);
  }
  zeros_ = 0;
  addresses_.clear();
  return put(item);
}

Status ManifestWriter::add_zero() {
  if (!addresses_.empty() || zeros_ == kZeroRun - 1) CANREC_CHECK(flush());
  ++zeros_;
  return Ok{};
}

Status ManifestWriter::add(const Address& address) {
  if (zeros_ != 0 || addresses_.size() >= kFlushBytes) CANREC_CHECK(flush());
  append_address(addresses_, address);
  return Ok{};
}

Status ManifestWriter::end_file(uint64_t size, const Sha256& hash,
                                std::vector<Sha256State> states) {
  CANREC_ASSERT(states.size() == state_count(size));
  CANREC_CHECK(flush());
  files_.back().size = size;
  files_.back().sha256 = hash;
  files_.back().end = size_;
  files_.back().states = std::move(states);
  return Ok{};
}

Result<std::string> ManifestWriter::commit(const std::vector<Note>& notes) {
  const uint64_t table = size_;
  Bytes tail;
  append_le32(tail, narrow<uint32_t>(notes.size()));
  for (const Note& note : notes) {
    append_le16(tail, narrow<uint16_t>(note.key.size()));
    append(tail, as_bytes(note.key));
    append_le32(tail, narrow<uint32_t>(note.value.size()));
    append(tail, as_bytes(note.value));
  }
  append_le32(tail, narrow<uint32_t>(files_.size()));
  for (const ManifestFile& file : files_) {
    append_le16(tail, narrow<uint16_t>(file.name.size()));
    append(tail, as_bytes(file.name));
    append_le64(tail, file.size);
    append(tail, file.sha256);
    append_le64(tail, file.begin);
    append_le64(tail, file.end);
    for (const Sha256State& state : file.states) append(tail, to_bytes(state));
  }
  append(tail, as_bytes(store::kManifestEndMagic));
  append_le64(tail, table);
  CANREC_CHECK(put(tail));
  const Sha256 hash = hash_.finish();
  CANREC_CHECK(out_->append(hash));
  size_ += hash.size();
  const std::string id = to_hex(ByteView(hash).first(8));
  CANREC_CHECK(out_->commit_as(directory_ / (id + ".manifest")));
  return id;
}

}  // namespace canrec::snapshot
