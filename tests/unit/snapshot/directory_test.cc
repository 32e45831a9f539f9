// SPDX-License-Identifier: Apache-2.0
// Snapshot directories: opened whole, refused with the reason, written atomically.
#include "snapshot/directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/gzip.h"
#include "snapshot/juno.h"
#include "snapshot/progress.h"
#include "snapshot/writer.h"
#include "support/faulty_file_system.h"
#include "support/temporary_directory.h"

namespace canrec::snapshot {
namespace {

namespace fs = std::filesystem;
using test::Fault;
using test::FaultyFileSystem;
using test::read_text;
using test::read_tree;
using test::TemporaryDirectory;
using test::write_bytes;
using test::write_text;

constexpr size_t kPage = 65536;

Bytes module_bytes() {
  Bytes out;
  EXPECT_TRUE(
      from_hex("0061736d010000000503010001060d027f01418080040b7e0042070b0707010163"
               "0301",
               out));
  return out;
}

// The example of the format's description, with values everywhere.
class Sample {
 public:
  Sample() : module(module_bytes()), heap(2 * kPage), stable(3 * kPage) {
    for (size_t i = 0; i < 5000; ++i) heap[i + kPage - 1000] = static_cast<uint8_t>(i);
    stable[0] = 1;
    stable[3 * kPage - 1] = 2;
    snapshot.metadata.source = Source::kTakenFromCanister;
    snapshot.metadata.taken_at_timestamp_ns = 1764000000123456789;
    snapshot.metadata.globals = {{GlobalType::kI64, 7, 0}, {GlobalType::kI32, 65520, 0}};
    snapshot.metadata.canister_version = 12;
    snapshot.metadata.certified_data = Bytes(32, 3);
    snapshot.module = Image::of(module);
    snapshot.heap = Image::of(heap);
    snapshot.stable = Image::of(stable);
    snapshot.chunks = {as_bytes("abc"), as_bytes("a longer chunk")};
  }
  Status write(const fs::path& path, Overwrite overwrite = Overwrite::kNo,
               FileSystem& system = test::quick_file_system()) const {
    return write_directory(system, path, snapshot, overwrite, interrupt);
  }

  Bytes module, heap, stable;
  NewSnapshot snapshot;
  Interrupt interrupt;
};

// A sample directory, and the refusal that a change of it gives.
class SnapshotDirectory : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(sample.write(dir)); }
  void expect_refused(Errc code, std::string_view says) {
    const auto opened = Directory::open(dir);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), code) << opened.error().message();
    EXPECT_NE(opened.error().message().find(says), std::string::npos) << opened.error().message();
    const auto found = survey(dir);
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->whole());
  }
  void expect_warning(Errc code, std::string_view says) {
    const auto found = survey(dir);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->whole());
    EXPECT_TRUE(Directory::open(dir));
    for (const Finding& finding : found->findings) {
      EXPECT_EQ(finding.severity, Severity::kWarning);
      if (finding.error.code() == code && finding.error.message().find(says) != std::string::npos) {
        return;
      }
    }
    FAIL() << "no warning says " << says;
  }

  TemporaryDirectory temporary;
  fs::path dir = temporary / "snapshot";
  Sample sample;
};

TEST_F(SnapshotDirectory, OpensWhatWasWritten) {
  auto opened = Directory::open(dir);
  ASSERT_TRUE(opened) << opened.error().message();
  const Directory directory = std::move(*opened);
  EXPECT_EQ(directory.metadata().globals, sample.snapshot.metadata.globals);
  EXPECT_EQ(directory.metadata().wasm_memory_size, 2 * kPage);
  EXPECT_TRUE(std::ranges::equal(directory.module(), sample.module));
  EXPECT_TRUE(std::ranges::equal(directory.heap(), sample.heap));
  EXPECT_TRUE(std::ranges::equal(directory.stable(), sample.stable));
  ASSERT_EQ(directory.chunks().size(), 2u);
  EXPECT_EQ(as_text(directory.chunks()[0].bytes), "abc");
  EXPECT_EQ(directory.form(), MetadataForm::kCurrent);
  ASSERT_NE(directory.heap_file(), nullptr);
  EXPECT_GE(directory.heap_file()->descriptor(), 0);
  const auto found = survey(dir);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->findings.empty());
}

