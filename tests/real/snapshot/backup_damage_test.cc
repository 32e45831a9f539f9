// SPDX-License-Identifier: Apache-2.0
// What the program says of a store whose files lie: every error names the file and the place in it,
// and nothing is written outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/core.h>

#include <functional>

#include "real/snapshot/backup_support.h"
#include "snapshot/store_frame.h"
#include "snapshot/store_jobs.h"
#include "support/noise.h"

namespace canrec::snapshot {
namespace {

using testing::HasSubstr;

struct Answer {
  int status;
  std::string said;
};

class LyingStore : public ::testing::Test {
 protected:
  void SetUp() override {
    write_snapshot(temporary / "snapshot", test::noise(3 << 20, 1));
    ASSERT_EQ(run({"create", (temporary / "snapshot").string(), "--time", "1"}).status, 0);
    id = Store::open(store)->backups()->at(0);
  }
  Answer run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--store", store.string()});
    Running running(arguments, temporary / "said");
    const int status = running.wait();
    return {status, running.said()};
  }
  // Changes a file of the store.
  void change(const fs::path& name, const std::function<void(Bytes&)>& edit) const {
    const std::string text = test::read_text(store / name);
    Bytes bytes(text.begin(), text.end());
    edit(bytes);
    test::write_bytes(store / name, bytes);
  }
  // Makes the hash of a 32-byte header fit.
  static void sign_header(Bytes& bytes) {
    store_le(bytes.data() + 24, xxh3_64(ByteView(bytes).first(24)));
  }
  // Puts a changed manifest under the name that belongs to it; the old one goes.
  std::string forge_manifest(const std::function<void(Bytes&)>& edit) const {
    const fs::path old = store / "backups" / (id + ".manifest");
    const std::string text = test::read_text(old);
    Bytes bytes(text.begin(), text.end());
    edit(bytes);
    const Sha256 hash = sha256(ByteView(bytes).first(bytes.size() - 32));
    std::ranges::copy(hash, bytes.end() - 32);
    const std::string forged = to_hex(ByteView(hash).first(8));
    fs::remove(old);
    test::write_bytes(store / "backups" / (forged + ".manifest"), bytes);
    return forged;
  }
  static size_t find(const Bytes& bytes, std::string_view text) {
    const size_t at = as_text(bytes).rfind(text);
    EXPECT_NE(at, std::string_view::npos);
    return at;
  }
  // Every reading verb refuses the forged manifest in the same words.
  void expect_refused(const std::string& forged, const std::string& words, uint64_t offset) const {
    const std::string place = fmt::format("0x{:08x}", offset);
    for (const char* verb : {"show", "restore", "export"}) {
      std::vector<std::string> arguments = {verb, forged};
      if (verb != std::string("show")) {
        arguments.insert(arguments.end(), {"-o", (temporary / "out").string()});
      }
      const Answer answer = run(arguments);
      EXPECT_EQ(answer.status, 3) << answer.said;
      EXPECT_THAT(answer.said, HasSubstr("backups/" + forged + ".manifest: " + words));
      EXPECT_THAT(answer.said, HasSubstr(place));
      EXPECT_FALSE(fs::exists(temporary / "out"));
    }
    const Answer verify = run({"verify"});
    EXPECT_EQ(verify.status, 5);
    EXPECT_THAT(verify.said, HasSubstr("backups/" + forged + ".manifest: " + words));
    EXPECT_THAT(verify.said, HasSubstr(place));
    EXPECT_THAT(verify.said, HasSubstr("backup " + forged + ": its manifest cannot be read"));
  }