TEST_F(SnapshotDirectory, BothToolsFindTheirFiles) {
  Sample empty;
  empty.snapshot.heap = {};
  empty.snapshot.stable = {};
  empty.snapshot.chunks.clear();
  ASSERT_TRUE(empty.write(temporary / "empty"));
  const auto tree = read_tree(temporary / "empty");
  EXPECT_EQ(tree.at("wasm_memory.bin"), "");
  EXPECT_EQ(tree.at("stable_memory.bin"), "");
  EXPECT_EQ(tree.at("wasm_chunk_store"), "<dir>");
  EXPECT_EQ(tree.size(), 5u);
  EXPECT_TRUE(Directory::open(temporary / "empty"));
  // What each tool leaves out when it is empty.
  fs::remove(temporary / "empty/wasm_memory.bin");
  fs::remove(temporary / "empty/stable_memory.bin");
  fs::remove(temporary / "empty/wasm_chunk_store");
  EXPECT_TRUE(Directory::open(temporary / "empty"));
}

TEST_F(SnapshotDirectory, GzippedModulesStayAsTheyAre) {
  Sample packed;
  packed.module = gzip(module_bytes());
  packed.snapshot.module = Image::of(packed.module);
  ASSERT_TRUE(packed.write(temporary / "packed"));
  const auto opened = Directory::open(temporary / "packed");
  ASSERT_TRUE(opened);
  EXPECT_TRUE(std::ranges::equal(opened->module(), packed.module));
  EXPECT_EQ(opened->metadata().wasm_module_size, packed.module.size());
}

TEST_F(SnapshotDirectory, RejectsUnfinishedDownloads) {
  write_text(dir / ".download_progress.json",
             R"({"wasm_module":{"frontier":35,"ahead":[]},)"
             R"("wasm_memory":{"frontier":4000,"ahead":[]},)"
             R"("stable_memory":{"frontier":0,"ahead":[100000]}})");
  expect_refused(Errc::kSnapshotUnfinished,
                 "wasm_memory.bin 0xfa0..0x20000, stable_memory.bin 0x0..0x186a0");
  const auto found = survey(dir);
  ASSERT_EQ(found->missing.size(), 2u);
  EXPECT_EQ(found->missing[0].file, "wasm_memory.bin");
  EXPECT_EQ(found->missing[0].begin, 4000u);
  EXPECT_EQ(found->missing[0].end, 2 * kPage);
  write_text(dir / ".download_progress.json", R"({"wasm_module":{"frontier":35,"ahead":[]},)"
                                              R"("wasm_memory":{"frontier":131072,"ahead":[]},)"
                                              R"("stable_memory":{"frontier":196608,"ahead":[]}})");
  expect_refused(Errc::kSnapshotUnfinished, "chunk store may be incomplete");
  write_text(dir / ".download_progress.json", "{}");
  expect_refused(Errc::kSnapshotMetadata, ".download_progress.json: key wasm_module is missing");
}

TEST_F(SnapshotDirectory, RejectsWrongLengths) {
  for (const char* name : {"wasm_module.bin", "wasm_memory.bin", "stable_memory.bin"}) {
    const auto size = fs::file_size(dir / name);
    fs::resize_file(dir / name, size - 1);
    expect_refused(Errc::kSnapshotSize, name);
    EXPECT_EQ(Directory::open(dir).error().offset(), size - 1);
    fs::resize_file(dir / name, size + 1);
    expect_refused(Errc::kSnapshotSize, name);
    EXPECT_EQ(Directory::open(dir).error().offset(), size);
    fs::resize_file(dir / name, 0);
    expect_refused(Errc::kSnapshotSize, name);
    fs::remove(dir / name);
    expect_refused(Errc::kSnapshotSize, "missing, the metadata says");
    fs::remove_all(dir);
    ASSERT_TRUE(sample.write(dir));
  }
}

TEST_F(SnapshotDirectory, RejectsModulesThatWereNeverFetched) {
  write_bytes(dir / "wasm_module.bin", Bytes(35));
  expect_refused(Errc::kWasmMagic, "wasm_module.bin");
}

TEST_F(SnapshotDirectory, RejectsDamagedChunks) {
  const std::string name =
      "wasm_chunk_store/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.bin";
  write_text(dir / name, "abd");
  expect_refused(Errc::kHashMismatch, name);
  fs::remove(dir / name);
  expect_refused(Errc::kSnapshotSize, name);
}

TEST_F(SnapshotDirectory, WarnsOfChunksThatAreNotListed) {
  write_text(dir / "wasm_chunk_store/notes.txt", "x");
  expect_warning(Errc::kSnapshotMixed, "wasm_chunk_store/notes.txt");
  for (int i = 0; i < 30; ++i) {
    write_text(dir / ("wasm_chunk_store/" + std::to_string(i) + ".bin"), "x");
  }
  expect_warning(Errc::kSnapshotMixed, "11 more such files");
}

TEST_F(SnapshotDirectory, RejectsMixedTools) {
  write_text(dir / "heap.bin", "x");
  expect_refused(Errc::kSnapshotMixed, "heap.bin");
}

TEST_F(SnapshotDirectory, RejectsMetadataThatIsMissingOrWrong) {
  fs::remove(dir / "metadata.json");
  expect_refused(Errc::kNotFound, "interrupted before it began");
  write_text(dir / "metadata.json", "{");
  expect_refused(Errc::kSnapshotMetadata, "metadata.json");
  write_text(dir / "metadata.json", std::string((4 << 20) + 1, ' '));
  expect_refused(Errc::kLimit, "metadata.json");
  fs::remove(dir / "metadata.json");
  ASSERT_EQ(::mkfifo((dir / "metadata.json").c_str(), 0600), 0);
  expect_refused(Errc::kIo, "metadata.json");
  EXPECT_FALSE(survey(dir)->directory);
}

TEST_F(SnapshotDirectory, RejectsSizesThatAreNoWholePages) {
  Sample odd;
  odd.heap.resize(kPage + 1);
  odd.snapshot.heap = Image::of(odd.heap);
  ASSERT_TRUE(odd.write(temporary / "odd"));
  const auto opened = Directory::open(temporary / "odd");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::kSnapshotMetadata);
  EXPECT_NE(opened.error().message().find("65,537"), std::string::npos);
}

TEST_F(SnapshotDirectory, WarnsOfWhatTheNetworkRefuses) {
  Sample large;
  large.snapshot.metadata.certified_data = Bytes(33);
  large.snapshot.metadata.globals.assign(1001, GlobalValue{});
  const Bytes chunk((1 << 20) + 1);
  large.snapshot.chunks = {chunk};
  fs::remove_all(dir);
  ASSERT_TRUE(large.write(dir));
  expect_warning(Errc::kLimit, "certified_data 33");
  expect_warning(Errc::kLimit, "number of globals 1,001");
  expect_warning(Errc::kLimit, "larger than the 1 MiB");
}

TEST_F(SnapshotDirectory, NamesTheCanisterFromProgressFiles) {
  write_text(dir / "0000000000000003800000000010000a0101.json",
             R"({"snapshot_id":"0000000000000003800000000010000a0101"})");
  const auto opened = Directory::open(dir);
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->ids().size(), 1u);
  EXPECT_EQ(opened->ids()[0].counter, 3u);
  EXPECT_EQ(to_hex(opened->ids()[0].canister), "800000000010000a0101");
  write_text(dir / ".upload_progress.json", R"({"snapshot_id":"000000000000000401"})");
  expect_warning(Errc::kSnapshotUnfinished, "upload");
  expect_warning(Errc::kSnapshotMixed, "two canisters");
}

TEST_F(SnapshotDirectory, RejectsADirectoryThatIsBeingWritten) {
  write_text(dir / ".lock", "");
  EXPECT_TRUE(Directory::open(dir));
  const int descriptor = ::open((dir / ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::flock(descriptor, LOCK_EX), 0);
  expect_refused(Errc::kLocked, ".lock");
  ::close(descriptor);
  EXPECT_TRUE(Directory::open(dir));
}

TEST(SnapshotDirectories, RejectWhatIsNoDirectory) {
  const TemporaryDirectory temporary;
  write_text(temporary / "file", "x");
  EXPECT_EQ(Directory::open(temporary / "none").error().code(), Errc::kNotFound);
  EXPECT_EQ(Directory::open(temporary / "file").error().code(), Errc::kIo);
  const auto opened = Directory::open(temporary.path());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("no snapshot directory"), std::string::npos);
}