  test::TemporaryDirectory temporary;
  fs::path store = temporary / "store";
  std::string id;
};

TEST_F(LyingStore, OfAnotherVersion) {
  change("canrec-store", [](Bytes& bytes) {
    bytes[8] = 9;
    sign_header(bytes);
  });
  for (const char* verb : {"list", "verify"}) {
    const Answer answer = run({verb});
    EXPECT_EQ(answer.status, 3);
    EXPECT_THAT(answer.said,
                HasSubstr("0x00000008: canrec-store: version 9, this program knows 1 (E"));
  }
}

TEST_F(LyingStore, WithAPackOfAnotherVersion) {
  change("packs/0000000000000001.pack", [](Bytes& bytes) {
    bytes[8] = 9;
    sign_header(bytes);
  });
  const Answer answer = run({"verify"});
  EXPECT_EQ(answer.status, 5);
  EXPECT_THAT(
      answer.said,
      HasSubstr("packs/0000000000000001.pack: version 9, this program knows 1 at 0x00000008"));
}

TEST_F(LyingStore, WithAManifestOfAnotherVersion) {
  expect_refused(forge_manifest([](Bytes& bytes) { bytes[8] = 9; }), "unknown version", 8);
}

TEST_F(LyingStore, WithAnIndexOfAnotherVersion) {
  change("index", [](Bytes& bytes) { bytes[8] = 9; });
  // The index is a cache: said, and done without.
  const Answer verify = run({"verify"});
  EXPECT_EQ(verify.status, 5);
  EXPECT_THAT(verify.said, HasSubstr("index: unknown version at 0x00000008"));
  EXPECT_EQ(run({"restore", id, "-o", (temporary / "out").string()}).status, 0);
}

// No lie: a manifest from before the states were kept.
TEST_F(LyingStore, OrOneOfVersion1ThatIsReadWithoutStates) {
  const std::string old = forge_manifest([&](Bytes& bytes) {
    const auto manifest = Manifest::open(store / "backups" / (id + ".manifest"));
    ASSERT_TRUE(manifest);
    size_t gone = 0;
    for (const ManifestFile& file : manifest->files()) {
      const auto behind = bytes.begin() + static_cast<std::ptrdiff_t>(find(bytes, file.name) +
                                                                      file.name.size() + 56);
      const size_t states = file.states.size() * sizeof(Sha256);
      bytes.erase(behind, behind + static_cast<std::ptrdiff_t>(states));
      gone += states;
    }
    EXPECT_GT(gone, 0U);
    bytes[8] = 1;
  });
  EXPECT_EQ(run({"verify", "--deep"}).status, 0);
  const fs::path out = temporary / "out";
  EXPECT_EQ(run({"restore", old, "-o", out.string()}).status, 0);
  EXPECT_EQ(test::read_tree(out), test::read_tree(temporary / "snapshot"));
  // The SHA-256 of the whole is looked at all the same.
  id = old;
  const std::string other =
      forge_manifest([&](Bytes& bytes) { bytes[find(bytes, "wasm_memory.bin") + 15 + 8] ^= 1; });
  const fs::path none = temporary / "none";
  EXPECT_EQ(run({"restore", other, "-o", none.string()}).status, 5);
  EXPECT_FALSE(fs::exists(none));
}

TEST_F(LyingStore, WithAFileOfAbsurdSize) {
  size_t at = 0;
  const std::string forged = forge_manifest([&](Bytes& bytes) {
    at = find(bytes, "wasm_memory.bin");
    store_le(bytes.data() + at + 15, uint64_t{1} << 60);
  });
  expect_refused(forged,
                 "wasm_memory.bin of 1152921504606846976 bytes wants 32767 SHA-256 states, the "
                 "table ends before",
                 at - 2);
}

TEST_F(LyingStore, WithAFileOfAnotherSize) {
  uint64_t end = 0;
  const std::string forged = forge_manifest([&](Bytes& bytes) {
    store_le(bytes.data() + find(bytes, "wasm_memory.bin") + 15, (uint64_t{3} << 20) - 16384);
    const auto manifest = Manifest::open(store / "backups" / (id + ".manifest"));
    ASSERT_TRUE(manifest);
    end = manifest->file("wasm_memory.bin")->end;
  });
  expect_refused(forged, "wasm_memory.bin has more chunks than its size gives", end - 192 * 16 - 4);
}

// A manifest whose hash of a file is another: the content is not what was announced.
TEST_F(LyingStore, WithAnotherSha256) {
  const std::string forged =
      forge_manifest([&](Bytes& bytes) { bytes[find(bytes, "wasm_memory.bin") + 15 + 8] ^= 1; });
  const std::string out = (temporary / "out").string();
  const Answer answer = run({"restore", forged, "-o", out});
  EXPECT_EQ(answer.status, 5);
  EXPECT_THAT(answer.said, HasSubstr("0x00200000: wasm_memory.bin: the SHA-256 differs from the "
                                     "manifest, first between 0x00200000 and 0x00300000"));
  EXPECT_FALSE(fs::exists(out));
  EXPECT_EQ(run({"verify"}).status, 0);
  EXPECT_EQ(run({"verify", "--deep"}).status, 5);
  // Who skips the check is told so, and how it is made up for.
  const Answer skipped = run({"restore", forged, "--skip-sha256", "-o", out});
  EXPECT_EQ(skipped.status, 0);
  EXPECT_THAT(skipped.said, HasSubstr("NOT CHECKED  no SHA-256 was computed (--skip-sha256)"));
  EXPECT_THAT(skipped.said, HasSubstr("--sha256sums | (cd " + out + " && sha256sum --check)"));
  EXPECT_EQ(test::read_text(fs::path(out) / "wasm_memory.bin"),
            test::read_text(temporary / "snapshot" / "wasm_memory.bin"));
  EXPECT_THAT(run({"show", forged, "--sha256sums"}).said, HasSubstr("  wasm_memory.bin\n"));
}

TEST_F(LyingStore, WithARunOfAbsurdLength) {
  size_t at = 0;
  const std::string forged = forge_manifest([&](Bytes& bytes) {
    // The list of the heap is the second: metadata.json has one chunk before it.
    const auto manifest = Manifest::parse(bytes);
    ASSERT_TRUE(manifest);
    at = static_cast<size_t>(manifest->file("wasm_memory.bin")->begin);
    store_le(bytes.data() + at, ~uint32_t{0});
  });
  expect_refused(forged, "wasm_memory.bin has more chunks than its size gives", at);
}

TEST_F(LyingStore, WithNamesThatLeaveTheDirectory) {
  const std::string good = test::read_text(store / "backups" / (id + ".manifest"));
  for (const char* name : {"../evil_file.bin", "/etc/evil_fi.bin", "wasm/../../x.bin"}) {
    size_t at = 0;
    const std::string forged = forge_manifest([&](Bytes& bytes) {
      at = find(bytes, "stable_memory.bin");
      bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
      bytes[at - 2] = 16;
      std::ranges::copy(std::string_view(name), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    });
    expect_refused(forged, std::string("file name ") + name, at - 2);
    fs::remove(store / "backups" / (forged + ".manifest"));
    test::write_text(store / "backups" / (id + ".manifest"), good);
  }
  for (const auto& [name, content] : test::read_tree(temporary.path())) {
    EXPECT_EQ(name.find("evil"), std::string::npos) << name;
  }
}

TEST_F(LyingStore, WithAManifestLargerThanAny) {
  const std::string name = "00000000000000aa";
  const fs::path path = store / "backups" / (name + ".manifest");
  test::write_text(path, "CRBACKUP");
  fs::resize_file(path, uint64_t{100} << 30);  // a hole
  const Answer answer = run({"show", name});
  EXPECT_EQ(answer.status, 3);
  EXPECT_THAT(answer.said, HasSubstr("0x40000000: backups/00000000000000aa.manifest: file of "
                                     "107374182400 bytes; at most 1073741824 wanted"));
  // The others can still be listed and restored.
  const Answer list = run({"list"});
  EXPECT_EQ(list.status, 3);
  EXPECT_THAT(list.said, HasSubstr(id));
  EXPECT_THAT(list.said, HasSubstr("backups/00000000000000aa.manifest"));
  EXPECT_EQ(run({"restore", id, "-o", (temporary / "out").string()}).status, 0);
}

// Replaces the frame at 32 by one with the same chunk table and another payload, rightly hashed.
void replace_payload(Bytes& pack, const Bytes& payload_source, uint32_t chunk_size) {
  const auto old = decode_frame_header(ByteView(pack).subspan(32), chunk_size, 32);
  ASSERT_TRUE(old);
  RawFrame raw;
  for (size_t at = 0; at < payload_source.size(); at += chunk_size) {
    const ByteView chunk = ByteView(payload_source).subspan(at, chunk_size);
    raw.add(xxh3_128(chunk), chunk);
  }
  const Bytes other = FrameEncoder(3).encode(raw);
  const auto other_header = decode_frame_header(other, chunk_size, 0);
  ASSERT_TRUE(other_header);
  FrameHeader lying = *old;
  lying.codec = other_header->codec;
  lying.packed_size = other_header->packed_size;
  lying.payload_hash = other_header->payload_hash;
  Bytes frame = encode_frame_header(lying);
  append(frame, ByteView(other).subspan(other_header->header_bytes()));
  ASSERT_LE(frame.size(), old->frame_bytes());
  std::ranges::copy(frame, pack.begin() + 32);
}

TEST_F(LyingStore, WithChunksThatUnpackToMoreThanTheySay) {
  // The first frame holds metadata.json, a single chunk; its payload unpacks to 2 MiB.
  const uint32_t chunk_size = Store::open(store)->chunk_size();
  fs::remove(store / "index");  // it knows the size of the old frame
  change("packs/0000000000000001.pack",
         [&](Bytes& bytes) { replace_payload(bytes, Bytes(2 << 20), chunk_size); });
  const std::string place = "packs/0000000000000001.pack: frame does not unpack";
  const Answer restore = run({"restore", id, "-o", (temporary / "out").string()});
  EXPECT_EQ(restore.status, 5) << restore.said;
  EXPECT_THAT(restore.said, HasSubstr(place));
  EXPECT_THAT(restore.said, HasSubstr(":0x0000005c:"));  // 32 + 40 + 20
  EXPECT_FALSE(fs::exists(temporary / "out"));
  const Answer verify = run({"verify", "--deep"});
  EXPECT_EQ(verify.status, 5);
  EXPECT_THAT(verify.said, HasSubstr(place));
  EXPECT_THAT(verify.said, HasSubstr("metadata.json"));
}

TEST_F(LyingStore, WhoseIndexAndPackDisagree) {
  // All entries of the index point one byte behind the frames they mean.
  change("index", [](Bytes& bytes) {
    const uint64_t entries = load_le<uint64_t>(bytes.data() + 16);
    for (uint64_t i = 0; i < entries; ++i) {
      uint8_t* offset = bytes.data() + bytes.size() - 32 * (i + 1) + 16;
      store_le(offset, load_le<uint64_t>(offset) + 1);
    }
    store_le(bytes.data() + 24, xxh3_64(ByteView(bytes).subspan(40)));
    store_le(bytes.data() + 32, xxh3_64(ByteView(bytes).first(32)));
  });
  const Answer restore = run({"restore", id, "-o", (temporary / "out").string()});
  EXPECT_EQ(restore.status, 5);
  EXPECT_THAT(restore.said, HasSubstr("packs/0000000000000001.pack: "));
  EXPECT_THAT(restore.said, HasSubstr(":0x00000021: "));
  const Answer verify = run({"verify"});
  EXPECT_EQ(verify.status, 5);
  EXPECT_THAT(verify.said, HasSubstr("index: "));
  EXPECT_THAT(verify.said, HasSubstr("whole    1 backups"));
  // What verify proposes mends it.
  EXPECT_EQ(run({"reindex"}).status, 5);
  EXPECT_EQ(run({"restore", id, "-o", (temporary / "out").string()}).status, 0);
  EXPECT_EQ(test::read_tree(temporary / "out"), test::read_tree(temporary / "snapshot"));
}

TEST_F(LyingStore, WithForeignFiles) {
  test::write_text(store / "notes.txt", "x");
  fs::create_directory(store / "packs/00000000000000ff.pack");
  fs::create_symlink("/nowhere", store / "backups/00000000000000ff.manifest");
  const Answer verify = run({"verify"});
  EXPECT_EQ(verify.status, 1);
  for (const char* name :
       {"notes.txt", "packs/00000000000000ff.pack", "backups/00000000000000ff.manifest"}) {
    EXPECT_THAT(verify.said, HasSubstr(std::string("foreign  ") + name));
  }
  EXPECT_EQ(run({"list"}).status, 0);
  EXPECT_EQ(run({"prune", "--keep-last", "1"}).status, 0);
  EXPECT_EQ(run({"restore", id, "-o", (temporary / "out").string()}).status, 0);
  EXPECT_TRUE(fs::exists(store / "notes.txt"));
}

TEST_F(LyingStore, WithAnExportThatLies) {
  const fs::path file = temporary / "one.canrec";
  ASSERT_EQ(run({"export", id, "-o", file.string()}).status, 0);
  const std::string good = test::read_text(file);
  store = temporary / "other";
  const auto refused = [&](size_t at, uint64_t value, const std::string& words) {
    Bytes bytes(good.begin(), good.end());
    store_le(bytes.data() + at, value);
    sign_header(bytes);
    test::write_bytes(file, bytes);
    const Answer answer = run({"import", file.string()});
    EXPECT_EQ(answer.status, 3);
    EXPECT_THAT(answer.said, HasSubstr(fmt::format("one.canrec:0x{:08x}: {}", at, words)));
    EXPECT_FALSE(fs::exists(store));
  };
  refused(8, 9, "version 9, this program knows 1");
  refused(16, uint64_t{1} << 62, "manifest longer than the file");
}

}  // namespace
}  // namespace canrec::snapshot