TEST(SnapshotWriter, LeavesZeroPagesAsHoles) {
  const TemporaryDirectory temporary;
  Sample sample;
  Bytes middle(100, 7);
  sample.snapshot.stable = {};
  sample.snapshot.stable.size = uint64_t{64} << 20;
  sample.snapshot.stable.extents = {{uint64_t{32} << 20, middle}};
  ASSERT_TRUE(sample.write(temporary / "d"));
  struct stat status {};
  ASSERT_EQ(::stat((temporary / "d/stable_memory.bin").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 64 << 20);
  EXPECT_LE(status.st_blocks * 512, 64 << 10);
  const auto opened = Directory::open(temporary / "d");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->stable()[(32 << 20) + 99], 7);
  EXPECT_EQ(opened->stable()[(32 << 20) + 100], 0);
}

TEST(SnapshotWriter, LaysExtentsOverTheBaseFile) {
  const TemporaryDirectory temporary;
  Sample sample;
  ASSERT_TRUE(sample.write(temporary / "old"));
  const auto old = Directory::open(temporary / "old");
  ASSERT_TRUE(old);
  NewSnapshot next;
  next.metadata = old->metadata();
  next.module = Image::of(old->module_file());
  next.heap = Image::of(old->heap_file());
  next.stable = Image::of(old->stable_file());
  const Bytes zeros(4096);
  const Bytes marks(5000, 9);
  next.heap.size = 3 * kPage;
  next.heap.extents = {{kPage, zeros}, {2 * kPage - 1000, marks}};
  next.stable.size = kPage;
  const Interrupt interrupt;
  ASSERT_TRUE(write_directory(test::quick_file_system(), temporary / "new", next, Overwrite::kNo,
                              interrupt));
  Bytes wanted = sample.heap;
  wanted.resize(3 * kPage);
  std::fill_n(wanted.begin() + kPage, 4096, 0);
  std::fill_n(wanted.begin() + 2 * kPage - 1000, 5000, 9);
  const auto opened = Directory::open(temporary / "new");
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_TRUE(std::ranges::equal(opened->heap(), wanted));
  EXPECT_TRUE(std::ranges::equal(opened->stable(), ByteView(sample.stable).first(kPage)));
  EXPECT_TRUE(opened->chunks().empty());
  EXPECT_EQ(read_text(temporary / "old/wasm_memory.bin"), as_text(sample.heap));
}

TEST(SnapshotWriter, AFailedOperationKeepsTheOldDirectory) {
  Sample before;
  Sample after;
  after.snapshot.metadata.canister_version = 13;
  after.heap[0] = 99;
  for (const Fault fault : {Fault::kOnce, Fault::kDeath}) {
    for (const bool replace : {false, true}) {
      size_t k = 0;
      for (;; ++k) {
        const TemporaryDirectory temporary;
        const fs::path dir = temporary / "d";
        if (replace) {
          ASSERT_TRUE(before.write(dir));
        }
        FaultyFileSystem faulty(posix_file_system(), k, fault);
        const Status status = after.write(dir, replace ? Overwrite::kYes : Overwrite::kNo, faulty);
        const auto opened = Directory::open(dir);
        if (!faulty.failed()) {
          EXPECT_TRUE(status);
          EXPECT_EQ(opened->metadata().canister_version, 13u);
          EXPECT_EQ(std::distance(fs::directory_iterator(temporary.path()), {}), 1);
          break;
        }
        if (!opened) {
          EXPECT_FALSE(replace) << k;
          EXPECT_EQ(opened.error().code(), Errc::kNotFound);
          EXPECT_FALSE(status);
          continue;
        }
        const bool is_new = opened->metadata().canister_version == 13;
        EXPECT_TRUE(is_new || replace) << k;
        EXPECT_EQ(opened->heap()[0], is_new ? 99 : 0);
        EXPECT_TRUE(is_new || !status) << k;
        if (fault == Fault::kOnce && !is_new) {
          EXPECT_EQ(std::distance(fs::directory_iterator(temporary.path()), {}), 1) << k;
        }
      }
      EXPECT_GE(k, 20u);
    }
  }
}

TEST(SnapshotWriter, RejectsToReplaceOtherThings) {
  const TemporaryDirectory temporary;
  const Sample sample;
  write_text(temporary / "file", "x");
  EXPECT_EQ(sample.write(temporary / "file").error().code(), Errc::kExists);
  EXPECT_EQ(sample.write(temporary / "file", Overwrite::kYes).error().code(), Errc::kExists);
  fs::create_directory(temporary / "home");
  write_text(temporary / "home/letter.txt", "dear");
  EXPECT_EQ(sample.write(temporary / "home", Overwrite::kYes).error().code(), Errc::kExists);
  EXPECT_EQ(read_text(temporary / "home/letter.txt"), "dear");
  EXPECT_EQ(read_text(temporary / "file"), "x");
  ASSERT_TRUE(sample.write(temporary / "d"));
  EXPECT_EQ(sample.write(temporary / "d").error().code(), Errc::kExists);
  EXPECT_TRUE(sample.write(fs::path((temporary / "d").string() + "/"), Overwrite::kYes));
  EXPECT_TRUE(Directory::open(temporary / "d"));
}

TEST(SnapshotWriter, RejectsASecondWriter) {
  const TemporaryDirectory temporary;
  const Sample sample;
  ASSERT_TRUE(sample.write(temporary / "d"));
  const auto lock = FileLock::take(temporary / "d", LockMode::kExclusive);
  ASSERT_TRUE(lock);
  EXPECT_EQ(sample.write(temporary / "d", Overwrite::kYes).error().code(), Errc::kLocked);
}

TEST(SnapshotWriter, StopsWhenInterrupted) {
  const TemporaryDirectory temporary;
  Sample sample;
  sample.interrupt.request();
  EXPECT_EQ(sample.write(temporary / "d").error().code(), Errc::kInterrupted);
  EXPECT_TRUE(read_tree(temporary.path()).empty());
}

TEST(SnapshotWriter, RejectsGlobalsThatJsonCannotHold) {
  const TemporaryDirectory temporary;
  Sample sample;
  sample.snapshot.metadata.globals = {{GlobalType::kF32, 0x7fc00000, 0}};
  EXPECT_EQ(sample.write(temporary / "d").error().code(), Errc::kSnapshotMetadata);
  EXPECT_TRUE(read_tree(temporary.path()).empty());
}

TEST(Progress, MissingRangesAreTheGaps) {
  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;
  EXPECT_EQ(missing_ranges({0, {}}, 0), Ranges{});
  EXPECT_EQ(missing_ranges({0, {}}, 10), (Ranges{{0, 10}}));
  EXPECT_EQ(missing_ranges({10, {}}, 10), Ranges{});
  EXPECT_EQ(missing_ranges({~uint64_t{0}, {}}, 10), Ranges{});
  EXPECT_EQ(missing_ranges({2'000'000, {4'000'000, 8'000'000}}, 9'000'000),
            (Ranges{{2'000'000, 4'000'000}, {6'000'000, 8'000'000}}));
  EXPECT_EQ(missing_ranges({0, {0, 2'000'000, ~uint64_t{0}}}, 5'000'000),
            (Ranges{{4'000'000, 5'000'000}}));
}

TEST(SnapshotIds, ComeBack) {
  const auto id = parse_snapshot_id("0x0000000000000005800000000010000a0101");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->counter, 5u);
  EXPECT_EQ(to_string(*id), "0000000000000005800000000010000a0101");
  for (const char* bad : {"", "0x", "00", "0000000000000005", "000000000000000g01"}) {
    EXPECT_EQ(parse_snapshot_id(bad).error().code(), Errc::kBadArgument) << bad;
  }
  EXPECT_TRUE(parse_snapshot_id(std::string(2 * 37, '0')));
  EXPECT_FALSE(parse_snapshot_id(std::string(2 * 38, '0')));
}

// A Juno directory with two chunks whose boundary is not recorded.
class Juno : public ::testing::Test {
 protected:
  void SetUp() override {
    module = module_bytes();
    heap = Bytes(kPage, 5);
    joined = as_text(chunk_a);
    joined += as_text(chunk_b);
    write();
  }
  static std::string array(ByteView bytes) {
    std::string out = "{\"__uint8array__\": [";
    for (size_t i = 0; i < bytes.size(); ++i) {
      out += (i == 0 ? "" : ",") + std::to_string(bytes[i]);
    }
    return out + "]}";
  }
  static std::string blob(const std::string& name, ByteView bytes) {
    return "{\"filename\": \"" + name + "\", \"size\": " + std::to_string(bytes.size()) +
           ", \"hash\": \"" + to_hex(sha256(bytes)) + "\"}";
  }
  void write() {
    write_bytes(temporary / "wasm-code.bin", module);
    write_bytes(temporary / "heap.bin", heap);
    write_text(temporary / "chunks-store.bin", joined);
    write_text(temporary / "metadata.json", R"({"snapshotId": "0x000000000000000001", "metadata": {
      "takenAtTimestamp": {"__bigint__": "1"}, "wasmModuleSize": {"__bigint__": "35"},
      "globals": [], "wasmMemorySize": {"__bigint__": "65536"},
      "stableMemorySize": {"__bigint__": "0"}, "canisterVersion": {"__bigint__": "1"},
      "certifiedData": {"__uint8array__": []}, "wasmChunkStore": [{"hash": )" +
                                                array(sha256(chunk_a)) + "}, {\"hash\": " +
                                                array(sha256(chunk_b)) + R"(}]}, "data": {
      "wasmModule": )" + blob("wasm-code.bin", module) +
                                                ", \"wasmMemory\": " + blob(heap_name, heap) +
                                                ", \"stableMemory\": null, \"wasmChunkStore\": " +
                                                blob("chunks-store.bin", as_bytes(joined)) + "}}");
  }

  TemporaryDirectory temporary;
  Bytes module, heap;
  ByteView chunk_a = as_bytes("first chunk");
  ByteView chunk_b = as_bytes("second");
  std::string joined;
  std::string heap_name = "heap.bin";
};

TEST_F(Juno, OpensWithItsChunkBoundariesRestored) {
  const auto opened = Directory::open(temporary.path());
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->form(), MetadataForm::kJuno);
  EXPECT_TRUE(std::ranges::equal(opened->heap(), heap));
  ASSERT_EQ(opened->chunks().size(), 2u);
  EXPECT_EQ(as_text(opened->chunks()[0].bytes), "first chunk");
  EXPECT_EQ(as_text(opened->chunks()[1].bytes), "second");
  ASSERT_EQ(opened->ids().size(), 1u);
}

TEST_F(Juno, RejectsDamage) {
  heap[3] = 0;
  write_bytes(temporary / "heap.bin", heap);
  EXPECT_EQ(Directory::open(temporary.path()).error().code(), Errc::kHashMismatch);
  write_bytes(temporary / "heap.bin", Bytes(3));
  EXPECT_EQ(Directory::open(temporary.path()).error().code(), Errc::kSnapshotSize);
  fs::remove(temporary / "heap.bin");
  EXPECT_EQ(Directory::open(temporary.path()).error().code(), Errc::kNotFound);
}

TEST_F(Juno, RejectsNamesWithAPath) {
  heap_name = "../heap.bin";
  write();
  EXPECT_EQ(Directory::open(temporary.path()).error().code(), Errc::kBadArgument);
}

TEST_F(Juno, RejectsChunksThatCannotBeCut) {
  const std::vector<Sha256> hashes = {sha256(chunk_a), sha256(chunk_b)};
  EXPECT_TRUE(cut_chunks(as_bytes(joined), hashes));
  EXPECT_EQ(cut_chunks(as_bytes(joined + "x"), hashes).error().code(), Errc::kSnapshotSize);
  const auto changed = cut_chunks(as_bytes("first chunk"
                                           "sexond"),
                                  hashes);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code(), Errc::kHashMismatch);
  EXPECT_EQ(changed.error().offset(), 11u);
  EXPECT_FALSE(cut_chunks({}, hashes));
}

TEST(Images, ZerosAreFoundAtEveryPlace) {
  for (const size_t size : {0u, 1u, 63u, 64u, 65u, 4096u}) {
    Bytes bytes(size);
    EXPECT_TRUE(all_zero(bytes));
    for (size_t i = 0; i < size; ++i) {
      bytes[i] = 1;
      EXPECT_FALSE(all_zero(bytes));
      bytes[i] = 0;
    }
  }
}

}  // namespace
}  // namespace canrec::snapshot
